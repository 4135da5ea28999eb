//! A proxy that does what the service does and its emulator does not: it answers 412 where `ifGenerationMatch` does not
//! hold, and an object that is composed anew has a new generation.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::Response;
use tokio::sync::{Mutex, oneshot};

/// A request's body is held whole.
const BODY_BYTES_MAX: usize = 128 << 20;

/// The running guard; it ends with its value.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) addr: SocketAddr,
    _end: oneshot::Sender<()>,
}

struct Behind {
    upstream: SocketAddr,
    client: reqwest::Client,
    /// Held from the look at the generation to the answer, which makes both one moment.
    moment: Mutex<()>,
}

impl Guard {
    pub(super) fn start(upstream: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("the listener can be set up");
        let addr = listener.local_addr().expect("the listener has an address");
        let (end, ended) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let client = reqwest::Client::builder().no_proxy().build().expect("a client");
                let behind = Arc::new(Behind { upstream, client, moment: Mutex::default() });
                let app = axum::Router::new().fallback(pass).with_state(behind);
                let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is good");
                let until = async move {
                    // an error says that the guard's value is gone, which is what is waited for
                    let _ = ended.await;
                };
                tokio::select! {
                    served = axum::serve(listener, app) => served.expect("the guard serves"),
                    () = until => {}
                }
            });
        });
        Self { addr, _end: end }
    }
}

async fn pass(State(behind): State<Arc<Behind>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else { return answer(400, Bytes::new()) };
    let wanted = query(&parts.uri, "ifGenerationMatch").filter(|_| parts.method != Method::HEAD);
    let composed = parts.uri.path().strip_suffix("/compose");
    if wanted.is_none() && composed.is_none() {
        return behind.forward(parts.method, &parts.uri, parts.headers, body).await;
    }
    let _moment = behind.moment.lock().await;
    if let Some(wanted) = wanted
        && behind.generation(&parts.uri).await != wanted
    {
        let text = r#"{"error":{"code":412,"message":"At least one of the pre-conditions you specified did not hold.","errors":[{"reason":"conditionNotMet"}]}}"#;
        return answer(412, Bytes::from_static(text.as_bytes()));
    }
    if let Some(object) = composed {
        behind.remove(object).await;
    }
    behind.forward(parts.method, &parts.uri, parts.headers, body).await
}

impl Behind {
    async fn forward(&self, method: Method, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> Response {
        headers.remove(header::HOST);
        let url = format!("http://{}{uri}", self.upstream);
        let sent = self.client.request(method, url).headers(headers).body(body).send().await;
        let Ok(got) = sent else { return answer(502, Bytes::new()) };
        let (status, mut headers) = (got.status(), got.headers().clone());
        // the body is whole now, whatever it came in
        headers.remove(header::TRANSFER_ENCODING);
        let mut response = Response::new(Body::from(got.bytes().await.unwrap_or_default()));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Removes an object that may not be there: in its place the emulator would keep the generation.
    async fn remove(&self, path: &str) {
        let sent = self.client.delete(format!("http://{}{path}", self.upstream)).send().await;
        assert!(sent.is_ok(), "the emulator answers");
    }

    /// The generation of the object that a request is about, `0` when there is none.
    async fn generation(&self, uri: &Uri) -> String {
        let path = uri.path().trim_end_matches("/compose");
        let path = match query(uri, "name") {
            Some(name) => format!("{}/{name}", path.trim_start_matches("/upload")),
            None => path.to_owned(),
        };
        let got = self.client.get(format!("http://{}{path}", self.upstream)).send().await;
        let Ok(got) = got else { return "0".to_owned() };
        let text = got.text().await.unwrap_or_default();
        let generation = text.split("\"generation\":\"").nth(1).and_then(|rest| rest.split('"').next());
        generation.unwrap_or("0").to_owned()
    }
}

/// A parameter as it stands in the query.
fn query(uri: &Uri, key: &str) -> Option<String> {
    let pair = |pair: &str| pair.split_once('=').filter(|(k, _)| *k == key).map(|(_, v)| v.to_owned());
    uri.query()?.split('&').find_map(pair)
}

fn answer(status: u16, body: Bytes) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .expect("the answer is sound")
}
