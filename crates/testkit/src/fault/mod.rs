//! A proxy that breaks HTTP exchanges on purpose, in front of any plain-HTTP upstream.
//!
//! Everything passes untouched, as a stream, until a [`Rule`] matches. Connections to the upstream are made anew for
//! each request, so nothing that one exchange breaks reaches the next. The `Host` header passes as it came: a
//! registry behind the proxy builds its URLs with the proxy's address.
//!
//! ```no_run
//! # let upstream = "127.0.0.1:5000".parse().unwrap();
//! use transload_testkit::fault::{FaultProxy, Rule};
//! let proxy = FaultProxy::start(upstream);
//! let cut = proxy.add(Rule::on("GET", "/blobs/").nth(1).cut_response_after(1_000));
//! // … a client at proxy.addr() …
//! assert_eq!(cut.fired(), 1);
//! assert_eq!(proxy.count("GET", "/blobs/"), 2);
//! ```

mod log;
mod pump;
mod relay;
mod rule;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub use log::Exchange;
pub use rule::{Rule, RuleHandle};

use log::Record;
use relay::serve;
use rule::{Effects, Match};
use wire::Head;

/// Threads of the proxy's own runtime: one for each direction of a busy transfer.
const THREADS: usize = 2;

/// A running proxy. It ends, with every connection, when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

/// What all connections of a proxy share.
#[derive(Debug)]
struct Shared {
    upstream: Mutex<SocketAddr>,
    rules: Mutex<Vec<Match>>,
    log: Mutex<Vec<Arc<Record>>>,
}

impl FaultProxy {
    /// Listens on a free loopback port and passes everything to `upstream`. Needs no runtime around it.
    pub fn start(upstream: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("fault-proxy")
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let listener =
            std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound");
        listener.set_nonblocking(true).expect("a socket can be non-blocking");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            rules: Mutex::default(),
            log: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener can join the runtime");
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&accepting), client));
            }
        });
        Self { addr, shared, runtime: Some(runtime) }
    }

    /// Address to give to the client.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `127.0.0.1:PORT`, as it stands in references.
    pub fn host(&self) -> String {
        self.addr.to_string()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Passes what comes from now on to another upstream.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock() = upstream;
    }

    /// Adds a rule. Rules are asked in the order they were added; where several fire on one request, the effects
    /// add up and the earlier rule wins where they contradict.
    pub fn add(&self, rule: Rule) -> RuleHandle {
        let (rule, handle) = Match::new(rule);
        self.shared.rules.lock().push(rule);
        handle
    }

    /// Removes every rule.
    pub fn clear(&self) {
        self.shared.rules.lock().clear();
    }

    /// Every exchange so far, in the order the requests came. An exchange that still runs shows what has passed
    /// up to now.
    pub fn log(&self) -> Vec<Exchange> {
        self.shared.log.lock().iter().map(|record| record.snapshot()).collect()
    }

    /// The exchanges whose method is `method` (`*`: any) and whose path and query contain `path_part`.
    pub fn matching(&self, method: &str, path_part: &str) -> Vec<Exchange> {
        let mut log = self.log();
        log.retain(|e| (method == "*" || e.method == method) && e.path.contains(path_part));
        log
    }

    /// Number of requests of that method (`*`: any) whose path and query contain `path_part`.
    pub fn count(&self, method: &str, path_part: &str) -> usize {
        self.matching(method, path_part).len()
    }

    /// Bytes of request bodies that were read from clients, transfer coding not counted.
    pub fn request_body_bytes(&self) -> u64 {
        self.shared.log.lock().iter().map(|r| r.request_body_bytes.load(Ordering::Relaxed)).sum()
    }

    /// Bytes of response bodies that were sent to clients, transfer coding not counted.
    pub fn response_body_bytes(&self) -> u64 {
        self.shared.log.lock().iter().map(|r| r.response_body_bytes.load(Ordering::Relaxed)).sum()
    }

    /// Forgets the log and thereby all counts; rules keep theirs.
    pub fn forget(&self) {
        self.shared.log.lock().clear();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // allowed inside of another runtime, unlike dropping it
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    /// Writes the request down and says what is to happen to it.
    fn begin(&self, head: &Head) -> (Effects, Arc<Record>) {
        let mut effects = Effects::default();
        for rule in self.rules.lock().iter() {
            rule.apply(head, &mut effects);
        }
        let record = Arc::new(Record::new(head, effects.any));
        self.log.lock().push(Arc::clone(&record));
        (effects, record)
    }

    fn upstream(&self) -> SocketAddr {
        *self.upstream.lock()
    }
}
