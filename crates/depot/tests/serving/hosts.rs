//! Several registries behind one listener.

use std::io::Write as _;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use transload_depot::{Depot, Limits, Serving};
use transload_oci::Digest;

use super::support::{ANY_PORT, connect, rest};

/// Hands each request to the registry that its `Host` names.
fn by_host(depots: &[(&'static str, Depot)]) -> Router {
    let routers: Vec<_> = depots.iter().map(|(host, depot)| (*host, depot.router())).collect();
    Router::new().fallback(move |request: Request| {
        let host =
            request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let found = routers.iter().find(|(name, _)| *name == host).map(|(_, router)| router.clone());
        async move {
            match found {
                None => StatusCode::MISDIRECTED_REQUEST.into_response(),
                Some(router) => {
                    let Ok(response) = TowerToHyperService::new(router).call(request).await;
                    response
                }
            }
        }
    })
}

#[test]
fn a_router_of_somebody_elses_holds_several_registries() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (one, two) = (Depot::temporary().unwrap(), Depot::temporary().unwrap());
    let router = by_host(&[("one.example", one), ("two.example", two)]);
    let serving = Serving::router(router, Limits::default());
    let server = runtime.block_on(serving.start(&[ANY_PORT.into()])).unwrap();
    let ask = |host: &str, method: &str, path: &str, body: &str| {
        let mut stream = connect(server.addr());
        let len = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {len}\r\n\r\n{body}")
            .unwrap();
        let answer = rest(&mut stream);
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    let digest = Digest::sha256(b"hello");
    let push = format!("/v2/a/blobs/uploads/?digest={digest}");
    assert_eq!(ask("one.example", "POST", &push, "hello"), 201);
    let pull = format!("/v2/a/blobs/{digest}");
    assert_eq!(ask("one.example", "GET", &pull, ""), 200);
    assert_eq!(ask("two.example", "GET", &pull, ""), 404);
    assert_eq!(ask("other.example", "GET", &pull, ""), 421);
    runtime.block_on(server.shutdown());
}
