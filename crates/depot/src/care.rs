//! What a registry that is left running needs: uploads that were given up go, and garbage is collected.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::contents::Fault;
use crate::depot::Depot;
use crate::folder::{GcOptions, GcReport};

/// How often upload sessions are looked at.
const SESSIONS_EVERY: Duration = Duration::from_secs(60);
/// How often uploads of earlier processes are looked for on the disk.
const UPLOADS_EVERY: Duration = Duration::from_secs(3600);
/// The first collection is this long after the start at the latest, so that one that is restarted every night has any.
const FIRST_AFTER: Duration = Duration::from_secs(600);

/// What is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Care {
    /// How often garbage is collected; `None` for never.
    pub gc_every: Option<Duration>,
    /// What a collection takes. Uploads that are idle for `uploads_idle` go, with or without collections.
    pub gc: GcOptions,
}

/// Looks after the depot until `stop`.
pub(crate) async fn tend(depot: &Depot, care: Care, stop: CancellationToken) {
    let Some(folder) = depot.folder() else { return };
    let mut uploads_at = Instant::now();
    let mut next = care.gc_every.map(|every| Instant::now() + every.min(FIRST_AFTER));
    loop {
        let wake = Instant::now() + SESSIONS_EVERY.min(care.gc.uploads_idle);
        let wake = next.map_or(wake, |next| next.min(wake));
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep_until(wake) => {}
        }
        depot.uploads().expire(care.gc.uploads_idle).await;
        if uploads_at <= Instant::now() {
            if let Err(fault) = folder.expire_uploads(care.gc.uploads_idle).await {
                tracing::warn!(%fault, "uploads that were given up could not be looked for");
            }
            uploads_at = Instant::now() + UPLOADS_EVERY.min(care.gc.uploads_idle);
        }
        if next.is_some_and(|next| next <= Instant::now()) {
            tell(folder.collect(care.gc, stop.clone()).await);
            next = care.gc_every.map(|every| Instant::now() + every);
        }
    }
}

fn tell(collected: Result<GcReport, Fault>) {
    match collected {
        Ok(report) => {
            for problem in &report.problems {
                tracing::warn!(%problem, "garbage collection could not look at something");
            }
            tracing::info!(
                blobs_removed = report.blobs_removed,
                bytes_removed = report.blob_bytes_removed,
                uploads_removed = report.uploads_removed,
                blobs = report.blobs,
                "garbage was collected"
            );
        }
        Err(fault) => tracing::warn!(%fault, "garbage was not collected"),
    }
}
