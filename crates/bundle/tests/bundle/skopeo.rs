//! skopeo reads our bundles as they are, and we read what it writes.

use std::path::Path;
use std::process::Command;

use transload_oci::{Digest, Manifest};

use crate::support::{Sample, open, read};

fn skopeo(from: &str, to: &str, work: &Path) {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "--tmpdir"]).arg(work).args(["copy", "--preserve-digests", from, to]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn sample() -> Sample {
    // an empty tar: skopeo wants to see layers that it can tell from other things
    let layers = [vec![0; 1024], vec![0; 10_240]];
    let mut sample = Sample::default();
    let digest = sample.image("team/app", Some("v1"), &layers);
    sample.referrer(digest, Some("sha256-abc.sig"));
    sample.image("team/other", Some("v2"), &layers[..1]);
    sample
}

#[test]
fn skopeo_copies_an_image_out_of_a_bundle() {
    let sample = sample();
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("bundle.tar");
    std::fs::write(&file, sample.bundle(&[], Some(1 << 20))).unwrap();
    for (n, name) in ["team/app:v1", "team/other:v2"].into_iter().enumerate() {
        let out = work.path().join(format!("out-{n}"));
        skopeo(
            &format!("oci-archive:{}:{name}", file.display()),
            &format!("dir:{}", out.display()),
            work.path(),
        );
        let manifest = std::fs::read(out.join("manifest.json")).unwrap();
        assert_eq!(Some(Digest::sha256(&manifest)), sample.transfer.artifacts[n].digest);
        let manifest = Manifest::parse(None, None, manifest.into()).unwrap();
        for blob in &manifest.view.children.blobs {
            let bytes = std::fs::read(out.join(blob.digest.hex())).unwrap();
            assert_eq!(bytes, sample.content[&blob.digest]);
        }
    }
}

#[test]
fn we_read_what_skopeo_packs() {
    let sample = sample();
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("bundle.tar");
    std::fs::write(&file, sample.bundle(&[], None)).unwrap();
    let archive = work.path().join("skopeo.tar");
    skopeo(
        &format!("oci-archive:{}:team/app:v1", file.display()),
        &format!("oci-archive:{}:r.example/team/app:v1", archive.display()),
        work.path(),
    );
    let bytes = std::fs::read(archive).unwrap();
    let bundle = open(&bytes).unwrap();
    assert!(bundle.transfer.is_none());
    let [root] = bundle.roots.as_slice() else { panic!("{:?}", bundle.roots) };
    assert_eq!(Some(root.descriptor.digest), sample.transfer.artifacts[0].digest);
    assert_eq!(
        (root.registry.as_deref(), root.repository.as_deref(), root.tag.as_deref()),
        (Some("r.example"), Some("team/app"), Some("v1"))
    );
    for digest in bundle.catalog.keys() {
        assert_eq!(read(&bundle, &bytes, digest), sample.content[digest]);
    }
    assert_eq!(bundle.catalog.len(), 4);
}

#[test]
fn we_read_a_layout_of_skopeo_packed_by_tar() {
    let sample = sample();
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("bundle.tar");
    std::fs::write(&file, sample.bundle(&[], None)).unwrap();
    let layout = work.path().join("layout");
    for (n, name) in ["team/app:v1", "team/other:v2"].into_iter().enumerate() {
        let to = format!("oci:{}:tag{n}", layout.display());
        skopeo(&format!("oci-archive:{}:{name}", file.display()), &to, work.path());
    }
    for (format, members) in [("gnu", "."), ("pax", "./"), ("ustar", "."), ("v7", ".")] {
        let mut command = Command::new("tar");
        command.arg("-C").arg(&layout).args([&format!("--format={format}"), "-cf", "-", members]);
        let output = command.output().unwrap();
        assert!(output.status.success());
        let bundle = open(&output.stdout).unwrap();
        let tags: Vec<_> = bundle.roots.iter().map(|root| root.tag.as_deref()).collect();
        assert_eq!(tags, [Some("tag0"), Some("tag1")], "{format}");
        for digest in bundle.catalog.keys() {
            assert_eq!(read(&bundle, &output.stdout, digest), sample.content[digest]);
        }
    }
}
