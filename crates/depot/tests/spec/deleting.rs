//! § Content Management

use crate::support::{Registry, described, digest_of, expect, index, json_of, refused};
use serde_json::json;
use transload_oci::Digest;

/// § Deleting tags
#[test]
fn a_tag_goes_and_the_manifest_stays() {
    let r = Registry::new();
    let image = r.image("a", "v1");
    expect(&r.put("a", "v2", &image), 201);
    expect(&r.ask("DELETE", "/v2/a/manifests/v1"), 202);
    refused(&r.get("/v2/a/manifests/v1"), 404, "MANIFEST_UNKNOWN");
    refused(&r.ask("DELETE", "/v2/a/manifests/v1"), 404, "MANIFEST_UNKNOWN");
    expect(&r.get("/v2/a/manifests/v2"), 200);
    expect(&r.ask("DELETE", "/v2/a/manifests/v2"), 202);
    expect(&r.get(&format!("/v2/a/manifests/{}", digest_of(&image))), 200);
    assert_eq!(json_of(&r.get("/v2/a/tags/list"))["tags"], json!([]));
}

/// § Deleting Manifests
#[test]
fn a_manifest_takes_the_tags_with_it_that_point_at_it() {
    let r = Registry::new();
    let (image, other) = (r.image("a", "v1"), r.image("a", "other"));
    expect(&r.put("a", "v2", &image), 201);
    // a tag that has moved on does not go with what it pointed at once
    expect(&r.put("a", "moved", &image), 201);
    expect(&r.put("a", "moved", &other), 201);
    let path = format!("/v2/a/manifests/{}", digest_of(&image));
    expect(&r.ask("DELETE", &path), 202);
    for path in [path.as_str(), "/v2/a/manifests/v1", "/v2/a/manifests/v2"] {
        refused(&r.get(path), 404, "MANIFEST_UNKNOWN");
        expect(&r.ask("HEAD", path), 404);
    }
    refused(&r.ask("DELETE", &path), 404, "MANIFEST_UNKNOWN");
    assert_eq!(json_of(&r.get("/v2/a/tags/list"))["tags"], json!(["moved", "other"]));
    assert_eq!(r.get("/v2/a/manifests/moved").text(), other.to_string());
    // its blobs stay until they are deleted themselves
    expect(&r.get(&format!("/v2/a/blobs/{}", Digest::sha256(b"v1"))), 200);
    // and it may come again
    expect(&r.put("a", "v1", &image), 201);
    assert_eq!(r.get("/v2/a/manifests/v1").text(), image.to_string());
}

/// § Deleting Manifests: one repository's word does not count for another
#[test]
fn what_is_deleted_in_one_repository_stays_in_others() {
    let r = Registry::new();
    let image = r.image("a", "v1");
    assert_eq!(r.image("b", "v1"), image);
    let digest = digest_of(&image);
    expect(&r.ask("DELETE", &format!("/v2/a/manifests/{digest}")), 202);
    expect(&r.get("/v2/b/manifests/v1"), 200);
    let layer = Digest::sha256(b"v1");
    expect(&r.ask("DELETE", &format!("/v2/a/blobs/{layer}")), 202);
    expect(&r.get(&format!("/v2/a/blobs/{layer}")), 404);
    assert_eq!(r.get(&format!("/v2/b/blobs/{layer}")).body, b"v1");
}

/// § Deleting Manifests: a child of an index
#[test]
fn a_child_may_be_deleted_from_under_its_index() {
    let r = Registry::new();
    let child = r.image("a", "child");
    expect(&r.put("a", "index", &index(&[described(&child)])), 201);
    expect(&r.ask("DELETE", &format!("/v2/a/manifests/{}", digest_of(&child))), 202);
    expect(&r.get("/v2/a/manifests/index"), 200);
    expect(&r.get("/v2/a/manifests/child"), 404);
}

/// § Deleting Blobs
#[test]
fn a_blob_that_is_deleted_is_gone_at_once() {
    let r = Registry::new();
    let digest = r.blob("a", b"blob");
    let path = format!("/v2/a/blobs/{digest}");
    expect(&r.ask("DELETE", &path), 202);
    refused(&r.get(&path), 404, "BLOB_UNKNOWN");
    expect(&r.ask("HEAD", &path), 404);
    refused(&r.ask("DELETE", &path), 404, "BLOB_UNKNOWN");
    // a manifest that points at it has to wait until it is pushed again
    let image = r.unpushed("a", "layer");
    let layer = Digest::sha256(b"layer");
    expect(&r.ask("DELETE", &format!("/v2/a/blobs/{layer}")), 202);
    refused(&r.put("a", "v1", &image), 400, "MANIFEST_BLOB_UNKNOWN");
    r.blob("a", b"layer");
    expect(&r.put("a", "v1", &image), 201);
    assert_eq!(r.get(&format!("/v2/a/blobs/{layer}")).body, b"layer");
}

#[test]
fn nothing_can_be_deleted_where_nothing_is() {
    let r = Registry::new();
    let digest = Digest::sha256(b"nothing");
    refused(&r.ask("DELETE", "/v2/none/manifests/v1"), 404, "NAME_UNKNOWN");
    refused(&r.ask("DELETE", &format!("/v2/none/manifests/{digest}")), 404, "NAME_UNKNOWN");
    refused(&r.ask("DELETE", &format!("/v2/none/blobs/{digest}")), 404, "NAME_UNKNOWN");
    refused(&r.ask("DELETE", "/v2/a/manifests/.bad"), 400, "TAG_INVALID");
    refused(&r.ask("DELETE", "/v2/a/blobs/sha256:12"), 400, "DIGEST_INVALID");
}
