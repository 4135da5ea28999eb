//! A server that does nothing: it answers from memory, and throws away what is put. What the generator reaches
//! against it is what the generator can do.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::Response;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::runtime::Runtime;

use super::content::Content;
use super::work::{MANY, REPOSITORY};

/// A running server. It ends when it is dropped.
pub(super) struct Trivial {
    addr: SocketAddr,
    runtime: Option<Runtime>,
}

/// Bodies by their path.
type Standing = Arc<HashMap<String, Vec<Bytes>>>;

impl Trivial {
    /// Serves what lies in every registry.
    pub(super) fn start(content: &Content) -> Result<Self> {
        let runtime = crate::runtime()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state(Arc::new(standing(content)));
        runtime.spawn(async move {
            // small answers must not wait for each other
            let listener =
                tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| drop(stream.set_nodelay(true)));
            axum::serve(listener, router).await
        });
        Ok(Self { addr, runtime: Some(runtime) })
    }

    pub(super) fn host(&self) -> String {
        self.addr.to_string()
    }
}

impl Drop for Trivial {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn standing(content: &Content) -> HashMap<String, Vec<Bytes>> {
    let base = format!("/v2/{REPOSITORY}");
    let mut all = HashMap::new();
    let layers = content.images.iter().flat_map(|image| [&image.layer, &image.config]);
    for blob in content.large.iter().chain(layers) {
        all.insert(format!("{base}/blobs/{}", blob.digest), blob.parts.to_vec());
    }
    for (n, image) in content.images.iter().enumerate() {
        let parts = image.manifest.parts.to_vec();
        all.insert(format!("{base}/manifests/t{n}"), parts.clone());
        all.insert(format!("{base}/manifests/{}", image.manifest.digest), parts);
    }
    let tags: Vec<String> = (0..content.sizes.tags).map(|n| format!("v{n}")).collect();
    let tags = serde_json::json!({ "name": MANY, "tags": tags });
    all.insert(format!("/v2/{MANY}/tags/list"), vec![Bytes::from(tags.to_string())]);
    all
}

async fn answer(State(standing): State<Standing>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    match head.method {
        Method::GET | Method::HEAD => standing.get(path).map_or_else(
            || bare(StatusCode::NOT_FOUND, header::CONTENT_LENGTH, "0"),
            |parts| {
                let len: usize = parts.iter().map(Bytes::len).sum();
                let mut response = bare(StatusCode::OK, header::CONTENT_LENGTH, &len.to_string());
                let parts = parts.clone().into_iter().map(Ok::<_, std::io::Error>);
                *response.body_mut() = Body::from_stream(stream::iter(parts));
                response
            },
        ),
        method => {
            let mut pieces = body.into_data_stream();
            while let Some(Ok(_)) = pieces.next().await {}
            let status = if method == Method::PUT { StatusCode::CREATED } else { StatusCode::ACCEPTED };
            bare(status, header::LOCATION, &format!("{path}?session=1"))
        }
    }
}

fn bare(status: StatusCode, name: HeaderName, value: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if let Ok(value) = value.parse() {
        response.headers_mut().insert(name, value);
    }
    response
}
