//! § Pushing a blob in chunks, § Cancel a blob upload

use crate::support::{Registry, expect, refused, sha512};
use transload_oci::Digest;
use transload_testkit::peers::Answer;

fn chunk(r: &Registry, session: &str, range: &str, body: &[u8]) -> Answer {
    r.send("PATCH", session, &[("Content-Range", range), ("Content-Type", "application/octet-stream")], body)
}

#[track_caller]
fn reached(answer: &Answer, status: u16, session: &str, range: &str) {
    expect(answer, status);
    assert_eq!((answer.header("location"), answer.header("range")), (Some(session), Some(range)));
}

#[test]
fn chunks_follow_each_other_and_the_last_may_come_with_the_closing() {
    let r = Registry::new();
    for (digest, with_closing) in [(Digest::sha256(b"0123456789"), true), (sha512(b"0123456789"), false)] {
        let session = r.session("a");
        reached(&chunk(&r, &session, "0-3", b"0123"), 202, &session, "0-3");
        reached(&chunk(&r, &session, "4-8", b"45678"), 202, &session, "0-8");
        let close = format!("{session}?digest={digest}");
        let closed = if with_closing {
            r.send("PUT", &close, &[("Content-Range", "9-9")], b"9")
        } else {
            reached(&chunk(&r, &session, "9-9", b"9"), 202, &session, "0-9");
            r.ask("PUT", &close)
        };
        expect(&closed, 201);
        assert_eq!(r.get(closed.header("location").unwrap()).body, b"0123456789");
        refused(&r.get(&session), 404, "BLOB_UPLOAD_UNKNOWN");
    }
}

/// A chunk of any size is taken, so no `OCI-Chunk-Min-Length` is asked for.
#[test]
fn no_chunk_is_too_small() {
    let r = Registry::new();
    let opened = r.ask("POST", "/v2/a/blobs/uploads/");
    assert_eq!(opened.header("oci-chunk-min-length"), None);
    let session = opened.header("location").unwrap();
    for n in 0..20 {
        expect(&chunk(&r, session, &format!("{n}-{n}"), b"x"), 202);
    }
    let digest = Digest::sha256(&[b'x'; 20]);
    expect(&r.ask("PUT", &format!("{session}?digest={digest}")), 201);
}

#[test]
fn a_chunk_out_of_order_changes_nothing() {
    let r = Registry::new();
    let session = r.session("a");
    // before anything came
    reached(&chunk(&r, &session, "5-9", b"56789"), 416, &session, "0-0");
    expect(&chunk(&r, &session, "0-4", b"01234"), 202);
    for range in ["0-4", "4-8", "6-10", "1000-1004"] {
        let answer = chunk(&r, &session, range, b"xxxxx");
        refused(&answer, 416, "RANGE_INVALID");
        reached(&answer, 416, &session, "0-4");
        reached(&r.get(&session), 204, &session, "0-4");
    }
    let digest = Digest::sha256(b"0123456789");
    let close = format!("{session}?digest={digest}");
    reached(&r.send("PUT", &close, &[("Content-Range", "6-9")], b"6789"), 416, &session, "0-4");
    expect(&r.send("PUT", &close, &[("Content-Range", "5-9")], b"56789"), 201);
    assert_eq!(r.get(&format!("/v2/a/blobs/{digest}")).body, b"0123456789");
}

#[test]
fn a_content_range_that_does_not_fit_changes_nothing() {
    let r = Registry::new();
    let session = r.session("a");
    expect(&chunk(&r, &session, "0-4", b"01234"), 202);
    for (range, body) in [
        ("5-9", b"56".as_slice()),
        ("5-9", b"567890"),
        ("5-9", b""),
        ("9-5", b"56789"),
        ("5", b"56789"),
        ("5-", b"56789"),
        ("-9", b"56789"),
        ("five-nine", b"56789"),
        ("5-9,10-12", b"56789"),
        ("5-18446744073709551615", b"56789"),
    ] {
        refused(&chunk(&r, &session, range, body), 400, "BLOB_UPLOAD_INVALID");
        reached(&r.get(&session), 204, &session, "0-4");
    }
    // units and a total, as in RFC 9110, 14.4, are let pass
    expect(&chunk(&r, &session, "bytes 5-9/10", b"56789"), 202);
    let digest = Digest::sha256(b"0123456789");
    expect(&r.ask("PUT", &format!("{session}?digest={digest}")), 201);
}

/// One PATCH without `Content-Range`, of a length that nobody said
#[test]
fn a_stream_is_taken_to_its_end() {
    let r = Registry::new();
    let session = r.session("a");
    let bytes = vec![b's'; 2_500_000];
    let answer = r.stream("PATCH", &session, "", &bytes);
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert!(answer.to_lowercase().contains("range: 0-2499999\r\n"), "{answer}");
    // a stream that says its range keeps to it
    let short = r.stream("PATCH", &session, "Content-Range: 2500000-2500009\r\n", b"12345");
    assert!(short.starts_with("HTTP/1.1 400"), "{short}");
    reached(&r.get(&session), 204, &session, "0-2500004");
    let digest = Digest::sha256(&[bytes.as_slice(), b"12345"].concat());
    expect(&r.ask("PUT", &format!("{session}?digest={digest}")), 201);
}

#[test]
fn a_session_tells_how_far_it_is() {
    let r = Registry::new();
    let session = r.session("a");
    reached(&r.get(&session), 204, &session, "0-0");
    reached(&r.ask("HEAD", &session), 204, &session, "0-0");
    expect(&chunk(&r, &session, "0-6", b"0123456"), 202);
    reached(&r.get(&session), 204, &session, "0-6");
    // it is this repository's alone
    let id = session.rsplit('/').next().unwrap();
    refused(&r.get(&format!("/v2/b/blobs/uploads/{id}")), 404, "BLOB_UPLOAD_UNKNOWN");
    for id in ["nothing", "00000000000000000000000000000000", "..", "%2e%2e%2f_layers"] {
        let path = format!("/v2/a/blobs/uploads/{id}");
        assert_eq!(r.get(&path).status, 404, "{id}");
        assert_eq!(r.send("PATCH", &path, &[], b"x").status, 404, "{id}");
    }
}

/// § Cancel a blob upload
#[test]
fn a_session_that_is_cancelled_is_gone() {
    let r = Registry::new();
    let session = r.session("a");
    expect(&chunk(&r, &session, "0-4", b"01234"), 202);
    expect(&r.ask("DELETE", &session), 204);
    for method in ["GET", "PATCH", "DELETE"] {
        refused(&r.ask(method, &session), 404, "BLOB_UPLOAD_UNKNOWN");
    }
    let digest = Digest::sha256(b"01234");
    refused(&r.ask("PUT", &format!("{session}?digest={digest}")), 404, "BLOB_UPLOAD_UNKNOWN");
    expect(&r.get(&format!("/v2/a/blobs/{digest}")), 404);
}
