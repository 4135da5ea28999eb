//! Bundles through a pipe: nothing lies anywhere, and what breaks is told.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use transload_blobstore::pipe::PipeStore;
use transload_blobstore::{BlobStore, BlockOrder};
use transload_oci::Digest;
use transload_registry::memory::MemoryRegistry;
use transload_registry::{Source, Target};
use transload_transfer::{ArtifactStatus, Code, Outcome, Report, StreamImport, TargetOptions};

use crate::support::*;

const ALL: [&str; 3] = ["team/web", "team/app", "team/big"];

/// The sample source, and an image so long that its bundle is read as a stream.
fn long_source() -> Arc<MemoryRegistry> {
    let source = source();
    let base = noise(1, 300 * KIB);
    image(&source, "team/big", "v1", &[noise(7, 2 << 20), base, noise(8, 40 * KIB), noise(9, 900 * KIB)]);
    source
}

async fn bundle_of(source: &Arc<MemoryRegistry>) -> Bytes {
    let store = store(BlockOrder::InOrder);
    let report = export(source, &store, &ALL).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
    store.bytes(BUNDLE).unwrap()
}

async fn import_pipe(bytes: Bytes, target: &Arc<MemoryRegistry>, continue_on_errors: bool) -> Report {
    let import = StreamImport {
        label: "standard input".to_owned(),
        reader: Box::new(std::io::Cursor::new(bytes)),
        only: Vec::new(),
        target: Arc::clone(target) as Arc<dyn Target>,
        options: TargetOptions { continue_on_errors, ..TargetOptions::default() },
    };
    import.run(&engine()).await
}

#[tokio::test]
async fn a_pipe_carries_what_a_file_would_contain() {
    let source = long_source();
    let file = store(BlockOrder::AtCommit);
    export(&source, &file, &ALL).await;
    let (writer, mut reader) = tokio::io::duplex(10_000);
    let mut export = export_of(&source, &file, &ALL);
    export.store = Arc::new(PipeStore::new("standard output", Box::new(writer)));
    let engine = engine();
    let read = async {
        let mut piped = Vec::new();
        reader.read_to_end(&mut piped).await.unwrap();
        piped
    };
    let (report, piped) = tokio::join!(export.run(&engine), read);
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
    assert!(file.bytes(BUNDLE).unwrap() == piped);
}

#[tokio::test]
async fn what_comes_out_of_a_pipe_arrives_and_only_once() {
    let (source, target) = (long_source(), target());
    let bundle = bundle_of(&source).await;
    let report = import_pipe(bundle.clone(), &target, false).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
    assert_eq!(tags(&target), tags(&source));
    for (repository, reference) in [("team/app", "v2"), ("team/web", "v1"), ("team/big", "v1")] {
        let ours = source.manifest(repository, reference).await.unwrap();
        for blob in &ours.view.children.blobs {
            assert_eq!(Digest::sha256(&target.blob_bytes(repository, &blob.digest).unwrap()), blob.digest);
        }
    }
    assert_eq!(target.counters().blobs_uploaded as usize, report.totals.blobs);
    target.reset_counters();
    let again = import_pipe(bundle, &target, false).await;
    assert_eq!(again.outcome, Outcome::Unchanged);
    assert_eq!(target.counters().blobs_uploaded, 0);
}

#[tokio::test]
async fn a_registry_that_mounts_nothing_gets_every_blob_though_the_pipe_passes_it_once() {
    let (source, target) = (long_source(), target());
    target.switch(|switches| switches.declines_mounts = true);
    let report = import_pipe(bundle_of(&source).await, &target, false).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
    let base = source.manifest("team/web", "v1").await.unwrap().view.children.blobs[1].digest;
    for repository in ["team/app", "team/web", "team/big"] {
        assert!(target.blob_bytes(repository, &base).is_some(), "{repository}");
    }
}

#[tokio::test]
async fn a_pipe_that_ends_early_sets_no_tag_and_what_came_is_not_sent_again() {
    let (source, target) = (long_source(), target());
    let bundle = bundle_of(&source).await;
    for missing in [2 << 20, 1025, 1] {
        let cut = bundle.slice(..bundle.len() - missing);
        let report = import_pipe(cut, &target, false).await;
        assert_eq!(report.outcome, Outcome::Failed, "{missing}");
        let error = report.error.unwrap();
        assert_eq!(error.code(), Code::BundleDamaged, "{missing}: {error}");
        assert!(error.next_step().contains("pipe"), "{}", error.next_step());
        assert!(tags(&target).is_empty(), "{missing}");
    }
    let sent = target.counters().blobs_uploaded;
    let report = import_pipe(bundle, &target, false).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
    assert_eq!(target.counters().blobs_uploaded, sent, "all blobs were there already");
}

#[tokio::test]
async fn what_failed_on_the_other_side_is_told_and_the_rest_arrives() {
    let (source, target) = (long_source(), target());
    let big = source.manifest("team/big", "v1").await.unwrap();
    source.damage_blob(&big.view.children.blobs[1].digest);
    let store = store(BlockOrder::InOrder);
    let mut export = export_of(&source, &store, &ALL);
    export.options.continue_on_errors = true;
    assert_eq!(export.run(&engine()).await.outcome, Outcome::Partial);
    let bundle = store.bytes(BUNDLE).unwrap();

    let report = import_pipe(bundle.clone(), &target, true).await;
    assert_eq!(report.outcome, Outcome::Partial, "{report:?}");
    let failed: Vec<_> = report.artifacts.iter().filter(|a| a.status == ArtifactStatus::Failed).collect();
    assert_eq!(failed.len(), 1);
    let error = failed[0].error.as_ref().unwrap();
    assert_eq!(error.code(), Code::ExportFailed, "{error}");
    assert!(error.detail().contains("digest"), "{error}");
    assert_eq!(tags(&target).len(), 3);
    let refused = import_pipe(bundle, &crate::support::target(), false).await;
    assert_eq!(refused.outcome, Outcome::Failed);
}

#[tokio::test]
async fn an_export_that_breaks_off_leaves_no_end_in_the_pipe() {
    let source = long_source();
    let big = source.manifest("team/big", "v1").await.unwrap();
    source.damage_blob(&big.view.children.blobs[1].digest);
    let (writer, mut reader) = tokio::io::duplex(1 << 16);
    let mut export = export_of(&source, &store(BlockOrder::InOrder), &ALL);
    export.store = Arc::new(PipeStore::new("standard output", Box::new(writer))) as Arc<dyn BlobStore>;
    let engine = engine();
    let read = async {
        let mut piped = Vec::new();
        reader.read_to_end(&mut piped).await.unwrap();
        piped
    };
    let (report, piped) = tokio::join!(export.run(&engine), read);
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.unwrap().code(), Code::DigestMismatch);
    let target = target();
    let report = import_pipe(piped.into(), &target, true).await;
    assert_ne!(report.outcome, Outcome::Succeeded);
    assert!(tags(&target).is_empty(), "{report:?}");
}

#[tokio::test]
async fn what_is_no_bundle_and_what_is_nothing_are_told() {
    let target = target();
    let nothing = import_pipe(Bytes::new(), &target, false).await.error.unwrap();
    assert_eq!(nothing.code(), Code::NotABundle);
    let short = import_pipe(noise(3, 5000), &target, false).await.error.unwrap();
    assert_eq!(short.code(), Code::NotABundle);
    assert_eq!(short.subject(), "standard input");
    let long = import_pipe(noise(3, 3 << 20), &target, false).await.error.unwrap();
    assert_eq!(long.code(), Code::StoreUnsupported);
}
