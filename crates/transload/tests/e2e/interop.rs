//! What other programs do with our bundles, and we with theirs. docs/interop.md has the table.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use transload_testkit::images::{Corpus, docker_image, image, layer, multi_arch};
use transload_testkit::peers::{DockerRegistry, skopeo_ok};

use crate::support::{assert_whole, folder, only, path, push, transload};

/// Runs another program in a folder; it must succeed.
fn run(folder: &TempDir, program: &str, arguments: &[&str]) -> Output {
    let done = Command::new(program).args(arguments).current_dir(folder.path()).output();
    let done = done.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done
}

/// `all.tar` in the folder: an image for several platforms, one of a single one, one of Docker's types.
fn exported(folder: &TempDir) -> Corpus {
    let source = DockerRegistry::start();
    let mut corpus = only("team/web", "v1", multi_arch(980, 60_000));
    corpus.add("team/db", "v2", image(&[layer(981, 300_000), layer(982, 10)]));
    corpus.add("old/app", "7", docker_image(&[layer(983, 90_000)]));
    push(&source.host(), &corpus);
    let mut export = vec!["export".to_owned()];
    export.extend(corpus.references(&source.host()));
    export.extend(["--to".to_owned(), path(folder, "all.tar")]);
    transload().run(&export).ok();
    corpus
}

fn import(bundle: &str, corpus: &Corpus) {
    let target = DockerRegistry::start();
    transload().run(["verify", bundle]).ok();
    transload().run(["import", bundle, "--to", &target.host()]).ok();
    assert_whole(&target.host(), corpus, "");
}

/// Every blob of a corpus is in an unpacked layout, byte for byte.
fn assert_unpacked(layout: &Path, corpus: &Corpus) {
    for blob in corpus.unique_blobs() {
        let file = layout.join(blob.descriptor.digest.layout_path());
        assert!(std::fs::read(&file).unwrap() == blob.bytes(), "{}", file.display());
    }
}

/// Unpacked by another tar and packed anew by it, in its own order and with its own headers.
fn there_and_back(program: &str, formats: &[&str]) {
    let folder = folder();
    let corpus = exported(&folder);
    let layout = folder.path().join("layout");
    std::fs::create_dir(&layout).unwrap();
    run(&folder, program, &["-C", "layout", "-xf", "all.tar"]);
    assert_unpacked(&layout, &corpus);
    import(layout.to_str().unwrap(), &corpus);
    for format in formats {
        let option = format!("--format={format}");
        let packed = format!("{format}.tar");
        run(&folder, program, &["-C", "layout", &option, "-cf", &packed, "."]);
        import(&path(&folder, &packed), &corpus);
        let name = format!("oci-archive:{}:team/db:v2", path(&folder, &packed));
        skopeo_ok(&["inspect", "--raw", &name]);
    }
    run(&folder, program, &["-C", "layout", "-czf", "packed.tar.gz", "index.json", "oci-layout", "blobs"]);
    import(&path(&folder, "packed.tar.gz"), &corpus);
}

#[test]
fn gnu_tar_reads_ours_and_what_it_packs_is_read() {
    there_and_back("tar", &["gnu", "posix", "ustar"]);
}

#[test]
fn bsdtar_reads_ours_and_what_it_packs_is_read() {
    there_and_back("bsdtar", &["pax", "ustar", "gnutar"]);
}

#[test]
fn python_reads_ours_and_what_it_packs_is_read() {
    let folder = folder();
    let corpus = exported(&folder);
    let script = r#"
import hashlib, io, sys, tarfile
with tarfile.open("all.tar", "r:") as tar:
    files = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}
for name, content in files.items():
    if name.startswith("blobs/sha256/"):
        assert hashlib.sha256(content).hexdigest() == name.rsplit("/", 1)[1], name
for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
    with tarfile.open(f"packed-{kind}.tar", "w:", format=kind) as tar:
        for name in sorted(files, reverse=True):
            member = tarfile.TarInfo("./" + name)
            member.size, member.mtime = len(files[name]), 1700000000.5 if kind == tarfile.PAX_FORMAT else 1700000000
            tar.addfile(member, io.BytesIO(files[name]))
print(len(files))
"#;
    let counted = run(&folder, "python3", &["-c", script]);
    let count: usize = String::from_utf8(counted.stdout).unwrap().trim().parse().unwrap();
    assert!(count > corpus.unique_blobs().len(), "{count}");
    for kind in 0..3 {
        import(&path(&folder, &format!("packed-{kind}.tar")), &corpus);
    }
}

#[test]
fn skopeo_reads_ours_and_its_three_kinds_are_read() {
    let folder = folder();
    let corpus = exported(&folder);
    let (source, bundle) = (DockerRegistry::start(), path(&folder, "all.tar"));
    for entry in corpus.entries.iter().filter(|entry| entry.repository != "old/app") {
        let name = format!("{}:{}", entry.repository, entry.tag);
        let to = format!("docker://{}/{name}", source.host());
        let from = format!("oci-archive:{bundle}:{name}");
        skopeo_ok(&["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &from, &to]);
        let one = only(&entry.repository, &entry.tag, entry.artifact.clone());
        assert_whole(&source.host(), &one, "");
        for (kind, at) in [("oci-archive", "one.tar"), ("oci", "one")] {
            let at = path(&folder, at);
            let there = format!("{kind}:{at}:{name}");
            skopeo_ok(&["copy", "--all", "--preserve-digests", "--src-tls-verify=false", &to, &there]);
            import(&at, &one);
            let _ = std::fs::remove_file(&at);
            let _ = std::fs::remove_dir_all(&at);
        }
    }
    // a docker-archive loses the manifest; what skopeo copies out of the target again has the same layers
    let archive = path(&folder, "saved.tar");
    let from = format!("docker://{}/team/db:v2", source.host());
    skopeo_ok(&["copy", "--src-tls-verify=false", &from, &format!("docker-archive:{archive}:team/db:v2")]);
    let target = DockerRegistry::start();
    transload().run(["import", &archive, "--to", &target.host()]).ok();
    let config = |host: &str| {
        skopeo_ok(&[
            "inspect",
            "--config",
            "--raw",
            "--tls-verify=false",
            &format!("docker://{host}/team/db:v2"),
        ])
    };
    assert_eq!(config(&source.host()), config(&target.host()));
    let back = format!("docker-archive:{}:team/db:v2", path(&folder, "back.tar"));
    let imported = format!("docker://{}/team/db:v2", target.host());
    skopeo_ok(&["copy", "--src-tls-verify=false", &imported, &back]);
}
