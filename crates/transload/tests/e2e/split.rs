//! `transload split`: a bundle for each repository, and parts that are one bundle still.

use serde_json::Value;
use transload_testkit::images::{Corpus, cosign_signature, image, layer, multi_arch, sbom};
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

use crate::support::{Said, assert_whole, folder, names, only, path, push, read_json, transload};

/// Two repositories that share a layer, one with signatures, and a bundle `all.tar` of them.
fn exported(folder: &tempfile::TempDir) -> (DockerRegistry, Corpus) {
    let source = DockerRegistry::start();
    let base = layer(970, 200_000);
    let web =
        image(&[base.clone(), layer(971, 120_000)]).with_tagged("sig", cosign_signature).with_referrer(sbom);
    let mut corpus = only("team/web", "v1", web);
    corpus.add("team/web", "v2", image(&[base.clone(), layer(972, 50_000)]));
    corpus.add("other/db", "7", image(&[base, layer(973, 300_000)]));
    push(&source.host(), &corpus);
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), path(folder, "all.tar")]);
    transload().run(&export).ok();
    (source, corpus)
}

fn of_repository(corpus: &Corpus, repository: &str) -> Corpus {
    let mut part = Corpus::default();
    for entry in corpus.entries.iter().filter(|entry| entry.repository == repository) {
        part.add(&entry.repository, &entry.tag, entry.artifact.clone());
    }
    part
}

#[test]
fn each_repository_gets_a_bundle_that_is_the_export_of_it() {
    let folder = folder();
    let (source, corpus) = exported(&folder);
    let out = path(&folder, "out/");
    let arguments = ["split", &path(&folder, "all.tar"), "--by", "repo", "--to", &out, "--output", "json"];
    let dry = transload().run(arguments.iter().chain(&["--dry-run"])).ok();
    assert!(!std::path::Path::new(&out).exists(), "{}", dry.stdout);
    let said = transload().run(arguments).ok();
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let bundles: Vec<String> = report["bundles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["target"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((bundles.len(), &report["outcome"]), (2, &"succeeded".into()));
    for (bundle, repository) in bundles.iter().zip(["other/db", "team/web"]) {
        let part = of_repository(&corpus, repository);
        transload().run(["verify", bundle]).ok();
        let target = DockerRegistry::start();
        transload().run(["import", bundle, "--to", &target.host()]).ok();
        assert_whole(&target.host(), &part, "");
        // byte for byte what an export of the repository would have been
        let direct = path(&folder, "direct.tar");
        let mut export = vec!["export".to_owned()];
        export.extend(part.references(&source.host()));
        export.extend(["--to".to_owned(), direct.clone()]);
        transload().run(&export).ok();
        assert!(std::fs::read(bundle).unwrap() == std::fs::read(&direct).unwrap(), "{repository}");
        std::fs::remove_file(direct).unwrap();
    }
    skopeo_ok(&["inspect", "--raw", &format!("oci-archive:{}:other/db:7", bundles[0])]);
    let again: Value = serde_json::from_str(&transload().run(arguments).ok().stdout).unwrap();
    assert_eq!(again["outcome"], "unchanged");
}

#[test]
fn parts_are_the_bundle_and_a_second_run_writes_only_what_is_missing() {
    let folder = folder();
    let (_, corpus) = exported(&folder);
    let (bundle, out) = (path(&folder, "all.tar"), path(&folder, "stick"));
    std::fs::create_dir(&out).unwrap();
    let arguments = ["split", &bundle, "--size", "200KiB", "--to", &out];
    let said = transload().run(arguments).ok();
    assert!(said.stdout.contains("all.tar.001") && said.stdout.contains("written"), "{}", said.stdout);
    let whole = std::fs::read(&bundle).unwrap();
    let part = |n: usize| format!("{out}/all.tar.{n:03}");
    let count = whole.len().div_ceil(200 * 1024);
    let joined: Vec<u8> = (1..=count).flat_map(|n| std::fs::read(part(n)).unwrap()).collect();
    assert!(joined == whole && !std::path::Path::new(&part(count + 1)).exists());

    std::fs::remove_file(part(2)).unwrap();
    let again = transload().run(arguments.iter().chain(&["--output", "json"])).ok();
    let report: Value = serde_json::from_str(&again.stdout).unwrap();
    let unchanged: Vec<bool> =
        report["parts"].as_array().unwrap().iter().map(|part| part["unchanged"].as_bool().unwrap()).collect();
    assert_eq!(unchanged, (1..=count).map(|n| n != 2).collect::<Vec<_>>());

    // a wrong byte in the bundle does not get onto a stick
    let mut bent = whole.clone();
    let content =
        corpus.entries[0].artifact.blobs.iter().map(|blob| blob.bytes()).max_by_key(Vec::len).unwrap();
    let at = bent.windows(content.len()).position(|window| window == content).unwrap();
    bent[at + 1000] ^= 1;
    std::fs::write(path(&folder, "bent.tar"), bent).unwrap();
    let elsewhere = path(&folder, "elsewhere/");
    transload()
        .run(["split", &path(&folder, "bent.tar"), "--size", "200KiB", "--to", &elsewhere])
        .refused(7, "BundleDamaged");

    // a part that is something else is not written over unless that is asked for
    std::fs::write(part(1), "mine").unwrap();
    transload().run(arguments).refused(6, "BundleExists");
    assert_eq!(std::fs::read(part(1)).unwrap(), b"mine");
    transload().run(arguments.iter().chain(&["--overwrite-blobs"])).ok();

    let target = DockerRegistry::start();
    transload().run(["import", &part(1), "--to", &target.host()]).ok();
    assert_whole(&target.host(), &corpus, "");
    // parts can be cut anew
    let smaller = path(&folder, "smaller/");
    transload().run(["split", &part(1), "--size", "100KiB", "--to", &smaller]).ok();
    transload().run(["verify", &format!("{smaller}all.tar.001")]).ok();
}

#[test]
fn a_bundle_of_some_platforms_is_split_as_it_is() {
    let folder = folder();
    let source = DockerRegistry::start();
    push(&source.host(), &only("team/web", "v1", multi_arch(975, 60_000)));
    let (bundle, out) = (path(&folder, "one.tar"), path(&folder, "out/"));
    let reference = format!("{}/team/web:v1", source.host());
    transload().run(["export", &reference, "--platform", "linux/amd64", "--to", &bundle]).ok();
    let said = transload().run(["split", &bundle, "--by", "repo", "--to", &out, "--output", "json"]).ok();
    let report: Value = serde_json::from_str(&said.stdout).unwrap();
    let made = report["bundles"][0]["target"].as_str().unwrap();
    transload().run(["verify", made]).ok();
    let artifacts = |bundle: &str| -> Value {
        let said = transload().run(["inspect", bundle, "--output", "json"]).ok();
        serde_json::from_str::<Value>(&said.stdout).unwrap()["artifacts"].take()
    };
    assert_eq!(artifacts(made), artifacts(&bundle));
}

#[test]
fn what_cannot_be_split_is_told() {
    let folder = folder();
    exported(&folder);
    let (bundle, out) = (path(&folder, "all.tar"), path(&folder, "out/"));
    let before = names(&folder);
    transload().run(["split", &bundle, "--to", &out]).refused_by_parser("--by");
    for (arguments, says) in [
        (&["--size", "1GiB", "--to", &out][..], "one part"),
        (&["--size", "12", "--to", &out], "too short"),
        (&["--by", "repo", "--to", &bundle], "several"),
    ] {
        let refused = transload().run([&["split", &bundle], arguments].concat());
        refused.refused(2, "Usage");
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
    // a layout whose image has a tag and no repository
    let nameless = path(&folder, "nameless.tar");
    skopeo_ok(&[
        "copy",
        &format!("oci-archive:{bundle}:other/db:7"),
        &format!("oci-archive:{nameless}:seven"),
    ]);
    let refused = transload().run(["split", &nameless, "--by", "repo", "--to", &out]);
    refused.refused(2, "ReferenceInvalid");
    assert!(refused.stderr.contains("in no repository"), "{}", refused.stderr);
    let report = path(&folder, "report.json");
    transload().run(["verify", &nameless, "--report", &report]).ok();
    assert_eq!(read_json(&report)["outcome"], "succeeded");
    assert_eq!(names(&folder).len(), before.len() + 2);
}
