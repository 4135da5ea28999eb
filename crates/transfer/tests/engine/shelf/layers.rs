//! Damage and change under a shelf.

use std::sync::Arc;

use futures_util::TryStreamExt;
use transload_registry::memory::MemoryRegistry;
use transload_transfer::ShelfOptions;

use super::stand::*;
use crate::support::*;

/// More than is read on opening.
pub(super) const LARGE: usize = 1500 * KIB;

/// A source with an image whose first layer is large.
pub(super) fn large() -> Arc<MemoryRegistry> {
    let registry = MemoryRegistry::new(SOURCE);
    image(&registry, "team/web", "v1", &[noise(1, LARGE), noise(6, 200 * KIB + 13)]);
    Arc::new(registry)
}

/// The large layer of `team/web:v1`, and where its content begins in the bundle.
async fn base(shelf: &transload_transfer::Shelf, bytes: &[u8]) -> (transload_transfer::ShelfBlob, usize) {
    let manifest = shelf.tagged("team/web", "v1").await.unwrap();
    let layer = shelf.blob("team/web", &manifest.view.children.blobs[1].digest).await.unwrap();
    let start = noise(1, 64);
    let at = bytes.windows(64).position(|window| window == start).unwrap();
    (layer, at)
}

#[tokio::test]
async fn a_wrong_byte_ends_a_whole_read_before_it_is_whole_and_is_told() {
    let (source, store) = (large(), store(ORDERS[0]));
    export(&source, &store, &["team/web:v1"]).await;
    let bytes = store.bytes(BUNDLE).unwrap();
    let (_, at) = base(&shelf_of(&store).await, &bytes).await;
    let mut bent = bytes.to_vec();
    bent[at + 1000] ^= 1;
    store.insert(BUNDLE, bent);
    let places = [place(Arc::clone(&store), Some(BUNDLE))];
    let (shelf, warnings) = listening(&places, ShelfOptions::default()).await.unwrap();
    let (layer, _) = base(&shelf, &bytes).await;
    let mut stream = layer.read(0..layer.len()).await.unwrap();
    let mut got = 0;
    let error = loop {
        match stream.try_next().await {
            Ok(Some(chunk)) => got += chunk.len() as u64,
            Ok(None) => panic!("it came to an end as if it were whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code().as_str(), "BundleDamaged");
    assert!(got < layer.len(), "the last bytes are held back");
    let told = warnings.lock().join("\n");
    assert!(told.contains(&format!("at byte {at}")) && told.contains("BundleDamaged"), "{told}");
    // a part of it cannot be checked: whoever asks for parts checks the whole
    assert_eq!(part(&layer, 0..10).await.unwrap().len(), 10);
}

#[tokio::test]
async fn what_is_damaged_in_one_bundle_comes_from_another_that_has_it() {
    let (source, store) = (large(), store(ORDERS[0]));
    export(&source, &store, &["team/web:v1"]).await;
    let bytes = store.bytes(BUNDLE).unwrap();
    let (_, at) = base(&shelf_of(&store).await, &bytes).await;
    let mut bent = bytes.to_vec();
    bent[at + 1000] ^= 1;
    store.insert("bent.tar", bent);
    let places = [place(Arc::clone(&store), Some("bent.tar")), place(Arc::clone(&store), Some(BUNDLE))];
    let shelf = shelf_at(&places, ShelfOptions::default()).await.unwrap();
    let (layer, _) = base(&shelf, &bytes).await;
    assert_eq!(code(all(&layer).await), "BundleDamaged");
    assert_eq!(all(&layer).await.unwrap(), noise(1, LARGE), "the next client gets it whole");
}

#[tokio::test]
async fn a_bundle_that_is_replaced_or_gone_is_not_read_and_told_once() {
    let (source, store) = (large(), store(ORDERS[0]));
    export(&source, &store, &["team/web:v1"]).await;
    let places = [place(Arc::clone(&store), Some(BUNDLE))];
    let (shelf, warnings) = listening(&places, ShelfOptions::default()).await.unwrap();
    let bytes = store.bytes(BUNDLE).unwrap();
    let (layer, _) = base(&shelf, &bytes).await;
    assert_eq!(all(&layer).await.unwrap(), noise(1, LARGE));
    store.insert(BUNDLE, bytes);
    for _ in 0..3 {
        assert_eq!(code(all(&layer).await), "BundleChanged");
    }
    assert_eq!(warnings.lock().len(), 1, "{:?}", warnings.lock());
    assert!(shelf.tagged("team/web", "v1").await.is_ok(), "the head was read and checked before");
}
