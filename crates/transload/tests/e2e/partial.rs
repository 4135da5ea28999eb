//! `--continue-on-errors`: what can be moved is, whole; of what cannot there is nothing.

use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::DockerRegistry;
use transload_testkit::peers::sas::Sas;

use crate::support::{Said, assert_whole, azurite, block_on, client, folder, names, path, push, transload};
use transload_registry::Source as _;

/// Three artifacts; the second one's long layer is bad halfway, and the third shares a layer with it.
struct Spoiled {
    _source: DockerRegistry,
    proxy: FaultProxy,
    corpus: Corpus,
}

impl Spoiled {
    fn new() -> Self {
        let source = DockerRegistry::start();
        let shared = layer(600, 400_000);
        let mut corpus = Corpus::default();
        corpus.add("good", "v1", image(&[layer(601, 9_000_000), layer(602, 30_000)]));
        corpus.add("bad", "v1", image(&[shared.clone(), layer(603, 10_000_000), layer(604, 40_000)]));
        corpus.add("also-good", "v1", image(&[shared, layer(605, 20_000)]));
        push(&source.host(), &corpus);
        let proxy = FaultProxy::start(source.addr());
        let spoiled = Self { _source: source, proxy, corpus };
        let bad = spoiled.digest_of_bad();
        spoiled.proxy.add(Rule::on("GET", &format!("/blobs/{bad}")).flip_response_byte(5_000_000));
        spoiled
    }

    fn digest_of_bad(&self) -> String {
        self.corpus.entries[1].artifact.blobs[2].descriptor.digest.to_string()
    }

    fn export(&self, to: &str, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["export".to_owned()];
        arguments.extend(self.corpus.references(&self.proxy.host()));
        arguments.extend(["--to", to].map(str::to_owned));
        arguments.extend(more.iter().map(|&text| text.to_owned()));
        arguments
    }

    /// The bundle holds the good artifacts and nothing of the bad one.
    fn check(&self, location: &str, secret: &str) {
        let blobs = transload().run(["inspect", location, "--output", "json"]).ok();
        blobs.keeps_secret(secret);
        let bad = &self.corpus.entries[1].artifact;
        for digest in [bad.digest(), bad.blobs[0].descriptor.digest, bad.blobs[2].descriptor.digest] {
            let inspected: serde_json::Value = serde_json::from_str(&blobs.stdout).unwrap();
            assert!(!inspected["blobs"].to_string().contains(&digest.hex()), "{digest}: {inspected}");
        }
        transload().run(["verify", location]).ok();
        let target = DockerRegistry::start();
        let imported = transload().run(["import", location, "--to", &target.host()]).ok();
        assert!(imported.stderr.contains("bad:v1 is not in the bundle"), "{}", imported.stderr);
        let mut good = self.corpus.clone();
        good.entries.remove(1);
        assert_whole(&target.host(), &good, "");
        let there = block_on(client(&target.host()).manifest_stat("bad", "v1")).unwrap();
        assert!(there.is_none());
    }
}

#[test]
fn a_blob_that_turns_bad_halfway_takes_only_its_own_artifact_along() {
    let spoiled = Spoiled::new();
    let folder = folder();
    let to = path(&folder, "partial.tar");
    let whole = transload().run(spoiled.export(&to, &[]));
    whole.refused(7, "DigestMismatch");
    assert!(!folder.path().join("partial.tar").exists(), "all or nothing without the option");

    let report = path(&folder, "report.json");
    let arguments = spoiled.export(&to, &["--continue-on-errors", "--report", &report]);
    let partly = transload().run(&arguments);
    partly.refused(3, "DigestMismatch");
    assert!(partly.stderr.contains(&spoiled.digest_of_bad()), "{}", partly.stderr);
    assert_eq!(names(&folder), ["partial.tar", "report.json"]);
    let filed = crate::support::read_json(&report);
    let statuses: Vec<_> = filed["artifacts"].as_array().unwrap().iter().map(|a| &a["status"]).collect();
    assert_eq!(statuses, ["exported", "failed", "exported"], "{filed}");
    assert_eq!(filed["outcome"], "partial");
    spoiled.check(&to, "no secret");

    // repaired: the same command makes the whole bundle, once asked to replace the partial one
    spoiled.proxy.clear();
    transload().run(&arguments).refused(6, "BundleExists");
    transload().run(spoiled.export(&to, &["--overwrite-blobs"])).ok();
    let target = DockerRegistry::start();
    transload().run(["import", &to, "--to", &target.host()]).ok();
    assert_whole(&target.host(), &spoiled.corpus, "");
}

#[test]
fn a_container_gets_a_partial_bundle_too() {
    let azurite = azurite();
    azurite.create_container("partial");
    let spoiled = Spoiled::new();
    let token = Sas::container("partial").permissions("racwdl");
    let url = azurite.url_with("partial/p.tar", &token);
    transload().run(spoiled.export(&url, &["--continue-on-errors"])).refused(3, "DigestMismatch");
    spoiled.check(&url, &token.signature());
}

#[test]
fn what_is_missing_before_the_start_is_left_out_as_well_and_all_of_it_is_listed() {
    let spoiled = Spoiled::new();
    spoiled.proxy.clear();
    let host = spoiled.proxy.host();
    let folder = folder();
    let to = path(&folder, "p.tar");
    let wrong = [format!("{host}/good:v2"), format!("{host}/godo:v1"), format!("{host}/good:v1")];
    let arguments = ["export", &wrong[0], &wrong[1], &wrong[2], "--to", &to];
    let refused = transload().run(arguments);
    for code in ["[TagNotFound]", "[RepositoryNotFound]"] {
        assert!(refused.stderr.contains(code), "every failure is listed: {}", refused.stderr);
    }
    assert_eq!(refused.code(), 4, "both are of one kind: {}", refused.all());
    assert!(names(&folder).is_empty());
    let partly = transload().run(arguments.iter().chain(&["--continue-on-errors"]));
    partly.refused(3, "TagNotFound");
    transload().run(["verify", &to]).ok();
    // nothing at all is no partial success
    let nothing = ["export", &wrong[0], &wrong[1], "--to", &to, "--continue-on-errors"];
    transload().run(nothing).refused(4, "TagNotFound");
}

#[test]
fn an_import_continues_past_what_the_registry_refuses() {
    let spoiled = Spoiled::new();
    spoiled.proxy.clear();
    let folder = folder();
    let to = path(&folder, "all.tar");
    transload().run(spoiled.export(&to, &[])).ok();
    let target = DockerRegistry::start();
    let proxy = FaultProxy::start(target.addr());
    let body = br#"{"errors":[{"code":"MANIFEST_INVALID","message":"not this one"}]}"#;
    proxy.add(Rule::on("PUT", "/v2/bad/manifests/").answer(400, &[], body));
    let partly = transload().run(["import", &to, "--to", &proxy.host(), "--continue-on-errors"]);
    partly.refused(3, "ManifestRefused");
    let mut good = spoiled.corpus.clone();
    good.entries.remove(1);
    assert_whole(&target.host(), &good, "");
}
