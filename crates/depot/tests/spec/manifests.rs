//! § Pushing Manifests

use crate::support::{
    CONFIG_BYTES, DOCKER, INDEX, LAYER, MANIFEST, Registry, described, descriptor, digest_of, expect, image,
    index, json_of, refused, sha512, with,
};
use serde_json::{Value, json};
use transload_depot::Limits;
use transload_oci::Digest;

#[test]
fn a_manifest_is_taken_by_tag_and_by_digest() {
    let r = Registry::new();
    let image = r.unpushed("a/b", "layer");
    let digest = digest_of(&image);
    for reference in ["v1", "v2", &digest.to_string()] {
        let put = r.put("a/b", reference, &image);
        expect(&put, 201);
        assert_eq!(put.header("docker-content-digest"), Some(digest.to_string().as_str()));
        let location = put.header("location").unwrap();
        assert_eq!(location, format!("/v2/a/b/manifests/{digest}"));
        assert_eq!(r.get(location).text(), image.to_string());
        assert_eq!((put.header("oci-subject"), put.header("oci-tag")), (None, None));
    }
    let tags = json_of(&r.get("/v2/a/b/tags/list"));
    assert_eq!(tags["tags"], json!(["v1", "v2"]));
}

#[test]
fn a_tag_moves_and_what_it_pointed_at_stays() {
    let r = Registry::new();
    let (first, second) = (r.image("a", "first"), r.image("a", "second"));
    expect(&r.put("a", "v1", &first), 201);
    expect(&r.put("a", "v1", &second), 201);
    assert_eq!(r.get("/v2/a/manifests/v1").text(), second.to_string());
    assert_eq!(r.get(&format!("/v2/a/manifests/{}", digest_of(&first))).text(), first.to_string());
}

/// A manifest that is put by its digest takes tags along
#[test]
fn tags_may_come_with_a_digest() {
    let r = Registry::new();
    let image = r.unpushed("a", "layer");
    for digest in [digest_of(&image), sha512(image.to_string().as_bytes())] {
        let put = r.put("a", &format!("{digest}?tag=one&tag=two.2&tag=one"), &image);
        expect(&put, 201);
        let tags: Vec<&str> =
            put.headers.iter().filter(|(name, _)| name == "oci-tag").map(|(_, tag)| tag.as_str()).collect();
        assert!(tags.contains(&"one") && tags.contains(&"two.2"), "{tags:?}");
        for tag in ["one", "two.2"] {
            let answer = r.get(&format!("/v2/a/manifests/{tag}"));
            assert_eq!(answer.header("docker-content-digest"), Some(digest.to_string().as_str()));
        }
    }
    refused(&r.put("a", &format!("{}?tag=.bad&tag=good", digest_of(&image)), &image), 400, "TAG_INVALID");
    expect(&r.get("/v2/a/manifests/good"), 404);
}

#[test]
fn a_manifest_of_another_digest_is_refused() {
    let r = Registry::new();
    let image = r.unpushed("a", "layer");
    for digest in [Digest::sha256(b"other"), sha512(b"other")] {
        refused(&r.put("a", &digest.to_string(), &image), 400, "DIGEST_INVALID");
        expect(&r.get(&format!("/v2/a/manifests/{digest}")), 404);
    }
}

#[test]
fn a_manifest_may_have_a_sha512_digest() {
    let r = Registry::new();
    let text = r.unpushed("a", "layer").to_string();
    let digest = sha512(text.as_bytes());
    let path = format!("/v2/a/manifests/{digest}");
    let put = r.send("PUT", &path, &[("Content-Type", MANIFEST)], text.as_bytes());
    expect(&put, 201);
    assert_eq!(put.header("docker-content-digest"), Some(digest.to_string().as_str()));
    assert_eq!(r.get(&path).text(), text);
    expect(&r.get(&format!("/v2/a/manifests/{}", Digest::sha256(text.as_bytes()))), 404);
    expect(&r.ask("DELETE", &path), 202);
    expect(&r.ask("HEAD", &path), 404);
}

/// Blobs have to be there first; manifests of an index, foreign layers and the subject do not.
#[test]
fn a_manifest_whose_blobs_are_missing_is_refused() {
    let r = Registry::new();
    let missing = descriptor(LAYER, b"missing");
    r.blob("a", CONFIG_BYTES);
    let refusal = r.put("a", "v1", &image(std::slice::from_ref(&missing)));
    refused(&refusal, 400, "MANIFEST_BLOB_UNKNOWN");
    assert!(refusal.text().contains(missing["digest"].as_str().unwrap()), "{}", refusal.text());
    expect(&r.get("/v2/a/manifests/v1"), 404);
    // what another repository has does not count
    r.blob("b", b"missing");
    refused(&r.put("a", "v1", &image(std::slice::from_ref(&missing))), 400, "MANIFEST_BLOB_UNKNOWN");
    refused(&r.put("c", "v1", &image(&[])), 400, "MANIFEST_BLOB_UNKNOWN");
    let foreign = descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar", b"missing");
    expect(&r.put("a", "foreign", &image(&[foreign])), 201);
    let elsewhere = with(missing, "urls", json!(["https://elsewhere.example/layer"]));
    expect(&r.put("a", "urls", &image(&[elsewhere])), 201);
}

#[test]
fn indexes_may_be_empty_nested_and_sparse() {
    let r = Registry::new();
    let child = described(&r.image("a", "child"));
    let absent = descriptor(MANIFEST, b"absent");
    let inner = index(&[child.clone(), absent.clone()]);
    expect(&r.put("a", "inner", &inner), 201);
    for (tag, document) in
        [("empty", index(&[])), ("nested", index(&[described(&inner), child])), ("sparse", index(&[absent]))]
    {
        expect(&r.put("a", tag, &document), 201);
        let answer = r.get(&format!("/v2/a/manifests/{tag}"));
        assert_eq!(answer.header("content-type"), Some(INDEX));
        assert_eq!(answer.text(), document.to_string());
    }
}

#[test]
fn artifacts_of_every_shape_are_taken() {
    let r = Registry::new();
    let empty = descriptor("application/vnd.oci.empty.v1+json", CONFIG_BYTES);
    r.blob("a", CONFIG_BYTES);
    let artifact = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example+type",
        "config": empty, "layers": [empty], "x-extra": { "deep": [1, null] }
    });
    let inline = with(image(&[]), "config", with(empty, "data", json!("e30=")));
    let no_layers = image(&[]);
    for (tag, document) in [("artifact", artifact), ("inline", inline), ("no-layers", no_layers)] {
        expect(&r.put("a", tag, &document), 201);
        assert_eq!(r.get(&format!("/v2/a/manifests/{tag}")).text(), document.to_string(), "{tag}");
    }
}

#[test]
fn docker_manifests_keep_their_media_types() {
    let r = Registry::new();
    let image = with(r.unpushed("a", "layer"), "mediaType", json!(DOCKER));
    expect(&r.put("a", "v1", &image), 201);
    let list_type = "application/vnd.docker.distribution.manifest.list.v2+json";
    let list = with(index(&[described(&image)]), "mediaType", json!(list_type));
    expect(&r.put("a", "list", &list), 201);
    for (tag, media_type) in [("v1", DOCKER), ("list", list_type)] {
        assert_eq!(r.get(&format!("/v2/a/manifests/{tag}")).header("content-type"), Some(media_type));
    }
    let schema1 = json!({ "schemaVersion": 1, "name": "a", "tag": "old", "fsLayers": [] }).to_string();
    for media_type in ["application/vnd.docker.distribution.manifest.v1+prettyjws", "application/json"] {
        let put = r.send("PUT", "/v2/a/manifests/old", &[("Content-Type", media_type)], schema1.as_bytes());
        refused(&put, 400, "MANIFEST_INVALID");
    }
}

/// `Content-Type`: its parameters do not count, and it has to be the document's `mediaType`
#[test]
fn the_content_type_is_the_manifests_media_type() {
    let r = Registry::new();
    let image = r.unpushed("a", "layer");
    let text = image.to_string();
    let put = |tag: &str, media_type: Option<&str>, text: &str| {
        let headers: Vec<_> = media_type.map(|media_type| ("Content-Type", media_type)).into_iter().collect();
        r.send("PUT", &format!("/v2/a/manifests/{tag}"), &headers, text.as_bytes())
    };
    expect(&put("parameter", Some(&format!("{MANIFEST}; charset=utf-8")), &text), 201);
    expect(&put("none", None, &text), 201);
    expect(&put("plain", Some("application/json"), &text), 201);
    for tag in ["parameter", "none", "plain"] {
        assert_eq!(r.get(&format!("/v2/a/manifests/{tag}")).header("content-type"), Some(MANIFEST), "{tag}");
    }
    refused(&put("other", Some(DOCKER), &text), 400, "MANIFEST_INVALID");
    refused(&put("other", Some(INDEX), &text), 400, "MANIFEST_INVALID");
    expect(&r.get("/v2/a/manifests/other"), 404);
}

/// A document without `mediaType` is of the type it was pushed as, in each repository
#[test]
fn a_document_that_does_not_say_its_media_type_keeps_the_one_it_came_with() {
    let r = Registry::new();
    let mut texts = Vec::new();
    for (repository, media_type) in [("a", DOCKER), ("b", MANIFEST)] {
        let mut image = r.unpushed(repository, "layer");
        image.as_object_mut().unwrap().remove("mediaType");
        texts.push(image.to_string());
        let path = format!("/v2/{repository}/manifests/v1");
        expect(&r.send("PUT", &path, &[("Content-Type", media_type)], image.to_string().as_bytes()), 201);
    }
    assert_eq!(texts[0], texts[1]);
    for (repository, media_type) in [("a", DOCKER), ("b", MANIFEST), ("a", DOCKER)] {
        let answer = r.get(&format!("/v2/{repository}/manifests/v1"));
        assert_eq!(answer.header("content-type"), Some(media_type), "{repository}");
    }
}

#[test]
fn what_is_no_manifest_is_refused() {
    let r = Registry::new();
    r.blob("a", CONFIG_BYTES);
    for text in ["", "<html>", "[]", "{}", "\"text\"", "{\"schemaVersion\":2}", "{\"config\":7}"] {
        let put = r.send("PUT", "/v2/a/manifests/v1", &[("Content-Type", "text/html")], text.as_bytes());
        refused(&put, 400, "MANIFEST_INVALID");
    }
    for broken in [
        with(image(&[]), "layers", json!([{ "mediaType": LAYER, "digest": "sha256:12", "size": 1 }])),
        with(image(&[]), "layers", json!("none")),
        with(image(&[]), "subject", json!(1)),
    ] {
        refused(&r.put("a", "v1", &broken), 400, "MANIFEST_INVALID");
    }
    expect(&r.get("/v2/a/manifests/v1"), 404);
}

/// The bound is at least 4 MiB; above it: 413
#[test]
fn a_manifest_has_room_up_to_the_bound() {
    let r = Registry::new();
    let max = Limits::default().manifest_bytes_max;
    assert!(max >= 4 << 20);
    let padded = |len: usize| -> Value {
        let bare = with(image(&[]), "annotations", json!({ "pad": "" }));
        let pad = "x".repeat(len - bare.to_string().len());
        with(image(&[]), "annotations", json!({ "pad": pad }))
    };
    r.blob("a", CONFIG_BYTES);
    let fits = padded(max);
    assert_eq!(fits.to_string().len(), max);
    expect(&r.put("a", "fits", &fits), 201);
    assert!(r.get("/v2/a/manifests/fits").body == fits.to_string().into_bytes());
    refused(&r.put("a", "larger", &padded(max + 1)), 413, "SIZE_INVALID");
    let streamed = r.stream(
        "PUT",
        "/v2/a/manifests/streamed",
        &format!("Content-Type: {MANIFEST}\r\n"),
        fits.to_string().as_bytes(),
    );
    assert!(streamed.starts_with("HTTP/1.1 201"), "{streamed}");
}
