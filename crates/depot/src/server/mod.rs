//! Listening, and ending.

mod accept;
mod connection;
mod metrics;
mod options;
mod record;
mod request;
mod stall;
mod tls;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::depot::Depot;
use crate::error::Error;
use crate::limits::Limits;

pub use metrics::Metrics;
pub use options::Serving;
pub use record::{AccessLog, Asked, Record};
pub use request::{Arrival, RequestId, RouteName};
pub use tls::{Authority, Issued, Tls};

/// A registry that listens. Dropped without [`shutdown`](Self::shutdown) it stops taking connections at once and ends
/// the others within the grace of its limits.
#[derive(Debug)]
pub struct Server {
    addrs: Vec<SocketAddr>,
    metrics_addr: Option<SocketAddr>,
    ending: Ending,
    task: JoinHandle<()>,
}

/// Ends a [`Server`] from elsewhere. Clones end the same one.
#[derive(Debug, Clone)]
pub struct Ending {
    drain: CancellationToken,
    now: CancellationToken,
}

/// What every connection of a server needs.
#[derive(Debug)]
struct Shared {
    router: Router,
    limits: Limits,
    is_tls: bool,
    connections: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    log: Option<Arc<dyn AccessLog>>,
    metrics: Metrics,
    ending: Ending,
}

impl Server {
    /// Serves `depot` on a loopback address; port 0 takes a free one. [`Serving`] has everything else.
    ///
    /// # Errors
    /// [`Error::NotLoopback`], and [`Error::Bind`] when the port is taken.
    pub async fn start(listen: SocketAddr, depot: Depot) -> Result<Self, Error> {
        Serving::depot(&depot).start(&[listen]).await
    }

    /// Serves `depot` on any address.
    ///
    /// # Errors
    /// [`Error::Bind`].
    pub async fn start_public(listen: SocketAddr, depot: Depot) -> Result<Self, Error> {
        Serving::depot(&depot).public().start(&[listen]).await
    }

    /// Address it listens on: the first, where there are several.
    pub fn addr(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// Addresses it listens on, in the order in which they were given.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// Where it shows its metrics.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// By which it can be ended from elsewhere, for example while [`shutdown`](Self::shutdown) is waited for.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Stops listening, lets running requests end within the grace, and returns when every connection is closed.
    pub async fn shutdown(mut self) {
        self.ending.drain();
        // it fails only when the accepting task panicked, and then there is nothing left to end
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.drain();
    }
}

impl Ending {
    fn new() -> Self {
        Self { drain: CancellationToken::new(), now: CancellationToken::new() }
    }

    /// Stops listening and lets running requests end within the grace.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Closes every connection at once, whatever runs on it.
    pub fn now(&self) {
        self.drain.cancel();
        self.now.cancel();
    }
}

/// Listens until it is ended. The listener for metrics goes last, so that a drain can be watched.
async fn run(listeners: Vec<TcpListener>, tls: Option<Tls>, shared: Arc<Shared>, metrics: Option<Metered>) {
    let mut tasks = JoinSet::new();
    for listener in listeners {
        tasks.spawn(accept::run(listener, tls.clone(), Arc::clone(&shared)));
    }
    let mut beside = JoinSet::new();
    if let Some(tls) = tls {
        beside.spawn(tls::keep_fresh(tls, shared.limits.certificate_reread));
    }
    let metrics_ending = metrics.as_ref().map(|(_, shared)| shared.ending.clone());
    if let Some((listener, shared)) = metrics {
        beside.spawn(accept::run(listener, None, shared));
    }
    while tasks.join_next().await.is_some() {}
    if let Some(ending) = metrics_ending {
        ending.now();
    }
    beside.shutdown().await;
}

/// A listener for metrics, and what its connections need.
type Metered = (TcpListener, Arc<Shared>);
