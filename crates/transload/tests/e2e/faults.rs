//! A bad line between the program and its peers: what can be mended is, with little sent twice; what cannot is
//! told, and nothing half done is visible.

use std::time::Duration;

use tempfile::TempDir;
use transload_testkit::cli::Finished;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::DockerRegistry;
use transload_testkit::peers::sas::Sas;

use crate::support::{
    OwnRegistry, Said, assert_whole, azurite, catalog, folder, names, only, path, push, transload,
};

/// Bytes that may pass twice: what was under way when something broke.
const SLACK_BYTES: u64 = 3_000_000;
const LAYER_BYTES: u64 = 12_000_000;

fn corpus() -> Corpus {
    only("team/web", "v1", image(&[layer(400, LAYER_BYTES), layer(401, 300_000), layer(402, 90_000)]))
}

/// The path of the long layer's requests.
fn layer_path(corpus: &Corpus) -> String {
    format!("/blobs/{}", corpus.entries[0].artifact.blobs[1].descriptor.digest)
}

/// What the uploads of the long layer have in their query.
fn layer_hex(corpus: &Corpus) -> String {
    corpus.entries[0].artifact.blobs[1].descriptor.digest.hex()
}

/// A registry behind a proxy, and a bundle made while nothing was wrong.
struct Near {
    _source: DockerRegistry,
    proxy: FaultProxy,
    corpus: Corpus,
    folder: TempDir,
    sound: Vec<u8>,
}

impl Near {
    fn new() -> Self {
        let source = DockerRegistry::start();
        let corpus = corpus();
        push(&source.host(), &corpus);
        let proxy = FaultProxy::start(source.addr());
        let folder = folder();
        let mut near = Self { _source: source, proxy, corpus, folder, sound: Vec::new() };
        near.export("sound.tar").ok();
        near.sound = std::fs::read(path(&near.folder, "sound.tar")).unwrap();
        near
    }

    fn export(&self, name: &str) -> Finished {
        let artifact = &self.corpus.references(&self.proxy.host())[0];
        transload().run(["export", artifact, "--to", &path(&self.folder, name)])
    }

    /// With these rules the export still succeeds, ends in the same bytes, and takes little more of the source than
    /// the artifact is long.
    fn mended(&self, what: &str, rules: impl IntoIterator<Item = Rule>) -> Finished {
        let handles: Vec<_> = rules.into_iter().map(|rule| self.proxy.add(rule)).collect();
        self.proxy.forget();
        let done = self.export("mended.tar");
        assert!(done.status.success(), "{what}: {}", done.all());
        assert!(handles.iter().all(|handle| handle.fired() > 0), "{what}: no fault happened");
        let file = path(&self.folder, "mended.tar");
        assert!(std::fs::read(&file).unwrap() == self.sound, "{what}: other bytes");
        let (taken, due) = (self.proxy.response_body_bytes(), self.sound.len() as u64);
        assert!(taken < due + SLACK_BYTES, "{what}: {taken} bytes taken for {due}");
        std::fs::remove_file(file).unwrap();
        self.proxy.clear();
        assert_eq!(names(&self.folder), ["sound.tar"], "{what}");
        done
    }
}

#[test]
fn a_broken_download_is_taken_up_where_it_broke() {
    let near = Near::new();
    let blob = layer_path(&near.corpus);
    let get = || Rule::on("GET", &blob);
    near.mended("cut", [get().nth(1).cut_response_after(5_000_000)]);
    assert!(near.proxy.log().iter().any(|e| e.header("range").is_some()), "the rest is asked for by Range");
    near.mended("cut often", [get().first(4).cut_response_after(2_000_000)]);
    near.mended("stalls for a while", [get().nth(1).stall_response_after(1_000_000, Some(secs(2)))]);
    near.mended("hangs up", [get().first(2).drop_connection()]);
    near.mended("500", [get().first(2).status(500)]);
    near.mended("503", [get().first(2).status(503), Rule::on("GET", "/manifests/").nth(1).status(502)]);
    let limited = near.mended("429", [Rule::on("GET", "/manifests/").nth(1).retry_after(429, 2)]);
    assert!(limited.duration >= secs(2), "{:?}", limited.duration);
    near.mended("HEAD fails", [Rule::on("HEAD", "/blobs/").first(2).status(503)]);
    // a registry that knows no ranges: what was had is passed over, at the price of a second download
    near.proxy.add(get().nth(1).cut_response_after(5_000_000));
    near.proxy.add(get().without_request_header("range"));
    near.export("whole.tar").ok();
    assert!(std::fs::read(path(&near.folder, "whole.tar")).unwrap() == near.sound);
}

#[test]
fn wrong_bytes_reach_no_bundle_and_the_next_run_mends_it() {
    let near = Near::new();
    let blob = layer_path(&near.corpus);
    let faults = [
        Rule::on("GET", &blob).flip_response_byte(LAYER_BYTES / 2),
        Rule::on("GET", &blob).flip_response_byte(0),
        Rule::on("GET", &blob).truncate_response_at(4_000_000),
        Rule::on("GET", "/manifests/sha256:").flip_response_byte(40),
        Rule::on("GET", "/manifests/v1").flip_response_byte(40),
    ];
    for (number, rule) in faults.into_iter().enumerate() {
        let on_tag = number == 4;
        let handle = near.proxy.add(rule);
        let refused = near.export("bad.tar");
        if handle.fired() == 0 {
            // manifests of one image are asked for by tag or by digest, not both
            refused.ok();
        } else if on_tag {
            // what it names then is not there
            assert!(!refused.status.success(), "{}", refused.all());
        } else {
            refused.refused(7, "DigestMismatch");
            assert!(refused.stderr.contains("team/web"), "{}", refused.stderr);
        }
        if handle.fired() > 0 {
            assert!(!near.folder.path().join("bad.tar").exists(), "fault {number}");
        }
        near.proxy.clear();
        near.export("bad.tar").ok();
        assert!(std::fs::read(path(&near.folder, "bad.tar")).unwrap() == near.sound, "fault {number}");
        assert_eq!(names(&near.folder), ["bad.tar", "sound.tar"], "nothing else is left");
        std::fs::remove_file(path(&near.folder, "bad.tar")).unwrap();
    }
}

#[test]
fn what_lasts_is_told_with_its_cause() {
    let near = Near::new();
    let blob = layer_path(&near.corpus);
    near.proxy.add(Rule::on("*", &blob).status(404));
    near.export("x.tar").refused(4, "BlobNotFound");
    near.proxy.clear();
    let body = br#"{"errors":[{"code":"DENIED","message":"the vault is closed on Sundays"}]}"#;
    near.proxy.add(Rule::on("*", &blob).answer(403, &[("Content-Type", "application/json")], body));
    let denied = near.export("x.tar");
    denied.refused(5, "Denied");
    near.proxy.clear();
    near.proxy.add(Rule::on("*", "/manifests/").answer(403, &[("Content-Type", "application/json")], body));
    let denied = near.export("x.tar");
    denied.refused(5, "Denied");
    assert!(denied.stderr.contains("closed on Sundays"), "in its own words: {}", denied.stderr);
    near.proxy.clear();
    near.proxy.add(Rule::on("*", "/v2/").status(401));
    near.export("x.tar").refused(5, "Unauthorized");
    assert!(!near.folder.path().join("x.tar").exists());
}

/// A bundle, and an empty registry behind a proxy.
struct Far {
    target: DockerRegistry,
    proxy: FaultProxy,
    corpus: Corpus,
    bundle: String,
    _folder: TempDir,
}

impl Far {
    fn new() -> Self {
        let source = DockerRegistry::start();
        let corpus = corpus();
        push(&source.host(), &corpus);
        let folder = folder();
        let bundle = path(&folder, "web.tar");
        transload().run(["export", &corpus.references(&source.host())[0], "--to", &bundle]).ok();
        let target = DockerRegistry::start();
        let proxy = FaultProxy::start(target.addr());
        Self { target, proxy, corpus, bundle, _folder: folder }
    }

    /// With these rules an import to a prefix of its own still succeeds.
    fn mended(&self, prefix: &str, resent_bytes_max: u64, rules: impl IntoIterator<Item = Rule>) {
        let handles: Vec<_> = rules.into_iter().map(|rule| self.proxy.add(rule)).collect();
        self.proxy.forget();
        // no blob is there for mounting: each prefix stands in a registry that has nothing
        let to = format!("{}/{prefix}", self.proxy.host());
        let done = transload().run(["import", &self.bundle, "--to", &to]);
        assert!(done.status.success(), "{prefix}: {}", done.all());
        assert!(handles.iter().all(|handle| handle.fired() > 0), "{prefix}: no fault happened");
        assert_whole(&self.target.host(), &self.corpus, &format!("{prefix}/"));
        let (sent, due) = (self.proxy.request_body_bytes(), self.corpus.unique_blob_bytes());
        assert!(sent < due + 50_000 + resent_bytes_max, "{prefix}: {sent} bytes sent for {due}");
        self.proxy.clear();
    }
}

#[test]
fn a_broken_upload_goes_on_from_the_registrys_own_offset() {
    let far = Far::new();
    let own = OwnRegistry::start();
    let proxy = FaultProxy::start(own.addr);
    let cut = proxy.add(Rule::on("*", "/uploads/").cut_request_after(3_000_000));
    transload().run(["import", &far.bundle, "--to", &proxy.host()]).ok();
    assert!(cut.fired() > 4 && proxy.count("PATCH", "/uploads/") > 2, "it was cut again and again");
    assert_whole(&own.addr.to_string(), &far.corpus, "");
    let (sent, due) = (proxy.request_body_bytes(), far.corpus.unique_blob_bytes());
    assert!(sent < due + SLACK_BYTES, "{sent} bytes sent for {due}");

    // a registry that forgets what it had gets it once more
    let hex = layer_hex(&far.corpus);
    let cut = Rule::on("PUT", &hex).nth(1).cut_request_after(5_000_000);
    far.mended("cut", 5_000_000 + SLACK_BYTES, [cut]);
}

#[test]
fn answers_that_fail_or_get_lost_are_asked_for_again() {
    let far = Far::new();
    let whole = LAYER_BYTES + SLACK_BYTES;
    far.mended("post-500", whole, [Rule::on("POST", "/uploads/").first(2).status(500)]);
    far.mended("post-503", whole, [Rule::on("POST", "/uploads/").first(2).status(503)]);
    far.mended("post-429", whole, [Rule::on("POST", "/uploads/").nth(1).retry_after(429, 1)]);
    far.mended("put-lost", whole, [Rule::on("PUT", "/uploads/").nth(1).lose_answer()]);
    far.mended("post-lost", whole, [Rule::on("POST", "/uploads/").nth(1).lose_answer()]);
    far.mended("manifest-lost", whole, [Rule::on("PUT", "/manifests/").nth(1).lose_answer()]);
    far.mended("manifest-503", whole, [Rule::on("PUT", "/manifests/").first(2).status(503)]);
    far.mended("head-503", whole, [Rule::on("HEAD", "/").first(2).status(503)]);
    // a limit on bodies makes it send in chunks
    far.mended("chunks", 3 * LAYER_BYTES, [Rule::on("*", "/uploads/").refuse_body_over(2_000_000)]);
}

#[test]
fn a_registry_that_gets_wrong_bytes_shows_nothing_of_them() {
    let far = Far::new();
    for method in ["PATCH", "PUT"] {
        far.proxy.add(Rule::on(method, "/uploads/").flip_request_byte(LAYER_BYTES / 2));
    }
    let refused = transload().run(["import", &far.bundle, "--to", &far.proxy.host()]);
    assert!(matches!(refused.code(), 7 | 8), "{}", refused.all());
    assert!(refused.stderr.contains("next: "), "{}", refused.stderr);
    let digest = far.corpus.entries[0].artifact.blobs[1].descriptor.digest;
    let asked = |what: &str| far.target.request("HEAD", &format!("/v2/team/web/{what}"), &[], b"").status;
    assert_eq!((asked(&format!("blobs/{digest}")), asked("manifests/v1")), (404, 404));
    // in pieces as well: a registry that refuses the whole at its end is not sent it for ever
    far.proxy.clear();
    far.proxy.forget();
    far.proxy.add(Rule::on("*", "/uploads/").refuse_body_over(5_000_000));
    far.proxy.add(Rule::on("PATCH", "/uploads/").flip_request_byte(1_000));
    let refused = transload().run(["import", &far.bundle, "--to", &far.proxy.host()]);
    assert!(matches!(refused.code(), 7 | 8), "{}", refused.all());
    assert!(far.proxy.request_body_bytes() < 12 * LAYER_BYTES, "{}", far.proxy.request_body_bytes());
    assert_eq!((asked(&format!("blobs/{digest}")), asked("manifests/v1")), (404, 404));
    far.proxy.clear();
    transload().run(["import", &far.bundle, "--to", &far.proxy.host()]).ok();
    assert_whole(&far.target.host(), &far.corpus, "");
}

#[test]
fn a_refused_manifest_comes_with_the_registrys_own_words() {
    let far = Far::new();
    let body = br#"{"errors":[{"code":"MANIFEST_INVALID","message":"policy: images need an owner label"}]}"#;
    far.proxy.add(Rule::on("PUT", "/manifests/").answer(400, &[("Content-Type", "application/json")], body));
    let refused = transload().run(["import", &far.bundle, "--to", &far.proxy.host()]);
    refused.refused(7, "ManifestRefused");
    assert!(refused.stderr.contains("images need an owner label"), "{}", refused.stderr);
    assert!(catalog(&far.target.host()).iter().all(|name| name != "library"), "no tag");
}

#[test]
fn storage_that_fails_now_and_then_is_asked_again() {
    let azurite = azurite();
    azurite.create_container("shaky");
    let near = Near::new();
    let proxy = FaultProxy::start(azurite.addr());
    let token = Sas::container("shaky").permissions("racwdl");
    let url = |name: &str| format!("{}/devstoreaccount1/shaky/{name}?{}", proxy.url(), token.token());
    let artifact = near.corpus.references(&near.proxy.host()).remove(0);
    let block = || Rule::on("PUT", "comp=block&");
    let list = || Rule::on("PUT", "comp=blocklist");
    let faults: [(&str, Rule); 8] = [
        ("500.tar", block().first(2).status(500)),
        ("503.tar", block().first(2).status(503)),
        ("busy.tar", block().nth(1).retry_after(503, 1)),
        ("cut.tar", block().nth(2).cut_request_after(100_000)),
        ("lost.tar", block().nth(1).lose_answer()),
        ("drop.tar", block().first(2).drop_connection()),
        ("list-500.tar", list().first(2).status(500)),
        // it was carried out, and the second attempt must not take the blob for somebody else's
        ("list-lost.tar", list().nth(1).lose_answer()),
    ];
    for (name, rule) in faults {
        let handle = proxy.add(rule);
        let done = transload().run(["export", &artifact, "--to", &url(name)]);
        assert!(done.status.success() && handle.fired() > 0, "{name}: {}", done.all());
        assert!(azurite.get_blob("shaky", name).unwrap() == near.sound, "{name}: other bytes");
        done.keeps_secret(&token.signature());
        proxy.clear();
    }
    let target = DockerRegistry::start();
    let rules = [
        Rule::on("GET", "500.tar").nth(2).cut_response_after(1_000_000),
        Rule::on("GET", "500.tar").nth(3).status(503),
        Rule::on("GET", "500.tar").nth(4).truncate_response_at(1_000),
        Rule::on("HEAD", "500.tar").nth(1).status(500),
    ];
    let handles = rules.map(|rule| proxy.add(rule));
    transload().run(["import", &url("500.tar"), "--to", &target.host()]).ok();
    assert!(handles.iter().all(|handle| handle.fired() > 0));
    assert_whole(&target.host(), &near.corpus, "");

    // wrong bytes on the way out of the store
    proxy.clear();
    let other = DockerRegistry::start();
    proxy.add(Rule::on("GET", "500.tar").flip_response_byte(200_000));
    let refused = transload().run(["import", &url("500.tar"), "--to", &other.host()]);
    assert_eq!(refused.code(), 7, "{}", refused.all());
    assert_eq!(other.request("HEAD", "/v2/team/web/manifests/v1", &[], b"").status, 404);
}

/// Longest pause that is taken for a slow line: all three wait at once.
#[test]
fn a_line_that_falls_silent_is_given_up_and_taken_anew() {
    let azurite = azurite();
    azurite.create_container("silent");
    let (near, far) = (Near::new(), Far::new());
    let store = FaultProxy::start(azurite.addr());
    let token = Sas::container("silent").permissions("racwdl");
    let url = format!("{}/devstoreaccount1/silent/a.tar?{}", store.url(), token.token());
    let artifact = &near.corpus.references(&near.proxy.host())[0];
    let file = path(&near.folder, "a.tar");
    let handles = [
        near.proxy
            .add(Rule::on("GET", &layer_path(&near.corpus)).nth(1).stall_response_after(1_000_000, None)),
        far.proxy.add(Rule::on("PUT", &layer_hex(&far.corpus)).nth(1).stall_request_after(1_000_000, None)),
        store.add(Rule::on("PUT", "comp=block&").nth(1).stall_request_after(1_000, None)),
    ];
    let (first, second, third) = (transload(), transload(), transload());
    let running = [
        first.spawn(["export", artifact, "--to", &file]),
        second.spawn(["import", &far.bundle, "--to", &far.proxy.host()]),
        third.spawn(["export", artifact, "--to", &url]),
    ];
    for program in running {
        program.wait().ok();
    }
    assert!(handles.iter().all(|handle| handle.fired() > 0));
    assert!(std::fs::read(file).unwrap() == near.sound);
    assert!(azurite.get_blob("silent", "a.tar").unwrap() == near.sound);
    assert_whole(&far.target.host(), &far.corpus, "");
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
