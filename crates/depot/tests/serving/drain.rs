//! Ends: those that wait and those that do not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::timeout;
use transload_depot::{Limits, Metrics};
use transload_testkit::peers::Endpoint;

use super::support::{ANY_PORT, Fixture, connect, eventually, rest};

/// Longer than a test has patience.
const LONG: Duration = Duration::from_secs(120);

fn draining() -> Fixture {
    let limits = Limits { shutdown_grace: LONG, ..Limits::default() };
    Fixture::with(limits, |serving| serving.metrics(Metrics::new()).metrics_on(ANY_PORT.into()), None)
}

/// Waits until so many requests run.
fn in_flight(fixture: &Fixture, many: usize) {
    let line = format!("transload_depot_requests_in_flight {many}\n");
    eventually(&line, || Some(()).filter(|()| fixture.metrics().contains(&line)));
}

#[test]
fn what_runs_is_brought_to_its_end_and_nothing_new_is_begun() {
    let mut fixture = draining();
    let blob = vec![7; 32 << 20];
    let digest = fixture.blob("a", &blob);
    let session = fixture.session("a");
    let mut upload = fixture.half_an_upload(&session);
    let mut download = connect(fixture.addr());
    write!(download, "GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut idle = connect(fixture.addr());
    write!(idle, "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answered = [0; 12];
    idle.read_exact(&mut answered).unwrap();
    assert_eq!(&answered, b"HTTP/1.1 200");
    in_flight(&fixture, 2);

    let server = fixture.server.take().unwrap();
    let metrics = Endpoint { addr: server.metrics_addr().unwrap(), ca_pem: None };
    assert_eq!(metrics.request("GET", "/healthz", &[], b"").unwrap().status, 200);
    let shutdown = fixture.runtime.spawn(server.shutdown());
    eventually("a closed door", || TcpStream::connect(fixture.addr()).err());
    assert_eq!(metrics.request("GET", "/healthz", &[], b"").unwrap().status, 503);

    // an idle connection is closed: this comes to its end
    rest(&mut idle);
    upload.write_all(b"56789").unwrap();
    let answer = rest(&mut upload);
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("connection: close"), "{answer}");
    let mut bytes = Vec::new();
    download.read_to_end(&mut bytes).unwrap();
    assert!(bytes.ends_with(&blob), "the download is whole");
    fixture.runtime.block_on(async { timeout(LONG / 2, shutdown).await.unwrap().unwrap() });
}

#[test]
fn a_second_word_ends_it_at_once() {
    let mut fixture = draining();
    let session = fixture.session("a");
    let mut upload = fixture.half_an_upload(&session);
    in_flight(&fixture, 1);
    let server = fixture.server.take().unwrap();
    let ending = server.ending();
    let shutdown = fixture.runtime.spawn(server.shutdown());
    eventually("a closed door", || TcpStream::connect(fixture.addr()).err());
    assert!(!shutdown.is_finished(), "the upload is waited for");
    ending.now();
    fixture.runtime.block_on(async { timeout(LONG / 2, shutdown).await.unwrap().unwrap() });
    assert_eq!(rest(&mut upload), "");
}
