//! One request: what is known of it, whether there is room for it, and its answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::Shared;
use super::watch::{Incoming, Outgoing, Watch};

/// By which logs of several machines are brought together.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken over.
const REQUEST_ID_CHARS: usize = 128;
/// What a client that came too many is asked to wait, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How a request came. An extension of every request that a [`Server`](super::Server) serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// This end of it.
    pub local: SocketAddr,
    /// Whether the connection has TLS.
    pub is_tls: bool,
}

/// The id of a request, the client's own or one that was made. An extension of every request that a
/// [`Server`](super::Server) serves; the answer names it in `X-Request-Id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub Arc<str>);

/// Which endpoint a request was for. An extension of answers, for metrics: there are as many as the program has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteName(pub &'static str);

/// Answers a request, or says that there are too many.
pub(super) async fn answer(
    mut request: Request,
    arrival: Arrival,
    shared: Arc<Shared>,
) -> Result<Response, Infallible> {
    let id = request_id(request.headers());
    let mut watch = Watch::new(&request, arrival, id.clone(), &shared);
    let mut response = match Arc::clone(&shared.requests).try_acquire_owned() {
        Err(_) => {
            shared.metrics.refused();
            too_many()
        }
        Ok(permit) => {
            watch.hold(permit);
            request.extensions_mut().insert(arrival);
            request.extensions_mut().insert(id.clone());
            let taken = watch.taken();
            let request = request.map(|body| Body::new(Incoming::new(body, taken, shared.limits.body_idle)));
            let Ok(response) = TowerToHyperService::new(shared.router.clone()).call(request).await;
            response
        }
    };
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    watch.answered(&response);
    let (parts, body) = response.into_parts();
    let body = Outgoing::new(body, watch, &parts.headers);
    Ok(Response::from_parts(parts, Body::new(body)))
}

/// The client's own id, if it is one that may stand in a log.
fn request_id(headers: &HeaderMap) -> RequestId {
    let is_sane = |id: &&str| {
        (1..=REQUEST_ID_CHARS).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&b))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(is_sane);
    RequestId(given.map_or_else(|| format!("{:032x}", rand::random::<u128>()).into(), Arc::from))
}

fn too_many() -> Response {
    let text =
        r#"{"errors":[{"code":"UNAVAILABLE","message":"the registry is busy: come again in a moment"}]}"#;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    // a body that was announced is not read, so nothing can come behind it
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_cannot_stand_in_a_log_is_replaced() {
        let id = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            request_id(&headers).0
        };
        assert_eq!(&*id("01HX-a.b_c"), "01HX-a.b_c");
        for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
            assert_ne!(&*id(bad), bad);
            assert_eq!(id(bad).len(), 32, "{bad}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
