//! Bounds of connections and requests.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use transload_depot::{Depot, Error, Limits, Metrics, Server, Serving};
use transload_testkit::peers::Endpoint;

use super::support::{ANY_PORT, Fixture, connect, eventually, rest};

const SOON: Duration = Duration::from_millis(200);

#[test]
fn one_registry_listens_on_several_addresses() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let depot = Depot::temporary().unwrap();
    let listen = [ANY_PORT.into(), ANY_PORT.into()];
    let server = runtime.block_on(Serving::depot(&depot).start(&listen)).unwrap();
    assert_ne!(server.addrs()[0], server.addrs()[1]);
    for addr in server.addrs() {
        let answer = Endpoint { addr: *addr, ca_pem: None }.request("GET", "/v2/", &[], b"").unwrap();
        assert_eq!(answer.status, 200);
    }
    runtime.block_on(server.shutdown());
}

#[test]
fn an_address_that_cannot_be_had_is_an_error_with_a_way_out() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = |addr| runtime.block_on(Server::start(addr, Depot::temporary().unwrap()));
    let first = start(ANY_PORT.into()).unwrap();
    let taken = start(first.addr()).unwrap_err();
    assert!(matches!(taken, Error::Bind { .. }) && taken.is_transient(), "{taken}");
    assert!(taken.next_step().unwrap().contains("another port"), "{taken:?}");
    let public = start(([0, 0, 0, 0], 0).into()).unwrap_err();
    assert!(matches!(public, Error::NotLoopback { .. }), "{public}");
    let serving = Serving::depot(&Depot::temporary().unwrap()).public();
    // an address for documentation: no machine has it
    let foreign = runtime.block_on(serving.start(&[([192, 0, 2, 1], 0).into()])).unwrap_err();
    assert!(foreign.next_step().unwrap().contains("no such address"), "{foreign:?}");
}

#[test]
fn a_head_that_does_not_come_to_an_end_ends_the_connection() {
    let fixture = Fixture::new(Limits { head_wait: SOON, ..Limits::default() });
    for piece in ["", "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = connect(fixture.addr());
        stream.write_all(piece.as_bytes()).unwrap();
        let rest = rest(&mut stream);
        assert!(!rest.contains(" 200 "), "{rest}");
    }
}

#[test]
fn a_head_may_be_as_long_as_the_limit_says() {
    let fixture = Fixture::new(Limits { head_bytes_max: 16 << 10, ..Limits::default() });
    for (len, status) in [(8 << 10, 200), (32 << 10, 431)] {
        let long = "x".repeat(len);
        let answer = fixture.endpoint.request("GET", "/v2/", &[("X-Long", &long)], b"").unwrap();
        assert_eq!(answer.status, status, "{len}");
    }
}

#[test]
fn requests_over_the_bound_are_asked_to_come_again() {
    let limits = Limits { requests_max: 1, ..Limits::default() };
    let fixture =
        Fixture::with(limits, |serving| serving.metrics(Metrics::new()).metrics_on(ANY_PORT.into()), None);
    let session = fixture.session("a");
    // a question of ours that comes in between would have the upload refused
    let in_flight = |number: u32| {
        let line = format!("requests_in_flight {number}");
        eventually(&line, || {
            Some(()).filter(|()| fixture.metrics().lines().any(|found| found.ends_with(&line)))
        });
    };
    in_flight(0);
    let mut upload = fixture.half_an_upload(&session);
    in_flight(1);
    let refused =
        eventually("a refusal", || Some(fixture.ask("GET", "/v2/")).filter(|answer| answer.status == 503));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("UNAVAILABLE"), "{}", refused.text());
    assert!(fixture.metrics().contains("requests_refused_total"), "{}", fixture.metrics());
    upload.write_all(b"56789").unwrap();
    let mut answer = [0; 12];
    upload.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    eventually("room", || Some(()).filter(|()| fixture.ask("GET", "/v2/").status == 200));
}

#[test]
fn a_reader_that_stalls_is_let_go() {
    let fixture = Fixture::new(Limits { write_idle: SOON, ..Limits::default() });
    // more than the buffers of both ends take
    let digest = fixture.blob("a", &vec![7; 32 << 20]);
    let mut stream = connect(fixture.addr());
    write!(stream, "GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let record = fixture.log.of("GET", "/v2/a/blobs/");
    assert_eq!((record.status, record.is_complete), (Some(200), false), "{record}");
    assert!(record.bytes_out < 32 << 20, "{record}");
    drop(stream);
}

#[test]
fn a_body_that_does_not_go_on_ends_the_request() {
    let fixture = Fixture::new(Limits { body_idle: Duration::from_secs(2), ..Limits::default() });
    let mut stream = connect(fixture.addr());
    write!(stream, "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{{").unwrap();
    let answer = rest(&mut stream);
    assert!(!answer.contains(" 201 "), "{answer}");
    let record = fixture.log.of("PUT", "/v2/a/manifests/v1");
    assert_eq!(record.bytes_in, 1, "{record}");
}

#[test]
fn a_request_has_an_id_its_own_or_one_that_is_made() {
    let fixture = Fixture::new(Limits::default());
    let ask = |headers: &[(&str, &str)]| {
        let answer = fixture.endpoint.request("GET", "/v2/", headers, b"").unwrap();
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(ask(&[("X-Request-Id", "mine-7")]), "mine-7");
    assert_ne!(ask(&[]), ask(&[]));
    assert_eq!(&*fixture.log.of("GET", "/v2/").id, "mine-7");
}
