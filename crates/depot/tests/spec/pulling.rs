//! § Pull

use crate::support::{DOCKER, INDEX, MANIFEST, Registry, digest_of, expect, refused, sha512};
use transload_oci::Digest;
use transload_testkit::peers::Answer;

/// § Pulling manifests
#[test]
fn a_manifest_comes_back_byte_for_byte_by_tag_and_by_digest() {
    let r = Registry::new();
    r.image("a/b", "v1");
    // white space and an unknown field that no serializer would write
    let text = r.unpushed("a/b", "layer").to_string().replacen('{', "{ \n\t\"x-unknown\" : [ ],  ", 1);
    let digest = Digest::sha256(text.as_bytes());
    let put = r.send("PUT", "/v2/a/b/manifests/v2", &[("Content-Type", MANIFEST)], text.as_bytes());
    expect(&put, 201);
    for reference in ["v2".to_owned(), digest.to_string()] {
        let path = format!("/v2/a/b/manifests/{reference}");
        let answer = r.get(&path);
        expect(&answer, 200);
        assert_eq!(answer.text(), text);
        let headers = |answer: &Answer| {
            ["content-type", "content-length", "docker-content-digest", "etag"]
                .map(|name| answer.header(name).unwrap().to_owned())
        };
        let expected =
            [MANIFEST.to_owned(), text.len().to_string(), digest.to_string(), format!("\"{digest}\"")];
        assert_eq!(headers(&answer), expected);
        // § Checking if content exists in the registry
        let head = r.ask("HEAD", &path);
        expect(&head, 200);
        assert_eq!((headers(&head), head.body.len()), (expected, 0));
    }
}

/// § Pulling manifests
#[test]
fn a_manifest_that_is_not_there_is_unknown() {
    let r = Registry::new();
    let other = Digest::sha256(b"other");
    refused(&r.get("/v2/a/manifests/v1"), 404, "NAME_UNKNOWN");
    refused(&r.get(&format!("/v2/a/manifests/{other}")), 404, "NAME_UNKNOWN");
    let image = r.image("a", "v1");
    refused(&r.get("/v2/a/manifests/v2"), 404, "MANIFEST_UNKNOWN");
    refused(&r.get(&format!("/v2/a/manifests/{other}")), 404, "MANIFEST_UNKNOWN");
    expect(&r.ask("HEAD", "/v2/a/manifests/v2"), 404);
    // what one repository has, another does not
    r.image("b", "other");
    refused(&r.get(&format!("/v2/b/manifests/{}", digest_of(&image))), 404, "MANIFEST_UNKNOWN");
    // a manifest is no blob, and a blob no manifest
    refused(&r.get(&format!("/v2/a/blobs/{}", digest_of(&image))), 404, "BLOB_UNKNOWN");
    let layer = Digest::sha256(b"v1");
    refused(&r.get(&format!("/v2/a/manifests/{layer}")), 404, "MANIFEST_UNKNOWN");
}

/// § Pulling manifests: content negotiation. Nothing is converted, so whatever is accepted is served what there is.
#[test]
fn accept_does_not_change_what_is_served() {
    let r = Registry::new();
    r.image("a", "v1");
    for accept in [MANIFEST, INDEX, DOCKER, "*/*", "application/json", "text/html"] {
        let answer = r.send("GET", "/v2/a/manifests/v1", &[("Accept", accept)], b"");
        expect(&answer, 200);
        assert_eq!(answer.header("content-type"), Some(MANIFEST), "{accept}");
    }
}

/// § Pulling blobs
#[test]
fn a_blob_comes_back_whole_and_says_what_it_is() {
    let r = Registry::new();
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let digest = r.blob("a/b", &bytes);
    let path = format!("/v2/a/b/blobs/{digest}");
    let answer = r.get(&path);
    expect(&answer, 200);
    assert!(answer.body == bytes);
    // § Checking if content exists in the registry
    let head = r.ask("HEAD", &path);
    expect(&head, 200);
    assert!(head.body.is_empty());
    let (len, digest) = (bytes.len().to_string(), digest.to_string());
    for answer in [&answer, &head] {
        assert_eq!(answer.header("content-length"), Some(len.as_str()));
        assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    }
    refused(&r.get(&format!("/v2/c/blobs/{digest}")), 404, "NAME_UNKNOWN");
    r.blob("c", b"");
    refused(&r.get(&format!("/v2/c/blobs/{digest}")), 404, "BLOB_UNKNOWN");
    expect(&r.ask("HEAD", &format!("/v2/c/blobs/{digest}")), 404);
}

/// § Pulling blobs: ranges. RFC 9110, 14
#[test]
fn a_range_of_a_blob_is_that_range() {
    let r = Registry::new();
    let bytes: Vec<u8> = (0..=255).collect();
    let path = format!("/v2/a/blobs/{}", r.blob("a", &bytes));
    let part = |range: &str| r.send("GET", &path, &[("Range", range)], b"");
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-255", 0, 255),
        ("bytes=10-19", 10, 19),
        ("bytes=200-", 200, 255),
        ("bytes=200-9999", 200, 255),
        ("bytes=255-", 255, 255),
        ("bytes=-10", 246, 255),
        ("bytes=-9999", 0, 255),
        (" bytes=1-2 ", 1, 2),
    ] {
        let answer = part(range);
        expect(&answer, 206);
        assert_eq!(answer.body, &bytes[first..=last], "{range}");
        assert_eq!(answer.header("content-range"), Some(format!("bytes {first}-{last}/256").as_str()));
        assert_eq!(answer.header("content-length"), Some((last + 1 - first).to_string().as_str()));
    }
    for range in ["bytes=256-", "bytes=999-1000", "bytes=-0", "bytes=20-10"] {
        let answer = part(range);
        refused(&answer, 416, "RANGE_INVALID");
        assert_eq!(answer.header("content-range"), Some("bytes */256"), "{range}");
    }
    // several ranges, other units and what cannot be read are passed over
    for range in ["bytes=0-1,5-6", "pages=1-2", "bytes=", "bytes=a-b", "0-1"] {
        let answer = part(range);
        expect(&answer, 200);
        assert_eq!(answer.body.len(), 256, "{range}");
    }
}

/// RFC 9110, 13.1.5
#[test]
fn a_range_of_another_content_is_not_given() {
    let r = Registry::new();
    let digest = r.blob("a", b"0123456789");
    let path = format!("/v2/a/blobs/{digest}");
    for (tag, status) in [(format!("\"{digest}\""), 206), ("\"other\"".to_owned(), 200)] {
        let answer = r.send("GET", &path, &[("Range", "bytes=5-"), ("If-Range", &tag)], b"");
        expect(&answer, status);
    }
}

/// § Pulling blobs. Image specification, § Digests: SHA-512
#[test]
fn one_content_may_have_two_digests() {
    let r = Registry::new();
    let (long, short) = (sha512(b"both"), r.blob("a", b"both"));
    expect(&r.send("POST", &format!("/v2/a/blobs/uploads/?digest={long}"), &[], b"both"), 201);
    for digest in [long, short] {
        let answer = r.get(&format!("/v2/a/blobs/{digest}"));
        assert_eq!((answer.status, answer.body.as_slice()), (200, b"both".as_slice()));
        assert_eq!(answer.header("docker-content-digest"), Some(digest.to_string().as_str()));
    }
}
