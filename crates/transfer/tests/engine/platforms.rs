//! Only some of an image's platforms travel.

use std::sync::Arc;

use crate::support::*;
use serde_json::json;
use transload_blobstore::memory::MemoryStore;
use transload_oci::{Digest, Manifest, media_type};
use transload_registry::Source;
use transload_registry::memory::MemoryRegistry;
use transload_transfer::{ArtifactStatus, Export, Outcome, Platforms, Report, inspect};

const APP: &str = "team/app";

/// An index over amd64 and arm64, each with an attestation, a signature of each child and of the index.
struct Sample {
    source: Arc<MemoryRegistry>,
    index: Manifest,
    amd64: Manifest,
    arm64: Manifest,
}

fn sample() -> Sample {
    let registry = MemoryRegistry::new(SOURCE);
    let shared = noise(1, 9 * KIB);
    let children = ["amd64", "arm64"].map(|name| {
        let seed = name.len() as u64 + u64::from(name.as_bytes()[1]);
        let child = image(&registry, APP, &format!("build-{name}"), &[shared.clone(), noise(seed, 50 * KIB)]);
        let attestation = image(&registry, APP, &format!("att-{name}"), &[noise(seed + 100, 5 * KIB)]);
        artifact(&registry, APP, None, "application/signature", Some(&child));
        (name, child, attestation)
    });
    let mut manifests = Vec::new();
    for (name, child, attestation) in &children {
        let mut listed = serde_json::to_value(child.descriptor()).unwrap();
        listed["platform"] = json!({"os": "linux", "architecture": name});
        manifests.push(listed);
        let mut listed = serde_json::to_value(attestation.descriptor()).unwrap();
        listed["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        listed["annotations"] = json!({"vnd.docker.reference.digest": child.digest,
                                       "vnd.docker.reference.type": "attestation-manifest"});
        manifests.push(listed);
    }
    let index =
        manifest(&json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests,
                                 "annotations": {"kept": "yes"}}));
    registry.put_manifest(APP, "v1", &index);
    registry.put_manifest(APP, &index.digest.to_string(), &index);
    artifact(&registry, APP, None, "application/signature", Some(&index));
    let [(_, amd64, _), (_, arm64, _)] = children;
    Sample { source: Arc::new(registry), index, amd64, arm64 }
}

fn platforms(wanted: &[&str], rewrite: bool) -> Platforms {
    Platforms { wanted: wanted.iter().map(|text| text.parse().unwrap()).collect(), rewrite }
}

fn export_for(
    source: &Arc<MemoryRegistry>,
    store: &Arc<MemoryStore>,
    references: &[&str],
    wanted: Platforms,
) -> Export {
    let mut export = export_of(source, store, references);
    export.selection.platforms = wanted;
    export
}

async fn export_amd64(sample: &Sample, store: &Arc<MemoryStore>, rewrite: bool) -> Report {
    let wanted = platforms(&["linux/amd64"], rewrite);
    let report = export_for(&sample.source, store, &["team/app:v1"], wanted).run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    report
}

/// The layer of an image that it shares with no other.
fn own_layer(image: &Manifest) -> Digest {
    image.view.children.blobs[2].digest
}

#[tokio::test]
async fn a_sparse_bundle_has_all_manifests_and_the_blobs_of_what_was_asked_for() {
    for order in ORDERS {
        let (sample, store) = (sample(), store(order));
        let report = export_amd64(&sample, &store, false).await;
        let artifact = &report.artifacts[0];
        assert_eq!(artifact.digest, Some(sample.index.digest), "the index is what it was");
        assert_eq!(
            (&artifact.platforms[..], &artifact.platforms_dropped[..]),
            (&["linux/amd64".to_owned()][..], &["linux/arm64".to_owned()][..])
        );
        assert_eq!(artifact.referrers.len(), 2, "of the index and of what is kept");

        assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
        let shared: Arc<dyn transload_blobstore::BlobStore> = Arc::clone(&store) as _;
        let inside = inspect(&engine(), &shared, BUNDLE).await.unwrap();
        assert_eq!(inside.artifacts[0].platforms_dropped, ["linux/arm64"]);
        let blobs: Vec<Digest> = inside.blobs.iter().map(|blob| blob.digest).collect();
        assert!(blobs.contains(&own_layer(&sample.amd64)) && !blobs.contains(&own_layer(&sample.arm64)));
        // what is shared with the other platform travels, its attestation and config do not
        assert!(blobs.contains(&sample.arm64.view.children.blobs[1].digest));
        assert!(!blobs.contains(&sample.arm64.view.children.blobs[0].digest));
        let bytes = store.bytes(BUNDLE).unwrap();
        let name = format!("blobs/sha256/{}", sample.arm64.digest.hex());
        assert!(bytes.windows(name.len()).any(|window| window == name.as_bytes()), "its manifest is there");
    }
}

#[tokio::test]
async fn a_registry_that_takes_sparse_indexes_gets_what_is_there_and_later_the_rest() {
    let (sample, store, far) = (sample(), store(ORDERS[0]), target());
    far.switch(|switches| switches.takes_sparse_indexes = true);
    export_amd64(&sample, &store, false).await;
    let report = import(&store, &far).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(far.manifest(APP, "v1").await.unwrap().bytes, sample.index.bytes);
    assert!(far.manifest(APP, &sample.amd64.digest.to_string()).await.is_ok());
    // a manifest without its blobs would vouch for them
    assert!(far.manifest(APP, &sample.arm64.digest.to_string()).await.is_err());
    assert_eq!(import(&store, &far).await.outcome, Outcome::Unchanged);

    let mut whole = export_of(&sample.source, &store, &["team/app:v1"]);
    whole.options.overwrite_blobs = true;
    assert_eq!(whole.run(&engine()).await.outcome, Outcome::Succeeded);
    let report = import(&store, &far).await;
    assert_eq!(report.artifacts[0].status, ArtifactStatus::Imported, "the other platform was lacking");
    assert!(far.blob_bytes(APP, &own_layer(&sample.arm64)).is_some());
    assert!(far.manifest(APP, &sample.arm64.digest.to_string()).await.is_ok());
}

#[tokio::test]
async fn a_registry_that_refuses_sparse_indexes_is_told_apart_and_a_rewritten_one_is_taken() {
    let (sample, store, far) = (sample(), store(ORDERS[0]), target());
    export_amd64(&sample, &store, false).await;
    let error = import(&store, &far).await.error.unwrap();
    assert_eq!(error.code().as_str(), "SparseIndexRefused");
    assert!(error.next_step().contains("--platform-rewrite"), "{}", error.next_step());
    assert!(tags(&far).is_empty());

    let store = self::store(ORDERS[0]);
    let report = export_amd64(&sample, &store, true).await;
    let made = report.artifacts[0].digest.unwrap();
    assert_ne!(made, sample.index.digest);
    assert_eq!(report.artifacts[0].original_digest, Some(sample.index.digest));
    assert!(
        report.warnings[0].contains("1 signatures") && report.warnings[0].contains(&made.to_string()),
        "{:?}",
        report.warnings
    );
    assert_eq!(report.artifacts[0].referrers.len(), 1, "the kept child's signature still fits");
    assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
    let report = import(&store, &far).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(report.artifacts[0].original_digest, Some(sample.index.digest));
    let there = far.manifest(APP, "v1").await.unwrap();
    let children: Vec<Digest> = there.view.children.manifests.iter().map(|child| child.digest).collect();
    assert_eq!(children.len(), 2, "the image and its attestation");
    assert_eq!(children[0], sample.amd64.digest);
    assert_eq!(there.view.annotations["kept"], "yes");
}

#[tokio::test]
async fn an_image_for_other_platforms_fails_and_says_for_which_it_is() {
    let (sample, store) = (sample(), store(ORDERS[0]));
    let refused = async |references: &[&str], wanted: &[&str]| {
        let report =
            export_for(&sample.source, &store, references, platforms(wanted, false)).run(&engine()).await;
        let error = report.error.unwrap();
        assert_eq!(error.code().as_str(), "PlatformNotFound");
        error.detail().to_owned()
    };
    assert!(refused(&["team/app:v1"], &["windows/amd64"]).await.contains("linux/amd64, linux/arm64"));
    // an image without an index says it in its config
    assert!(refused(&["team/app:build-amd64"], &["linux/arm64"]).await.contains("linux/amd64"));
    let wanted = platforms(&["linux/amd64", "linux/s390x"], false);
    let report = export_for(&sample.source, &store, &["team/app:v1", "team/app:build-amd64"], wanted)
        .run(&engine())
        .await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(report.warnings, ["source.test/team/app:v1 has no linux/s390x"]);
}

#[tokio::test]
async fn every_tag_leaves_out_the_signatures_of_what_is_dropped() {
    let (sample, store) = (sample(), store(ORDERS[0]));
    let tag = |image: &Manifest| format!("{}.sig", image.digest.referrers_tag());
    for image in [&sample.amd64, &sample.arm64] {
        artifact(&sample.source, APP, Some(&tag(image)), "cosign", None);
    }
    let mut export = export_for(&sample.source, &store, &[APP], platforms(&["linux/amd64"], false));
    export.selection.excluded = vec![":build-*".parse().unwrap(), ":att-*".parse().unwrap()];
    let report = export.run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    let names: Vec<&str> = report.artifacts.iter().map(|a| a.source.as_str()).collect();
    assert_eq!(names, ["source.test/team/app:v1"]);
    let tags: Vec<String> = report.artifacts[0].referrers.iter().filter_map(|r| r.tag.clone()).collect();
    assert_eq!(tags, [tag(&sample.amd64)]);
}

#[tokio::test]
async fn an_index_whose_other_platforms_are_gone_can_be_exported() {
    let (sample, store) = (sample(), store(ORDERS[0]));
    let sparse = MemoryRegistry::new(SOURCE);
    for blob in &sample.amd64.view.children.blobs {
        sparse.put_blob(APP, &blob.media_type, sample.source.blob_bytes(APP, &blob.digest).unwrap());
    }
    sparse.put_manifest(APP, &sample.amd64.digest.to_string(), &sample.amd64);
    let lone = index(&sparse, APP, "v1", &[("amd64", &sample.amd64), ("arm64", &sample.arm64)]);
    let sparse = Arc::new(sparse);
    let report = export(&sparse, &store, &["team/app:v1"]).await;
    assert!(report.error.unwrap().next_step().contains("--platform"));
    let wanted = platforms(&["linux/amd64"], false);
    let report = export_for(&sparse, &store, &["team/app:v1"], wanted).run(&engine()).await;
    assert_eq!(
        (report.outcome, report.artifacts[0].digest),
        (Outcome::Succeeded, Some(lone.digest)),
        "{:?}",
        report.error
    );
    assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
}
