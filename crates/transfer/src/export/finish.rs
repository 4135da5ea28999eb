//! The end of an export: what failed is left out, the head is built and staged, the list of blocks is made.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use transload_blobstore::{Block, BlockId, BlockOrder};
use transload_bundle::{self as bundle, Piece};
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
    let head = build_head(run.order, plan, small)?;
    let mut offset = head.len() as u64;
    let mut blocks = stage_bytes(run, plan.step(offset), (0, 0), head).await?;
    let done: HashMap<_, _> = run.done.lock().clone();
    for block in &plan.blocks {
        let len = block.plan.len();
        if is_void(plan, block) {
            blocks.extend(stage_void(run, block, offset).await?);
        } else {
            let missing = || Error::new(Code::Internal, "", "a block of the plan was not staged");
            let id = *done.get(&block.plan.key()).ok_or_else(missing)?;
            blocks.push(Block { id, offset, len, index: block.index });
        }
        offset += len;
    }
    let index = plan.blocks.last().map_or(plan.head_blocks(), |block| block.index + 1);
    blocks.extend(stage_bytes(run, bundle::TRAILER_LEN, (offset, index), bundle::trailer()).await?);
    Ok(blocks)
}

fn is_void(plan: &ExportPlan, block: &PlannedBlock) -> bool {
    block.plan.pieces.iter().all(|piece| plan.layout.is_void(&piece.entry.digest))
}

/// Renames what failed in place: the headers are written over, the rest is a hole. Answers the blocks that take the
/// place of this one.
async fn stage_void(run: &Run, block: &PlannedBlock, offset: u64) -> Result<Vec<Block>, Error> {
    let index = block.index;
    let len = block.plan.len();
    if !block.plan.pieces.iter().any(Piece::has_header) {
        return Ok(vec![Block { id: BlockId::HOLE, offset, len, index }]);
    }
    if run.order == BlockOrder::Numbered {
        // such a store replaces a block whole or not at all
        let mut bytes = BytesMut::with_capacity(usize::try_from(len).unwrap_or(0));
        for piece in &block.plan.pieces {
            let end = bytes.len() + usize::try_from(piece.len()).unwrap_or(0);
            if piece.has_header() {
                bytes.extend_from_slice(&piece.entry.void_header());
            }
            bytes.resize(end, 0);
        }
        return Ok(vec![stage_one(run, offset, index, bytes.freeze()).await?]);
    }
    let mut blocks = Vec::new();
    let mut offset = offset;
    for piece in &block.plan.pieces {
        let mut len = piece.len();
        if piece.has_header() {
            let header = stage_one(run, offset, index, Bytes::from(piece.entry.void_header())).await?;
            offset += header.len;
            len -= header.len;
            blocks.push(header);
        }
        if len > 0 {
            blocks.push(Block { id: BlockId::HOLE, offset, len, index });
            offset += len;
        }
    }
    Ok(blocks)
}

/// Builds the head as the outcome is. In place it must be as long as planned: an artifact that failed frees
/// more than its failure's text takes, and a pad fills the rest.
pub(super) fn build_head(
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
    let head = built.map_err(|error| Error::from_bundle(&error, ""))?;
    plan.catalog_digest = bundle::transfer_digest(&head);
    Ok(head)
}

/// Stages bytes that are at hand, in blocks of `step` bytes; `start` and `first` are the place and the index of the first.
pub(super) async fn stage_bytes(
    run: &Run,
    step: u64,
    (start, first): (u64, u32),
    bytes: Bytes,
) -> Result<Vec<Block>, Error> {
    let step = usize::try_from(step).unwrap_or(usize::MAX).max(1);
    let mut blocks = Vec::new();
    let (mut offset, mut index) = (start, first);
    let mut rest = bytes;
    while !rest.is_empty() {
        let block = stage_one(run, offset, index, rest.split_to(rest.len().min(step))).await?;
        offset += block.len;
        index += 1;
        blocks.push(block);
    }
    Ok(blocks)
}

/// Stages one block that is no stretch of blobs.
async fn stage_one(run: &Run, offset: u64, index: u32, bytes: Bytes) -> Result<Block, Error> {
    // the place is part of the id: two equal stretches of zeroes are two blocks
    let mut named = offset.to_be_bytes().to_vec();
    named.extend_from_slice(&bytes);
    let id = BlockId(bundle::block_id(&bundle::bytes_key(&named), None));
    let block = Block { id, offset, len: bytes.len() as u64, index };
    run.put_in_turn(&block, bytes).await?;
    Ok(block)
}
