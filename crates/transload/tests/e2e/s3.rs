//! Buckets of S3, as moto plays it.

use std::fs;

use transload_testkit::cli::Cli;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::{DockerRegistry, Moto, MotoKey};

use crate::support::{Said, assert_whole, folder, only, path, push, transload};

/// Two artifacts that share a layer, of more than one part's length.
fn filled() -> (DockerRegistry, Corpus) {
    let source = DockerRegistry::start();
    let base = layer(700, 7_000_000);
    let mut corpus = only("team/web", "v1", image(&[base.clone(), layer(701, 12_000_000)]));
    corpus.add("team/db", "v7", image(&[base, layer(702, 100_000)]));
    push(&source.host(), &corpus);
    (source, corpus)
}

/// The program with a key and an endpoint in its environment.
fn signed(url: &str, key: &MotoKey) -> Cli {
    transload()
        .env("AWS_ENDPOINT_URL_S3", url)
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
}

fn any_key() -> MotoKey {
    MotoKey { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "hunter2hunter2".to_owned() }
}

fn export(references: &[String], to: &str, more: &[&str]) -> Vec<String> {
    let mut arguments = vec!["export".to_owned()];
    arguments.extend_from_slice(references);
    arguments.extend(["--to", to].map(str::to_owned));
    arguments.extend(more.iter().map(|&m| m.to_owned()));
    arguments
}

#[test]
fn a_bundle_goes_through_a_bucket_that_checks_every_signature() {
    let (source, corpus) = filled();
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let key = moto.lock(&["s3:*"]);
    let program = signed(&moto.url(), &key);
    let references = corpus.references(&source.host());
    let exported = program.run(export(&references, "s3://transfer", &["--json"])).ok();
    exported.keeps_secret(&key.secret);
    let location = exported.report()["bundle"]["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with("s3://transfer/web-and-1-more-"), "{location}");
    let again = program.run(export(&references, "s3://transfer", &[])).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());

    for command in ["inspect", "verify"] {
        program.run([command, &location]).ok().keeps_secret(&key.secret);
    }
    let target = DockerRegistry::start();
    let import = ["import", &location, "--to", &target.host(), "--delete-source-blob-on-success"];
    program.run(import).ok();
    assert_whole(&target.host(), &corpus, "");
    program.run(import).refused(4, "BundleNotFound");
}

#[test]
fn the_bundle_is_the_one_that_a_file_would_be_and_is_replaced_only_when_asked_for() {
    let (source, corpus) = filled();
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let program = signed(&moto.url(), &any_key());
    let references = corpus.references(&source.host());
    program.run(export(&references[..1], "s3://transfer/folder/web.tar", &[])).ok();
    let first = moto.get_object("transfer", "folder/web.tar").unwrap();
    let folder = folder();
    fs::write(path(&folder, "web.tar"), &first).unwrap();
    transload().run(["verify", &path(&folder, "web.tar")]).ok();

    let refused = program.run(export(&references, "s3://transfer/folder/web.tar", &[]));
    assert!(refused.refused(6, "BundleExists").contains("--overwrite-blobs"), "{}", refused.all());
    assert!(moto.get_object("transfer", "folder/web.tar").unwrap() == first, "it is as it was");
    program.run(export(&references, "s3://transfer/folder/web.tar", &["--overwrite-blobs"])).ok();
    assert!(moto.get_object("transfer", "folder/web.tar").unwrap() != first);
    assert_eq!(moto.get_object("transfer", "folder/web.tar.partial.blocks"), None, "no ledger stays");
    assert_eq!(moto.uploads("transfer"), 0, "no upload stays");
}

#[test]
fn an_export_goes_on_after_a_kill() {
    let (source, corpus) = filled();
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let program = signed(&moto.url(), &any_key());
    let proxy = FaultProxy::start(source.addr());
    let references = corpus.references(&proxy.host());
    let arguments = |to: &str| export(&references, to, &["--memory-max", "24MiB", "--concurrency", "1"]);
    program.run(arguments("s3://transfer/sound.tar")).ok();
    let sound = moto.get_object("transfer", "sound.tar").unwrap();
    let total = proxy.response_body_bytes();

    proxy.add(Rule::on("GET", "/blobs/").throttle(3_000_000));
    proxy.forget();
    let slow = arguments("s3://transfer/killed.tar");
    program.spawn(&slow).kill_when(|| proxy.response_body_bytes() >= total * 9 / 10);
    // the kill may come behind the commit
    let visible = moto.get_object("transfer", "killed.tar");
    assert!(visible.is_none_or(|bytes| bytes == sound), "something else than a whole bundle is visible");
    let before = proxy.response_body_bytes();
    proxy.clear();
    program.run(&slow).ok();
    assert!(moto.get_object("transfer", "killed.tar").unwrap() == sound, "the same bundle");
    let again = proxy.response_body_bytes() - before;
    assert!(again < total * 3 / 4, "{again} of {total} were fetched again");
    assert_eq!(moto.get_object("transfer", "killed.tar.partial.blocks"), None, "no ledger stays");
    assert_eq!(moto.uploads("transfer"), 0, "no upload stays");
}

#[test]
fn an_export_that_failed_keeps_what_it_had() {
    let (source, corpus) = filled();
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let program = signed(&moto.url(), &any_key());
    let proxy = FaultProxy::start(source.addr());
    let references = corpus.references(&proxy.host());
    let arguments = |to: &str| export(&references, to, &["--concurrency", "1"]);
    program.run(arguments("s3://transfer/a.tar")).ok();
    let last = proxy.matching("GET", "/blobs/").last().unwrap().path.clone();
    let total = proxy.response_body_bytes();
    proxy.forget();
    proxy.add(Rule::on("GET", &last).status(404));
    assert_ne!(program.run(arguments("s3://transfer/b.tar")).code(), 0);
    let first = proxy.response_body_bytes();
    assert!(first > 6_000_000, "a layer was fetched: {first}");
    proxy.clear();
    program.run(arguments("s3://transfer/b.tar")).ok();
    let second = proxy.response_body_bytes() - first;
    assert!(second < total - 6_000_000, "{second} of {total} after {first}: a layer came twice");
    assert!(moto.get_object("transfer", "a.tar") == moto.get_object("transfer", "b.tar"), "the same bundle");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let (source, corpus) = filled();
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let key = moto.lock(&["s3:GetObject", "s3:ListBucket"]);
    let references = corpus.references(&source.host());
    let to = |program: &Cli, location: &str| program.run(export(&references[..1], location, &[]));
    let good = signed(&moto.url(), &key);
    let next = to(&good, "s3://transfers/b.tar").refused(4, "ContainerNotFound");
    assert!(next.contains("bucket's name"), "{next}");
    let next = to(&good, "s3://transfer/b.tar").refused(5, "StoreDenied");
    assert!(next.contains("s3:PutObject"), "{next}");
    let wrong = signed(&moto.url(), &MotoKey { secret: "hunter2hunter2".to_owned(), ..key.clone() });
    let said = to(&wrong, "s3://transfer/b.tar");
    assert!(said.refused(5, "StoreUnauthenticated").contains("secret access key"), "{}", said.all());
    said.keeps_secret("hunter2hunter2");
    to(&signed(&moto.url(), &any_key()), "s3://transfer/b.tar").refused(5, "StoreUnauthenticated");

    let half = transload().env("AWS_ACCESS_KEY_ID", "x");
    assert!(to(&half, "s3://transfer/b.tar").refused(5, "CredentialInvalid").contains("set both"));
    let folder = folder();
    fs::write(
        path(&folder, "credentials"),
        "[work]\naws_access_key_id=A\naws_secret_access_key=hunter2hunter2\n",
    )
    .unwrap();
    let profile = |name: &str| {
        transload()
            .env("AWS_SHARED_CREDENTIALS_FILE", path(&folder, "credentials"))
            .env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_PROFILE", name)
    };
    to(&profile("wrok"), "s3://transfer/b.tar").refused(5, "CredentialInvalid");
    to(&profile("work"), "s3://transfer/b.tar").refused(5, "StoreUnauthenticated");

    let token = good.env("SAS", "sv=2024-11-04&sig=abc");
    let said = token.run(export(&references[..1], "s3://transfer/b.tar", &["--sas-token-env", "SAS"]));
    said.refused(2, "Usage");
    transload().run(["inspect", "x.tar", "--endpoint", "https://x.example"]).refused(2, "Usage");
    let inherited = transload().env("AWS_ENDPOINT_URL", "http://store.example");
    let next = to(&inherited, "s3://transfer/b.tar").refused(2, "LocationInvalid");
    assert!(next.contains("--endpoint"), "{next}");
}

#[test]
fn a_relay_within_a_store_is_read_here_and_copied_there() {
    let (source, corpus) = filled();
    let moto = Moto::start();
    moto.create_bucket("inbox");
    moto.create_bucket("outbox");
    let proxy = FaultProxy::start(moto.addr());
    let program = signed(&proxy.url(), &any_key());
    program.run(export(&corpus.references(&source.host()), "s3://inbox/b.tar", &[])).ok();
    let bundle = moto.get_object("inbox", "b.tar").unwrap();
    proxy.forget();
    program.run(["relay", "s3://inbox/b.tar", "--to", "s3://outbox/b.tar"]).ok();
    assert!(moto.get_object("outbox", "b.tar").unwrap() == bundle, "the same bundle");
    let parts = proxy.matching("PUT", "partNumber=");
    assert!(parts.len() > 1 && parts.iter().all(|p| p.header("x-amz-copy-source").is_some()), "copied");
    assert!(proxy.request_body_bytes() < 100_000, "no content goes up: {}", proxy.request_body_bytes());
    assert_eq!(moto.uploads("outbox"), 0);
}
