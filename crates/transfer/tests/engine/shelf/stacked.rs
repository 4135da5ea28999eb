//! Several bundles as one registry: tags over tags, deltas over their bases, layouts that others wrote.

use std::sync::Arc;

use serde_json::{Value, json};
use transload_blobstore::memory::MemoryStore;
use transload_oci::media_type;
use transload_registry::memory::MemoryRegistry;
use transload_transfer::{Place, ShelfOptions};

use super::stand::*;
use crate::support::*;

/// A registry, and a store with a bundle of the week's `team/app:latest`.
async fn week(number: u64, store: &Arc<MemoryStore>, name: &str) -> Arc<MemoryRegistry> {
    let registry = Arc::new(MemoryRegistry::new(SOURCE));
    let layers = [noise(1, 300 * KIB), noise(10 + number, 100 * KIB)];
    image(&registry, "team/app", "latest", &layers);
    image(&registry, "team/app", &format!("w{number}"), &layers);
    let mut export = export_of(&registry, store, &["team/app"]);
    export.name = Some(name.to_owned());
    assert!(export.run(&engine()).await.error.is_none());
    registry
}

fn places(store: &Arc<MemoryStore>, names: &[&str]) -> Vec<Place> {
    names.iter().map(|name| place(Arc::clone(store), Some(name))).collect()
}

#[tokio::test]
async fn of_a_tag_in_two_bundles_the_later_ones_is_served_and_that_is_said() {
    let store = store(ORDERS[0]);
    let (one, two) = (week(1, &store, "one.tar").await, week(2, &store, "two.tar").await);
    for (names, wins) in [(["one.tar", "two.tar"], &two), (["two.tar", "one.tar"], &one)] {
        let shelf = shelf_at(&places(&store, &names), ShelfOptions::default()).await.unwrap();
        assert_eq!(shelf.tags("team/app", "", 10).unwrap().names, ["latest", "w1", "w2"]);
        let ours = transload_registry::Source::manifest(wins.as_ref(), "team/app", "latest").await.unwrap();
        assert_eq!(shelf.tagged("team/app", "latest").await.unwrap().digest, ours.digest);
        let notes = shelf.notes().join("\n");
        assert!(notes.contains("team/app:latest") && notes.contains("the latter is served"), "{notes}");
        // the one below is there still, by its digest
        for (registry, tag) in [(&one, "w1"), (&two, "w2")] {
            let ours =
                transload_registry::Source::manifest(registry.as_ref(), "team/app", tag).await.unwrap();
            let there = shelf.manifest("team/app", &ours.digest).await.unwrap();
            assert_eq!(there.bytes, ours.bytes);
        }
    }
}

#[tokio::test]
async fn a_delta_lies_over_its_base_wherever_it_is_named() {
    let store = store(ORDERS[0]);
    week(1, &store, "one.tar").await;
    let two = week(2, &store, "two.tar").await;
    let plan = plan_id(&store, "one.tar").await;
    let base = transload_oci::Digest::sha256(&noise(1, 300 * KIB));
    delta(&store, "two.tar", "delta", &[&plan], &[base]);
    for names in [["one.tar", "delta"], ["delta", "one.tar"]] {
        let shelf = shelf_at(&places(&store, &names), ShelfOptions::default()).await.unwrap();
        let ours = transload_registry::Source::manifest(two.as_ref(), "team/app", "latest").await.unwrap();
        assert_eq!(shelf.tagged("team/app", "latest").await.unwrap().digest, ours.digest);
        for blob in &ours.view.children.blobs {
            let bytes = all(&shelf.blob("team/app", &blob.digest).await.unwrap()).await.unwrap();
            assert_eq!(transload_oci::Digest::sha256(&bytes), blob.digest);
        }
        assert!(!shelf.notes().iter().any(|note| note.contains("delta, and")), "{:?}", shelf.notes());
    }
}

#[tokio::test]
async fn a_delta_without_its_base_is_served_and_says_what_is_missing() {
    let store = store(ORDERS[0]);
    let two = week(2, &store, "two.tar").await;
    let base = transload_oci::Digest::sha256(&noise(1, 300 * KIB));
    delta(&store, "two.tar", "delta", &["0123abcd"], &[base]);
    let shelf = shelf_at(&places(&store, &["delta"]), ShelfOptions::default()).await.unwrap();
    let notes = shelf.notes().join("\n");
    assert!(notes.contains("1 of the 1 blobs") && notes.contains("0123abcd"), "{notes}");
    let ours = transload_registry::Source::manifest(two.as_ref(), "team/app", "w2").await.unwrap();
    assert_eq!(shelf.tagged("team/app", "w2").await.unwrap().bytes, ours.bytes);
    let error = shelf.blob("team/app", &base).await.map(|_| ()).unwrap_err();
    assert_eq!(error.code().as_str(), "BlobNotFound");
    assert!(error.detail().contains("plan id 0123abcd"), "{error}");
    let own = ours.view.children.blobs[2].digest;
    assert_eq!(all(&shelf.blob("team/app", &own).await.unwrap()).await.unwrap(), noise(12, 100 * KIB));
}

async fn plan_id(store: &Arc<MemoryStore>, name: &str) -> String {
    let store: Arc<dyn transload_blobstore::BlobStore> = Arc::clone(store) as _;
    transload_transfer::inspect(&engine(), &store, name).await.unwrap().plan_id.unwrap()
}

#[tokio::test]
async fn a_place_with_several_bundles_is_all_of_them() {
    let store = store(ORDERS[0]);
    week(1, &store, "week/one.tar").await;
    week(2, &store, "week/two.tar").await;
    store.insert(
        "week/readme.txt",
        "not a bundle, and long enough to be looked at as one by whoever reads it",
    );
    for named in [None, Some("week")] {
        let shelf = shelf_at(&[place(Arc::clone(&store), named)], ShelfOptions::default()).await.unwrap();
        assert_eq!(shelf.tags("team/app", "", 10).unwrap().names, ["latest", "w1", "w2"]);
        let notes = shelf.notes().join("\n");
        assert!(notes.contains("readme.txt is passed over"), "{notes}");
    }
    let empty = MemoryStore::new(ORDERS[0]);
    empty.insert("x", "nothing");
    assert_eq!(
        code(shelf_at(&[place(Arc::new(empty), None)], ShelfOptions::default()).await),
        "BundleNotFound"
    );
    assert_eq!(
        code(shelf_at(&[place(store, Some("none"))], ShelfOptions::default()).await),
        "BundleNotFound"
    );
}

/// An image layout in which only a tag names the image, and nothing its signature.
fn foreign(store: &MemoryStore, folder: &str, name: Option<&str>) -> (Value, Value) {
    let (config, layer) = (br#"{"os":"linux"}"#.to_vec(), noise(5, 100 * KIB));
    let describe = |media_type: &str, bytes: &[u8]| {
        serde_json::to_value(transload_oci::Descriptor::of(media_type, bytes)).unwrap()
    };
    let image = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": describe(media_type::OCI_CONFIG, &config), "layers": [describe(media_type::OCI_LAYER, &layer)]});
    let image = image.to_string().into_bytes();
    let mut root = describe(media_type::OCI_MANIFEST, &image);
    let signature = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": "x/sig",
        "config": describe(media_type::OCI_EMPTY, b"{}"), "layers": [], "subject": root});
    let signature = signature.to_string().into_bytes();
    if let Some(name) = name {
        root["annotations"] = json!({"org.opencontainers.image.ref.name": name});
    }
    let about = describe(media_type::OCI_MANIFEST, &signature);
    let contents = [&config[..], &layer, &image, &signature, b"{}"];
    layout(store, folder, &contents, &[root.clone(), about.clone()]);
    (root, about)
}

fn digest(descriptor: &Value) -> transload_oci::Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_layout_without_names_has_that_of_its_file_and_its_signature_follows_its_subject() {
    let store = store(ORDERS[0]);
    let (image, signature) = foreign(&store, "My Web", Some("v1"));
    let shelf = shelf_at(&places(&store, &["My Web"]), ShelfOptions::default()).await.unwrap();
    assert_eq!(shelf.repositories("", 10).names, ["my-web"]);
    assert_eq!(shelf.tagged("my-web", "v1").await.unwrap().digest, digest(&image));
    assert!(shelf.notes().iter().any(|note| note.contains("my-web:v1") && note.contains("--repository")));
    let options = ShelfOptions { repository: Some("team/web".to_owned()), ..ShelfOptions::default() };
    let shelf = shelf_at(&places(&store, &["My Web"]), options).await.unwrap();
    assert_eq!(shelf.repositories("", 10).names, ["team/web"]);
    let about = shelf.referrers("team/web", &digest(&image)).await.unwrap();
    assert_eq!(about.iter().map(|d| d.digest).collect::<Vec<_>>(), [digest(&signature)]);

    // the image has a name of its own, the signature has none: it belongs where its subject is
    foreign(&store, "named", Some("registry.test/team/named:v2"));
    let shelf = shelf_at(&places(&store, &["named"]), ShelfOptions::default()).await.unwrap();
    let about = shelf.referrers("team/named", &digest(&image)).await.unwrap();
    assert_eq!(about.iter().map(|d| d.digest).collect::<Vec<_>>(), [digest(&signature)]);
    assert!(shelf.manifest("team/named", &digest(&signature)).await.is_ok());
}
