//! An independent reader and writer of the same format.

use std::process::Command;

use transload_testkit::images::{cosign_signature, image, layer, multi_arch};
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

use crate::support::{Said, assert_whole, catalog, folder, only, path, push, push_one, transload};

/// Docker's manifests travel in a bundle as they are; skopeo looks only at those of OCI types in a layout.
#[test]
fn skopeo_reads_our_bundles_as_they_are() {
    let source = DockerRegistry::start();
    let mut corpus = only("team/web", "v1", multi_arch(70, 60_000));
    corpus.add("team/db", "v2", image(&[layer(701, 400_000)]).with_tagged("sig", cosign_signature));
    push(&source.host(), &corpus);
    let folder = folder();
    let bundle = path(&folder, "all.tar");
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), bundle.clone()]);
    transload().run(&export).ok();

    let target = DockerRegistry::start();
    let host = target.host();
    let layout = path(&folder, "layout");
    for entry in &corpus.entries {
        let name = format!("{}:{}", entry.repository, entry.tag);
        let raw = skopeo_ok(&["inspect", "--raw", &format!("oci-archive:{bundle}:{name}")]);
        assert!(raw.as_bytes() == entry.artifact.manifest.bytes, "{name}: byte for byte");
        let from = format!("oci-archive:{bundle}:{name}");
        skopeo_ok(&["copy", "--all", "--preserve-digests", &from, &format!("dir:{layout}")]);
        let to = format!("docker://{host}/{name}");
        skopeo_ok(&["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
    }
    for entry in &mut corpus.entries {
        // skopeo takes what the name leads to, and no signature that stands beside it
        entry.artifact.tagged.clear();
    }
    assert_whole(&host, &corpus, "");
}

#[test]
fn we_read_what_skopeo_writes() {
    let source = DockerRegistry::start();
    let corpus = only("team/web", "v1", multi_arch(71, 60_000));
    push(&source.host(), &corpus);
    let (folder, target) = (folder(), DockerRegistry::start());
    let archive = path(&folder, "skopeo.tar");
    let from = format!("docker://{}/team/web:v1", source.host());
    let to = format!("oci-archive:{archive}:team/web:v1");
    skopeo_ok(&["copy", "--all", "--preserve-digests", "--src-tls-verify=false", &from, &to]);
    transload().run(["verify", &archive]).ok();
    let table = transload().run(["inspect", &archive]).ok().stdout;
    assert!(table.contains("team/web:v1") && table.contains("linux/arm64"), "{table}");
    transload().run(["import", &archive, "--to", &target.host()]).ok();
    assert_whole(&target.host(), &corpus, "");
    let again = transload().run(["import", &archive, "--to", &target.host()]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
}

#[test]
fn names_of_other_tools_are_taken_where_they_lead_somewhere_and_asked_for_where_they_do_not() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/web:v1", &image(&[layer(720, 40_000)]));
    let (folder, target) = (folder(), DockerRegistry::start());
    let from = format!("docker://{}/team/web:v1", source.host());
    let nameless = path(&folder, "nameless.tar");
    let to = format!("oci-archive:{nameless}");
    skopeo_ok(&["copy", "--preserve-digests", "--src-tls-verify=false", &from, &to]);
    // without a name nobody knows where it should go: that is said, or a name is made; never a crash
    let said = transload().run(["import", &nameless, "--to", &target.host()]);
    if said.status.success() {
        assert!(!catalog(&target.host()).is_empty());
    } else {
        assert!(matches!(said.code(), 2 | 7), "{}", said.all());
        assert!(said.stderr.contains("next: "), "{}", said.stderr);
        assert!(catalog(&target.host()).is_empty());
    }
}

#[test]
fn gnu_tar_lists_a_bundle() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/web:v1", &image(&[layer(730, 200_000)]));
    let folder = folder();
    let bundle = path(&folder, "web.tar");
    transload().run(["export", &format!("{}/team/web:v1", source.host()), "--to", &bundle]).ok();
    let listed = Command::new("tar").args(["-tf", &bundle]).output().unwrap();
    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
    let names = String::from_utf8(listed.stdout).unwrap();
    assert!(names.starts_with("oci-layout\nindex.json\nblobs/sha256/"), "{names}");
}
