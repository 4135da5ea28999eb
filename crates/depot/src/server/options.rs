//! What a server is to be like.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{AccessLog, Ending, Metrics, Server, Shared, Tls, run};
use crate::depot::Depot;
use crate::error::Error;
use crate::limits::Limits;

/// A server in the making: what it serves, and how.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use transload_depot::{Depot, Metrics, Serving};
/// let depot = Depot::temporary()?;
/// let server = Serving::depot(&depot)
///     .metrics(Metrics::new())
///     .metrics_on(([127, 0, 0, 1], 0).into())
///     .start(&[([127, 0, 0, 1], 0).into()])
///     .await?;
/// server.shutdown().await;
/// # Ok::<_, transload_depot::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Serving {
    router: Router,
    limits: Limits,
    is_public: bool,
    tls: Option<Tls>,
    log: Option<Arc<dyn AccessLog>>,
    metrics: Metrics,
    metrics_on: Option<SocketAddr>,
}

impl Serving {
    /// Serves this depot within its limits.
    pub fn depot(depot: &Depot) -> Self {
        Self::router(depot.router(), depot.limits().clone())
    }

    /// Serves a router, for example one that has several depots. Of the limits those of connections and requests are
    /// used.
    pub fn router(router: Router, limits: Limits) -> Self {
        Self {
            router,
            limits,
            is_public: false,
            tls: None,
            log: None,
            metrics: Metrics::new(),
            metrics_on: None,
        }
    }

    /// Allows addresses that others than this machine can reach. Whoever sets it has seen to who may do what.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Speaks TLS, and nothing else, on every address.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Tells of each request after it ended.
    #[must_use]
    pub fn access_log(mut self, log: Arc<dyn AccessLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// Counts here.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Shows metrics (`/metrics`) and health (`/healthz`) on an address of their own, without TLS and to anybody.
    #[must_use]
    pub fn metrics_on(mut self, addr: SocketAddr) -> Self {
        self.metrics_on = Some(addr);
        self
    }

    /// Listens on all of these addresses, or on none; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::NotLoopback`] and [`Error::Bind`].
    pub async fn start(self, listen: &[SocketAddr]) -> Result<Server, Error> {
        if let Some(addr) = listen.iter().find(|addr| !self.is_public && !addr.ip().is_loopback()) {
            return Err(Error::NotLoopback { addr: *addr });
        }
        let mut listeners = Vec::with_capacity(listen.len());
        let mut addrs = Vec::with_capacity(listen.len());
        for addr in listen {
            let (listener, addr) = bind(*addr).await?;
            listeners.push(listener);
            addrs.push(addr);
        }
        let ending = Ending::new();
        let metered = match self.metrics_on {
            None => None,
            Some(addr) => {
                let (listener, addr) = bind(addr).await?;
                Some((addr, listener))
            }
        };
        let metrics_addr = metered.as_ref().map(|(addr, _)| *addr);
        let metered = metered.map(|(_, listener)| {
            let router = self.metrics.router(ending.drain.clone());
            (listener, Arc::new(Shared::new(router, Limits::for_metrics(), Metrics::new(), Ending::new())))
        });
        let mut shared = Shared::new(self.router, self.limits, self.metrics, ending.clone());
        shared.log = self.log;
        shared.is_tls = self.tls.is_some();
        let task = tokio::spawn(run(listeners, self.tls, Arc::new(shared), metered));
        Ok(Server { addrs, metrics_addr, ending, task })
    }
}

impl Shared {
    fn new(router: Router, limits: Limits, metrics: Metrics, ending: Ending) -> Self {
        let connections = Arc::new(Semaphore::new(limits.connections_max));
        let requests = Arc::new(Semaphore::new(limits.requests_max));
        Self { router, limits, is_tls: false, connections, requests, log: None, metrics, ending }
    }
}

async fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let fail = |source| Error::Bind { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(fail)?;
    let addr = listener.local_addr().map_err(fail)?;
    Ok((listener, addr))
}
