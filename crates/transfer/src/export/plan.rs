//! The export plan: what stands where in the bundle, before a byte of a layer moves.

use std::collections::{HashMap, HashSet};

use transload_blobstore::{BlockLimits, BlockOrder};
use transload_bundle::{self as bundle, BlockPlan, BlockPolicy, Entry, Placed, TransferManifest};
use transload_oci::{Digest, Manifest};

use super::ExportOptions;
use super::layout::{Layout, PlannedBlock};
use crate::code::Code;
use crate::error::Error;
use crate::limits::Limits;
use crate::report::{Report, Totals, refuse_failures};
use crate::select::Selection;
use crate::walk::{Blob, Walk, total};

const PLAN_ID_HEX_IN_NAMES: usize = 12;

/// What an export will write.
#[derive(Debug)]
pub(super) struct ExportPlan {
    /// Names the plan: the same content under the same names makes the same id.
    pub(super) id: String,
    /// Sums.
    pub(super) totals: Totals,
    pub(super) walk: Walk,
    pub(super) selection: Vec<String>,
    pub(super) tool: String,
    pub(super) order: BlockOrder,
    pub(super) block_bytes_min: u64,
    /// Length of the longest block.
    pub(super) block_bytes: u64,
    pub(super) layout: Layout,
    pub(super) head_len: u64,
    pub(super) blocks: Vec<PlannedBlock>,
    /// Digest of the transfer manifest, once the head was built.
    pub(super) catalog_digest: Option<Digest>,
}

impl ExportPlan {
    pub(super) fn new(
        limits: &Limits,
        store: BlockLimits,
        walk: Walk,
        selection: &Selection,
        options: &ExportOptions,
    ) -> Result<Self, Error> {
        let policy = BlockPolicy {
            block_bytes: limits.block_bytes,
            block_bytes_min: store.block_bytes_min,
            block_bytes_max: store.block_bytes_max,
            blocks_max: store.blocks_max,
        };
        let layout = Layout::of(&walk, limits, &policy);
        let cut = bundle::cut(&layout.data, &policy);
        let mut plan = Self {
            id: plan_id(&walk),
            totals: totals(&walk),
            walk,
            selection: selection.texts(),
            tool: options.tool.clone(),
            order: store.order,
            block_bytes_min: store.block_bytes_min,
            block_bytes: cut.iter().map(BlockPlan::len).max().unwrap_or(0).max(limits.block_bytes),
            layout,
            head_len: 0,
            blocks: Vec::new(),
            catalog_digest: None,
        };
        let transfer = plan.transfer_manifest();
        let placed = plan.layout.placed();
        let bare_len = plan
            .with_head_input(&transfer, &placed, plan.layout.data_len(), bundle::head_len)
            .map_err(|error| Error::from_bundle(&error, ""))?;
        plan.head_len = padded_head(bare_len, store.block_bytes_min);
        plan.blocks = PlannedBlock::place(cut, plan.head_len, plan.head_blocks());
        if plan.blocks.len() + bundle::BLOCKS_RESERVED > store.blocks_max {
            let detail = format!(
                "the bundle would need {} blocks, the store takes {}",
                plan.blocks.len(),
                store.blocks_max
            );
            return Err(Error::new(Code::LimitExceeded, "", detail));
        }
        Ok(plan)
    }

    /// Length of the bundle in bytes.
    pub(super) fn bundle_bytes(&self) -> u64 {
        self.head_len + self.layout.data_len() + bundle::TRAILER_LEN
    }

    /// How many blocks the head is staged in.
    pub(super) fn head_blocks(&self) -> u32 {
        u32::try_from(self.head_len.div_ceil(self.step(self.head_len))).unwrap_or(u32::MAX)
    }

    /// The length of the blocks into which `len` bytes that are at hand are cut.
    pub(super) fn step(&self, len: u64) -> u64 {
        let most = self.block_bytes.max(1);
        if self.block_bytes_min == 0 { most } else { bundle::even(len, most) }
    }

    /// Bytes of all manifests, each once.
    pub(super) fn manifest_bytes(&self) -> u64 {
        self.layout.manifests.iter().filter_map(|d| self.walk.manifests.get(d)).map(Manifest::size).sum()
    }

    /// Artifacts that could not be planned.
    pub(super) fn failures(&self) -> usize {
        self.walk.failures()
    }

    /// A file name that tells what is inside and is the same in every run of the same plan.
    pub(super) fn suggested_name(&self) -> String {
        let first = self.walk.good().next();
        let stem = first.map_or("bundle", |a| a.repository.rsplit('/').next().unwrap_or("bundle"));
        let more = self.walk.good().map(|a| &a.repository).collect::<HashSet<_>>().len().saturating_sub(1);
        let tag = match (first.and_then(|a| a.tag.as_deref()), self.walk.good().count()) {
            (Some(tag), 1) => format!("-{tag}"),
            _ => String::new(),
        };
        let more = if more > 0 { format!("-and-{more}-more") } else { String::new() };
        format!("{stem}{tag}{more}-{}.tar", &self.id[..PLAN_ID_HEX_IN_NAMES])
    }

    /// The transfer manifest as things stand: statuses follow the artifacts' errors.
    pub(super) fn transfer_manifest(&self) -> TransferManifest {
        super::layout::transfer_manifest(self)
    }

    /// Hands out the input from which a head is measured and built.
    pub(super) fn with_head_input<T>(
        &self,
        transfer: &TransferManifest,
        data: &[Placed],
        data_len: u64,
        use_it: impl FnOnce(&bundle::HeadInput<'_>) -> T,
    ) -> T {
        let manifests: Vec<Manifest> =
            self.layout.manifests.iter().filter_map(|d| self.walk.manifests.get(d)).cloned().collect();
        use_it(&bundle::HeadInput {
            transfer,
            manifests: &manifests,
            small: &self.layout.small,
            data,
            data_len,
        })
    }

    /// What the surviving artifacts need: the rest is left out.
    pub(super) fn needed(&self) -> HashSet<Digest> {
        self.walk.good().flat_map(|a| a.blobs.iter().chain(&a.manifests)).copied().collect()
    }

    /// Fails the artifacts that need a blob which cannot be had, here and in the report. Unless that is borne, or when
    /// nothing is left, it is an error.
    pub(super) fn fail(
        &mut self,
        faults: &HashMap<Digest, Error>,
        report: &mut Report,
        continue_on_errors: bool,
    ) -> Result<(), Error> {
        if faults.is_empty() {
            return Ok(());
        }
        self.walk.fail_where(|digest| faults.get(digest).cloned());
        report.note_failures(&self.walk);
        refuse_failures(&report.artifacts, continue_on_errors)
    }

    /// Shrinks head and data to what the surviving artifacts need. The blocks stay as they are cut.
    pub(super) fn shrink(&mut self) {
        let needed = self.needed();
        self.layout.retain(|digest| needed.contains(digest));
    }
}

/// The length of a head that is no shorter than a block may be: as it is, or with a pad, which takes a header.
fn padded_head(bare_len: u64, block_bytes_min: u64) -> u64 {
    const PAD_BYTES_MIN: u64 = 512;
    if bare_len >= block_bytes_min {
        return bare_len;
    }
    block_bytes_min.max(bare_len + PAD_BYTES_MIN).next_multiple_of(PAD_BYTES_MIN)
}

/// Names what the good artifacts come to.
pub(crate) fn plan_id(walk: &Walk) -> String {
    let mut text = String::from("transload plan 1\n");
    for artifact in walk.good() {
        let root = artifact.root.as_ref().map(|root| root.digest.to_string()).unwrap_or_default();
        text.push_str(&format!("{} {root}\n", artifact.local_name()));
        for digest in artifact.manifests.iter().chain(&artifact.blobs) {
            text.push_str(&format!(" {digest}\n"));
        }
        for referrer in &artifact.referrers {
            text.push_str(&format!(" {} {}\n", referrer.digest, referrer.tag.as_deref().unwrap_or("-")));
        }
    }
    Digest::sha256(text.as_bytes()).hex()
}

/// Bytes of the blobs that the good artifacts need, each once.
pub(crate) fn blob_bytes(walk: &Walk) -> u64 {
    let blobs: HashSet<&Digest> = walk.good().flat_map(|artifact| &artifact.blobs).collect();
    total(blobs.into_iter().filter_map(|digest| walk.blobs.get(digest)).map(|blob| blob.descriptor.size))
}

/// Sums over what the good artifacts need.
pub(crate) fn totals(walk: &Walk) -> Totals {
    let mut uses: HashMap<Digest, u64> = HashMap::new();
    let mut totals = Totals { artifacts: walk.artifacts.len(), failed: walk.failures(), ..Totals::default() };
    for artifact in walk.good() {
        for digest in &artifact.blobs {
            *uses.entry(*digest).or_default() += 1;
        }
    }
    for (digest, times) in &uses {
        let size = walk.blobs.get(digest).map_or(0, |blob| blob.descriptor.size);
        totals.bytes = totals.bytes.saturating_add(size);
        totals.bytes_shared = totals.bytes_shared.saturating_add(size.saturating_mul(times - 1));
    }
    totals.blobs = uses.len();
    let manifests: HashSet<&Digest> = walk.good().flat_map(|a| &a.manifests).collect();
    totals.manifests = manifests.len();
    let manifests = manifests.iter().filter_map(|digest| walk.manifests.get(digest)).map(Manifest::size);
    totals.bytes = manifests.fold(totals.bytes, u64::saturating_add);
    totals.bytes_moved = totals.bytes;
    totals
}

pub(super) fn entry(blob: &Blob) -> Entry {
    Entry { digest: blob.descriptor.digest, size: blob.descriptor.size }
}
