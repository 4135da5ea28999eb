//! Whose turn it is.
//!
//! Runs of one pipeline are a *lane*. Lanes take turns: the first waiting run of each lane has a turn before the second of
//! any, however many are waiting in one of them, and within a turn the one that was asked for first goes first. So a pipeline
//! with a thousand runs delays a run of another pipeline by one run per lane that waits.
//!
//! A run is given its turn when it begins to wait (start-time fair queueing): the one that is being served now, or the one
//! after the last of its own lane, whichever is later. Claiming is then one step down an index. A run that is tried again
//! waits for the turn that is served when it failed, not behind its lane.

use sqlx::Row as _;

use super::db::Tx;
use super::fault::Fault;
use crate::run::Work;

/// The turn of the first run that could be claimed; if there is none, of the first that waits for its back-off, or of the
/// last that was claimed.
pub(super) const SERVED: &str = "SELECT COALESCE(\
     (SELECT turn FROM runs WHERE state = 'Queued' AND +due_at <= $1 ORDER BY turn, seq LIMIT 1), \
     (SELECT MIN(turn) FROM runs WHERE state = 'Queued'), \
     (SELECT MAX(turn) FROM runs WHERE lease_until IS NOT NULL), 0) AS turn";
pub(super) const LAST_OF_LANE: &str = "SELECT MAX(turn) AS turn FROM runs \
     WHERE lane = $1 AND finished_at IS NULL AND state = 'Queued'";

/// The lane of a run: its pipeline, or the registry or resource that it is about.
pub(super) fn lane_of(work: &Work) -> String {
    match work {
        Work::Export { pipeline, .. } | Work::Import { pipeline, .. } => pipeline.key().to_owned(),
        Work::ImportImage { registry, .. } => registry.key().to_owned(),
        Work::Check { subject } => format!("check {}", subject.key()),
    }
}

/// Whether it moves no contents. Lanes of checks are told from all others by how they begin.
pub(super) fn is_check(work: &Work) -> bool {
    matches!(work, Work::Check { .. })
}

/// The turn of a run that begins to wait in this lane.
pub(super) async fn turn_for(tx: &mut Tx, lane: &str) -> Result<i64, Fault> {
    let served = turn_served(tx).await?;
    let row = sqlx::query(LAST_OF_LANE).bind(lane).fetch_one(tx.on()).await?;
    let last: Option<i64> = row.try_get("turn")?;
    Ok(last.map_or(served, |last| served.max(last + 1)))
}

/// The turn that is served now.
pub(super) async fn turn_served(tx: &mut Tx) -> Result<i64, Fault> {
    let now = tx.now;
    let row = sqlx::query(SERVED).bind(now).fetch_one(tx.on()).await?;
    Ok(row.try_get("turn")?)
}
