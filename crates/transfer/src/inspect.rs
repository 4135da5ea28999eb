//! Looking into a bundle without moving anything.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use transload_blobstore::BlobStore;
use transload_bundle::{Status, TransferManifest};
use transload_oci::Digest;

use crate::engine::Engine;
use crate::error::Error;
use crate::open::{self, BundleSource};
use crate::report::{ArtifactReport, ArtifactStatus, Form, Totals};
use crate::walk::{Walk, walk_bundle};

/// What is in a bundle.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Where it is, without secrets.
    pub location: String,
    /// Length in bytes.
    pub bytes: u64,
    /// What it is and how it is wrapped.
    #[serde(flatten)]
    pub form: Form,
    /// Manifests that were made on opening, because a docker-archive has none: their digests are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub converted: Vec<Digest>,
    /// Bytes at its front that an importer reads first; none in bundles that others wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_bytes: Option<u64>,
    /// The program that wrote it, where it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Names the plan it was written by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// What was asked for when it was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<String>,
    /// Every artifact in it.
    pub artifacts: Vec<ArtifactReport>,
    /// Artifacts that were asked for and are not in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Every blob in it.
    pub blobs: Vec<BlobInfo>,
    /// Sums.
    pub totals: Totals,
}

/// An artifact whose export failed.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// The reference it was asked for by.
    pub source: String,
    /// Code of the failure.
    pub code: Option<String>,
    /// Its text.
    pub text: Option<String>,
}

/// A blob of a bundle.
#[derive(Debug, Clone, Serialize)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// What it is, as a manifest calls it.
    pub media_type: String,
    /// Length in bytes.
    pub size: u64,
    /// Where its content stands: in the bundle, in what is inside a compressed one, in the row of its parts or files.
    pub offset: u64,
    /// How many artifacts need it.
    pub artifacts: usize,
}

/// Reads a bundle's head and says what is in it.
pub async fn inspect(engine: &Engine, store: &Arc<dyn BlobStore>, name: &str) -> Result<Inspection, Error> {
    engine.until_cancelled(look(engine, store, name)).await
}

async fn look(engine: &Engine, store: &Arc<dyn BlobStore>, name: &str) -> Result<Inspection, Error> {
    let opened = open::bundle(engine, store, name).await?;
    let source = Arc::new(BundleSource::new(opened.clone()).await?);
    let walk = walk_bundle(engine, &source, &[], false).await?;
    let transfer = opened.index.transfer.as_ref();
    let offset = |digest: &Digest| opened.index.catalog.get(digest).map_or(0, |extent| extent.offset);
    Ok(Inspection {
        location: opened.location.clone(),
        bytes: opened.len(),
        form: opened.form(),
        converted: opened.index.made.keys().copied().collect(),
        head_bytes: opened.index.head_len,
        tool: transfer.map(|t| t.tool.clone()),
        plan_id: transfer.map(|t| t.plan_id.clone()),
        selection: transfer.map(|t| t.selection.clone()).unwrap_or_default(),
        artifacts: walk.artifacts.iter().map(|a| a.report(&walk, ArtifactStatus::Exported)).collect(),
        missing: transfer.map(missing).unwrap_or_default(),
        blobs: blobs(&walk, offset),
        totals: Totals { bytes_moved: 0, ..crate::export::totals(&walk) },
    })
}

fn missing(transfer: &TransferManifest) -> Vec<Missing> {
    let failed = transfer.artifacts.iter().filter(|artifact| artifact.status == Status::Failed);
    failed.map(|a| Missing { source: a.source.clone(), code: a.code.clone(), text: a.text.clone() }).collect()
}

/// Every blob once, the largest first.
fn blobs(walk: &Walk, offset: impl Fn(&Digest) -> u64) -> Vec<BlobInfo> {
    let mut uses: HashMap<Digest, usize> = HashMap::new();
    for digest in walk.good().flat_map(|artifact| &artifact.blobs) {
        *uses.entry(*digest).or_default() += 1;
    }
    let mut blobs: Vec<BlobInfo> = walk
        .blobs
        .values()
        .map(|blob| BlobInfo {
            digest: blob.descriptor.digest,
            media_type: blob.descriptor.media_type.clone(),
            size: blob.descriptor.size,
            offset: offset(&blob.descriptor.digest),
            artifacts: uses.get(&blob.descriptor.digest).copied().unwrap_or(0),
        })
        .collect();
    blobs.sort_by_key(|blob| (std::cmp::Reverse(blob.size), blob.digest));
    blobs
}
