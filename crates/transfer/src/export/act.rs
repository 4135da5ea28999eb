//! Acting on an export plan: blobs to blocks, many at a time; then the head; then the commit.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use transload_blobstore::{Block, BlockOrder, Stage, StageOptions};
use transload_bundle::{self as bundle, BlockKey};
use transload_oci::Digest;

use super::Export;
use super::buffers::Buffers;
use super::fetch::{Fault, Run};
use super::finish;
use super::in_order;
use super::layout::PlannedBlock;
use super::plan::ExportPlan;
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::report::{ArtifactStatus, Outcome, Report};

/// Metadata by which other tools that know the ACR Transfer model recognise the blob.
pub(crate) const CATEGORY: (&str, &str) = ("category", "acr-transfer-blob");

/// Work that one task does.
pub(super) enum Job {
    Pack(PlannedBlock),
    Large(Vec<PlannedBlock>),
}

impl Job {
    fn len(&self) -> u64 {
        match self {
            Self::Pack(block) => block.plan.len(),
            Self::Large(blocks) => blocks.iter().map(|block| block.plan.len()).sum(),
        }
    }
}

/// Moves the bytes, builds the head and commits.
pub(super) async fn act(
    engine: &Engine,
    export: &Export,
    mut plan: ExportPlan,
    name: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let stage = open_stage(export, &plan, name).await?;
    let run = Arc::new(new_run(engine, export, &plan, Arc::clone(&stage)));
    report.totals.bytes_resumed = resumed(&run, &plan);
    if report.totals.bytes_resumed > 0 {
        engine.events.send(&Event::Resumed { bytes: report.totals.bytes_resumed });
    }
    let continue_on_errors = export.options.continue_on_errors;
    let blocks = match stage_all(&run, &mut plan, report, continue_on_errors).await {
        Ok(blocks) => blocks,
        Err(error) => {
            // the first failure is what matters; what the next run does not find it fetches again
            let _ = stage.keep().await;
            return Err(error);
        }
    };
    let stat = stage.commit(&blocks).await?;
    let location = export.store.describe(name);
    engine.events.send(&Event::Committed { location, bytes: stat.size });
    if let Some(bundle) = &mut report.bundle {
        bundle.bytes = stat.size;
    }
    report.catalog_digest = plan.catalog_digest;
    let failed = report.artifacts.iter().any(|artifact| artifact.error.is_some());
    // manifests moved when the plan was made
    report.totals.bytes_moved = *run.moved_bytes.lock() + plan.manifest_bytes();
    report.settle(ArtifactStatus::Exported, if failed { Outcome::Partial } else { Outcome::Succeeded });
    Ok(())
}

/// Fetches and stages everything, the head last. Returns the list to commit.
async fn stage_all(
    run: &Arc<Run>,
    plan: &mut ExportPlan,
    report: &mut Report,
    continue_on_errors: bool,
) -> Result<Vec<Block>, Error> {
    if plan.order == BlockOrder::InOrder {
        return in_order::act(run, plan, report, continue_on_errors).await;
    }
    let small = fetch(run, plan, report, continue_on_errors).await?;
    finish::finish(run, plan, &small).await
}

async fn open_stage(export: &Export, plan: &ExportPlan, name: &str) -> Result<Arc<dyn Stage>, Error> {
    let options = StageOptions {
        overwrite: export.options.overwrite_blobs,
        metadata: [(CATEGORY.0.to_owned(), CATEGORY.1.to_owned())].into(),
        len: plan.bundle_bytes(),
    };
    Ok(Arc::from(export.store.stage(name, options).await?))
}

fn new_run(engine: &Engine, export: &Export, plan: &ExportPlan, stage: Arc<dyn Stage>) -> Run {
    let ours = stage.staged().into_iter().filter(|block| bundle::is_block_id(&block.id.0));
    Run {
        engine: engine.clone(),
        sources: export.sources.clone(),
        blobs: plan.walk.blobs.clone(),
        order: plan.order,
        buffers: Buffers::new(engine.limits.memory_bytes_max, plan.block_bytes),
        staged: ours.map(|block| (bundle::block_key(&block.id.0), block)).collect(),
        done: Mutex::default(),
        turn: watch::Sender::new(0),
        moved_bytes: Mutex::default(),
        stage,
    }
}

/// Bytes of the plan that an earlier run staged.
fn resumed(run: &Run, plan: &ExportPlan) -> u64 {
    plan.blocks.iter().filter_map(|block| run.found(block)).map(|block| block.len).sum()
}

/// Fetches everything. Artifacts whose blobs cannot be had are failed in the plan and left out of it; the
/// blocks that shrink by that are staged anew. Returns the blobs of the head.
async fn fetch(
    run: &Arc<Run>,
    plan: &mut ExportPlan,
    report: &mut Report,
    continue_on_errors: bool,
) -> Result<HashMap<Digest, Bytes>, Error> {
    let mut small = HashMap::new();
    loop {
        let mut faults = fetch_small(run, plan, &mut small).await;
        if faults.is_empty() || continue_on_errors {
            let mut jobs = jobs(run, plan);
            // the longest first, so that no long blob is left alone at the end
            jobs.sort_by_key(|job| std::cmp::Reverse(job.len()));
            run_jobs(run, jobs, run.engine.limits.blobs_at_once, continue_on_errors, &mut faults).await?;
        }
        if faults.is_empty() {
            return Ok(small);
        }
        plan.fail(&faults, report, continue_on_errors)?;
        finish::leave_out(run.order, plan);
    }
}

/// Fetches the blobs of the head that are not at hand; answers what could not be had.
pub(super) async fn fetch_small(
    run: &Run,
    plan: &ExportPlan,
    small: &mut HashMap<Digest, Bytes>,
) -> HashMap<Digest, Error> {
    let mut faults = HashMap::new();
    let missing: Vec<_> =
        plan.layout.small.iter().copied().filter(|entry| !small.contains_key(&entry.digest)).collect();
    for (entry, fetched) in run.small(missing).await {
        match fetched {
            Ok(bytes) => drop(small.insert(entry.digest, bytes)),
            Err(error) => drop(faults.insert(entry.digest, error)),
        }
    }
    faults
}

/// What is not yet done, in the bundle's order.
pub(super) fn jobs(run: &Run, plan: &ExportPlan) -> Vec<Job> {
    let done = run.done.lock();
    let is_done = |block: &PlannedBlock| -> bool {
        let key: BlockKey = block.plan.key();
        done.contains_key(&key)
            || block.plan.pieces.iter().all(|piece| plan.layout.is_void(&piece.entry.digest))
    };
    let mut jobs = Vec::new();
    let mut blocks = plan.blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        if block.plan.is_pack() {
            if !is_done(block) {
                jobs.push(Job::Pack(block.clone()));
            }
            continue;
        }
        let entry = block.plan.pieces[0].entry;
        let mut all = vec![block.clone()];
        while let Some(next) =
            blocks.next_if(|next| !next.plan.is_pack() && next.plan.pieces[0].entry == entry)
        {
            all.push(next.clone());
        }
        if !all.iter().all(is_done) {
            jobs.push(Job::Large(all));
        }
    }
    jobs
}

/// Runs the jobs, `at_once` at a time, begun in their order. Blobs that cannot be had are collected, or, unless errors are
/// borne, end the run with the first; a failure of the store always does.
pub(super) async fn run_jobs(
    run: &Arc<Run>,
    jobs: Vec<Job>,
    at_once: usize,
    continue_on_errors: bool,
    faults: &mut HashMap<Digest, Error>,
) -> Result<(), Error> {
    let mut tasks: JoinSet<Result<Vec<(Digest, Error)>, Fault>> = JoinSet::new();
    let mut jobs = jobs.into_iter();
    loop {
        while tasks.len() < at_once.max(1)
            && let Some(job) = jobs.next()
        {
            let run = Arc::clone(run);
            tasks.spawn(async move {
                match job {
                    Job::Pack(block) => run.pack(block).await,
                    Job::Large(blocks) => run.large(blocks).await.map(|()| Vec::new()),
                }
            });
        }
        match tasks.join_next().await {
            None => return Ok(()),
            Some(Ok(Ok(failed))) => faults.extend(failed),
            Some(Ok(Err(Fault::Blob(digest, error)))) => drop(faults.insert(digest, error)),
            Some(Ok(Err(Fault::Store(error)))) => return Err(error),
            Some(Err(error)) => {
                return Err(Error::new(Code::Internal, "", format!("a transfer task died: {error}")));
            }
        }
        if !faults.is_empty() && !continue_on_errors {
            return Ok(());
        }
    }
}
