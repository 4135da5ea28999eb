//! Bundles from store to store, as they are.

use std::sync::Arc;

use transload_blobstore::memory::MemoryStore;
use transload_blobstore::{BlobStore, BlockOrder, ErrorKind};
use transload_oci::Digest;
use transload_registry::Source;
use transload_transfer::{Code, Outcome, Relay, Report};

use crate::support::*;

async fn bundle() -> Arc<MemoryStore> {
    let (source, store) = (source(), store(BlockOrder::AtCommit));
    export(&source, &store, &["team/app", "team/web"]).await;
    store
}

fn relay_of(from: &Arc<MemoryStore>, to: &Arc<MemoryStore>) -> Relay {
    Relay {
        from: Arc::clone(from) as Arc<dyn BlobStore>,
        name: BUNDLE.to_owned(),
        to: Arc::clone(to) as Arc<dyn BlobStore>,
        to_name: None,
        overwrite_blobs: false,
        dry_run: false,
    }
}

async fn relay(from: &Arc<MemoryStore>, to: &Arc<MemoryStore>) -> Report {
    relay_of(from, to).run(&engine()).await
}

#[tokio::test]
async fn every_byte_arrives_in_every_store_and_once() {
    let from = bundle().await;
    for order in ORDERS {
        let to = store(order);
        let report = relay(&from, &to).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{order:?} {report:?}");
        assert!(to.bytes(BUNDLE) == from.bytes(BUNDLE), "{order:?}");
        assert_eq!(verify(&to).await.outcome, Outcome::Succeeded);
        let again = relay(&from, &to).await;
        assert_eq!((again.outcome, again.totals.bytes_moved), (Outcome::Unchanged, 0), "{order:?}");
    }
}

#[tokio::test]
async fn a_relay_that_was_killed_goes_on_and_sends_little_twice() {
    let from = bundle().await;
    let len = from.bytes(BUNDLE).unwrap().len() as u64;
    for order in RESUMABLE {
        let to = store(order);
        to.fail_put(7, ErrorKind::Unreachable);
        let broken = relay(&from, &to).await;
        assert_eq!(broken.outcome, Outcome::Failed, "{order:?}");
        assert!(to.bytes(BUNDLE).is_none());
        let report = relay(&from, &to).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{order:?} {report:?}");
        assert!(report.totals.bytes_moved <= len - 5 * limits().block_bytes, "{order:?} {:?}", report.totals);
        assert!(to.bytes(BUNDLE) == from.bytes(BUNDLE), "{order:?}");
    }
}

/// The bundle with one byte of a layer turned.
async fn damaged() -> (Arc<MemoryStore>, Digest) {
    let from = bundle().await;
    let layer = source().manifest("team/web", "v1").await.unwrap().view.children.blobs[2].digest;
    let mut bytes = from.bytes(BUNDLE).unwrap().to_vec();
    let name = layer.layout_path();
    let header = bytes.windows(name.len()).rposition(|window| window == name.as_bytes()).unwrap();
    bytes[header + 512 + 150_000] ^= 1;
    let damaged = store(BlockOrder::AtCommit);
    damaged.insert(BUNDLE, bytes);
    (damaged, layer)
}

#[tokio::test]
async fn damage_is_named_and_does_not_travel_nor_stay() {
    let (damaged, layer) = damaged().await;
    for order in RESUMABLE {
        let to = store(order);
        let report = relay(&damaged, &to).await;
        let error = report.error.unwrap();
        assert_eq!(error.code(), Code::BundleDamaged, "{order:?}");
        assert!(error.subject().contains(&layer.to_string()), "{error}");
        assert!(to.bytes(BUNDLE).is_none());
        // the sound one has the same head, and nothing that was staged of the other is used for it
        let sound = bundle().await;
        assert_eq!(relay(&sound, &to).await.outcome, Outcome::Succeeded);
        assert!(to.bytes(BUNDLE) == sound.bytes(BUNDLE), "{order:?}");
    }
}

#[tokio::test]
async fn what_is_there_is_replaced_only_on_request_and_a_plan_moves_nothing() {
    let from = bundle().await;
    let to = store(BlockOrder::AtCommit);
    let mut planned = relay_of(&from, &to);
    planned.dry_run = true;
    assert_eq!(planned.run(&engine()).await.outcome, Outcome::Succeeded);
    assert!(to.bytes(BUNDLE).is_none());
    to.insert(BUNDLE, "something else");
    let error = relay(&from, &to).await.error.unwrap();
    assert_eq!(error.code(), Code::BundleExists);
    assert_eq!(to.bytes(BUNDLE).unwrap(), "something else");
    let mut forced = relay_of(&from, &to);
    forced.overwrite_blobs = true;
    assert_eq!(forced.run(&engine()).await.outcome, Outcome::Succeeded);
    assert!(to.bytes(BUNDLE) == from.bytes(BUNDLE));
    let mut renamed = relay_of(&from, &to);
    renamed.to_name = Some("other.tar".to_owned());
    assert_eq!(renamed.run(&engine()).await.outcome, Outcome::Succeeded);
    assert!(to.bytes("other.tar") == from.bytes(BUNDLE));
    let mut nothing = relay_of(&from, &to);
    nothing.name = "bundel.tar".to_owned();
    assert_eq!(nothing.run(&engine()).await.error.unwrap().code(), Code::BundleNotFound);
}
