//! Blobs as they come by: pushing from a pipe, in its order.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use transload_bundle::{Extent, StreamOutcome};
use transload_oci::Digest;

use super::act::Pusher;
use super::origin::Origin;
use super::plan::{PushBlob, PushPlan};
use crate::code::Code;
use crate::error::Error;
use crate::stream::Feed;
use crate::walk::Blob;

const KIB: u64 = 1024;

/// A blob that will come by, and who lacks it.
struct Coming {
    extent: Extent,
    blob: Blob,
    part: PushBlob,
}

type Faults = HashMap<Digest, Error>;

impl Pusher {
    /// Pushes what the plan wants as the pipe brings it. Blobs that fit a block are taken into memory, many at a time;
    /// longer ones go straight through. Answers what failed; unless that is borne, the first ends it. Otherwise the
    /// end of the pipe has been seen.
    pub(super) async fn blobs_from(
        self: &Arc<Self>,
        plan: &PushPlan,
        feed: &Feed,
        continue_on_errors: bool,
    ) -> Result<Faults, Error> {
        let mut faults = Faults::new();
        let mut tasks: JoinSet<Result<(), (Digest, Error)>> = JoinSet::new();
        let limits = &self.engine.limits;
        let at_once = limits.blobs_at_once.max(1);
        let memory = Arc::new(Semaphore::new(kib(limits.memory_bytes_max) as usize));
        for Coming { extent, blob, part } in coming(plan, feed) {
            if extent.len <= limits.block_bytes.min(limits.memory_bytes_max) {
                if tasks.len() >= at_once.max(limits.requests_at_once)
                    && let Some(done) = tasks.join_next().await
                {
                    take(done, &mut faults)?;
                }
                // the semaphore is never closed, and no blob asks for more than there is
                let permit = Arc::clone(&memory).acquire_many_owned(kib(extent.len)).await;
                let bytes = feed.tape.range(extent.range()).await?;
                if (bytes.len() as u64) < extent.len {
                    return Err(feed.tape.ended_at(extent.range().end).await);
                }
                let push = Arc::clone(self).blob(blob, part, Origin::Whole(bytes));
                tasks.spawn(push.map(move |pushed| {
                    drop(permit);
                    pushed
                }));
            } else {
                let origin = Origin::Tape(Arc::clone(&feed.tape), extent);
                if let Err((digest, error)) = Arc::clone(self).blob(blob, part, origin).await {
                    faults.insert(digest, error);
                }
            }
            while let Some(done) = tasks.try_join_next() {
                take(done, &mut faults)?;
            }
            if !faults.is_empty() && !continue_on_errors {
                return Ok(faults);
            }
        }
        while let Some(done) = tasks.join_next().await {
            take(done, &mut faults)?;
        }
        if let Some(outcome) = feed.end().await? {
            explain(&mut faults, &outcome, feed.tape.label());
        }
        Ok(faults)
    }
}

/// What the plan wants and the head does not hold, in the pipe's order.
fn coming(plan: &PushPlan, feed: &Feed) -> Vec<Coming> {
    let wanted = plan.blobs.iter().filter(|(digest, _)| feed.index.cached(digest).is_none());
    let mut coming: Vec<Coming> = wanted
        .filter_map(|(digest, part)| {
            let extent = *feed.index.catalog.get(digest)?;
            Some(Coming { extent, blob: plan.walk.blobs.get(digest)?.clone(), part: part.clone() })
        })
        .collect();
    coming.sort_by_key(|coming| coming.extent.offset);
    coming
}

fn take(done: Result<Result<(), (Digest, Error)>, JoinError>, faults: &mut Faults) -> Result<(), Error> {
    match done {
        Ok(Ok(())) => Ok(()),
        Ok(Err((digest, error))) => {
            faults.insert(digest, error);
            Ok(())
        }
        Err(error) => Err(Error::new(Code::Internal, "", format!("a transfer task died: {error}"))),
    }
}

/// Bytes that the exporting side could not have are its failure, in its words.
fn explain(faults: &mut Faults, outcome: &StreamOutcome, label: &str) {
    let said = outcome.failed.iter().find_map(|failed| failed.text.clone());
    for (digest, error) in faults.iter_mut().filter(|(digest, _)| outcome.bad.contains(digest)) {
        let said = said.as_deref().unwrap_or("no reason recorded");
        let detail = format!("the exporting side could not read it: {said}");
        *error = Error::new(Code::ExportFailed, format!("{label}@{digest}"), detail);
    }
}

/// Memory is counted in KiB, so that its number fits a semaphore.
fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX).max(1)
}
