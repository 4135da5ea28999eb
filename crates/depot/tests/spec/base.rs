//! What holds for every endpoint: paths, methods, names, errors.

use crate::support::{Registry, expect, refused, sha512};
use transload_oci::Digest;

/// § Determining Support
#[test]
fn the_base_says_that_this_is_a_registry() {
    let r = Registry::new();
    for path in ["/v2/", "/v2"] {
        for method in ["GET", "HEAD"] {
            let answer = r.ask(method, path);
            expect(&answer, 200);
            assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"));
        }
    }
}

/// § Endpoints
#[test]
fn what_is_no_endpoint_is_not_found() {
    let r = Registry::new();
    for path in ["/", "/v1/", "/v2/a", "/v2/a/nothing/v1", "/v2/a/tags/other", "/v2/../v2/x", "/v2x/"] {
        refused(&r.get(path), 404, "NOT_FOUND");
    }
}

/// § Endpoints. RFC 9110, 15.5.6
#[test]
fn a_method_that_does_nothing_is_named_with_those_that_do() {
    let r = Registry::new();
    let digest = Digest::sha256(b"");
    let session = r.session("a");
    for (path, methods) in [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".to_owned(), "GET, HEAD"),
        ("/v2/a/tags/list".to_owned(), "GET, HEAD"),
        (format!("/v2/a/referrers/{digest}"), "GET, HEAD"),
        (format!("/v2/a/blobs/{digest}"), "GET, HEAD, DELETE"),
        ("/v2/a/blobs/uploads/".to_owned(), "POST"),
        (session, "GET, HEAD, PATCH, PUT, DELETE"),
        ("/v2/a/manifests/v1".to_owned(), "GET, HEAD, PUT, DELETE"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if methods.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = r.ask(method, &path);
            expect(&answer, 405);
            assert_eq!(answer.header("allow"), Some(methods), "{method} {path}");
            if method != "HEAD" {
                refused(&answer, 405, "UNSUPPORTED");
            }
        }
    }
}

/// § Pulling manifests: the grammar of names
#[test]
fn names_of_repositories_keep_to_their_grammar() {
    let r = Registry::new();
    let long = "n".repeat(255);
    for name in
        ["a", "0", "a/b/c/d/e/f", "a.b", "a_b", "a__b", "a-b", "a---b", "tags/list", "blobs/uploads", &long]
    {
        r.image(name, "v1");
        expect(&r.get(&format!("/v2/{name}/manifests/v1")), 200);
    }
    let longer = "n".repeat(256);
    for name in
        ["A", "a..b", "a___b", "a.-b", "-a", "a-", ".a", "a/", "/a", "a//b", "a/_b", "a b", "ä", &longer]
    {
        let name = name.replace(' ', "%20").replace('ä', "%C3%A4");
        refused(&r.ask("POST", &format!("/v2/{name}/blobs/uploads/")), 400, "NAME_INVALID");
        refused(&r.get(&format!("/v2/{name}/tags/list")), 400, "NAME_INVALID");
    }
}

/// § Pulling manifests: the grammar of tags
#[test]
fn names_of_tags_keep_to_their_grammar() {
    let r = Registry::new();
    let image = r.image("a", "v1");
    let long = "t".repeat(128);
    for tag in ["1", "_", "V1.0_-x", "latest", "sha256-abc.sig", &long] {
        expect(&r.put("a", tag, &image), 201);
        expect(&r.get(&format!("/v2/a/manifests/{tag}")), 200);
    }
    let longer = "t".repeat(129);
    for tag in [".x", "-x", "a+b", "a%20b", "%C3%A4", &longer] {
        refused(&r.put("a", tag, &image), 400, "TAG_INVALID");
        refused(&r.get(&format!("/v2/a/manifests/{tag}")), 400, "TAG_INVALID");
    }
}

/// § Pulling blobs. Image specification, § Digests
#[test]
fn digests_keep_to_their_grammar() {
    let r = Registry::new();
    let hex = Digest::sha256(b"").hex();
    let upper = hex.to_uppercase();
    for digest in [
        "sha256:".to_owned(),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha256:{upper}"),
        format!("sha512:{hex}"),
        format!("md5:{}", &hex[..32]),
        hex.clone(),
        format!(":{hex}"),
    ] {
        refused(&r.get(&format!("/v2/a/blobs/{digest}")), 400, "DIGEST_INVALID");
        refused(&r.ask("PUT", &format!("{}?digest={digest}", r.session("a"))), 400, "DIGEST_INVALID");
        refused(&r.get(&format!("/v2/a/referrers/{digest}")), 400, "DIGEST_INVALID");
    }
    refused(&r.get(&format!("/v2/a/manifests/sha256:{}", &hex[1..])), 400, "DIGEST_INVALID");
    // the colon may be encoded
    let digest = r.blob("a", b"x");
    expect(&r.get(&format!("/v2/a/blobs/sha256%3A{}", digest.hex())), 200);
    refused(&r.get(&format!("/v2/a/blobs/{}", sha512(b"x"))), 404, "BLOB_UNKNOWN");
}

/// A refusal arrives although the client is still sending. RFC 9112, 9.6
#[test]
fn a_refusal_arrives_although_the_body_was_not_wanted() {
    let r = Registry::new();
    let body = vec![b'x'; 200_000];
    for _ in 0..20 {
        refused(&r.send("PATCH", "/v2/a/blobs/uploads/none", &[], &body), 404, "BLOB_UPLOAD_UNKNOWN");
        refused(&r.send("PUT", "/v2/a/manifests/.x", &[], &body), 400, "TAG_INVALID");
        expect(&r.send("PATCH", "/v2/a/tags/list", &[], &body), 405);
    }
}
