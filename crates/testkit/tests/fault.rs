//! Every fault, seen from both sides: what the client gets, and what the upstream got.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::StreamExt as _;
use transload_testkit::fault::{FaultProxy, Rule};

/// What the upstream saw.
#[derive(Default)]
struct Seen {
    requests: AtomicU64,
    body_bytes: AtomicU64,
}

struct Fixture {
    proxy: FaultProxy,
    seen: Arc<Seen>,
    client: reqwest::Client,
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

async fn fixed(State(seen): State<Arc<Seen>>, Path(len): Path<usize>) -> Bytes {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    pattern(len).into()
}

async fn chunked(State(seen): State<Arc<Seen>>, Path(len): Path<usize>) -> Body {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let pieces: Vec<_> =
        pattern(len).chunks(1000).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
    Body::from_stream(futures_util::stream::iter(pieces))
}

async fn sink(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Body) -> String {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let mut stream = body.into_data_stream();
    let mut sum = 0u64;
    while let Some(Ok(piece)) = stream.next().await {
        seen.body_bytes.fetch_add(piece.len() as u64, Ordering::SeqCst);
        sum += piece.iter().map(|&b| u64::from(b)).sum::<u64>();
    }
    format!("{sum} {}", headers.contains_key("x-test"))
}

async fn fixture() -> Fixture {
    let seen = Arc::new(Seen::default());
    let router = Router::new()
        .route("/fixed/{len}", get(fixed))
        .route("/chunked/{len}", get(chunked))
        .route("/sink", post(sink))
        .route("/early", post(async || (axum::http::StatusCode::UNAUTHORIZED, "who are you")))
        .with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Fixture { proxy, seen, client: reqwest::Client::builder().no_proxy().build().unwrap() }
}

impl Fixture {
    /// The bytes that arrived, and whether they arrived in good form.
    async fn get(&self, path: &str) -> (Vec<u8>, bool) {
        let mut got = Vec::new();
        let Ok(answer) = self.client.get(self.proxy.url() + path).send().await else { return (got, false) };
        let mut stream = answer.bytes_stream();
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => got.extend_from_slice(&piece),
                Err(_) => return (got, false),
            }
        }
        (got, true)
    }

    async fn post(&self, body: Vec<u8>) -> reqwest::Result<String> {
        self.client.post(self.proxy.url() + "/sink").body(body).send().await?.text().await
    }
}

#[tokio::test]
async fn everything_passes_untouched_without_a_rule() {
    let f = fixture().await;
    for path in ["/fixed/0", "/fixed/100000", "/chunked/0", "/chunked/100000"] {
        let (got, whole) = f.get(path).await;
        let len: usize = path.rsplit('/').next().unwrap().parse().unwrap();
        assert!(whole && got == pattern(len), "{path}");
    }
    let body = pattern(3_000_000);
    let sum: u64 = body.iter().map(|&b| u64::from(b)).sum();
    assert_eq!(f.post(body.clone()).await.unwrap(), format!("{sum} false"));
    let stream = futures_util::stream::iter([(); 2].map(|()| Ok::<_, std::io::Error>(body.clone())));
    let chunked = f.client.post(f.proxy.url() + "/sink").body(reqwest::Body::wrap_stream(stream));
    assert_eq!(chunked.send().await.unwrap().text().await.unwrap(), format!("{} false", 2 * sum));
    assert_eq!(f.proxy.count("GET", "/fixed/"), 2);
    assert_eq!(f.proxy.count("*", ""), 6);
    assert_eq!(f.proxy.request_body_bytes(), 9_000_000);
    let texts = format!("{sum} false").len() + format!("{} false", 2 * sum).len();
    assert_eq!(f.proxy.response_body_bytes(), 200_000 + texts as u64);
    let last = f.proxy.log().pop().unwrap();
    assert_eq!((last.status, last.request_body_bytes, last.faulted), (Some(200), 6_000_000, false));
    f.proxy.forget();
    assert_eq!(f.proxy.log().len(), 0);
}

#[tokio::test]
async fn connections_are_kept_between_requests() {
    use std::io::{Read as _, Write as _};
    let f = fixture().await;
    f.proxy.add(Rule::on("GET", "/fixed/3").answer(503, &[("x-a", "b")], b"wait"));
    let addr = f.proxy.addr();
    let text = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(addr).unwrap();
        for path in ["/fixed/1", "/fixed/3", "/chunked/2"] {
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        }
        write!(stream, "GET /fixed/4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
    let text = text.await.unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
    assert!(text.contains("HTTP/1.1 503 Fault\r\nx-a: b\r\nContent-Length: 4\r\n\r\nwait"), "{text}");
    assert_eq!(f.seen.requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn answers_are_cut_where_the_rule_says() {
    let f = fixture().await;
    let rule = f.proxy.add(Rule::on("GET", "ed/100000").first(2).cut_response_after(70_001));
    for path in ["/fixed/100000", "/chunked/100000"] {
        let (got, whole) = f.get(path).await;
        assert!(!whole && got == pattern(100_000)[..70_001], "{path}: {} bytes", got.len());
    }
    assert!(f.get("/fixed/100000").await.1);
    assert_eq!((rule.matched(), rule.fired()), (3, 2));
    f.proxy.add(Rule::on("GET", "/fixed/9").cut_response_after(0));
    assert_eq!(f.get("/fixed/9").await, (Vec::new(), false));
}

#[tokio::test]
async fn a_truncated_answer_looks_whole() {
    let f = fixture().await;
    f.proxy.add(Rule::on("GET", "").truncate_response_at(1_234));
    for path in ["/fixed/100000", "/chunked/100000"] {
        assert_eq!(f.get(path).await, (pattern(1_234), true), "{path}");
    }
    assert_eq!(f.get("/fixed/100").await, (pattern(100), true));
}

#[tokio::test]
async fn one_byte_is_wrong() {
    let f = fixture().await;
    f.proxy.add(Rule::on("*", "").flip_response_byte(50_000));
    let mut expected = pattern(100_000);
    expected[50_000] ^= 0xff;
    for path in ["/fixed/100000", "/chunked/100000"] {
        assert_eq!(f.get(path).await, (expected.clone(), true), "{path}");
    }
    f.proxy.clear();
    f.proxy.add(Rule::on("POST", "").flip_request_byte(1));
    assert_eq!(f.post(vec![0, 0, 0]).await.unwrap(), "255 false");
}

#[tokio::test]
async fn a_request_is_cut_and_its_beginning_arrives() {
    let f = fixture().await;
    f.proxy.add(Rule::on("POST", "/sink").nth(1).cut_request_after(1_000_000));
    assert!(f.post(pattern(3_000_000)).await.is_err());
    let end = Instant::now() + Duration::from_secs(60);
    while f.seen.body_bytes.load(Ordering::SeqCst) < 1_000_000 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(f.seen.body_bytes.load(Ordering::SeqCst), 1_000_000);
    assert!(f.post(pattern(10)).await.is_ok());
    assert_eq!(f.proxy.matching("POST", "")[0].status, None);
}

#[tokio::test]
async fn connections_are_dropped_before_or_behind_the_upstream() {
    let f = fixture().await;
    f.proxy.add(Rule::on("GET", "/fixed/1").drop_connection());
    f.proxy.add(Rule::on("GET", "/fixed/2").lose_answer());
    assert_eq!(f.get("/fixed/1").await, (Vec::new(), false));
    assert_eq!(f.seen.requests.load(Ordering::SeqCst), 0);
    assert_eq!(f.get("/fixed/2").await, (Vec::new(), false));
    assert_eq!(f.seen.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn stalls_delays_and_throttles_take_their_time() {
    let f = fixture().await;
    let brief = Duration::from_millis(300);
    f.proxy.add(Rule::on("GET", "/fixed/10").nth(1).stall_response_after(5, Some(brief)));
    f.proxy.add(Rule::on("GET", "/fixed/10").nth(2).delay(brief));
    f.proxy.add(Rule::on("GET", "/fixed/30").throttle(100));
    f.proxy.add(Rule::on("POST", "").stall_request_after(1, Some(brief)));
    for path in ["/fixed/10", "/fixed/10", "/fixed/30"] {
        let start = Instant::now();
        let (got, whole) = f.get(path).await;
        assert!(whole && got.len() >= 10);
        assert!(start.elapsed() >= Duration::from_millis(280), "{path} took {:?}", start.elapsed());
    }
    let start = Instant::now();
    f.post(vec![1; 10]).await.unwrap();
    assert!(start.elapsed() >= brief);
    f.proxy.add(Rule::on("GET", "/fixed/20").stall_response_after(5, None));
    assert!(tokio::time::timeout(brief, f.get("/fixed/20")).await.is_err());
}

#[tokio::test]
async fn answers_come_without_the_upstream() {
    let f = fixture().await;
    f.proxy.add(Rule::on("POST", "/sink").nth(1).retry_after(429, 7));
    f.proxy.add(Rule::on("POST", "/sink").nth(2).status(500));
    let url = f.proxy.url() + "/sink";
    let first = f.client.post(&url).body(vec![0; 100]).send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    // too long to be read first: the answer arrives all the same
    let second = f.client.post(&url).body(vec![0; 2 << 20]).send().await;
    assert!(second.is_err() || second.is_ok_and(|answer| answer.status() == 500));
    assert_eq!(f.seen.requests.load(Ordering::SeqCst), 0);
    assert_eq!(f.post(vec![1, 1]).await.unwrap(), "2 false");
}

#[tokio::test]
async fn large_bodies_are_refused_and_headers_are_changed() {
    let f = fixture().await;
    f.proxy.add(Rule::on("POST", "/sink").refuse_body_over(1000));
    f.proxy.add(Rule::on("POST", "/sink").and_header("x-test").without_request_header("X-Test"));
    f.proxy
        .add(Rule::on("GET", "").with_response_header("x-new", "1").without_response_header("Content-Type"));
    let url = f.proxy.url() + "/sink";
    assert_eq!(f.post(vec![1; 1000]).await.unwrap(), "1000 false");
    assert_eq!(f.client.post(&url).body(vec![1; 1001]).send().await.unwrap().status(), 413);
    let stream = futures_util::stream::iter([(); 2].map(|()| Ok::<_, std::io::Error>(vec![1; 600])));
    let streamed = f.client.post(&url).body(reqwest::Body::wrap_stream(stream)).send().await.unwrap();
    assert_eq!(streamed.status(), 413);
    let answer = f.client.post(&url).header("x-test", "1").body("").send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "0 false");
    let answer = f.client.get(f.proxy.url() + "/fixed/5").send().await.unwrap();
    assert_eq!(answer.headers()["x-new"], "1");
    assert!(!answer.headers().contains_key("content-type"));
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_has_ended() {
    let f = fixture().await;
    let answer = f.client.post(f.proxy.url() + "/early").body(vec![0; 8 << 20]).send().await;
    // a client that is still writing when the connection closes may miss the answer, but never hangs
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 401));
    assert!(f.post(vec![1]).await.is_ok());
}

#[tokio::test]
async fn curl_with_expect_continue_gets_through() {
    let f = fixture().await;
    let url = f.proxy.url() + "/sink";
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "--noproxy", "*", "-H", "Expect: 100-continue", "--data-binary", "@-", &url])
        .stdin(std::fs::File::open("/proc/self/cmdline").unwrap())
        .output()
        .await
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("false"), "{output:?}");
}
