//! A blob store that throws bytes away: enough of Azure's block blobs to export into, for throughput alone.
//!
//! Put Block, Put Block List, Get Block List, Get Blob Properties; `If-None-Match: *` is honoured. Nothing that was
//! put can be read.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::runtime::Runtime;

/// Account in the paths; emulators of the service have it, so that clients know the URL for what it is.
const ACCOUNT: &str = "devstoreaccount1";
const ETAG: &str = "\"0x1\"";
const MODIFIED: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// A running sink. It ends when it is dropped.
pub(crate) struct Sink {
    addr: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

#[derive(Debug, Default)]
struct Shared {
    latency: Duration,
    bytes: AtomicU64,
    /// Bytes staged under a name, and whether they were committed.
    blobs: Mutex<HashMap<String, Blob>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Blob {
    bytes: u64,
    committed: bool,
}

impl Sink {
    /// Listens; each answer comes `latency` late.
    pub(crate) fn start(listen: SocketAddr, latency: Duration) -> Result<Self> {
        let runtime = crate::runtime()?;
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared { latency, ..Shared::default() });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        });
        Ok(Self { addr, shared, runtime: Some(runtime) })
    }

    /// The URL that containers are below.
    pub(crate) fn account_url(&self) -> String {
        format!("http://{}/{ACCOUNT}", self.addr)
    }

    /// Bytes of all bodies so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.bytes.load(Ordering::Relaxed)
    }

    /// Serves until the process is ended.
    pub(crate) fn serve_forever(mut self) -> Result<()> {
        if let Some(runtime) = self.runtime.take() {
            runtime.block_on(std::future::pending::<()>());
        }
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut bytes = 0;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => bytes += piece.len() as u64,
            Err(_) => return status(StatusCode::BAD_REQUEST),
        }
    }
    shared.bytes.fetch_add(bytes, Ordering::Relaxed);
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let query = head.uri.query().unwrap_or_default();
    let comp = query.split('&').find_map(|pair| pair.strip_prefix("comp="));
    let only_new = head.headers.get("if-none-match").is_some();
    let mut blobs = shared.blobs.lock();
    let blob = blobs.get(head.uri.path()).copied().unwrap_or_default();
    match (&head.method, comp) {
        (&Method::PUT, _) if only_new && blob.committed => status(StatusCode::CONFLICT),
        (&Method::PUT, Some("blocklist")) => {
            blobs.insert(head.uri.path().to_owned(), Blob { committed: true, ..blob });
            status(StatusCode::CREATED)
        }
        (&Method::PUT, comp) => {
            let there = blobs.entry(head.uri.path().to_owned()).or_default();
            there.bytes += bytes;
            // without blocks a PUT is the whole blob
            there.committed |= comp.is_none();
            status(StatusCode::CREATED)
        }
        (&Method::HEAD, _) if blob.committed => sized(blob.bytes),
        _ => status(StatusCode::NOT_FOUND),
    }
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("etag", axum::http::HeaderValue::from_static(ETAG));
    headers.insert("last-modified", axum::http::HeaderValue::from_static(MODIFIED));
    if status == StatusCode::NOT_FOUND {
        headers.insert("x-ms-error-code", axum::http::HeaderValue::from_static("BlobNotFound"));
    }
    if status == StatusCode::CONFLICT {
        headers.insert("x-ms-error-code", axum::http::HeaderValue::from_static("BlobAlreadyExists"));
    }
    response
}

fn sized(bytes: u64) -> Response {
    let mut response = status(StatusCode::OK);
    response.headers_mut().insert("content-length", bytes.into());
    response
}
