//! What the engine's tests share: registries in memory with images in them, and runs of the engine.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use transload_blobstore::memory::MemoryStore;
use transload_blobstore::{BlobStore, BlockLimits, BlockOrder};
use transload_oci::{Descriptor, Manifest, media_type};
use transload_registry::memory::MemoryRegistry;
use transload_registry::{Source, Target};
use transload_transfer::{
    Engine, Events, Export, ExportOptions, Import, Limits, Report, Selection, Sources, TargetOptions, Verify,
};

pub(crate) const KIB: usize = 1024;
pub(crate) const SOURCE: &str = "source.test";
pub(crate) const TARGET: &str = "target.test";
pub(crate) const BUNDLE: &str = "bundle.tar";
/// The ways in which stores give blocks their place.
pub(crate) const ORDERS: [BlockOrder; 4] =
    [BlockOrder::AtCommit, BlockOrder::Positioned, BlockOrder::Numbered, BlockOrder::InOrder];
/// Those of them in which a run finds what an earlier one staged.
pub(crate) const RESUMABLE: [BlockOrder; 3] = [ORDERS[0], ORDERS[1], ORDERS[2]];

/// Small blocks, so that small layers have several.
pub(crate) fn limits() -> Limits {
    Limits {
        block_bytes: 64 * KIB as u64,
        memory_bytes_max: 4 * 64 * KIB as u64,
        small_blob_bytes: 4 * KIB as u64,
        ..Limits::default()
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(limits(), Events::none(), CancellationToken::new())
}

/// Bytes that do not repeat, the same for the same seed.
pub(crate) fn noise(seed: u64, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out.into()
}

pub(crate) fn manifest(document: &Value) -> Manifest {
    Manifest::parse(None, None, serde_json::to_vec(document).unwrap().into()).unwrap()
}

/// Puts an image of these layers into a registry.
pub(crate) fn image(
    registry: &MemoryRegistry,
    repository: &str,
    reference: &str,
    layers: &[Bytes],
) -> Manifest {
    let config = json!({"os": "linux", "architecture": "amd64", "name": format!("{repository} {reference}")});
    let config = registry.put_blob(repository, media_type::OCI_CONFIG, serde_json::to_vec(&config).unwrap());
    let layers: Vec<Descriptor> =
        layers.iter().map(|l| registry.put_blob(repository, media_type::OCI_LAYER, l.clone())).collect();
    let made = manifest(
        &json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers}),
    );
    registry.put_manifest(repository, reference, &made);
    registry.put_manifest(repository, &made.digest.to_string(), &made);
    made
}

/// An artifact about a manifest, or one without a subject.
pub(crate) fn artifact(
    registry: &MemoryRegistry,
    repository: &str,
    reference: Option<&str>,
    kind: &str,
    subject: Option<&Manifest>,
) -> Manifest {
    let empty = registry.put_blob(repository, media_type::OCI_EMPTY, "{}");
    let content = registry.put_blob(repository, kind, format!("{kind} {subject:?}").into_bytes());
    let mut document = json!({"schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": kind,
                              "config": empty, "layers": [content]});
    if let Some(subject) = subject {
        document["subject"] = serde_json::to_value(subject.descriptor()).unwrap();
    }
    let made = manifest(&document);
    let digest = made.digest.to_string();
    registry.put_manifest(repository, reference.unwrap_or(&digest), &made);
    registry.put_manifest(repository, &digest, &made);
    made
}

pub(crate) fn index(
    registry: &MemoryRegistry,
    repository: &str,
    reference: &str,
    children: &[(&str, &Manifest)],
) -> Manifest {
    let children: Vec<Value> = children
        .iter()
        .map(|(architecture, child)| {
            let mut descriptor = serde_json::to_value(child.descriptor()).unwrap();
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            descriptor
        })
        .collect();
    let made =
        manifest(&json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children}));
    registry.put_manifest(repository, reference, &made);
    registry.put_manifest(repository, &made.digest.to_string(), &made);
    made
}

/// A source with three images over two repositories, two of them sharing a base.
pub(crate) fn source() -> Arc<MemoryRegistry> {
    let registry = MemoryRegistry::new(SOURCE);
    let base = noise(1, 300 * KIB);
    image(&registry, "team/app", "v1", &[base.clone(), noise(2, 90 * KIB), noise(3, 10 * KIB)]);
    image(&registry, "team/app", "v2", &[base.clone(), noise(4, 20 * KIB), noise(5, 300)]);
    image(&registry, "team/web", "v1", &[base, noise(6, 200 * KIB + 13)]);
    Arc::new(registry)
}

pub(crate) fn store(order: BlockOrder) -> Arc<MemoryStore> {
    let block_bytes_min = if order == BlockOrder::Numbered { 20 * KIB as u64 } else { 0 };
    let limits = BlockLimits { order, block_bytes_min, block_bytes_max: 1 << 30, blocks_max: 50_000 };
    Arc::new(MemoryStore::with_limits(limits))
}

/// What a reader of tars that knows nothing of bundles finds in one.
pub(crate) fn tar_names(bytes: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap();
    entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
}

pub(crate) fn selection(references: &[&str]) -> Selection {
    let references =
        references.iter().map(|r| r.parse::<transload_oci::Reference>().unwrap().with_registry(SOURCE));
    Selection::of(references)
}

pub(crate) fn sources(source: &Arc<MemoryRegistry>) -> Sources {
    [(SOURCE.to_owned(), Arc::clone(source) as Arc<dyn Source>)].into()
}

pub(crate) fn export_of(
    source: &Arc<MemoryRegistry>,
    store: &Arc<MemoryStore>,
    references: &[&str],
) -> Export {
    Export {
        sources: sources(source),
        selection: selection(references),
        approved: None,
        store: Arc::clone(store) as Arc<dyn BlobStore>,
        name: Some(BUNDLE.to_owned()),
        options: ExportOptions { tool: "transload/test".to_owned(), ..ExportOptions::default() },
    }
}

pub(crate) async fn export(
    source: &Arc<MemoryRegistry>,
    store: &Arc<MemoryStore>,
    references: &[&str],
) -> Report {
    export_of(source, store, references).run(&engine()).await
}

pub(crate) fn import_of(store: &Arc<MemoryStore>, target: &Arc<MemoryRegistry>) -> Import {
    Import {
        store: Arc::clone(store) as Arc<dyn BlobStore>,
        name: BUNDLE.to_owned(),
        only: Vec::new(),
        target: Arc::clone(target) as Arc<dyn Target>,
        options: TargetOptions::default(),
        delete_source_blob_on_success: false,
    }
}

pub(crate) async fn import(store: &Arc<MemoryStore>, target: &Arc<MemoryRegistry>) -> Report {
    import_of(store, target).run(&engine()).await
}

pub(crate) async fn verify(store: &Arc<MemoryStore>) -> Report {
    Verify { store: Arc::clone(store) as Arc<dyn BlobStore>, name: BUNDLE.to_owned() }.run(&engine()).await
}

pub(crate) fn target() -> Arc<MemoryRegistry> {
    Arc::new(MemoryRegistry::new(TARGET))
}

/// The tags of a registry, sorted, with their digests.
pub(crate) fn tags(registry: &MemoryRegistry) -> Vec<(String, String)> {
    let mut tags: Vec<_> =
        registry.all_tags().into_iter().map(|(tag, digest)| (tag, digest.to_string())).collect();
    tags.sort();
    tags
}
