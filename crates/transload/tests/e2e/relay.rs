//! Bundles from store to store.

use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;
use transload_testkit::peers::sas::Sas;

use crate::support::{Said, assert_whole, azurite, folder, names, only, path, push, transload};

#[test]
fn a_bundle_goes_from_a_folder_to_azure_and_back_and_is_the_same() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    let corpus = only("team/web", "v1", image(&[layer(981, 20_000_000), layer(982, 400_000)]));
    push(&source.host(), &corpus);
    let folder = folder();
    let bundle = path(&folder, "web.tar");
    transload().run(["export", &corpus.references(&source.host())[0], "--to", &bundle]).ok();

    let azurite = azurite();
    azurite.create_container("relay");
    let token = Sas::container("relay").permissions("racwdl").token();
    let container = azurite.url("relay");
    let with_token = || transload().env("SAS", &token);
    let relay = ["relay", &bundle, "--to", &container, "--sas-token-env", "SAS"];
    let said = with_token().run(relay).ok();
    assert!(said.stdout.contains("relayed"), "{}", said.all());
    assert!(!said.all().contains("sig="), "{}", said.all());
    let again = with_token().run(relay).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());

    let blob = format!("{container}/web.tar");
    let far = path(&folder, "far/");
    std::fs::create_dir(&far).unwrap();
    with_token().run(["relay", &blob, "--to", &far, "--sas-token-env", "SAS"]).ok();
    assert!(std::fs::read(&bundle).unwrap() == std::fs::read(format!("{far}web.tar")).unwrap());
    transload().run(["import", &format!("{far}web.tar"), "--to", &target.host()]).ok();
    assert_whole(&target.host(), &corpus, "");

    // within the account, and out of it into a pipe
    azurite.create_container("relay-2");
    let other = Sas::container("relay-2").permissions("racwdl").token();
    let to = azurite.url("relay-2");
    let both = with_token().env("OTHER", &other);
    both.run(["relay", &blob, "--to", &to, "--sas-token-env", "SAS", "--to-sas-token-env", "OTHER"]).ok();
    let piped = both.run(["relay", &format!("{to}/web.tar"), "--to", "-", "--sas-token-env", "OTHER"]).ok();
    assert!(piped.stderr.contains("relayed"), "{}", piped.stderr);
}

#[test]
fn what_cannot_be_relayed_is_told_and_leaves_nothing() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", image(&[layer(983, 9_000_000)]));
    push(&source.host(), &corpus);
    let folder = folder();
    let bundle = path(&folder, "web.tar");
    transload().run(["export", &corpus.references(&source.host())[0], "--to", &bundle]).ok();
    let mut bytes = std::fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path(&folder, "bad.tar"), &bytes).unwrap();
    let damaged = transload().run(["relay", &path(&folder, "bad.tar"), "--to", &path(&folder, "out.tar")]);
    assert_eq!(damaged.code(), 7, "{}", damaged.all());
    assert!(damaged.stderr.contains("sha256:"), "it names the content: {}", damaged.stderr);
    let gone = transload().run(["relay", &path(&folder, "wbe.tar"), "--to", &path(&folder, "out.tar")]);
    assert_eq!(gone.code(), 4, "{}", gone.all());
    assert!(gone.stderr.contains("web.tar"), "the nearest name: {}", gone.stderr);
    std::fs::write(path(&folder, "notes.txt"), "not a bundle").unwrap();
    let there = transload().run(["relay", &bundle, "--to", &path(&folder, "notes.txt")]);
    assert_eq!(there.code(), 6, "{}", there.all());
    assert!(there.stderr.contains("--overwrite-blobs"), "{}", there.stderr);
    assert_eq!(names(&folder), ["bad.tar", "notes.txt", "web.tar"]);
}
