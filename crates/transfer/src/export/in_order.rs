//! Writing to a store that takes blocks in order only: the head first, then everything in its place, and at the end
//! what became of it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use transload_blobstore::{Block, BlockId, BlockOrder};
use transload_bundle::{self as bundle, StreamOutcome};
use transload_oci::Digest;

use super::act::{fetch_small, jobs, run_jobs};
use super::fetch::{Fault, Run};
use super::finish;
use super::layout::PlannedBlock;
use super::plan::ExportPlan;
use crate::error::Error;
use crate::report::Report;

/// Moves everything. The head is written as if nothing will fail from then on; what does is told in an entry behind
/// the data. Unless failures are borne, nothing is written behind the first: whoever reads sees that the end is missing.
pub(super) async fn act(
    run: &Arc<Run>,
    plan: &mut ExportPlan,
    report: &mut Report,
    continue_on_errors: bool,
) -> Result<Vec<Block>, Error> {
    let small = small(run, plan, report, continue_on_errors).await?;
    let head = finish::build_head(run.order, plan, &small)?;
    drop(small);
    let mut blocks = finish::stage_bytes(run, plan.step(head.len() as u64), (0, 0), head).await?;

    let mut faults = HashMap::new();
    // a pack counts for two buffers: so many jobs can all hold what they need at the same time
    let at_once = (run.buffers.most() / 2).clamp(1, run.engine.limits.blobs_at_once.max(1));
    run_jobs(run, jobs(run, plan), at_once, continue_on_errors, &mut faults).await?;
    plan.fail(&faults, report, continue_on_errors)?;

    let mut offset = plan.head_len;
    for block in &plan.blocks {
        // what was put is in the pipe, whatever its name was
        let len = block.plan.len();
        blocks.push(Block { id: BlockId::HOLE, offset, len, index: block.index });
        offset += len;
    }
    let mut end = BytesMut::new();
    if !faults.is_empty() {
        end.extend_from_slice(&outcome(plan, &faults).entry());
    }
    end.extend_from_slice(&bundle::trailer());
    let index = blocks.last().map_or(0, |block| block.index + 1);
    blocks.extend(finish::stage_bytes(run, plan.block_bytes, (offset, index), end.freeze()).await?);
    Ok(blocks)
}

/// The blobs of the head, and a plan without what cannot be had of them: nothing has been written yet.
async fn small(
    run: &Arc<Run>,
    plan: &mut ExportPlan,
    report: &mut Report,
    continue_on_errors: bool,
) -> Result<HashMap<Digest, Bytes>, Error> {
    let mut small = HashMap::new();
    loop {
        let faults = fetch_small(run, plan, &mut small).await;
        if faults.is_empty() {
            return Ok(small);
        }
        plan.fail(&faults, report, continue_on_errors)?;
        finish::leave_out(BlockOrder::AtCommit, plan);
    }
}

fn outcome(plan: &ExportPlan, faults: &HashMap<Digest, Error>) -> StreamOutcome {
    let mut bad: Vec<Digest> = faults.keys().copied().collect();
    bad.sort_unstable();
    StreamOutcome::of(&plan.transfer_manifest(), bad)
}

impl Run {
    /// Puts a block; where the order matters, when the one before it has been put.
    pub(super) async fn put_in_turn(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        if self.order != BlockOrder::InOrder {
            return Ok(self.stage.put(block, bytes).await?);
        }
        // the sender lives as long as this: waiting cannot fail
        let _ = self.turn.subscribe().wait_for(|next| *next == block.index).await;
        self.stage.put(block, bytes).await?;
        self.turn.send_replace(block.index + 1);
        Ok(())
    }

    /// Fills the place of what cannot be had with zeroes, under a name that says so if the name is not written yet.
    pub(super) async fn void_rest(&self, blocks: &[PlannedBlock]) -> Result<(), Fault> {
        let put = *self.turn.borrow();
        for block in blocks.iter().filter(|block| block.index >= put) {
            let len = usize::try_from(block.plan.len()).unwrap_or(0);
            let mut buffer = self.buffer(1).await?;
            for piece in block.plan.pieces.iter().filter(|piece| piece.has_header()) {
                buffer.bytes.extend_from_slice(&piece.entry.void_header());
            }
            buffer.bytes.resize(len, 0);
            let filled = buffer.freeze();
            let placed =
                Block { id: BlockId::HOLE, offset: block.offset, len: len as u64, index: block.index };
            self.put_in_turn(&placed, filled.bytes.clone()).await.map_err(Fault::Store)?;
            self.buffers.give_back(filled);
        }
        Ok(())
    }
}
