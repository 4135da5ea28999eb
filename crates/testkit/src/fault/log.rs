//! What passed through the proxy.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use super::wire::Head;

/// A request and its answer, for assertions.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Method.
    pub method: String,
    /// Path and query as they were sent.
    pub path: String,
    /// Headers of the request, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Status that the client was sent; `None` while there is none, or when the connection was dropped before.
    pub status: Option<u16>,
    /// Bytes of the request's body that were read.
    pub request_body_bytes: u64,
    /// Bytes of the answer's body that were sent.
    pub response_body_bytes: u64,
    /// Whether a rule fired on it.
    pub faulted: bool,
}

impl Exchange {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// An exchange as it goes on.
#[derive(Debug)]
pub(super) struct Record {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    /// 0 for none.
    pub(super) status: AtomicU16,
    pub(super) request_body_bytes: AtomicU64,
    pub(super) response_body_bytes: AtomicU64,
    faulted: bool,
}

impl Record {
    pub(super) fn new(head: &Head, faulted: bool) -> Self {
        Self {
            method: head.method().to_owned(),
            path: head.target().to_owned(),
            headers: head.headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone())).collect(),
            status: AtomicU16::new(0),
            request_body_bytes: AtomicU64::new(0),
            response_body_bytes: AtomicU64::new(0),
            faulted,
        }
    }

    pub(super) fn snapshot(&self) -> Exchange {
        let status = self.status.load(Ordering::Relaxed);
        Exchange {
            method: self.method.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            status: (status != 0).then_some(status),
            request_body_bytes: self.request_body_bytes.load(Ordering::Relaxed),
            response_body_bytes: self.response_body_bytes.load(Ordering::Relaxed),
            faulted: self.faulted,
        }
    }
}
