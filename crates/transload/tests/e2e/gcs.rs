//! Buckets of Google Cloud Storage, as fake-gcs-server plays it.

use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::{DockerRegistry, FakeGcs};

use crate::support::{Said, assert_whole, only, push, transload};

fn filled() -> (DockerRegistry, Corpus) {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", image(&[layer(720, 3_000_000), layer(721, 5_000_000)]));
    push(&source.host(), &corpus);
    (source, corpus)
}

#[test]
fn a_bundle_goes_through_a_bucket() {
    let (source, corpus) = filled();
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let program = transload().env("STORAGE_EMULATOR_HOST", gcs.url());
    let reference = &corpus.references(&source.host())[0];
    let exported = program.run(["export", reference, "--to", "gs://transfer", "--json"]).ok();
    let location = exported.report()["bundle"]["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with("gs://transfer/web-v1-"), "{location}");
    assert_eq!(gcs.count("transfer", ""), 1, "one object, and no block");
    let again = program.run(["export", reference, "--to", "gs://transfer"]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    for command in ["inspect", "verify"] {
        program.run([command, &location]).ok();
    }
    let target = DockerRegistry::start();
    let import = ["import", &location, "--to", &target.host(), "--delete-source-blob-on-success"];
    program.run(import).ok();
    assert_whole(&target.host(), &corpus, "");
    assert_eq!(gcs.count("transfer", ""), 0, "the bundle is deleted");
    program.run(import).refused(4, "BundleNotFound");
}

#[test]
fn an_export_goes_on_after_a_kill_and_replaces_only_when_asked_to() {
    let (source, corpus) = filled();
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(source.addr());
    let reference = &corpus.references(&proxy.host())[0];
    let url = gcs.url();
    let export = |name: &str| {
        ["export", reference, "--to", name, "--endpoint", &url, "--anonymous", "--memory-max", "2MiB"]
            .map(str::to_owned)
    };
    transload().run(export("gs://transfer/sound.tar")).ok();
    let sound = gcs.get_object("transfer", "sound.tar").unwrap();
    let total = proxy.response_body_bytes();

    proxy.add(Rule::on("GET", "/blobs/").throttle(1_500_000));
    let before = proxy.response_body_bytes();
    let slow = export("gs://transfer/killed.tar");
    transload().spawn(&slow).kill_when(|| proxy.response_body_bytes() - before >= total * 3 / 4);
    // the kill may come behind the commit
    let visible = gcs.get_object("transfer", "killed.tar");
    assert!(visible.is_none_or(|bytes| bytes == sound), "something else than a whole bundle is visible");
    proxy.clear();
    let before = proxy.response_body_bytes();
    transload().run(&slow).ok();
    assert!(gcs.get_object("transfer", "killed.tar").unwrap() == sound, "the same bundle");
    let again = proxy.response_body_bytes() - before;
    assert!(again < total * 3 / 4, "{again} of {total} were fetched again");
    assert_eq!(gcs.count("transfer", "killed.tar"), 1, "no block stays");

    gcs.put_object("transfer", "theirs.tar", b"something else");
    let refused = transload().run(export("gs://transfer/theirs.tar"));
    assert!(refused.refused(6, "BundleExists").contains("--overwrite-blobs"), "{}", refused.all());
    assert_eq!(gcs.get_object("transfer", "theirs.tar").unwrap(), b"something else");
    let asked: Vec<_> =
        export("gs://transfer/theirs.tar").into_iter().chain(["--overwrite-blobs".to_owned()]).collect();
    transload().run(asked).ok();
    assert!(gcs.get_object("transfer", "theirs.tar").unwrap() == sound);
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let program = transload().env("STORAGE_EMULATOR_HOST", gcs.addr().to_string());
    program.run(["inspect", "gs://transfer/none.tar"]).refused(4, "BundleNotFound");
    let next = program.run(["inspect", "gs://transfers/none.tar"]).refused(4, "ContainerNotFound");
    assert!(next.contains("bucket's name"), "{next}");
    program.run(["inspect", "gs://transfer/x.tar", "--region", "x"]).refused(2, "Usage");
    let missing = transload().env("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json");
    let said = missing.run(["inspect", "gs://transfer/x.tar"]);
    assert!(said.refused(5, "StoreUnauthenticated").contains("service account"), "{}", said.all());
    let url = "http://store.example";
    let said = missing.run(["inspect", "gs://transfer/x.tar", "--endpoint", url]);
    assert!(said.refused(5, "StoreUnauthenticated").contains("--anonymous"), "{}", said.all());
}
