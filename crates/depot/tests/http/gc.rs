//! Collecting garbage: what goes, what stays, and while others push.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transload_depot::{Care, CheckOptions, Depot, GcOptions, GcReport};
use transload_oci::Digest;
use transload_testkit::hog::wait_until;

use crate::support::{CONFIG, Fixture, INDEX, MANIFEST, image};

const EVERYTHING_OLD: GcOptions =
    GcOptions { grace: Duration::ZERO, untagged: false, uploads_idle: Duration::MAX, dry_run: false };

fn collect(f: &Fixture, depot: &Depot, options: GcOptions) -> GcReport {
    let folder = depot.folder().unwrap();
    f.runtime.block_on(folder.collect(options, CancellationToken::new())).unwrap()
}

fn index(children: &[&str]) -> String {
    let children: Vec<String> = children
        .iter()
        .map(|text| {
            let digest = Digest::sha256(text.as_bytes());
            format!(r#"{{"mediaType":"{MANIFEST}","digest":"{digest}","size":{}}}"#, text.len())
        })
        .collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, children.join(","))
}

fn status(f: &Fixture, path: &str) -> u16 {
    f.ask("HEAD", path).status
}

#[test]
fn what_a_manifest_refers_to_stays_and_the_rest_goes() {
    let depot = Depot::temporary().unwrap();
    let f = Fixture::new(depot.clone());
    f.image("a", "v1");
    let lost = f.blob("a", b"nobody refers to it");
    f.image("b", "v2");
    let untagged = f.image("a", "gone");
    assert_eq!(f.ask("DELETE", "/v2/a/manifests/gone").status, 202);
    let would = collect(&f, &depot, GcOptions { dry_run: true, ..EVERYTHING_OLD });
    assert_eq!((would.blobs_removed, would.dry_run), (1, true));
    assert_eq!(status(&f, &format!("/v2/a/blobs/{lost}")), 200);
    let did = collect(&f, &depot, EVERYTHING_OLD);
    assert_eq!(did, GcReport { dry_run: false, ..would });
    assert_eq!((did.blob_bytes_removed, did.repositories, did.manifests), (19, 2, 3));
    assert_eq!(status(&f, &format!("/v2/a/blobs/{lost}")), 404);
    for (repository, tag) in [("a", "v1"), ("b", "v2")] {
        assert_eq!(status(&f, &format!("/v2/{repository}/manifests/{tag}")), 200);
        let layer = Digest::sha256(tag.as_bytes());
        assert_eq!(f.ask("GET", &format!("/v2/{repository}/blobs/{layer}")).body, tag.as_bytes());
    }
    // without a tag it can be pulled by its digest
    let digest = Digest::sha256(untagged.as_bytes());
    assert_eq!(status(&f, &format!("/v2/a/manifests/{digest}")), 200);
    assert_eq!(collect(&f, &depot, EVERYTHING_OLD).blobs_removed, 0);
}

#[test]
fn untagged_manifests_go_when_that_is_asked_for_but_for_what_tags_lead_to() {
    let depot = Depot::temporary().unwrap();
    let f = Fixture::new(depot.clone());
    let (child, orphan) = (f.image("a", "child"), f.image("a", "orphan"));
    let inner = index(&[&child]);
    let outer = index(&[&inner]);
    let put = |tag: &str, text: &str| {
        let answer =
            f.send("PUT", &format!("/v2/a/manifests/{tag}"), &[("Content-Type", INDEX)], text.as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    put("inner", &inner);
    put("outer", &outer);
    let (config, layer) = (f.blob("a", CONFIG), f.blob("a", b"sbom"));
    let about = |subject: &str| {
        let digest = Digest::sha256(subject.as_bytes());
        let more = format!(r#","subject":{{"mediaType":"{MANIFEST}","digest":"{digest}","size":1}}"#);
        image(&config, &layer, 4, &more)
    };
    let (sbom_of_child, sbom_of_orphan) = (about(&child), about(&orphan));
    for text in [&sbom_of_child, &sbom_of_orphan] {
        let reference = Digest::sha256(text.as_bytes()).to_string();
        assert_eq!(f.manifest("a", &reference, text).status, 201);
    }
    for tag in ["child", "orphan", "inner"] {
        assert_eq!(f.ask("DELETE", &format!("/v2/a/manifests/{tag}")).status, 202);
    }
    let report = collect(&f, &depot, GcOptions { untagged: true, ..EVERYTHING_OLD });
    assert_eq!((report.manifests, report.manifests_removed), (4, 2));
    let there = |text: &str| status(&f, &format!("/v2/a/manifests/{}", Digest::sha256(text.as_bytes())));
    assert_eq!([&child, &inner, &outer, &sbom_of_child].map(|text| there(text)), [200; 4]);
    assert_eq!([&orphan, &sbom_of_orphan].map(|text| there(text)), [404; 2]);
    let referrers = f.ask("GET", &format!("/v2/a/referrers/{}", Digest::sha256(orphan.as_bytes())));
    assert!(referrers.text().contains(r#""manifests":[]"#), "{}", referrers.text());
}

#[test]
fn what_is_young_stays() {
    let depot = Depot::temporary().unwrap();
    let f = Fixture::new(depot.clone());
    let blob = f.blob("a", b"its manifest is still to come");
    let report = collect(&f, &depot, GcOptions { grace: Duration::from_secs(60), ..EVERYTHING_OLD });
    // the repository's word that it has the blob is what keeps it
    assert_eq!((report.blobs_removed, report.blobs), (0, 1));
    assert_eq!(status(&f, &format!("/v2/a/blobs/{blob}")), 200);
}

#[test]
fn uploads_that_were_given_up_go_and_empty_repositories_with_them() {
    let depot = Depot::temporary().unwrap();
    let f = Fixture::new(depot.clone());
    let session = f.session("a/b");
    assert_eq!(f.send("PATCH", &session, &[], b"some").status, 202);
    let digest = f.blob("a/b", b"deleted");
    assert_eq!(f.ask("DELETE", &format!("/v2/a/b/blobs/{digest}")).status, 202);
    let report = collect(&f, &depot, EVERYTHING_OLD);
    assert_eq!((report.uploads_removed, report.repositories_removed), (0, 0));
    let report = collect(&f, &depot, GcOptions { uploads_idle: Duration::ZERO, ..EVERYTHING_OLD });
    assert_eq!((report.uploads_removed, report.upload_bytes_removed, report.repositories_removed), (1, 4, 1));
    assert_eq!(f.ask("GET", "/v2/_catalog").text(), r#"{"repositories":[]}"#);
    // where nothing else was ever pushed, too
    f.session("only/begun");
    let report = collect(&f, &depot, GcOptions { uploads_idle: Duration::ZERO, ..EVERYTHING_OLD });
    assert_eq!((report.uploads_removed, report.repositories_removed), (1, 1));
    assert_eq!(f.blob("a/b", b"deleted"), digest, "the repository can be made again");
}

#[test]
fn a_manifest_that_cannot_be_read_keeps_everything_its_repository_has() {
    let folder = tempfile::tempdir().unwrap();
    let depot = Depot::in_folder(folder.path()).unwrap();
    let f = Fixture::new(depot.clone());
    let text = f.image("a", "v1");
    drop(f);
    drop(depot);
    let hex = Digest::sha256(text.as_bytes()).hex();
    let data = folder.path().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]));
    std::fs::write(data, "{").unwrap();
    let depot = Depot::in_folder(folder.path()).unwrap();
    let f = Fixture::new(depot.clone());
    let report = collect(&f, &depot, GcOptions { untagged: true, ..EVERYTHING_OLD });
    assert_eq!((report.blobs_removed, report.problems.len()), (0, 1));
    assert_eq!(f.ask("GET", &format!("/v2/a/blobs/{}", Digest::sha256(b"v1"))).body, b"v1");
}

#[test]
fn whoever_pushes_during_collections_loses_nothing() {
    let depot = Depot::temporary().unwrap();
    let f = Fixture::new(depot.clone());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut removed = 0;
            while !done.load(Ordering::Relaxed) {
                // without any grace: what is pushed may be gone before its manifest comes
                removed += collect(&f, &depot, EVERYTHING_OLD).blobs_removed;
            }
            removed
        });
        let pushers: Vec<_> = (0..4)
            .map(|pusher| {
                let f = &f;
                scope.spawn(move || (0..25).for_each(|image| push_until_taken(f, pusher, image)))
            })
            .collect();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        done.store(true, Ordering::Relaxed);
        collector.join().unwrap();
    });
    let folder = depot.folder().unwrap();
    let checked = folder.check(CheckOptions::default(), |_| {}, CancellationToken::new());
    let report = f.runtime.block_on(checked).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.tags, 100);
}

/// As a client does it whose manifest is refused because a blob is missing: from the start.
fn push_until_taken(f: &Fixture, pusher: usize, number: usize) {
    // contents are shared between pushers and come again after they were collected
    let content = format!("layer {}", number % 5);
    let (repository, tag) = (format!("r{}", pusher % 2), format!("p{pusher}-{number}"));
    for _ in 0..1000 {
        let (config, layer) = (f.blob(&repository, CONFIG), f.blob(&repository, content.as_bytes()));
        let more = format!(r#","annotations":{{"tag":"{tag}"}}"#);
        let answer = f.manifest(&repository, &tag, &image(&config, &layer, content.len(), &more));
        if answer.status == 201 {
            return;
        }
        assert!(answer.text().contains("MANIFEST_BLOB_UNKNOWN"), "{}", answer.text());
    }
    panic!("{repository}:{tag} was never taken");
}

#[test]
fn a_registry_that_is_looked_after_drops_what_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let first = Depot::in_folder(folder.path()).unwrap();
    let f = Fixture::new(first.clone());
    // one of an earlier process, and one of this
    let earlier = f.session("a");
    drop((f, first));
    let depot = Depot::in_folder(folder.path()).unwrap();
    let f = Fixture::new(depot.clone());
    let lost = f.blob("b", b"nobody refers to it");
    let open = f.session("b");
    let idle = Duration::from_millis(100);
    let gc = GcOptions { uploads_idle: idle, ..EVERYTHING_OLD };
    let stop = CancellationToken::new();
    let care = Care { gc_every: Some(idle), gc };
    let tending = {
        let stop = stop.clone();
        f.runtime.spawn(async move { depot.tend(care, stop).await })
    };
    let gone = |path: &str| f.ask("GET", path).status == 404;
    let all = || gone(&earlier) && gone(&open) && gone(&format!("/v2/b/blobs/{lost}"));
    // asking for a session is a use of it
    let waited = wait_until(Duration::from_secs(20), || {
        std::thread::sleep(3 * idle);
        all()
    });
    assert!(waited);
    stop.cancel();
    f.runtime.block_on(tending).unwrap();
}
