//! The end of an export: what failed is left out, the head is built and staged, the list of blocks is made.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use transload_blobstore::{Block, BlockId, BlockOrder};
use transload_bundle as bundle;
use transload_oci::Digest;

use super::fetch::Run;
use super::layout::PlannedBlock;
use super::plan::ExportPlan;
use crate::code::Code;
use crate::error::Error;

/// Leaves out what no surviving artifact needs. Where blocks get their place at the commit, the rest moves up;
/// where they stand already, a void is left.
pub(super) fn leave_out(order: BlockOrder, plan: &mut ExportPlan) {
    let needed = plan.needed();
    match order {
        BlockOrder::AtCommit => {
            plan.shrink();
            let cut =
                plan.blocks.iter().filter_map(|block| block.plan.without(&|digest| !needed.contains(digest)));
            plan.blocks = PlannedBlock::place(cut.collect(), plan.head_len, plan.head_blocks());
        }
        BlockOrder::Positioned | BlockOrder::Numbered | BlockOrder::InOrder => {
            plan.layout.retain_in_place(|digest| needed.contains(digest));
        }
    }
}

/// Stages head, voids and trailer; returns the blocks to commit, in order.
pub(super) async fn finish(
    run: &Arc<Run>,
    plan: &mut ExportPlan,
    small: &HashMap<Digest, Bytes>,
) -> Result<Vec<Block>, Error> {
    stage_voids(run, plan).await?;
    let head = build_head(run.order, plan, small)?;
    let head_len = head.len() as u64;
    let mut blocks = stage_bytes(run, plan.block_bytes, (0, 0), head).await?;
    let mut offset = head_len;
    let done: HashMap<_, _> = run.done.lock().clone();
    for block in &plan.blocks {
        let len = block.plan.len();
        let id = match done.get(&block.plan.key()) {
            Some(id) if !is_void(plan, block) => *id,
            _ if is_void(plan, block) => BlockId::HOLE,
            _ => return Err(Error::new(Code::Internal, "", "a block of the plan was not staged")),
        };
        blocks.push(Block { id, offset, len, index: block.index });
        offset += len;
    }
    let index = plan.blocks.last().map_or(plan.head_blocks(), |block| block.index + 1);
    blocks.extend(stage_bytes(run, plan.block_bytes, (offset, index), bundle::trailer()).await?);
    Ok(blocks)
}

fn is_void(plan: &ExportPlan, block: &PlannedBlock) -> bool {
    block.plan.pieces.iter().all(|piece| plan.layout.is_void(&piece.entry.digest))
}

/// Renames what failed in place: the header is written over, the bytes behind it mean nothing any more.
async fn stage_voids(run: &Run, plan: &ExportPlan) -> Result<(), Error> {
    for void in plan.layout.voids() {
        let header = Bytes::from(void.entry.void_header());
        let id = BlockId(bundle::block_id(&bundle::bytes_key(&header), None));
        let block = Block { id, offset: plan.head_len + void.offset, len: header.len() as u64, index: 0 };
        run.stage.put(&block, header).await?;
    }
    Ok(())
}

/// Builds the head as the outcome is. In place it must be as long as planned: an artifact that failed frees
/// more than its failure's text takes, and a pad fills the rest.
fn build_head(
    order: BlockOrder,
    plan: &mut ExportPlan,
    small: &HashMap<Digest, Bytes>,
) -> Result<Bytes, Error> {
    let pad_to = (order != BlockOrder::AtCommit).then_some(plan.head_len);
    let mut transfer = plan.transfer_manifest();
    let placed = plan.layout.placed();
    let data_len = plan.layout.data_len();
    let content = |digest: &Digest| small.get(digest).cloned();
    let build = |transfer: &bundle::TransferManifest| {
        plan.with_head_input(transfer, &placed, data_len, |input| bundle::build_head(input, &content, pad_to))
    };
    let built = build(&transfer).or_else(|_| {
        transfer.artifacts.iter_mut().for_each(|artifact| artifact.text = None);
        build(&transfer)
    });
    built.map_err(|error| Error::from_bundle(&error, ""))
}

/// Stages bytes that are at hand, cut to the store's liking; `start` and `first` are the place and the index of the
/// first block.
async fn stage_bytes(
    run: &Run,
    block_bytes: u64,
    (start, first): (u64, u32),
    bytes: Bytes,
) -> Result<Vec<Block>, Error> {
    let step = usize::try_from(block_bytes).unwrap_or(usize::MAX).max(1);
    let mut blocks = Vec::new();
    let mut offset = start;
    let mut index = first;
    let mut rest = bytes;
    while !rest.is_empty() {
        let part = rest.split_to(rest.len().min(step));
        // the place is part of the id: two equal stretches of zeroes are two blocks
        let mut named = offset.to_be_bytes().to_vec();
        named.extend_from_slice(&part);
        let id = BlockId(bundle::block_id(&bundle::bytes_key(&named), None));
        let block = Block { id, offset, len: part.len() as u64, index };
        run.stage.put(&block, part).await?;
        offset += block.len;
        index += 1;
        blocks.push(block);
    }
    Ok(blocks)
}
