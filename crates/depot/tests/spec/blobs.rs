//! § Pushing a blob monolithically

use crate::support::{Registry, expect, refused, sha512};
use transload_depot::Limits;
use transload_oci::Digest;

/// § POST then PUT
#[test]
fn a_session_takes_a_blob_whole() {
    let r = Registry::new();
    let opened = r.ask("POST", "/v2/a/b/blobs/uploads/");
    expect(&opened, 202);
    assert_eq!(opened.header("content-length"), Some("0"));
    assert!(opened.header("docker-upload-uuid").is_some());
    let location = opened.header("location").unwrap();
    assert!(location.starts_with("/v2/a/b/blobs/uploads/"), "{location}");
    let digest = Digest::sha256(b"whole");
    let put = r.send(
        "PUT",
        &format!("{location}?digest={digest}"),
        &[("Content-Type", "application/octet-stream")],
        b"whole",
    );
    expect(&put, 201);
    assert_eq!(put.header("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!(put.header("location"), Some(format!("/v2/a/b/blobs/{digest}").as_str()));
    assert_eq!(r.get(put.header("location").unwrap()).body, b"whole");
    // the session is over
    refused(&r.get(location), 404, "BLOB_UPLOAD_UNKNOWN");
}

/// § POST then PUT: the digest may be encoded, and the path may go without its last slash
#[test]
fn what_clients_do_besides() {
    let r = Registry::new();
    let opened = r.ask("POST", "/v2/a/blobs/uploads");
    expect(&opened, 202);
    let digest = Digest::sha256(b"x").to_string().replace(':', "%3A");
    let path = format!("{}?digest={digest}", opened.header("location").unwrap());
    expect(&r.send("PUT", &path, &[], b"x"), 201);
}

/// § Single POST
#[test]
fn one_request_is_enough() {
    let r = Registry::new();
    let digest = Digest::sha256(b"at once");
    let post = r.send("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], b"at once");
    expect(&post, 201);
    assert_eq!(r.get(post.header("location").unwrap()).body, b"at once");
    let streamed = sha512(b"streamed");
    let path = format!("/v2/a/blobs/uploads/?digest={streamed}");
    let answer = r.stream("POST", &path, "", b"streamed");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(r.get(&format!("/v2/a/blobs/{streamed}")).body, b"streamed");
}

/// § POST then PUT, § Single POST: `<digest>` has to be the blob's
#[test]
fn bytes_of_another_digest_are_never_a_blob() {
    let r = Registry::new();
    for digest in [Digest::sha256(b"right"), sha512(b"right")] {
        let post = r.send("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], b"wrong");
        refused(&post, 400, "DIGEST_INVALID");
        let session = r.session("a");
        refused(&r.send("PUT", &format!("{session}?digest={digest}"), &[], b"wrong"), 400, "DIGEST_INVALID");
        refused(&r.get(&session), 404, "BLOB_UPLOAD_UNKNOWN");
        let session = r.session("a");
        expect(&r.send("PATCH", &session, &[], b"wrong"), 202);
        refused(&r.ask("PUT", &format!("{session}?digest={digest}")), 400, "DIGEST_INVALID");
        expect(&r.get(&format!("/v2/a/blobs/{digest}")), 404);
    }
    let session = r.session("a");
    refused(&r.send("PUT", &session, &[], b"x"), 400, "DIGEST_INVALID");
    // a request that says nothing useful takes nothing away
    let digest = Digest::sha256(b"x");
    expect(&r.send("PUT", &format!("{session}?digest={digest}"), &[], b"x"), 201);
}

/// § Pushing blobs: no length is too small
#[test]
fn an_empty_blob_is_a_blob() {
    let r = Registry::new();
    for digest in [Digest::sha256(b""), sha512(b"")] {
        let path = format!("/v2/a/blobs/{digest}");
        expect(&r.ask("PUT", &format!("{}?digest={digest}", r.session("a"))), 201);
        let answer = r.get(&path);
        expect(&answer, 200);
        assert_eq!(answer.header("content-length"), Some("0"));
        refused(&r.send("GET", &path, &[("Range", "bytes=0-")], b""), 416, "RANGE_INVALID");
        expect(&r.ask("DELETE", &path), 202);
        expect(&r.ask("POST", &format!("/v2/a/blobs/uploads/?digest={digest}")), 201);
        expect(&r.ask("HEAD", &path), 200);
    }
}

/// § Pushing blobs: the registry's own bound
#[test]
fn a_blob_above_the_bound_is_refused_and_one_at_the_bound_is_not() {
    let r = Registry::with(Limits { blob_bytes_max: 8, ..Limits::default() });
    r.blob("a", b"12345678");
    let digest = Digest::sha256(b"123456789");
    let path = format!("/v2/a/blobs/uploads/?digest={digest}");
    refused(&r.send("POST", &path, &[], b"123456789"), 413, "SIZE_INVALID");
    let session = r.session("a");
    let streamed = r.stream("PATCH", &session, "", b"123456789");
    assert!(streamed.starts_with("HTTP/1.1 413"), "{streamed}");
}

/// § Layer Upload De-duplication
#[test]
fn two_pushes_of_one_blob_at_once_both_succeed() {
    let r = Registry::new();
    let bytes = vec![7; 3_000_000];
    let digest = Digest::sha256(&bytes);
    std::thread::scope(|scope| {
        for n in 0..6 {
            let (r, bytes) = (&r, &bytes);
            scope.spawn(move || {
                let repository = ["a", "b"][n % 2];
                if n < 3 {
                    let session = r.session(repository);
                    expect(&r.send("PATCH", &session, &[], &bytes[..1_000_000]), 202);
                    let put = format!("{session}?digest={digest}");
                    expect(&r.send("PUT", &put, &[], &bytes[1_000_000..]), 201);
                } else {
                    assert_eq!(r.blob(repository, bytes), digest);
                }
                assert!(r.get(&format!("/v2/{repository}/blobs/{digest}")).body == *bytes);
            });
        }
    });
}

/// § Pushing blobs: what is there already may come again
#[test]
fn a_blob_may_be_pushed_again() {
    let r = Registry::new();
    let digest = r.blob("a", b"again");
    assert_eq!(r.blob("a", b"again"), digest);
    expect(&r.ask("DELETE", &format!("/v2/a/blobs/{digest}")), 202);
    r.blob("a", b"again");
    assert_eq!(r.get(&format!("/v2/a/blobs/{digest}")).body, b"again");
}
