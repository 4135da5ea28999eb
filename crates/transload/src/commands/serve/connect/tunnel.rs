//! Bytes from one end to the other and back.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::sync::watch;
use tokio::time::timeout;

/// Bytes that are on their way in one direction at most.
const BUFFER_BYTES: usize = 32 * 1024;

/// Carries bytes both ways until both ends are done, one fails, or nothing moved either way for `idle_max`.
pub(super) async fn pump<A, B>(client: A, server: B, idle_max: Duration)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let (client_out, client_in) = split(client);
    let (server_out, server_in) = split(server);
    let (moved, mut seen) = watch::channel(());
    let idle = async { while let Ok(Ok(())) = timeout(idle_max, seen.changed()).await {} };
    let both = async {
        tokio::try_join!(carry(client_out, server_in, &moved), carry(server_out, client_in, &moved))
    };
    tokio::select! {
        () = idle => {}
        // an end that breaks off ends the tunnel: there is nobody to tell
        _ = both => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    moved: &watch::Sender<()>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let bytes = from.read(&mut buffer).await?;
        if bytes == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..bytes]).await?;
        moved.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn both_ways_and_each_end_for_itself() {
        let ((mut client, near), (far, mut server)) = (duplex(64), duplex(64));
        let tunnel = tokio::spawn(pump(near, far, Duration::from_secs(60)));
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut asked = Vec::new();
        server.read_to_end(&mut asked).await.unwrap();
        assert_eq!(asked, b"question");
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        let mut answered = Vec::new();
        client.read_to_end(&mut answered).await.unwrap();
        assert_eq!(answered, b"answer");
        tunnel.await.unwrap();
    }

    #[tokio::test]
    async fn a_tunnel_in_which_nothing_moves_is_closed() {
        let ((client, near), (far, _server)) = (duplex(64), duplex(64));
        pump(near, far, Duration::from_millis(20)).await;
        drop(client);
    }
}
