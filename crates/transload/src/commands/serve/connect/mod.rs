//! The CONNECT listener (`--connect-listen`): an HTTP proxy on loopback through which clients reach the names of this server
//! that no resolver knows. It tunnels to this server and to registered storage accounts, and to nothing else.

mod head;
mod tunnel;
mod ways;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use transload_transfer::{Code, Error};

use self::head::{Head, Odd};
use self::ways::Way;
pub(super) use self::ways::Ways;

/// Bounds of the listener.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// Bytes of a request's head.
    head_bytes_max: usize,
    /// What a client has to send it in.
    head_time_max: Duration,
    /// What the other end has to answer in.
    dial_time_max: Duration,
    /// A tunnel in which nothing moves for so long is closed.
    idle_max: Duration,
    /// Tunnels at a time; others wait.
    connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 8 * 1024,
            head_time_max: Duration::from_secs(10),
            dial_time_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(15 * 60),
            connections_max: 256,
        }
    }
}

/// A listener that is bound.
#[derive(Debug)]
pub(super) struct ConnectListener {
    listener: TcpListener,
    addr: SocketAddr,
    limits: Limits,
}

impl ConnectListener {
    /// # Errors
    /// `ListenFailed`.
    pub(super) async fn bind(addr: SocketAddr) -> Result<Self, Error> {
        let failed = |error: std::io::Error| {
            Error::new(Code::ListenFailed, format!("--connect-listen {addr}"), error.to_string())
                .with_next("name another address with --connect-listen, or end what listens there")
        };
        let listener = TcpListener::bind(addr).await.map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, addr, limits: Limits::default() })
    }

    /// Where it listens.
    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes connections until `stop`. Tunnels that are open then go on until `cut`: what runs through them ends as the
    /// server ends it.
    pub(super) async fn run(self, ways: Ways, stop: CancellationToken, cut: CancellationToken) {
        let (ways, limits) = (Arc::new(ways), Arc::new(self.limits));
        let free = Arc::new(Semaphore::new(limits.connections_max));
        let mut tunnels = JoinSet::new();
        loop {
            let next = async {
                // it fails only when the semaphore is closed, and nobody does that
                let permit = Arc::clone(&free).acquire_owned().await;
                (self.listener.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            while tunnels.try_join_next().is_some() {}
            let Ok((client, _)) = accepted else {
                // out of descriptors, most likely: some will be free again
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (ways, limits) = (Arc::clone(&ways), Arc::clone(&limits));
            tunnels.spawn(async move {
                serve(client, &ways, &limits).await;
                drop(permit);
            });
        }
        drop(self.listener);
        tokio::select! {
            () = cut.cancelled() => {}
            () = async { while tunnels.join_next().await.is_some() {} } => {}
        }
        tunnels.shutdown().await;
    }
}

/// One client, from its first byte to its last.
async fn serve(client: TcpStream, ways: &Ways, limits: &Limits) {
    let mut client = BufReader::new(client);
    let head = timeout(limits.head_time_max, head::read(&mut client, limits.head_bytes_max)).await;
    let Head { host, .. } = match head {
        Ok(Ok(head)) => head,
        Ok(Err(Odd::Gone)) => return,
        Ok(Err(odd)) => return refuse(&mut client, odd.status(), odd.why()).await,
        Err(_) => return refuse(&mut client, "408 Request Timeout", "the request took too long").await,
    };
    let dialled = match ways.find(&host).await {
        Ok(Way::Here(addr)) => timeout(limits.dial_time_max, TcpStream::connect(addr)).await,
        Ok(Way::There { host, port }) => {
            timeout(limits.dial_time_max, TcpStream::connect((host.as_str(), port))).await
        }
        Ok(Way::Refused(why)) => {
            tracing::info!(%host, "the CONNECT listener does not lead there");
            return refuse(&mut client, "403 Forbidden", &why).await;
        }
        Err(error) => {
            tracing::warn!(%host, %error, "the CONNECT listener cannot look where that is");
            return refuse(&mut client, "503 Service Unavailable", "the ledger does not answer").await;
        }
    };
    let server = match dialled.map_err(|_| std::io::ErrorKind::TimedOut.into()).flatten() {
        Ok(server) => server,
        Err(error) => {
            tracing::warn!(%host, %error, "the CONNECT listener cannot reach what stands behind that");
            return refuse(&mut client, "502 Bad Gateway", &format!("{host} cannot be reached: {error}"))
                .await;
        }
    };
    tracing::debug!(%host, "a tunnel");
    if client.get_mut().write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
        tunnel::pump(client, server, limits.idle_max).await;
    }
}

/// One line that says why, as the body and behind the status: of a proxy's refusal most clients show the latter alone.
async fn refuse(client: &mut BufReader<TcpStream>, status: &str, why: &str) {
    let answer = format!(
        "HTTP/1.1 {status}: {why}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}\n",
        why.len() + 1
    );
    // a client that hung up needs no answer
    let _ = client.get_mut().write_all(answer.as_bytes()).await;
    let _ = client.get_mut().shutdown().await;
}
