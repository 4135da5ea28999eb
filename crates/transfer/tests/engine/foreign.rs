//! Layers that need not be in a registry.

use std::sync::Arc;

use crate::support::*;
use serde_json::json;
use transload_blobstore::memory::MemoryStore;
use transload_oci::{Descriptor, Manifest, media_type};
use transload_registry::memory::MemoryRegistry;
use transload_registry::{Source, Web};
use transload_transfer::{Export, ForeignLayers, Outcome, inspect};

const URL: &str = "https://layers.test/base?token=secret";
const KIND: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// An image with one layer of its own and one that lies at a URL.
fn windows() -> (Arc<MemoryRegistry>, Descriptor, Manifest) {
    let registry = MemoryRegistry::new(SOURCE);
    let config = registry.put_blob("win/app", media_type::OCI_CONFIG, "{}");
    let own = registry.put_blob("win/app", media_type::OCI_LAYER, noise(1, 20 * KIB));
    let mut foreign = Descriptor::of(KIND, &noise(2, 100 * KIB));
    foreign.urls.push(URL.to_owned());
    let made = manifest(&json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config,
                                "layers": [foreign, own]}));
    registry.put_manifest("win/app", "v1", &made);
    registry.put_manifest("win/app", &made.digest.to_string(), &made);
    (Arc::new(registry), foreign, made)
}

/// The web, with these bytes at the URL.
fn web(bytes: Option<bytes::Bytes>) -> Arc<MemoryRegistry> {
    let web = MemoryRegistry::new(Web::HOST);
    if let Some(bytes) = bytes {
        web.put_blob(URL, KIND, bytes);
    }
    Arc::new(web)
}

fn export_with(
    source: &Arc<MemoryRegistry>,
    web: &Arc<MemoryRegistry>,
    store: &Arc<MemoryStore>,
    what: ForeignLayers,
) -> Export {
    let mut export = export_of(source, store, &["win/app:v1"]);
    export.sources.insert(Web::HOST.to_owned(), Arc::clone(web) as Arc<dyn Source>);
    export.selection.foreign_layers = what;
    export
}

#[tokio::test]
async fn a_foreign_layer_is_fetched_from_its_url_and_pushed() {
    for order in ORDERS {
        let ((source, layer, _), web, store, far) =
            (windows(), web(Some(noise(2, 100 * KIB))), store(order), target());
        let report = export_with(&source, &web, &store, ForeignLayers::Carry).run(&engine()).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
        assert_eq!(report.source, SOURCE, "the web is no registry");
        assert!(report.artifacts[0].foreign_layers[0].carried);
        assert_eq!(report.artifacts[0].foreign_layers[0].urls, ["https://layers.test/base?…"]);
        assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
        assert_eq!(import(&store, &far).await.outcome, Outcome::Succeeded);
        assert!(far.blob_bytes("win/app", &layer.digest).is_some());
        assert_eq!(import(&store, &far).await.outcome, Outcome::Unchanged);
        // a registry may have the manifest and lack the layer
        far.remove_blob("win/app", &layer.digest);
        assert_eq!(import(&store, &far).await.outcome, Outcome::Succeeded);
        assert!(far.blob_bytes("win/app", &layer.digest).is_some());
    }
}

#[tokio::test]
async fn a_registry_that_has_the_layer_is_asked_before_its_url() {
    let ((source, layer, _), web, store) = (windows(), web(None), store(ORDERS[0]));
    source.put_blob("win/app", &layer.media_type, noise(2, 100 * KIB));
    let report = export_with(&source, &web, &store, ForeignLayers::Carry).run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(web.counters().blob_stats, 0);
}

#[tokio::test]
async fn a_foreign_layer_that_cannot_be_had_fails_before_anything_is_written() {
    let ((source, ..), web, store) = (windows(), web(None), store(ORDERS[0]));
    let with_web = export_with(&source, &web, &store, ForeignLayers::Carry);
    let mut without = export_with(&source, &web, &store, ForeignLayers::Carry);
    without.sources.remove(Web::HOST);
    for (export, words) in [(with_web, "it is not there"), (without, "https://layers.test/base")] {
        let error = export.run(&engine()).await.error.unwrap();
        assert_eq!(error.code().as_str(), "ForeignLayerUnavailable");
        assert!(
            error.detail().contains("https://layers.test/base?…") && error.detail().contains(words),
            "{error}"
        );
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.next_step().contains("omit"), "{}", error.next_step());
        assert_eq!(store.puts(), 0);
    }
}

#[tokio::test]
async fn a_url_with_other_bytes_fails_the_artifact() {
    let ((source, layer, _), web, store) = (windows(), web(Some(noise(2, 100 * KIB))), store(ORDERS[0]));
    web.damage_blob(&layer.digest);
    let report = export_with(&source, &web, &store, ForeignLayers::Carry).run(&engine()).await;
    let error = report.error.unwrap();
    assert_eq!(error.code().as_str(), "DigestMismatch");
    assert!(
        error.subject().contains("https://layers.test/base") && !error.to_string().contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_omitted_is_said_everywhere_and_an_import_does_not_ask_for_it() {
    let ((source, layer, image), web, store, far) = (windows(), web(None), store(ORDERS[0]), target());
    let report = export_with(&source, &web, &store, ForeignLayers::Omit).run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert!(!report.artifacts[0].foreign_layers[0].carried);
    assert_eq!(web.counters().blob_stats, 0);
    let shared: Arc<dyn transload_blobstore::BlobStore> = Arc::clone(&store) as _;
    let inside = inspect(&engine(), &shared, BUNDLE).await.unwrap();
    assert_eq!(inside.artifacts[0].foreign_layers, report.artifacts[0].foreign_layers);
    assert!(inside.blobs.iter().all(|blob| blob.digest != layer.digest));
    assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
    let report = import(&store, &far).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(far.manifest("win/app", "v1").await.unwrap().bytes, image.bytes);
    assert!(far.blob_bytes("win/app", &layer.digest).is_none());
    assert_eq!(import(&store, &far).await.outcome, Outcome::Unchanged);
}
