//! `registry serve` over a folder, as its clients use it.

use serde_json::Value;
use transload_testkit::images::{image, layer, multi_arch};
use transload_testkit::peers::skopeo_ok;

use crate::support::{
    Said, Served, assert_whole, catalog, every_kind, folder, only, path, push, push_one, transload,
};

fn served(data: &str) -> Served {
    Served::start(&transload(), &["--data", data])
}

fn tags(registry: &Served, repository: &str) -> Vec<String> {
    let answer = registry.request("GET", &format!("/v2/{repository}/tags/list"), &[]);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

#[test]
fn skopeo_copies_lists_and_deletes() {
    let (source, target) = (folder(), folder());
    let (here, there) = (served(&path(&source, "data")), served(&path(&target, "data")));
    let mut corpus = only("team/web", "v1", multi_arch(90, 60_000));
    corpus.add("team/web", "v2", image(&[layer(901, 300_000)]));
    push(&here.host(), &corpus);
    for entry in &corpus.entries {
        let name = format!("{}:{}", entry.repository, entry.tag);
        let (from, to) =
            (format!("docker://{}/{name}", here.host()), format!("docker://{}/{name}", there.host()));
        let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
        skopeo_ok(&["copy", "--all", "--preserve-digests", tls[0], tls[1], &from, &to]);
        let raw = skopeo_ok(&["inspect", "--raw", "--tls-verify=false", &to]);
        assert!(raw.as_bytes() == entry.artifact.manifest.bytes, "{name}: byte for byte");
    }
    assert_whole(&there.host(), &corpus, "");
    let repository = format!("docker://{}/team/web", there.host());
    let listed: Value =
        serde_json::from_str(&skopeo_ok(&["list-tags", "--tls-verify=false", &repository])).unwrap();
    assert_eq!(listed["Tags"], serde_json::json!(["v1", "v2"]));
    skopeo_ok(&["delete", "--tls-verify=false", &format!("{repository}:v1")]);
    assert_eq!(tags(&there, "team/web"), ["v2"]);
    assert_eq!(there.request("GET", "/v2/team/web/manifests/v1", &[]).status, 404);
}

/// Out of one and into another, by bundle and directly; what is there already is not moved again.
#[test]
fn transload_exports_imports_and_copies_in_both_roles() {
    let data = folder();
    let corpus = every_kind(40_000);
    let source = served(&path(&data, "source"));
    push(&source.host(), &corpus);
    let bundle = path(&data, "all.tar");
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), bundle.clone()]);
    transload().run(&export).ok();
    let imported = served(&path(&data, "imported"));
    transload().run(["import", &bundle, "--to", &imported.host()]).ok();
    assert_whole(&imported.host(), &corpus, "");
    let again = transload().run(["import", &bundle, "--to", &imported.host()]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());

    let copied = served(&path(&data, "copied"));
    let mut copy = vec!["copy".to_owned()];
    copy.extend(corpus.references(&imported.host()));
    copy.extend(["--to".to_owned(), copied.host()]);
    transload().run(&copy).ok();
    assert_whole(&copied.host(), &corpus, "");
    assert_eq!(catalog(&copied.host()), catalog(&source.host()));
}

/// What was pushed is served by the next process, too.
#[test]
fn a_registry_that_is_started_again_has_everything() {
    let data = folder();
    let corpus = every_kind(10_000);
    let place = path(&data, "data");
    let first = served(&place);
    push(&first.host(), &corpus);
    drop(first);
    assert_whole(&served(&place).host(), &corpus, "");
}

/// The same image from many at once, under tags of their own, while others list them.
#[test]
fn pushes_of_the_same_blobs_at_once_all_succeed() {
    let data = folder();
    let registry = served(&path(&data, "data"));
    let artifact = image(&[layer(902, 2_000_000), layer(903, 500_000)]);
    std::thread::scope(|scope| {
        let host = registry.host();
        for n in 0..6 {
            let (host, artifact) = (host.clone(), artifact.clone());
            let repository = ["team/one", "team/two"][n % 2];
            scope.spawn(move || push_one(&host, &format!("{repository}:v{n}"), &artifact));
        }
        for _ in 0..40 {
            let answer = registry.request("GET", "/v2/team/one/tags/list", &[]);
            assert!(answer.status == 404 || answer.text().contains("\"tags\":["), "{}", answer.text());
            if answer.status == 200 {
                for tag in tags(&registry, "team/one") {
                    // a tag that is listed can be pulled
                    let path = format!("/v2/team/one/manifests/{tag}");
                    assert_eq!(registry.request("GET", &path, &[]).status, 200);
                }
            }
        }
    });
    assert_eq!(tags(&registry, "team/one"), ["v0", "v2", "v4"]);
    let mut corpus = only("team/one", "v0", artifact.clone());
    corpus.add("team/two", "v5", artifact);
    assert_whole(&registry.host(), &corpus, "");
}
