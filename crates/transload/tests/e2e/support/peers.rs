//! Peers that tests share while several of them run.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use transload_depot::{Depot, Server};
use transload_testkit::peers::Azurite;

/// The Azurite of everybody who runs now; each test has a container of its own. It ends with the last of them: a
/// peer in a `static` would outlive the tests.
pub(crate) fn azurite() -> Arc<Azurite> {
    static SHARED: Mutex<Weak<Azurite>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(Azurite::start());
        *shared = Arc::downgrade(&started);
        started
    })
}

/// This project's own registry, in this process: it keeps what it has of an upload that broke off, which Debian's
/// does not.
pub(crate) struct OwnRegistry {
    server: Option<Server>,
    runtime: tokio::runtime::Runtime,
    pub(crate) addr: SocketAddr,
}

impl OwnRegistry {
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listen = ([127, 0, 0, 1], 0).into();
        let server = runtime.block_on(Server::start(listen, Depot::temporary().unwrap())).unwrap();
        let addr = server.addr();
        Self { server: Some(server), runtime, addr }
    }
}

impl Drop for OwnRegistry {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }
}
