//! § Mounting a blob from another repository

use crate::support::{Registry, expect, refused, sha512};
use transload_oci::Digest;
use transload_testkit::peers::Answer;

fn mount(r: &Registry, to: &str, query: &str) -> Answer {
    r.ask("POST", &format!("/v2/{to}/blobs/uploads/?{query}"))
}

#[test]
fn a_blob_is_shared_with_and_without_a_source() {
    let r = Registry::new();
    let digest = r.blob("a/source", b"shared");
    for (to, query) in [("b", format!("mount={digest}&from=a%2Fsource")), ("c/d", format!("mount={digest}"))]
    {
        let mounted = mount(&r, to, &query);
        expect(&mounted, 201);
        assert_eq!(mounted.header("docker-content-digest"), Some(digest.to_string().as_str()));
        assert_eq!(mounted.header("location"), Some(format!("/v2/{to}/blobs/{digest}").as_str()));
        assert_eq!(r.get(mounted.header("location").unwrap()).body, b"shared");
    }
    // each has its own from then on
    expect(&r.ask("DELETE", &format!("/v2/a/source/blobs/{digest}")), 202);
    expect(&r.get(&format!("/v2/b/blobs/{digest}")), 200);
    // into itself
    expect(&mount(&r, "b", &format!("mount={digest}&from=b")), 201);
}

/// What cannot be mounted is to be uploaded: 202, and a session that works.
#[test]
fn a_mount_that_cannot_be_done_is_the_start_of_an_upload() {
    let r = Registry::new();
    let there = r.blob("a", b"there");
    let (absent, never) = (Digest::sha256(b"absent"), Digest::sha256(b"never"));
    for (query, bytes, digest) in [
        (format!("mount={absent}&from=a"), b"absent".as_slice(), absent),
        (format!("mount={never}"), b"never", never),
        (format!("mount={there}&from=nowhere"), b"there", there),
        (format!("mount={there}&from=Not%20A%20Name"), b"there", there),
        (format!("mount={}&from=a", sha512(b"there")), b"there", sha512(b"there")),
    ] {
        let declined = mount(&r, "b", &query);
        expect(&declined, 202);
        let session = declined.header("location").unwrap();
        assert_eq!(declined.header("range"), Some("0-0"));
        expect(&r.send("PUT", &format!("{session}?digest={digest}"), &[], bytes), 201);
        expect(&r.ask("DELETE", &format!("/v2/b/blobs/{digest}")), 202);
    }
}

#[test]
fn a_blob_that_was_deleted_is_not_there_to_be_mounted_from_where_it_was() {
    let r = Registry::new();
    let digest = r.blob("a", b"gone");
    expect(&r.ask("DELETE", &format!("/v2/a/blobs/{digest}")), 202);
    expect(&mount(&r, "b", &format!("mount={digest}&from=a")), 202);
    expect(&r.get(&format!("/v2/b/blobs/{digest}")), 404);
}

#[test]
fn what_is_no_digest_is_refused() {
    let r = Registry::new();
    for digest in ["sha256:12", "nothing", ""] {
        refused(&mount(&r, "b", &format!("mount={digest}&from=a")), 400, "DIGEST_INVALID");
    }
}
