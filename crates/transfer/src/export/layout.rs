//! What stands where: manifests and small blobs in the head, the rest behind it.

use std::collections::{BTreeMap, HashSet};

use transload_bundle::{
    self as bundle, Artifact as BundleArtifact, BlockPlan, BlockPolicy, Entry, ForeignLayer, Placed,
    Platforms, Referrer, Status, TransferManifest,
};
use transload_oci::{Descriptor, Digest};

use super::plan::{ExportPlan, entry, totals};
use crate::limits::Limits;
use crate::walk::{Artifact, Walk};

/// Longest failure text that a bundle carries, in bytes: the head may not grow when an artifact fails.
const FAILURE_TEXT_BYTES_MAX: usize = 200;

/// The content of a bundle in its order.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) manifests: Vec<Digest>,
    pub(super) small: Vec<Entry>,
    /// Every entry of the data section, in order.
    pub(super) data: Vec<Entry>,
    /// Entries of the data section that stand there as voids.
    voids: HashSet<Digest>,
}

/// A block of the data section and where it stands in the bundle.
#[derive(Debug, Clone)]
pub(super) struct PlannedBlock {
    pub(super) plan: BlockPlan,
    /// From the start of the bundle.
    pub(super) offset: u64,
    /// Place in the list of the bundle's blocks, the head's blocks being the first.
    pub(super) index: u32,
}

impl PlannedBlock {
    pub(super) fn place(cut: Vec<BlockPlan>, head_len: u64, head_blocks: u32) -> Vec<Self> {
        let mut offset = head_len;
        let place = |(index, plan): (u32, BlockPlan)| {
            let placed = Self { offset, index, plan };
            offset += placed.plan.len();
            placed
        };
        (head_blocks..).zip(cut).map(place).collect()
    }
}

impl Layout {
    /// Grouped by the first artifact that needs it.
    pub(super) fn of(walk: &Walk, limits: &Limits, policy: &BlockPolicy) -> Self {
        let mut layout =
            Self { manifests: Vec::new(), small: Vec::new(), data: Vec::new(), voids: HashSet::new() };
        let mut seen = HashSet::new();
        let mut small_bytes = 0_u64;
        for artifact in walk.good() {
            layout.manifests.extend(artifact.manifests.iter().filter(|digest| seen.insert(**digest)));
            for blob in artifact.blobs.iter().filter_map(|digest| walk.blobs.get(digest)) {
                let entry = entry(blob);
                // a manifest that some index lists as a blob stands in the head already
                if !seen.insert(entry.digest) {
                    continue;
                }
                let fits = small_bytes.saturating_add(entry.size) <= limits.head_small_bytes_max;
                if entry.size < limits.small_blob_bytes && fits {
                    small_bytes += entry.size;
                    layout.small.push(entry);
                } else {
                    layout.data.push(entry);
                }
            }
        }
        let too_little = bundle::arrange(&mut layout.data, policy);
        layout.small.extend(too_little);
        layout
    }

    /// Where the entries stand that are no voids.
    pub(super) fn placed(&self) -> Vec<Placed> {
        bundle::place(&self.data).0.into_iter().filter(|placed| !self.is_void(&placed.entry.digest)).collect()
    }

    pub(super) fn data_len(&self) -> u64 {
        bundle::place(&self.data).1
    }

    /// Keeps what is wanted; what is dropped from the data section is gone, and the rest moves up.
    pub(super) fn retain(&mut self, wanted: impl Fn(&Digest) -> bool) {
        self.manifests.retain(&wanted);
        self.small.retain(|entry| wanted(&entry.digest));
        self.data.retain(|entry| wanted(&entry.digest));
    }

    /// Keeps what is wanted; what is dropped from the data section stays in its place as a void.
    pub(super) fn retain_in_place(&mut self, wanted: impl Fn(&Digest) -> bool) {
        self.manifests.retain(&wanted);
        self.small.retain(|entry| wanted(&entry.digest));
        self.voids = self.data.iter().map(|entry| entry.digest).filter(|digest| !wanted(digest)).collect();
    }

    pub(super) fn is_void(&self, digest: &Digest) -> bool {
        self.voids.contains(digest)
    }
}

/// The transfer manifest of a plan as it stands.
pub(super) fn transfer_manifest(plan: &ExportPlan) -> TransferManifest {
    let walk = &plan.walk;
    let sums = totals(walk);
    let needed = plan.needed();
    let mut blobs: BTreeMap<Digest, u64> = BTreeMap::new();
    let mut foreign = BTreeMap::new();
    for blob in walk.blobs.values().filter(|blob| needed.contains(&blob.descriptor.digest)) {
        let descriptor = &blob.descriptor;
        blobs.insert(descriptor.digest, descriptor.size);
        if blob.foreign {
            foreign.insert(descriptor.digest, foreign_layer(descriptor, true));
        }
    }
    let of_good = walk.good().flat_map(|artifact| &artifact.foreign).filter(|layer| !layer.carried);
    for descriptor in of_good.filter_map(|layer| walk.omitted.get(&layer.digest)) {
        foreign.insert(descriptor.digest, foreign_layer(descriptor, false));
    }
    TransferManifest {
        schema_version: bundle::SCHEMA_VERSION,
        tool: plan.tool.clone(),
        plan_id: plan.id.clone(),
        selection: plan.selection.clone(),
        artifacts: walk.artifacts.iter().map(artifact).collect(),
        blobs: blobs.into_iter().map(|(digest, size)| bundle::Blob { digest, size }).collect(),
        delta: None,
        foreign_layers: foreign.into_values().collect(),
        totals: bundle::Totals {
            artifacts: sums.artifacts as u64,
            manifests: sums.manifests as u64,
            blobs: sums.blobs as u64,
            bytes: sums.bytes,
            bytes_shared: sums.bytes_shared,
        },
    }
}

fn foreign_layer(descriptor: &Descriptor, carried: bool) -> ForeignLayer {
    ForeignLayer {
        digest: descriptor.digest,
        size: descriptor.size,
        media_type: descriptor.media_type.clone(),
        urls: descriptor.urls.clone(),
        carried,
    }
}

fn artifact(artifact: &Artifact) -> BundleArtifact {
    let referrers = artifact.referrers.iter().filter_map(|referrer| {
        let descriptor = referrer.descriptor.as_ref()?;
        Some(Referrer {
            digest: referrer.digest,
            media_type: descriptor.media_type.clone(),
            size: descriptor.size,
            artifact_type: referrer.artifact_type.clone(),
            subject: referrer.subject,
            tag: referrer.tag.clone(),
        })
    });
    let failed = artifact.error.as_ref();
    BundleArtifact {
        source: artifact.name.clone(),
        registry: artifact.registry.clone(),
        repository: artifact.repository.clone(),
        tags: artifact.tag.iter().cloned().collect(),
        digest: artifact.root.as_ref().map(|root| root.digest),
        media_type: artifact.root.as_ref().map(|root| root.media_type.clone()).unwrap_or_default(),
        size: artifact.root.as_ref().map_or(0, |root| root.size),
        artifact_type: artifact.artifact_type.clone(),
        platforms: Platforms {
            kept: artifact.platforms.clone(),
            dropped: artifact.platforms_dropped.clone(),
            dropped_manifests: artifact.dropped.clone(),
            original: artifact.original,
        },
        referrers: if failed.is_some() { Vec::new() } else { referrers.collect() },
        status: if failed.is_some() { Status::Failed } else { Status::Exported },
        code: failed.map(|error| error.code().to_string()),
        text: failed.map(|error| shortened(error.detail())),
    }
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(FAILURE_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
