//! What cannot be moved: said before anything moves, all of it; and with errors borne, left out whole.

use crate::support::*;
use transload_blobstore::BlockOrder;
use transload_oci::{Digest, media_type};
use transload_registry::Source;
use transload_transfer::{ArtifactStatus, Code, Outcome, Report};

fn codes(report: &Report) -> Vec<Option<Code>> {
    report.artifacts.iter().map(|a| a.code()).collect()
}

#[tokio::test]
async fn all_failures_are_listed_with_the_nearest_names_and_nothing_is_written() {
    let (source, store) = (source(), store(ORDERS[0]));
    let wrong = ["team/app:v11", "team/wbe:v1", "team/web:v1", "nobody/knows:x"];
    let report = export(&source, &store, &wrong).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(
        codes(&report),
        [Some(Code::TagNotFound), Some(Code::RepositoryNotFound), None, Some(Code::RepositoryNotFound)]
    );
    let next: Vec<&str> = report
        .artifacts
        .iter()
        .filter_map(|a| a.error.as_ref())
        .map(transload_transfer::Error::next_step)
        .collect();
    assert_eq!(next[0], "did you mean source.test/team/app:v1?");
    assert_eq!(next[1], "did you mean source.test/team/web?");
    assert_eq!(report.artifacts[2].status, ArtifactStatus::Skipped);
    assert_eq!((store.puts(), source.counters().blobs_read), (0, 0));
    assert_eq!(report.error.unwrap().code(), Code::ArtifactsFailed);
}

#[tokio::test]
async fn a_missing_blob_fails_its_artifacts_at_the_plan() {
    let (source, store) = (source(), store(ORDERS[0]));
    let web = source.manifest("team/web", "v1").await.unwrap();
    source.remove_blob("team/web", &web.view.children.blobs[2].digest);
    let report = export(&source, &store, &["team/web", "team/app"]).await;
    assert_eq!(codes(&report), [Some(Code::BlobNotFound), None, None]);
    assert_eq!((report.outcome, store.puts()), (Outcome::Failed, 0));
}

#[tokio::test]
async fn a_blob_missing_in_one_repository_is_taken_from_another() {
    let (source, store) = (source(), store(ORDERS[0]));
    let base = Digest::sha256(&noise(1, 300 * KIB));
    source.remove_blob("team/app", &base);
    let report = export(&source, &store, &["team/app", "team/web"]).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
}

#[tokio::test]
async fn a_foreign_layer_without_a_source_is_named_with_its_url() {
    let (source, store) = (source(), store(ORDERS[0]));
    let config = source.put_blob("win", media_type::OCI_CONFIG, "{}");
    let layer = serde_json::json!({"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": Digest::sha256(b"far away"), "size": 8, "urls": ["https://far.example/layer"]});
    let image = manifest(&serde_json::json!({"schemaVersion": 2, "config": config, "layers": [layer]}));
    source.put_manifest("win", "v1", &image);
    let report = export(&source, &store, &["win:v1"]).await;
    let error = report.error.unwrap();
    assert_eq!(error.code(), Code::ForeignLayerUnavailable);
    assert!(error.detail().contains("https://far.example/layer"), "{error}");
}

/// Damages a layer in the source, which shows only when its last byte has passed.
async fn with_damage(layer: usize) -> (std::sync::Arc<transload_registry::memory::MemoryRegistry>, Digest) {
    let source = source();
    let web = source.manifest("team/web", "v1").await.unwrap();
    let digest = web.view.children.blobs[layer].digest;
    source.damage_blob(&digest);
    (source, digest)
}

#[tokio::test]
async fn wrong_bytes_never_reach_a_commit() {
    for order in ORDERS {
        let (source, digest) = with_damage(2).await;
        let store = store(order);
        let report = export(&source, &store, &["team/app", "team/web"]).await;
        assert_eq!(report.outcome, Outcome::Failed);
        assert!(store.bytes(BUNDLE).is_none());
        let error = report.error.unwrap();
        assert_eq!(error.code(), Code::DigestMismatch);
        assert!(error.subject().contains(&digest.to_string()), "{error}");
    }
}

#[tokio::test]
async fn with_errors_borne_what_is_whole_is_there_and_nothing_of_the_rest() {
    for order in ORDERS {
        // 2: the long layer of team/web; 0: its config, which stands in the head
        for layer in [2, 0] {
            let (source, digest) = with_damage(layer).await;
            let (store, target) = (store(order), target());
            let mut export = export_of(&source, &store, &["team/web", "team/app", "team/app:gone"]);
            export.options.continue_on_errors = true;
            let report = export.run(&engine()).await;
            assert_eq!(report.outcome, Outcome::Partial, "{order:?} {report:?}");
            assert_eq!(
                codes(&report),
                [Some(Code::DigestMismatch), None, None, Some(Code::TagNotFound)],
                "{order:?} {layer}"
            );
            let bytes = store.bytes(BUNDLE).unwrap();
            let name = digest.layout_path();
            let found = bytes.windows(name.len()).any(|window| window == name.as_bytes());
            // what went into a pipe cannot be taken back: there an entry at the end says which bytes mean nothing
            assert!(
                !found || order == BlockOrder::InOrder,
                "the damaged blob is named in the bundle ({order:?}, {layer})"
            );
            let listed = tar_names(&bytes);
            for (repository, tag) in [("team/app", "v1"), ("team/app", "v2")] {
                let kept = source.manifest(repository, tag).await.unwrap();
                for blob in &kept.view.children.blobs {
                    assert!(
                        listed.contains(&blob.digest.layout_path()),
                        "a plain reader of tars stops early: {order:?}, {layer}: {listed:?}"
                    );
                }
            }
            let verified = verify(&store).await;
            assert_eq!(verified.outcome, Outcome::Succeeded, "{order:?} {layer} {verified:?}");

            let report = import(&store, &target).await;
            assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
            assert_eq!(report.warnings.len(), 2);
            let there: Vec<String> = tags(&target).into_iter().map(|(tag, _)| tag).collect();
            assert!(there.iter().all(|tag| tag.contains("app")), "{there:?}");
            assert_eq!(there.len(), 2);
        }
    }
}

#[tokio::test]
async fn when_everything_fails_nothing_is_committed_even_with_errors_borne() {
    let (source, store) = (source(), store(ORDERS[0]));
    let mut export = export_of(&source, &store, &["team/app:no", "team/web:no"]);
    export.options.continue_on_errors = true;
    let report = export.run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(store.bytes(BUNDLE).is_none());
}

#[tokio::test]
async fn a_tag_conflict_is_found_before_anything_is_pushed() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app", "team/web"]).await;
    image(&target, "team/web", "v1", &[noise(77, 10 * KIB)]);
    let report = import(&store, &target).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(codes(&report), [None, None, Some(Code::TagConflict)]);
    assert_eq!((target.counters().blobs_uploaded, target.counters().manifests_pushed), (0, 0));

    let mut borne = import_of(&store, &target);
    borne.options.continue_on_errors = true;
    assert_eq!(borne.run(&engine()).await.outcome, Outcome::Partial);
    let mut forced = import_of(&store, &target);
    forced.options.overwrite_tags = true;
    assert_eq!(forced.run(&engine()).await.outcome, Outcome::Succeeded);
    assert_eq!(tags(&target), tags(&source));
}

#[tokio::test]
async fn a_refused_manifest_is_told_in_the_registrys_words_and_no_tag_is_set() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app"]).await;
    target.switch(|s| s.refuses_manifests = Some("policy forbids unsigned images".to_owned()));
    let report = import(&store, &target).await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.unwrap();
    assert_eq!(error.code(), Code::ManifestRefused);
    assert!(error.detail().contains("policy forbids unsigned images"), "{error}");
    assert!(tags(&target).is_empty());
}

#[tokio::test]
async fn a_damaged_bundle_reaches_no_registry() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app", "team/web"]).await;
    let mut bytes = store.bytes(BUNDLE).unwrap().to_vec();
    let base = noise(1, 300 * KIB);
    let at = bytes.windows(64).position(|window| window == &base[..64]).unwrap();
    bytes[at + 200_000] ^= 1;
    store.insert(BUNDLE, bytes);
    let verified = verify(&store).await;
    assert_eq!(verified.outcome, Outcome::Failed);
    assert_eq!(codes(&verified), [Some(Code::BundleDamaged); 3]);

    let report = import(&store, &target).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(tags(&target).is_empty());
    assert!(target.blob_bytes("team/app", &Digest::sha256(&base)).is_none());
    assert_eq!(report.artifacts.iter().filter(|a| a.code() == Some(Code::BundleDamaged)).count(), 3);
}

#[tokio::test]
async fn what_is_no_bundle_is_told_and_touches_nothing() {
    for (bytes, code) in [
        (&b""[..], Code::NotABundle),
        (b"<html>sign in first</html>", Code::NotABundle),
        (b"\x1f\x8b\x08\0\0\0\0\0", Code::BundleDamaged),
        (b"BZh91AY&SY", Code::NotABundle),
    ] {
        let (store, target) = (store(ORDERS[0]), target());
        store.insert(BUNDLE, bytes.to_vec());
        let report = import(&store, &target).await;
        assert_eq!(report.error.unwrap().code(), code);
    }
    let (store, target) = (store(ORDERS[0]), target());
    store.insert("bundel.tar", vec![0; 512]);
    let report = import(&store, &target).await;
    let error = report.error.unwrap();
    assert_eq!(error.code(), Code::BundleNotFound);
    assert!(error.next_step().contains("bundel.tar"), "{}", error.next_step());
}
