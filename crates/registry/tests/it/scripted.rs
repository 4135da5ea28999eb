//! A registry that does what a test tells it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use parking_lot::Mutex;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A server whose answers a function gives. It ends with the test's runtime.
pub(crate) struct Scripted {
    pub(crate) addr: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Scripted {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static) -> Self {
        Self::start_slow(std::time::Duration::ZERO, answer).await
    }

    /// A server that thinks a while before each answer.
    pub(crate) async fn start_slow(
        pause: std::time::Duration,
        answer: impl Fn(&Seen) -> Response + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let log: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let noted = log.clone();
        let app = Router::new().fallback(move |request: Request| {
            let (answer, noted) = (answer.clone(), noted.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map(|b| b.to_bytes().to_vec()).unwrap_or_default();
                let path = parts.uri.path_and_query().map(|p| p.as_str().to_owned()).unwrap_or_default();
                let seen = Seen { method: parts.method, path, headers: parts.headers, body };
                noted.lock().push(seen.clone());
                tokio::time::sleep(pause).await;
                answer(&seen)
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { addr, log }
    }

    pub(crate) fn host(&self) -> String {
        self.addr.to_string()
    }

    pub(crate) fn log(&self) -> Vec<Seen> {
        self.log.lock().clone()
    }

    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        self.log().iter().filter(|s| s.method == method && s.path.contains(part)).count()
    }
}

/// An answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

/// An answer in a registry's form of error.
pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    answer(status, &[("content-type", "application/json")], body)
}
