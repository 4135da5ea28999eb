//! The main job: what was exported is imported, byte for byte, and only once.

use std::sync::Arc;

use crate::support::*;
use transload_blobstore::BlobStore;
use transload_oci::{Descriptor, Digest};
use transload_registry::Source;
use transload_transfer::{ArtifactStatus, Copy, Outcome, TargetOptions, inspect};

#[tokio::test]
async fn everything_arrives_byte_for_byte_and_each_blob_moves_once() {
    for order in ORDERS {
        let (source, store, target) = (source(), store(order), target());
        let report = export(&source, &store, &["team/app", "team/web:v1"]).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
        assert_eq!(report.artifacts.len(), 3);
        let read = source.counters();
        assert_eq!(read.blobs_read as usize, report.totals.blobs, "each blob is read once");
        assert_eq!(report.totals.bytes_shared, 2 * 300 * KIB as u64);

        assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
        let report = import(&store, &target).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
        assert!(report.artifacts.iter().all(|a| a.status == ArtifactStatus::Imported));
        assert_eq!(tags(&target), tags(&source));
        for (repository, reference) in [("team/app", "v1"), ("team/app", "v2"), ("team/web", "v1")] {
            let ours = source.manifest(repository, reference).await.unwrap();
            assert_eq!(target.manifest(repository, reference).await.unwrap().bytes, ours.bytes);
            for blob in &ours.view.children.blobs {
                let there = target.blob_bytes(repository, &blob.digest).unwrap();
                assert_eq!(Digest::sha256(&there), blob.digest);
            }
        }
        let counters = target.counters();
        assert_eq!(counters.blobs_uploaded as usize, report.totals.blobs);
        assert_eq!(counters.mounts, 1, "the base is mounted into the second repository");
    }
}

#[tokio::test]
async fn a_second_import_moves_and_asks_for_no_blob() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app", "team/web"]).await;
    import(&store, &target).await;
    target.reset_counters();
    let report = import(&store, &target).await;
    assert_eq!(report.outcome, Outcome::Unchanged);
    assert!(report.artifacts.iter().all(|a| a.status == ArtifactStatus::Unchanged));
    let counters = target.counters();
    assert_eq!((counters.blob_stats, counters.blobs_uploaded, counters.manifests_pushed), (0, 0, 0));
    assert_eq!(report.totals.bytes_moved, 0);
}

#[tokio::test]
async fn the_same_plan_makes_the_same_bytes_in_every_store() {
    let source = source();
    let mut bundles = Vec::new();
    for order in [ORDERS[0], ORDERS[1], ORDERS[0]] {
        let store = store(order);
        export(&source, &store, &["team/web", "team/app"]).await;
        bundles.push(store.bytes(BUNDLE).unwrap());
    }
    assert!(bundles[0] == bundles[1] && bundles[0] == bundles[2]);
}

#[tokio::test]
async fn an_export_that_was_done_before_is_unchanged() {
    let (source, store) = (source(), store(ORDERS[0]));
    assert_eq!(export(&source, &store, &["team/app:v1"]).await.outcome, Outcome::Succeeded);
    source.reset_counters();
    let again = export(&source, &store, &["team/app:v1"]).await;
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(source.counters().blobs_read, 0);
    let other = export(&source, &store, &["team/app:v2"]).await;
    assert_eq!(other.outcome, Outcome::Failed);
    assert_eq!(other.error.unwrap().code().as_str(), "BundleExists");
    let mut forced = export_of(&source, &store, &["team/app:v2"]);
    forced.options.overwrite_blobs = true;
    assert_eq!(forced.run(&engine()).await.outcome, Outcome::Succeeded);
}

#[tokio::test]
async fn a_dry_run_says_what_would_move_and_moves_nothing() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    let mut dry = export_of(&source, &store, &["team/app", "team/web"]);
    dry.options.dry_run = true;
    let planned = dry.run(&engine()).await;
    assert!(planned.dry_run && planned.totals.bytes_moved > 600 * KIB as u64);
    assert_eq!((store.puts(), source.counters().blobs_read), (0, 0));
    let done = export(&source, &store, &["team/app", "team/web"]).await;
    assert_eq!(planned.bundle.unwrap().bytes, done.bundle.unwrap().bytes);

    let mut dry = import_of(&store, &target);
    dry.options.dry_run = true;
    let planned = dry.run(&engine()).await;
    assert_eq!((target.counters().blobs_uploaded, target.counters().manifests_pushed), (0, 0));
    let done = import(&store, &target).await;
    assert_eq!(planned.totals.bytes_mounted, done.totals.bytes_mounted);
    assert!(planned.totals.bytes_moved > 600 * KIB as u64);
}

#[tokio::test]
async fn a_prefix_stands_in_front_of_every_repository() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/web:v1"]).await;
    let mut import = import_of(&store, &target);
    import.options.prefix = "mirror/here".to_owned();
    let report = import.run(&engine()).await;
    assert_eq!(report.artifacts[0].target.as_deref(), Some("target.test/mirror/here/team/web:v1"));
    assert!(target.manifest("mirror/here/team/web", "v1").await.is_ok());
}

#[tokio::test]
async fn a_digest_without_a_tag_travels_as_it_is() {
    let (source, store, target) = (source(), store(ORDERS[1]), target());
    let digest = source.manifest("team/app", "v1").await.unwrap().digest;
    let report = export(&source, &store, &[&format!("team/app@{digest}")]).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert_eq!(import(&store, &target).await.outcome, Outcome::Succeeded);
    assert!(target.manifest("team/app", &digest.to_string()).await.is_ok());
    assert!(tags(&target).is_empty());
    assert_eq!(import(&store, &target).await.outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn copy_needs_no_bundle() {
    let (source, target) = (source(), target());
    let copy = Copy {
        sources: sources(&source),
        selection: selection(&["team/app", "team/web"]),
        target: Arc::clone(&target) as Arc<_>,
        options: TargetOptions::default(),
    };
    let report = copy.run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
    assert_eq!(tags(&target), tags(&source));
    assert_eq!(source.counters().blobs_read as usize, report.totals.blobs);
}

#[tokio::test]
async fn inspection_tells_what_is_in_a_bundle() {
    let (source, store) = (source(), store(ORDERS[0]));
    export(&source, &store, &["team/app", "team/web"]).await;
    let store = store as Arc<dyn BlobStore>;
    let inspection = inspect(&engine(), &store, BUNDLE).await.unwrap();
    assert_eq!(inspection.artifacts.len(), 3);
    assert_eq!(inspection.tool.as_deref(), Some("transload/test"));
    let base = inspection.blobs.iter().find(|blob| blob.size == 300 * KIB as u64).unwrap();
    assert_eq!(base.artifacts, 3);
    assert!(inspection.head_bytes.unwrap() < base.offset);
}

#[tokio::test]
async fn the_source_blob_is_deleted_only_after_success() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app"]).await;
    target.switch(|s| s.refuses_manifests = Some("no".to_owned()));
    let mut import = import_of(&store, &target);
    import.delete_source_blob_on_success = true;
    assert_eq!(import.run(&engine()).await.outcome, Outcome::Failed);
    assert!(store.bytes(BUNDLE).is_some());
    target.switch(|s| s.refuses_manifests = None);
    let mut import = import_of(&store, &target);
    import.delete_source_blob_on_success = true;
    assert_eq!(import.run(&engine()).await.outcome, Outcome::Succeeded);
    assert!(store.bytes(BUNDLE).is_none());
}

#[tokio::test]
async fn referrers_travel_unless_they_are_left_behind() {
    for lacks_referrers_api in [false, true] {
        let registry = source();
        registry.switch(|s| s.lacks_referrers_api = lacks_referrers_api);
        let amd64 = registry.manifest("team/app", "v1").await.unwrap();
        let arm64 = image(&registry, "team/app", "arm", &[noise(9, 70 * KIB)]);
        let top = index(&registry, "team/app", "multi", &[("amd64", &amd64), ("arm64", &arm64)]);
        let sbom = artifact(&registry, "team/app", None, "application/spdx+json", Some(&top));
        let on_child = artifact(&registry, "team/app", None, "application/vnd.in-toto+json", Some(&arm64));
        let on_sbom = artifact(&registry, "team/app", None, "application/vnd.sig", Some(&sbom));
        let cosign = format!("{}.sig", top.digest.referrers_tag());
        let signature = artifact(&registry, "team/app", Some(&cosign), "application/vnd.dev.cosign", None);
        if lacks_referrers_api {
            for (subject, referrer) in [(&top, &sbom), (&arm64, &on_child), (&sbom, &on_sbom)] {
                fallback(&registry, "team/app", subject, referrer);
            }
        }

        let (store, target) = (store(ORDERS[0]), target());
        let report = export(&registry, &store, &["team/app:multi"]).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
        assert_eq!(report.artifacts.len(), 1);
        assert_eq!(report.artifacts[0].platforms, ["linux/amd64", "linux/arm64"]);
        assert_eq!(report.artifacts[0].referrers.len(), 4);
        assert_eq!(import(&store, &target).await.outcome, Outcome::Succeeded);
        for (subject, referrer) in [(&top, &sbom), (&arm64, &on_child), (&sbom, &on_sbom)] {
            let found = target.referrers("team/app", &subject.digest).await.unwrap();
            assert_eq!(found.iter().map(|d| d.digest).collect::<Vec<_>>(), [referrer.digest]);
        }
        assert_eq!(target.manifest("team/app", &cosign).await.unwrap().digest, signature.digest);

        let mut without = export_of(&registry, &store, &["team/app:multi"]);
        without.selection.referrers = false;
        without.options.overwrite_blobs = true;
        let report = without.run(&engine()).await;
        assert!(report.artifacts[0].referrers.is_empty());
    }
}

/// What a client leaves in a registry without the referrers API.
fn fallback(
    registry: &transload_registry::memory::MemoryRegistry,
    repository: &str,
    subject: &transload_oci::Manifest,
    referrer: &transload_oci::Manifest,
) {
    let descriptor: Descriptor = referrer.descriptor();
    let index = manifest(&serde_json::json!({
        "schemaVersion": 2, "mediaType": transload_oci::media_type::OCI_INDEX, "manifests": [descriptor]}));
    registry.put_manifest(repository, &subject.digest.referrers_tag(), &index);
}

#[tokio::test]
async fn every_tag_of_a_repository_takes_its_signatures_along_once() {
    let registry = source();
    let app = registry.manifest("team/app", "v1").await.unwrap();
    let cosign = format!("{}.sig", app.digest.referrers_tag());
    artifact(&registry, "team/app", Some(&cosign), "application/vnd.dev.cosign", None);
    let orphan = format!("sha256-{}.att", "0".repeat(64));
    artifact(&registry, "team/app", Some(&orphan), "application/vnd.orphan", None);
    let (store, target) = (store(ORDERS[0]), target());
    let report = export(&registry, &store, &["team/app"]).await;
    let names: Vec<&str> = report.artifacts.iter().map(|a| a.source.as_str()).collect();
    assert_eq!(
        names,
        ["source.test/team/app:v1", "source.test/team/app:v2", &format!("source.test/team/app:{orphan}")]
    );
    assert_eq!(import(&store, &target).await.outcome, Outcome::Succeeded);
    assert!(target.manifest("team/app", &cosign).await.is_ok());
    assert!(target.manifest("team/app", &orphan).await.is_ok());
}
