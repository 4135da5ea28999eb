//! Taking connections in, and seeing them off.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Shared, Tls, connection};

/// The pause after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves connections until the server ends; then lets those that run end within the grace.
pub(super) async fn run(listener: TcpListener, tls: Option<Tls>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = Arc::clone(&shared.connections).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            () = shared.ending.drain.cancelled() => break,
            next = next => next,
            // those that have ended are forgotten as they end
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                let serving = connection::serve(stream, peer, tls.clone(), Arc::clone(&shared));
                connections.spawn(async move {
                    serving.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // out of file handles, mostly: connections that end give some back
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(shared.limits.shutdown_grace, ended) => {}
        () = shared.ending.now.cancelled() => {}
    }
    connections.shutdown().await;
}
