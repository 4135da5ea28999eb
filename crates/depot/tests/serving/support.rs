//! A server on a runtime of its own, clients that stop halfway, and a log that is kept.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Runtime;
use transload_depot::{AccessLog, Depot, Limits, Record, Server, Serving};
use transload_oci::Digest;
use transload_testkit::peers::{Answer, Endpoint};

/// What a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const ANY_PORT: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Keeps every record.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Vec<Record>>);

impl AccessLog for Kept {
    fn record(&self, record: Record) {
        self.0.lock().push(record);
    }
}

impl Kept {
    /// The record of the first request whose target starts so, as soon as there is one.
    pub(crate) fn of(&self, method: &str, target: &str) -> Record {
        let fits =
            |record: &&Record| record.asked.method == method && record.asked.target.starts_with(target);
        eventually(&format!("a record of {method} {target}"), || self.0.lock().iter().find(fits).cloned())
    }
}

pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    pub(crate) server: Option<Server>,
    pub(crate) endpoint: Endpoint,
    pub(crate) log: Arc<Kept>,
}

impl Fixture {
    pub(crate) fn new(limits: Limits) -> Self {
        Self::with(limits, |serving| serving, None)
    }

    pub(crate) fn of(depot: &Depot, limits: Limits) -> Self {
        Self::start(Serving::router(depot.router(), limits), None)
    }

    pub(crate) fn with(
        limits: Limits,
        adapt: impl FnOnce(Serving) -> Serving,
        ca_pem: Option<String>,
    ) -> Self {
        let depot = Depot::temporary_with(limits).unwrap();
        Self::start(adapt(Serving::depot(&depot)), ca_pem)
    }

    fn start(serving: Serving, ca_pem: Option<String>) -> Self {
        let runtime = Runtime::new().unwrap();
        let log = Arc::<Kept>::default();
        let serving = serving.access_log(Arc::clone(&log) as Arc<dyn AccessLog>);
        let server = runtime.block_on(serving.start(&[ANY_PORT.into()])).unwrap();
        let endpoint = Endpoint { addr: server.addr(), ca_pem };
        Self { runtime, server: Some(server), endpoint, log }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.endpoint.addr
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        self.endpoint.request(method, path, &[], b"").unwrap()
    }

    /// Pushes a blob in one request.
    pub(crate) fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = self.endpoint.request("POST", &path, &[], bytes).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        digest
    }

    /// Opens an upload session and gives its path.
    pub(crate) fn session(&self, repository: &str) -> String {
        let answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"));
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.header("location").unwrap().to_owned()
    }

    /// Sends the head of an upload of ten bytes and five of them, and waits until they have been taken in.
    pub(crate) fn half_an_upload(&self, session: &str) -> TcpStream {
        let mut stream = connect(self.addr());
        write!(stream, "PATCH {session} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234").unwrap();
        stream
    }

    pub(crate) fn metrics(&self) -> String {
        let addr = self.server.as_ref().unwrap().metrics_addr().unwrap();
        let answer = Endpoint { addr, ca_pem: None }.request("GET", "/metrics", &[], b"").unwrap();
        assert_eq!(answer.status, 200);
        answer.text()
    }
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes until the server closes. Panics when it does not.
pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // closed over what was not read yet
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// What `look` finds, as soon as it does.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(20));
    }
}
