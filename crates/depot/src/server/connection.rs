//! One connection: what it speaks, and serving it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::request::{self, Arrival};
use super::stall::Stalling;
use super::{Shared, Tls};

/// The first byte of every TLS connection: a record of the kind "handshake".
const TLS_HANDSHAKE: u8 = 0x16;

/// What a client gets that speaks HTTP where TLS is spoken. The words are those of other registries.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\nContent-Length: 77\r\n\r\n\
    Client sent an HTTP request to an HTTPS server. Say https:// and not http://.";

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, tls: Option<Tls>, shared: Arc<Shared>) {
    let _counted = shared.metrics.connection();
    // small answers must not wait for each other; it fails only on a dead socket
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let first = tokio::select! {
        first = timeout(shared.limits.head_wait, first_byte(&stream)) => first,
        () = shared.ending.drain.cancelled() => return,
    };
    let Ok(Ok(Some(first))) = first else { return };
    let arrival = Arrival { peer, local, is_tls: shared.is_tls };
    let stream = Stalling::new(stream, shared.limits.write_idle);
    match tls {
        None => {
            if first == TLS_HANDSHAKE {
                tell_of_tls(peer, local);
            }
            http(stream, arrival, shared).await;
        }
        Some(_) if first != TLS_HANDSHAKE => refuse_plain(stream, &shared).await,
        Some(tls) => {
            let handshake = timeout(shared.limits.handshake_wait, tls.accept(stream));
            let shaken = tokio::select! {
                shaken = handshake => shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
                () = shared.ending.drain.cancelled() => return,
            };
            match shaken {
                Ok(stream) => http(stream, arrival, shared).await,
                Err(error) => {
                    shared.metrics.tls_failed();
                    tracing::debug!(%peer, %error, "a TLS handshake failed");
                }
            }
        }
    }
}

async fn first_byte(stream: &TcpStream) -> io::Result<Option<u8>> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    Ok((read > 0).then_some(first[0]))
}

async fn http<S>(stream: S, arrival: Arrival, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = {
        let shared = Arc::clone(&shared);
        service_fn(move |request: hyper::Request<Incoming>| {
            request::answer(request.map(Body::new), arrival, Arc::clone(&shared))
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.head_wait)
        .max_header_size(shared.limits.head_bytes_max)
        .max_buf_size(shared.limits.connection_buffer_bytes_max.max(shared.limits.head_bytes_max))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shared.ending.drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %arrival.peer, %error, "a connection broke");
    }
}

/// Said aloud once: clients that try TLS first and go on without it do so on every connection.
fn tell_of_tls(peer: SocketAddr, local: SocketAddr) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Ordering::Relaxed) {
        tracing::debug!(%peer, %local, "a client spoke TLS to a port without it");
    } else {
        tracing::warn!(
            %peer, %local,
            "a client spoke TLS to a port without it: let it speak plain HTTP, or give this registry a certificate"
        );
    }
}

async fn refuse_plain(mut stream: Stalling<TcpStream>, shared: &Shared) {
    shared.metrics.tls_failed();
    let answer = async {
        stream.write_all(SPEAK_TLS).await?;
        stream.shutdown().await?;
        // what the client still sends is read, for a connection that is closed over unread bytes loses the answer
        let mut rest = tokio::io::AsyncReadExt::take(stream, shared.limits.head_bytes_max as u64);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    // a client that goes away needs no answer
    let _ = timeout(shared.limits.handshake_wait, answer).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = std::str::from_utf8(SPEAK_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
