//! Containers and blobs in Azure Blob storage, as Azurite plays it.

use transload_testkit::fault::FaultProxy;
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{ACCOUNT, ACCOUNT_KEY, Azurite, DockerRegistry, Pki};

use crate::support::{Said, assert_whole, azurite, every_kind, folder, only, path, push, transload};

/// A registry with two artifacts that share a layer, and their references.
fn filled() -> (DockerRegistry, Corpus, Vec<String>) {
    let source = DockerRegistry::start();
    let base = layer(200, 2_000_000);
    let mut corpus = only("team/web", "v1", image(&[base.clone(), layer(201, 9_000_000)]));
    corpus.add("team/db", "v7", image(&[base, layer(202, 100_000)]));
    push(&source.host(), &corpus);
    let references = corpus.references(&source.host());
    (source, corpus, references)
}

fn metadata(azurite: &Azurite, container: &str, blob: &str) -> Vec<(String, String)> {
    let answer = azurite.request("HEAD", &format!("{container}/{blob}"), "", &[], b"");
    assert_eq!(answer.status, 200, "{container}/{blob}");
    answer.headers
}

#[test]
fn a_container_gets_a_named_blob_from_blocks_and_an_import_deletes_it() {
    let azurite = azurite();
    azurite.create_container("first");
    let proxy = FaultProxy::start(azurite.addr());
    let (_source, corpus, references) = filled();
    let token = Sas::container("first").permissions("racwdl");
    let container = format!("{}/{ACCOUNT}/first", proxy.url());
    let to = format!("{container}?{}", token.token());
    let exported = transload().run(["export", &references[0], &references[1], "--to", &to, "--json"]).ok();
    exported.keeps_secret(&token.signature());
    let location = exported.report()["bundle"]["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with(&format!("{container}/web-and-1-more-")), "{location}");
    assert!(!location.contains('?'), "{location}");
    let name = location.rsplit('/').next().unwrap();
    // blocks, then their list: nothing is visible before the commit
    let blocks = proxy.count("PUT", "comp=block&");
    assert!(blocks >= 3, "{blocks} blocks");
    assert_eq!(proxy.count("PUT", "comp=blocklist"), 1);
    let log = proxy.log();
    let last_block = log.iter().rposition(|e| e.path.contains("comp=block&")).unwrap();
    let commit = log.iter().position(|e| e.method == "PUT" && e.path.contains("comp=blocklist")).unwrap();
    assert!(last_block < commit, "the list goes last");
    assert!(proxy.request_body_bytes() < corpus.unique_blob_bytes() + 200_000, "each blob goes once");
    assert!(
        metadata(&azurite, "first", name)
            .contains(&("x-ms-meta-category".into(), "acr-transfer-blob".into())),
        "other tools recognise it"
    );

    let again = transload().run(["export", &references[0], &references[1], "--to", &to]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());

    let target = DockerRegistry::start();
    let bundle = format!("{location}?{}", token.token());
    for command in ["inspect", "verify"] {
        transload().run([command, &bundle]).ok().keeps_secret(&token.signature());
    }
    let host = target.host();
    let arguments = ["import", &bundle, "--to", &host, "--delete-source-blob-on-success"];
    // a dry run deletes nothing
    transload().run(arguments.iter().chain(&["--dry-run"])).ok();
    assert!(azurite.get_blob("first", name).is_some());
    transload().run(arguments).ok().keeps_secret(&token.signature());
    assert_whole(&host, &corpus, "");
    assert!(azurite.get_blob("first", name).is_none(), "the bundle is deleted");
    transload().run(arguments).refused(4, "BundleNotFound");
}

#[test]
fn tokens_come_from_the_url_the_environment_or_a_file() {
    let azurite = azurite();
    azurite.create_container("tokens");
    let (_source, corpus, references) = filled();
    let token = Sas::container("tokens").permissions("racwl");
    let url = azurite.url("tokens/release.tar");
    // what copied text brings along: a question mark, white space
    let with_env = transload().env("MY_SAS", format!("?{}", token.token()));
    with_env.run(["export", &references[0], "--to", &url, "--sas-token-env", "MY_SAS"]).ok();
    let folder = folder();
    let file = path(&folder, "sas.txt");
    std::fs::write(&file, format!("{}\n", token.token())).unwrap();
    let target = DockerRegistry::start();
    let import = ["import", &url, "--sas-token-file", &file, "--to", &target.host()];
    transload().run(import).ok().keeps_secret(&token.signature());
    assert_whole(&target.host(), &only("team/web", "v1", corpus.entries[0].artifact.clone()), "");

    let unset = transload().run(["inspect", &url, "--sas-token-env", "MY_SAS"]);
    assert!(unset.refused(2, "Usage").contains("MY_SAS"));
    transload().run(["inspect", &url, "--sas-token-file", "/nowhere/sas"]).refused(2, "Usage");
    let twice = format!("{url}?{}", token.token());
    let twice = transload().run(["inspect", &twice, "--sas-token-file", &file]);
    twice.refused(2, "Usage");
    twice.keeps_secret(&token.signature());
    std::fs::write(&file, "sig-less text").unwrap();
    transload().run(["inspect", &url, "--sas-token-file", &file]).refused(5, "SasMalformed");
    let to_file = path(&folder, "x.tar");
    std::fs::write(&file, token.token()).unwrap();
    let useless = transload().run(["export", &references[0], "--to", &to_file, "--sas-token-file", &file]);
    useless.refused(2, "Usage");
}

#[test]
fn a_blob_that_is_there_is_replaced_only_when_asked_for() {
    let azurite = azurite();
    azurite.create_container("there");
    let (_source, _, references) = filled();
    let token = Sas::container("there").permissions("racwdl");
    let url = azurite.url_with("there/release.tar", &token);
    transload().run(["export", &references[0], "--to", &url]).ok();
    let before = azurite.get_blob("there", "release.tar").unwrap();
    let refused = transload().run(["export", &references[1], "--to", &url]);
    assert!(refused.refused(6, "BundleExists").contains("--overwrite-blobs"), "{}", refused.all());
    refused.keeps_secret(&token.signature());
    assert!(azurite.get_blob("there", "release.tar").unwrap() == before, "untouched");
    transload().run(["export", &references[1], "--to", &url, "--overwrite-blobs"]).ok();
    let after = azurite.get_blob("there", "release.tar").unwrap();
    assert_ne!(before.len(), after.len());

    // the same bytes as in a file
    let folder = folder();
    transload().run(["export", &references[1], "--to", &path(&folder, "same.tar")]).ok();
    assert!(std::fs::read(path(&folder, "same.tar")).unwrap() == after, "one format in every store");
}

#[test]
fn the_host_style_of_urls_works_and_so_does_a_proxy() {
    let azurite = azurite();
    azurite.create_container("hosted");
    let proxy = FaultProxy::start(azurite.addr());
    let (_source, corpus, references) = filled();
    let token = Sas::container("hosted").permissions("racwdl");
    // the account is the first label of a name that only the proxy can reach
    let url = format!("http://{ACCOUNT}.blob.store.test/hosted/nested/release.tar");
    let program = transload().env("http_proxy", proxy.url()).env("SAS", token.token());
    let done = program.run(["export", &references[0], "--to", &url, "--sas-token-env", "SAS"]).ok();
    assert!(done.stdout.contains(&url), "{}", done.stdout);
    assert!(azurite.get_blob("hosted", "nested/release.tar").is_some());
    let target = DockerRegistry::start();
    program.run(["import", &url, "--to", &target.host(), "--sas-token-env", "SAS"]).ok();
    assert_whole(&target.host(), &only("team/web", "v1", corpus.entries[0].artifact.clone()), "");
    assert!(proxy.count("PUT", "comp=blocklist") == 1 && proxy.count("GET", "release.tar") > 0);
}

#[test]
fn every_kind_of_artifact_crosses_a_container() {
    let azurite = azurite();
    azurite.create_container("kinds");
    let source = DockerRegistry::start();
    let corpus = every_kind(80_000);
    push(&source.host(), &corpus);
    let token = Sas::container("kinds").permissions("racwdl");
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    let url = azurite.url_with("kinds/all.tar", &token);
    export.extend(["--to".to_owned(), url.clone()]);
    transload().run(&export).ok();
    let target = DockerRegistry::start();
    transload().run(["import", &url, "--to", &target.host()]).ok();
    assert_whole(&target.host(), &corpus, "");
}

#[test]
fn https_with_a_certificate_of_nobody_is_refused_with_the_reason() {
    let pki = Pki::new();
    let azurite = Azurite::start_tls(&pki);
    azurite.create_container("tls");
    let token = Sas::container("tls").permissions("racwdl").https_only();
    let (_source, _, references) = filled();
    let url = azurite.url_with("tls/a.tar", &token);
    let refused = transload().run(["export", &references[0], "--to", &url]);
    assert!(refused.refused(8, "StoreUnreachable").contains("--ca-file"), "{}", refused.stderr);
    assert!(refused.stderr.contains("certificate"), "{}", refused.stderr);
    refused.keeps_secret(&token.signature());
    let folder = folder();
    let authority = path(&folder, "ca.pem");
    std::fs::write(&authority, pki.ca_pem()).unwrap();
    transload().run(["export", &references[0], "--to", &url, "--ca-file", &authority]).ok();
    transload().run(["verify", &url, "--ca-file", &authority]).ok();
    // as every program of the system takes it
    transload().env("SSL_CERT_FILE", &authority).run(["inspect", &url]).ok();
}

#[test]
fn the_accounts_key_makes_tokens_and_is_never_shown() {
    let azurite = azurite();
    azurite.create_container("keyed");
    let (_source, _, references) = filled();
    let url = azurite.url("keyed/release.tar");
    let with_env = transload().env("KEY", ACCOUNT_KEY);
    with_env
        .run(["export", &references[0], "--to", &url, "--account-key-env", "KEY"])
        .ok()
        .keeps_secret(ACCOUNT_KEY);
    let folder = folder();
    let file = path(&folder, "key.txt");
    let connection = format!("AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};");
    std::fs::write(&file, connection).unwrap();
    transload().run(["verify", &url, "--account-key-file", &file]).ok();
    std::fs::write(&file, "A".repeat(86) + "==").unwrap();
    let said = transload().run(["verify", &url, "--account-key-file", &file]);
    assert!(said.refused(5, "StoreUnauthenticated").contains("another account's"), "{}", said.all());
    std::fs::write(&file, "no key").unwrap();
    transload().run(["verify", &url, "--account-key-file", &file]).refused(5, "StoreUnauthenticated");
    let twice = ["verify", &url, "--account-key-file", &file, "--sas-token-env", "KEY"];
    transload().run(twice).refused_by_parser("--account-key-file");
    transload().run(["verify", &file, "--account-key-file", &file]).refused(2, "Usage");
}
