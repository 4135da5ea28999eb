//! What is told of requests, and counted.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transload_depot::{Depot, GcOptions, Limits, Metrics};

use super::support::{ANY_PORT, Fixture, connect, eventually};

#[test]
fn each_request_is_told_of_once_it_ended() {
    let fixture = Fixture::new(Limits::default());
    let digest = fixture.blob("a", b"hello");
    let headers = [("User-Agent", "a \"test\""), ("X-Request-Id", "r1")];
    let path = format!("/v2/a/blobs/{digest}?token=s3cret&n=1");
    fixture.endpoint.request("GET", &path, &headers, b"").unwrap();
    fixture.ask("HEAD", &format!("/v2/a/blobs/{digest}"));
    fixture.ask("GET", "/v2/a/manifests/none");

    let pushed = fixture.log.of("POST", "/v2/a/");
    assert_eq!((pushed.status, pushed.bytes_in, pushed.is_complete), (Some(201), 5, true), "{pushed}");
    assert!(pushed.asked.target.contains("?digest=sha256"), "{pushed}");
    let pulled = fixture.log.of("GET", "/v2/a/blobs/");
    assert_eq!((pulled.status, pulled.bytes_out, pulled.is_complete), (Some(200), 5, true), "{pulled}");
    let line = pulled.to_string();
    assert!(line.contains(&format!("\"GET /v2/a/blobs/{digest}?n=1\" 200 in=0 out=5 ")), "{line}");
    assert!(line.contains("id=r1 \"a \\\"test\\\"\"") && !line.contains("s3cret"), "{line}");
    let asked = fixture.log.of("HEAD", "/v2/a/blobs/");
    assert_eq!((asked.status, asked.bytes_out, asked.is_complete), (Some(200), 0, true), "{asked}");
    let absent = fixture.log.of("GET", "/v2/a/manifests/none");
    assert_eq!((absent.status, absent.is_complete), (Some(404), true), "{absent}");
    assert!(absent.bytes_out > 0, "the error is a body too: {absent}");
}

#[test]
fn a_connection_that_breaks_is_told_of_too() {
    let fixture = Fixture::new(Limits::default());
    let digest = fixture.blob("a", &vec![7; 32 << 20]);
    let mut stream = connect(fixture.addr());
    write!(stream, "GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    drop(stream);
    let record = fixture.log.of("GET", "/v2/a/blobs/");
    assert_eq!((record.status, record.is_complete), (Some(200), false), "{record}");
    assert!(record.to_string().ends_with(" cut"), "{record}");

    // in the middle of what it sends: whether there is still an answer is a matter of who sees it first
    let session = fixture.session("a");
    drop(fixture.half_an_upload(&session));
    let record = fixture.log.of("PATCH", "/v2/a/");
    assert_eq!((record.status.unwrap_or(400), record.bytes_in), (400, 5), "{record}");
}

#[test]
fn figures_are_shown_on_an_address_of_their_own() {
    let fixture = Fixture::with(
        Limits::default(),
        |serving| serving.metrics(Metrics::new()).metrics_on(ANY_PORT.into()),
        None,
    );
    let digest = fixture.blob("a", b"hello");
    fixture.ask("GET", &format!("/v2/a/blobs/{digest}"));
    fixture.ask("GET", "/v2/a/manifests/none");
    fixture.ask("GET", "/nothing/here");
    let lines = [
        r#"transload_depot_requests_total{method="GET",route="blob",status="200"} 1"#,
        r#"transload_depot_requests_total{method="GET",route="manifest",status="404"} 1"#,
        r#"transload_depot_requests_total{method="GET",route="other",status="404"} 1"#,
        r#"transload_depot_requests_total{method="POST",route="uploads",status="201"} 1"#,
        r#"transload_depot_request_duration_seconds_count{route="blob"} 1"#,
        "transload_depot_received_bytes_total 5",
        "transload_depot_connections 0",
        "# EOF",
    ];
    // a request is counted when its connection has taken the last byte, which may be after the client has
    eventually("all figures", || {
        let text = fixture.metrics();
        Some(()).filter(|()| lines.iter().all(|line| text.lines().any(|l| l == *line)))
    });
    assert_eq!(fixture.ask("GET", "/metrics").status, 404, "not among the registry's own paths");
}

#[test]
fn what_a_depot_has_is_a_figure_too() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let depot = Depot::temporary().unwrap();
    let metrics = Metrics::new().watching(&depot);
    let shown = || metrics.render();
    assert!(shown().contains("transload_depot_uploads_open 0\n"), "{}", shown());
    assert!(!shown().contains("transload_depot_stored_bytes"), "nobody has counted yet");
    let fixture = Fixture::of(&depot, Limits::default());
    fixture.session("a");
    fixture.blob("a", b"hello");
    assert!(shown().contains("transload_depot_uploads_open 1\n"), "{}", shown());
    let day = Duration::from_secs(24 * 3600);
    let options = GcOptions { grace: day, untagged: false, uploads_idle: day, dry_run: false };
    let collected = depot.folder().unwrap().collect(options, CancellationToken::new());
    runtime.block_on(collected).unwrap();
    assert!(shown().contains("transload_depot_stored_bytes 5\n"), "{}", shown());
}
