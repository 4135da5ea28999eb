//! Bundles served as one registry, without an import.

mod layers;
mod stacked;
mod stand;

use std::time::Duration;

use futures_util::TryStreamExt;
use serde_json::json;
use transload_blobstore::memory::MemoryStore;
use transload_oci::Digest;
use transload_registry::Source;
use transload_transfer::{Error, ShelfBlob, ShelfLimits, ShelfOptions};

use crate::support::*;
use stand::*;

/// A source with an index, an image beside it, and a signature of each.
fn signed() -> std::sync::Arc<transload_registry::memory::MemoryRegistry> {
    let registry = transload_registry::memory::MemoryRegistry::new(SOURCE);
    let amd = image(&registry, "team/app", "amd", &[noise(1, 200 * KIB)]);
    let arm = image(&registry, "team/app", "arm", &[noise(2, 90 * KIB)]);
    let whole = index(&registry, "team/app", "v1", &[("amd64", &amd), ("arm64", &arm)]);
    let web = image(&registry, "team/web", "v1", &[noise(3, 120 * KIB), noise(4, 10)]);
    for (repository, subject) in [("team/app", &whole), ("team/app", &amd), ("team/web", &web)] {
        artifact(&registry, repository, None, "application/x.signature", Some(subject));
    }
    std::sync::Arc::new(registry)
}

#[tokio::test]
async fn what_was_exported_is_served_byte_for_byte() {
    let (source, store) = (signed(), store(ORDERS[0]));
    export(&source, &store, &["team/app:v1", "team/web:v1"]).await;
    let shelf = shelf_of(&store).await;
    assert_eq!(shelf.repositories("", 10).names, ["team/app", "team/web"]);
    let page = shelf.repositories("", 1);
    assert_eq!((page.names.as_slice(), page.more), (&["team/app".to_owned()][..], true));
    assert_eq!(shelf.repositories("team/app", 1).names, ["team/web"]);
    assert_eq!(shelf.tags("team/app", "", 10).unwrap().names, ["v1"]);
    for repository in ["team/app", "team/web"] {
        let ours = source.manifest(repository, "v1").await.unwrap();
        let mut manifests = vec![ours.digest];
        manifests.extend(ours.view.children.manifests.iter().map(|child| child.digest));
        assert_eq!(shelf.tagged(repository, "v1").await.unwrap().bytes, ours.bytes);
        for digest in manifests {
            let ours = source.manifest(repository, &digest.to_string()).await.unwrap();
            let there = shelf.manifest(repository, &digest).await.unwrap();
            assert_eq!((&there.bytes, &there.media_type), (&ours.bytes, &ours.media_type));
            for blob in &ours.view.children.blobs {
                let found = shelf.blob(repository, &blob.digest).await.unwrap();
                assert_eq!(found.len(), blob.size);
                let bytes = all(&found).await.unwrap();
                assert_eq!(bytes, source.blob_bytes(repository, &blob.digest).unwrap());
                let middle = blob.size / 3..blob.size * 2 / 3;
                let part = part(&found, middle.clone()).await.unwrap();
                assert_eq!(part, &bytes[middle.start as usize..middle.end as usize]);
            }
        }
    }
}

#[tokio::test]
async fn referrers_are_told_as_the_api_tells_them() {
    let registry = signed();
    let app = registry.manifest("team/app", "v1").await.unwrap();
    let mut note = json!({"schemaVersion": 2, "mediaType": transload_oci::media_type::OCI_MANIFEST,
        "artifactType": "application/x.note", "layers": [], "annotations": {"by": "me"}});
    note["config"] =
        serde_json::to_value(registry.put_blob("team/app", "application/x.config", "{}")).unwrap();
    note["subject"] = serde_json::to_value(app.descriptor()).unwrap();
    let note = manifest(&note);
    registry.put_manifest("team/app", &note.digest.to_string(), &note);
    let store = store(ORDERS[0]);
    export(&registry, &store, &["team/app:v1", "team/web:v1"]).await;
    let shelf = shelf_of(&store).await;
    let found = shelf.referrers("team/app", &app.digest).await.unwrap();
    let mut kinds: Vec<_> = found.iter().map(|d| d.artifact_type.clone().unwrap()).collect();
    kinds.sort();
    assert_eq!(kinds, ["application/x.note", "application/x.signature"]);
    let told = found.iter().find(|d| d.digest == note.digest).unwrap();
    assert_eq!(told.annotations["by"], "me");
    assert_eq!((told.size, &told.media_type), (note.size(), &note.media_type));
    assert!(shelf.referrers("team/web", &app.digest).await.unwrap().is_empty(), "it is another repository");
    let child = app.view.children.manifests[0].digest;
    assert_eq!(shelf.referrers("team/app", &child).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_repository_serves_what_its_names_lead_to_and_nothing_else() {
    let (source, store) = (signed(), store(ORDERS[0]));
    export(&source, &store, &["team/app:v1", "team/web:v1"]).await;
    let shelf = shelf_of(&store).await;
    let web = source.manifest("team/web", "v1").await.unwrap();
    let layer = web.view.children.blobs[1].digest;
    assert!(shelf.blob("team/web", &layer).await.is_ok());
    assert_eq!(code(shelf.blob("team/app", &layer).await), "BlobNotFound");
    assert_eq!(code(shelf.manifest("team/app", &web.digest).await), "ManifestNotFound");
    assert_eq!(code(shelf.blob("team/web", &web.digest).await), "BlobNotFound", "a manifest is no blob");
    assert_eq!(code(shelf.manifest("team/web", &layer).await), "ManifestNotFound", "nor the reverse");
    assert_eq!(code(shelf.tagged("team/web", "v9").await), "TagNotFound");
    assert_eq!(code(shelf.tagged("team/other", "v1").await), "RepositoryNotFound");
    assert_eq!(code(shelf.tags("team/other", "", 1)), "RepositoryNotFound");
    assert_eq!(code(shelf.blob("team/web", &Digest::sha256(b"nobody's")).await), "BlobNotFound");
}

#[tokio::test]
async fn opening_reads_the_head_and_a_pull_what_it_pulls() {
    let source = std::sync::Arc::new(transload_registry::memory::MemoryRegistry::new(SOURCE));
    for number in 0..200 {
        image(
            &source,
            &format!("many/r{number:03}"),
            "v1",
            &[noise(number, 80 * KIB), noise(1000 + number, 30)],
        );
    }
    let store = store(ORDERS[0]);
    let references: Vec<String> = (0..200).map(|number| format!("many/r{number:03}:v1")).collect();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    export(&source, &store, &references).await;
    let counted = Counting::over(store);
    let shelf = shelf_at(&[place(counted.clone(), Some(BUNDLE))], ShelfOptions::default()).await.unwrap();
    let head = counted.reads();
    assert!(head <= 2, "the head is one stretch: {head} reads");
    let found = shelf.tagged("many/r007", "v1").await.unwrap();
    for blob in &found.view.children.blobs {
        all(&shelf.blob("many/r007", &blob.digest).await.unwrap()).await.unwrap();
    }
    assert_eq!(counted.reads() - head, 1, "one layer is behind the head");
}

#[tokio::test]
async fn readers_take_turns_and_whoever_hangs_up_gives_his_back() {
    let (source, store) = (layers::large(), store(ORDERS[0]));
    export(&source, &store, &["team/web"]).await;
    let limits =
        ShelfLimits { reads_at_once: 1, read_wait: Duration::from_millis(20), ..ShelfLimits::default() };
    let options = ShelfOptions { limits, ..ShelfOptions::default() };
    let shelf = shelf_at(&[place(store, Some(BUNDLE))], options).await.unwrap();
    let base = shelf.tagged("team/web", "v1").await.unwrap().view.children.blobs[1].digest;
    let blob: ShelfBlob = shelf.blob("team/web", &base).await.unwrap();
    let mut first = blob.read(0..blob.len()).await.unwrap();
    first.try_next().await.unwrap().unwrap();
    let refused: Error = blob.read(0..10).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code().as_str(), "StoreThrottled");
    drop(first);
    assert_eq!(part(&blob, 0..10).await.unwrap().len(), 10);
}

#[tokio::test]
async fn repositories_have_other_names_where_a_rule_says_so() {
    let (source, store) = (source(), store(ORDERS[0]));
    export(&source, &store, &["team/app:v1", "team/web:v1"]).await;
    let options = ShelfOptions {
        renames: vec!["team/web=site/web".parse().unwrap(), "**=mirror/**".parse().unwrap()],
        ..ShelfOptions::default()
    };
    let shelf = shelf_at(&[place(store, Some(BUNDLE))], options).await.unwrap();
    assert_eq!(shelf.repositories("", 10).names, ["mirror/team/app", "site/web"]);
    assert_eq!(code(shelf.tagged("team/web", "v1").await), "RepositoryNotFound");
    assert!(shelf.tagged("site/web", "v1").await.is_ok());
}

#[tokio::test]
async fn what_is_compressed_as_a_whole_is_refused_with_what_to_do() {
    let store = MemoryStore::new(ORDERS[0]);
    store.insert("b.tar.gz", [&[0x1f, 0x8b, 8, 0][..], &noise(1, 4000)].concat());
    let places = [place(std::sync::Arc::new(store), Some("b.tar.gz"))];
    let error = shelf_at(&places, ShelfOptions::default()).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code().as_str(), "Usage");
    assert!(error.next_step().contains("gzip -dk") && error.next_step().contains("transload import"));
}
