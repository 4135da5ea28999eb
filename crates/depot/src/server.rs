//! Listening, and ending.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::depot::Depot;
use crate::error::Error;
use crate::limits::Limits;

/// A depot that listens. Dropped without [`shutdown`](Self::shutdown) it stops taking connections at once and ends
/// the others within the grace of its limits.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `depot` on a loopback address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::NotLoopback`], and [`Error::Bind`] when the port is taken.
    pub async fn start(listen: SocketAddr, depot: Depot) -> Result<Self, Error> {
        if !listen.ip().is_loopback() {
            return Err(Error::NotLoopback { addr: listen });
        }
        Self::start_public(listen, depot).await
    }

    /// Serves `depot` on any address. Everybody who reaches it may read, write and delete.
    ///
    /// # Errors
    /// [`Error::Bind`].
    pub async fn start_public(listen: SocketAddr, depot: Depot) -> Result<Self, Error> {
        let fail = |source| Error::Bind { addr: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(fail)?;
        let addr = listener.local_addr().map_err(fail)?;
        let stop = CancellationToken::new();
        let limits = depot.limits().clone();
        let task = tokio::spawn(accept(listener, depot.router(), limits, stop.clone()));
        Ok(Self { addr, stop, task })
    }

    /// Address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops listening, lets running requests end within the grace, and returns when every connection is closed.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        // it fails only when the accepting task panicked, and then there is nothing left to end
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
            // those that have ended are forgotten as they end
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => {
                let serving = serve(stream, router.clone(), limits.clone(), stop.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // out of file handles, mostly: connections that end give some back
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(limits.shutdown_grace, ended).await;
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken) {
    // small answers must not wait for each other; it fails only on a dead socket
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_wait)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}
