//! § Pushing Manifests with Subject, § Listing Referrers

use crate::support::{
    CONFIG, CONFIG_BYTES, INDEX, MANIFEST, Registry, described, descriptor, digest_of, expect, image, index,
    json_of, refused, sha512, with,
};
use serde_json::{Value, json};
use transload_oci::Digest;

/// The list of `path`, which has to be an index.
fn list(r: &Registry, path: &str) -> Vec<Value> {
    let answer = r.get(path);
    expect(&answer, 200);
    assert_eq!(answer.header("content-type"), Some(INDEX));
    let body = json_of(&answer);
    assert_eq!((&body["schemaVersion"], &body["mediaType"]), (&json!(2), &json!(INDEX)));
    body["manifests"].as_array().unwrap().clone()
}

fn digests(list: &[Value]) -> Vec<String> {
    let mut digests: Vec<String> = list.iter().map(|d| d["digest"].as_str().unwrap().to_owned()).collect();
    digests.sort();
    digests
}

/// An artifact of that type about `subject`, pushed.
fn about(r: &Registry, repository: &str, subject: &Value, artifact_type: &str) -> Value {
    r.blob(repository, CONFIG_BYTES);
    let artifact = with(image(&[]), "artifactType", json!(artifact_type));
    let artifact = with(artifact, "subject", subject.clone());
    let artifact = with(artifact, "annotations", json!({ "org.example.key": artifact_type }));
    let put = r.put(repository, &digest_of(&artifact).to_string(), &artifact);
    expect(&put, 201);
    assert_eq!(put.header("oci-subject"), subject["digest"].as_str());
    artifact
}

#[test]
fn referrers_are_described_whole() {
    let r = Registry::new();
    let subject = described(&r.image("a", "v1"));
    let path = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    assert!(list(&r, &path).is_empty());
    let artifact = about(&r, "a", &subject, "application/vnd.example.sbom");
    let expected = with(described(&artifact), "artifactType", json!("application/vnd.example.sbom"));
    let expected =
        with(expected, "annotations", json!({ "org.example.key": "application/vnd.example.sbom" }));
    assert_eq!(list(&r, &path), [expected]);
    expect(&r.ask("HEAD", &path), 200);
}

/// The type of an image is its config's where it says none; an index without one has none
#[test]
fn the_artifact_type_falls_back_to_the_configs() {
    let r = Registry::new();
    let subject = described(&r.image("a", "v1"));
    let path = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    let plain = with(r.unpushed("a", "layer"), "subject", subject.clone());
    let empty = with(plain.clone(), "artifactType", json!(""));
    let bare = with(index(&[]), "subject", subject.clone());
    let typed = with(bare.clone(), "artifactType", json!("application/vnd.example.index"));
    for (document, expected) in [
        (&plain, json!(CONFIG)),
        (&empty, json!(CONFIG)),
        (&bare, Value::Null),
        (&typed, json!("application/vnd.example.index")),
    ] {
        expect(&r.put("a", &digest_of(document).to_string(), document), 201);
        let digest = digest_of(document).to_string();
        let list = list(&r, &path);
        let found = list.iter().find(|d| d["digest"] == digest.as_str()).unwrap();
        assert_eq!(found["artifactType"], expected);
        assert_eq!(found["mediaType"], document["mediaType"]);
        assert_eq!(found["size"], document.to_string().len());
    }
}

#[test]
fn a_filter_says_that_it_was_applied() {
    let r = Registry::new();
    let subject = described(&r.image("a", "v1"));
    let path = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    let sbom = about(&r, "a", &subject, "application/vnd.example.sbom");
    let signature = about(&r, "a", &subject, "application/vnd.example.signature+json");
    assert_eq!(list(&r, &path).len(), 2);
    assert_eq!(r.get(&path).header("oci-filters-applied"), None);
    for (filter, expected) in [
        ("application/vnd.example.sbom", vec![digest_of(&sbom).to_string()]),
        ("application%2Fvnd.example.signature%2Bjson", vec![digest_of(&signature).to_string()]),
        ("application/vnd.example.other", vec![]),
    ] {
        let path = format!("{path}?artifactType={filter}");
        assert_eq!(digests(&list(&r, &path)), expected, "{filter}");
        assert_eq!(r.get(&path).header("oci-filters-applied"), Some("artifactType"));
    }
}

#[test]
fn a_subject_may_arrive_later_or_never() {
    let r = Registry::new();
    r.blob("a", CONFIG_BYTES);
    let later = image(&[]);
    let subject = described(&later);
    let artifact = about(&r, "a", &subject, "application/vnd.example.sbom");
    let path = format!("/v2/a/referrers/{}", digest_of(&later));
    assert_eq!(digests(&list(&r, &path)), [digest_of(&artifact).to_string()]);
    expect(&r.get(&format!("/v2/a/manifests/{}", digest_of(&later))), 404);
    expect(&r.put("a", "later", &later), 201);
    assert_eq!(digests(&list(&r, &path)), [digest_of(&artifact).to_string()]);
}

#[test]
fn referrers_come_and_go_as_they_are_pushed_and_deleted() {
    let r = Registry::new();
    let subject = described(&r.image("a", "v1"));
    let path = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    let first = about(&r, "a", &subject, "application/vnd.example.one");
    let second = about(&r, "a", &subject, "application/vnd.example.two");
    // once each, however often it is pushed and whatever tags it has
    about(&r, "a", &subject, "application/vnd.example.one");
    expect(&r.put("a", "tagged", &first), 201);
    assert_eq!(list(&r, &path).len(), 2);
    expect(&r.ask("DELETE", "/v2/a/manifests/tagged"), 202);
    assert_eq!(list(&r, &path).len(), 2);
    expect(&r.ask("DELETE", &format!("/v2/a/manifests/{}", digest_of(&first))), 202);
    assert_eq!(digests(&list(&r, &path)), [digest_of(&second).to_string()]);
    // of a subject that is deleted they stay, and are found again
    expect(&r.ask("DELETE", &format!("/v2/a/manifests/{}", subject["digest"].as_str().unwrap())), 202);
    assert_eq!(digests(&list(&r, &path)), [digest_of(&second).to_string()]);
    about(&r, "a", &subject, "application/vnd.example.one");
    assert_eq!(list(&r, &path).len(), 2);
}

/// Referrers of referrers, and of a subject under its other digest
#[test]
fn each_subject_has_its_own_referrers() {
    let r = Registry::new();
    let document = r.image("a", "v1");
    let subject = described(&document);
    let sbom = about(&r, "a", &subject, "application/vnd.example.sbom");
    let signature = about(&r, "a", &described(&sbom), "application/vnd.example.signature");
    let path = format!("/v2/a/referrers/{}", digest_of(&sbom));
    assert_eq!(digests(&list(&r, &path)), [digest_of(&signature).to_string()]);
    let long = sha512(document.to_string().as_bytes());
    let other = json!({ "mediaType": MANIFEST, "digest": long.to_string(), "size": 1 });
    let noted = about(&r, "a", &other, "application/vnd.example.sbom");
    assert_eq!(digests(&list(&r, &format!("/v2/a/referrers/{long}"))), [digest_of(&noted).to_string()]);
    // another repository has none of them
    r.image("b", "v1");
    assert!(list(&r, &format!("/v2/b/referrers/{}", digest_of(&document))).is_empty());
}

/// 404 would say that there is no such API
#[test]
fn nothing_is_an_empty_list_and_nonsense_is_refused() {
    let r = Registry::new();
    let digest = Digest::sha256(b"nothing");
    assert!(list(&r, &format!("/v2/none/referrers/{digest}")).is_empty());
    r.image("a", "v1");
    assert!(list(&r, &format!("/v2/a/referrers/{digest}")).is_empty());
    refused(&r.get("/v2/a/referrers/v1"), 400, "DIGEST_INVALID");
    refused(&r.get("/v2/a/referrers/sha256:12"), 400, "DIGEST_INVALID");
}

/// Many come in one answer: no page has to be asked for
#[test]
fn many_referrers_are_all_listed() {
    let r = Registry::new();
    let subject = descriptor(MANIFEST, b"subject");
    let mut expected: Vec<String> = (0..120)
        .map(|n| digest_of(&about(&r, "a", &subject, &format!("application/vnd.example.t{n}"))).to_string())
        .collect();
    expected.sort();
    let path = format!("/v2/a/referrers/{}", subject["digest"].as_str().unwrap());
    assert_eq!(digests(&list(&r, &path)), expected);
}
