//! The queue: workers claim runs, say that they are still at them, and say how they ended.
//!
//! A claim has a number, the fence, that grows with every claim of a run; every write of a worker names it. A worker whose
//! lease ran out, and whose run another took over, is told [`Beat::Lost`] and has changed nothing.

use std::time::Duration;

use rand::RngExt as _;
use sqlx::Row as _;

use super::Ledger;
use super::db::Tx;
use super::fault::Fault;
use super::queue_order::turn_served;
use super::run_row::{RunRow, release_holds, run_columns, state_of};
use super::sql::{Locking, claiming, get, span_millis, to_json};
use super::wanted::Wanted;
use crate::Error;
use crate::run::{Happening, Record, Run, RunError, RunState};

/// A run that a worker has.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The run as it was when it was claimed.
    pub run: Run,
    /// Names this claim in all that the worker writes.
    pub fence: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What a worker has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Go on; or, of an end: it is written.
    Go,
    /// Stop, then [`finish`](Ledger::finish) with [`Ending::Stopped`].
    Cancel,
    /// Stop and write nothing more: another has the run, or it is gone.
    Lost,
}

/// How a worker's attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All that was asked for is done.
    Succeeded,
    /// It failed.
    Failed {
        /// Why.
        error: RunError,
        /// Whether it may pass: then it is tried again, as long as [`QueueLimits`](super::QueueLimits) allow.
        transient: bool,
    },
    /// It was stopped because that was asked for. Of a run that nobody asked to stop this is [`Released`](Self::Released).
    Stopped,
    /// The worker goes and gives the run back, to be taken on at once. It does not count as an attempt.
    Released,
    /// Another run has a name that this one needs ([`hold`](Ledger::hold)): it waits for that one, and is tried every now and
    /// then. It does not count as an attempt. What it holds itself it lets go of, so that no two runs wait for each other.
    Deferred {
        /// Which run it waits for.
        error: RunError,
    },
}

/// Who takes a run.
#[derive(Clone, Copy)]
struct Taker<'a> {
    worker: &'a str,
    lease: Duration,
    wanted: Wanted,
}

/// The code of a run whose workers were gone without a word too often.
pub const WORKER_LOST: &str = "WorkerLost";

pub(super) const ABANDONED: Locking = claiming!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE lease_until IS NOT NULL AND lease_until <= $1 ORDER BY lease_until LIMIT 1"
);
pub(super) const BEAT: &str = "UPDATE runs SET lease_until = $3, record = COALESCE($4, record) \
     WHERE operation = $1 AND fence = $2 AND lease_until IS NOT NULL RETURNING state";

/// The least that is waited for something that is due: another worker is about to have it.
const DUE_PAUSE: Duration = Duration::from_millis(100);

impl Ledger {
    /// Takes the next run: one whose worker is gone, else the one whose turn it is. The worker has it for `lease`, and
    /// longer with every [`beat`](Self::beat). `worker` names the process, in the log and in errors.
    ///
    /// Runs whose lease ran out too often fail here, those that were to be stopped end here; see [`sweep`](Self::sweep).
    pub async fn claim(&self, worker: &str, lease: Duration) -> Result<Option<Claim>, Error> {
        self.claim_of(worker, lease, Wanted::Anything).await
    }

    /// The same for a worker that does not take everything: the next run of those that are wanted. A run of another kind whose
    /// worker is gone waits again, for whoever takes it.
    pub async fn claim_of(
        &self,
        worker: &str,
        lease: Duration,
        wanted: Wanted,
    ) -> Result<Option<Claim>, Error> {
        let taker = Taker { worker, lease, wanted };
        while let Some(abandoned) = self.db.doing(|| self.take_abandoned(Some(taker))).await? {
            if let Some(claim) = abandoned {
                return Ok(Some(claim));
            }
        }
        self.db.doing(|| self.take_next(taker)).await
    }

    /// Sees to runs whose lease ran out, without taking any: they wait again, fail, or end. A process without workers calls it
    /// now and then, so that a run that was to be stopped ends although nobody claims. How many there were.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let mut seen = 0;
        while self.db.doing(|| self.take_abandoned(None)).await?.is_some() {
            seen += 1;
        }
        Ok(seen)
    }

    async fn take_next(&self, taker: Taker<'_>) -> Result<Option<Claim>, Fault> {
        let mut tx = self.db.begin().await?;
        let now = tx.now;
        let found = sqlx::query(taker.wanted.next().of(tx.dialect)).bind(now).fetch_optional(tx.on()).await?;
        let Some(found) = found else { return Ok(None) };
        let claim = give(&mut tx, RunRow::read(&found)?, taker).await?;
        tx.commit(&self.db).await?;
        Ok(Some(claim))
    }

    /// One run whose lease ran out: nothing if there is none, else the claim of it, if it can be claimed and is wanted.
    async fn take_abandoned(&self, taker: Option<Taker<'_>>) -> Result<Option<Option<Claim>>, Fault> {
        let mut tx = self.db.begin().await?;
        let now = tx.now;
        let found = sqlx::query(ABANDONED.of(tx.dialect)).bind(now).fetch_optional(tx.on()).await?;
        let Some(found) = found else { return Ok(None) };
        let mut row = RunRow::read(&found)?;
        tracing::warn!(run = %row.run.id, worker = row.worker.as_deref(), "the lease of a run ran out");
        let spent = row.attempts >= self.db.limits.queue.attempts_max;
        let taker = taker.filter(|taker| taker.wanted.takes(&row.run.work));
        let claim = match (row.run.state, taker) {
            (RunState::Running, Some(taker)) if !spent => Some(give(&mut tx, row, taker).await?),
            (RunState::Running, _) if spent => {
                row.run.record.error = Some(worker_lost(&row));
                row.step(Happening::Failed, now)?;
                row.save(&mut tx).await?;
                None
            }
            _ => {
                row.step(Happening::Released, now)?;
                row.save(&mut tx).await?;
                tx.wake_work();
                None
            }
        };
        tx.commit(&self.db).await?;
        Ok(Some(claim))
    }

    /// Says that the worker is at it, for another `lease`, and what it knows of the run now.
    ///
    /// Of the record `started_at`, `finished_at`, `attempts` and `next_attempt_at` are the ledger's own and not taken.
    pub async fn beat(&self, claim: &Claim, lease: Duration, record: Option<&Record>) -> Result<Beat, Error> {
        self.db.doing(|| self.beat_in(claim, lease, record)).await
    }

    async fn beat_in(&self, claim: &Claim, lease: Duration, record: Option<&Record>) -> Result<Beat, Fault> {
        let mut tx = self.db.begin().await?;
        let until = tx.now.saturating_add(span_millis(lease));
        let state = sqlx::query(BEAT)
            .bind(claim.run.operation.to_string())
            .bind(claim.fence)
            .bind(until)
            .bind(record.map(to_json).transpose()?)
            .fetch_optional(tx.on())
            .await?;
        let Some(state) = state else { return Ok(Beat::Lost) };
        tx.commit(&self.db).await?;
        Ok(match state_of(&get::<String>(&state, "state")?)? {
            RunState::Canceling => Beat::Cancel,
            _ => Beat::Go,
        })
    }

    /// Says how the attempt ended, with all that is known of the run. [`Beat::Go`] says that it is written; what the run's
    /// state is then, the state machine says: a run that was to be stopped and failed is canceled, one that succeeded
    /// before it heard of that has succeeded.
    pub async fn finish(&self, claim: &Claim, ending: &Ending, record: &Record) -> Result<Beat, Error> {
        self.db.doing(|| self.finish_in(claim, ending, record)).await
    }

    async fn finish_in(&self, claim: &Claim, ending: &Ending, record: &Record) -> Result<Beat, Fault> {
        let mut tx = self.db.begin().await?;
        let Some(mut row) = RunRow::lock_claimed(&mut tx, &claim.run, claim.fence).await? else {
            return Ok(Beat::Lost);
        };
        row.run.record = record.clone();
        self.end(&mut tx, &mut row, ending).await?;
        row.save(&mut tx).await?;
        tx.commit(&self.db).await?;
        Ok(Beat::Go)
    }

    async fn end(&self, tx: &mut Tx, row: &mut RunRow, ending: &Ending) -> Result<(), Fault> {
        let queue = &self.db.limits.queue;
        let happening = match ending {
            Ending::Succeeded => {
                (row.run.record.error, row.run.record.percentage) = (None, 100);
                Happening::Succeeded
            }
            Ending::Failed { error, transient } => {
                row.run.record.error = Some(error.clone());
                let again = *transient && row.attempts < queue.attempts_max;
                if again { Happening::Retried } else { Happening::Failed }
            }
            Ending::Stopped if row.run.state == RunState::Canceling => {
                row.run.record.error = None;
                Happening::Stopped
            }
            Ending::Stopped | Ending::Released => {
                row.attempts = row.attempts.saturating_sub(1);
                Happening::Released
            }
            Ending::Deferred { error } => {
                row.run.record.error = Some(error.clone());
                row.attempts = row.attempts.saturating_sub(1);
                release_holds(tx.on(), &row.run).await?;
                Happening::Released
            }
        };
        row.step(happening, tx.now)?;
        if row.run.state == RunState::Queued {
            let waits = match ending {
                Ending::Failed { .. } => queue.backoff(row.attempts, rand::rng().random()),
                Ending::Deferred { .. } => queue.defer(row.under_way_for(tx.now), rand::rng().random()),
                _ => Duration::ZERO,
            };
            row.due_at = tx.now.saturating_add(span_millis(waits));
            row.turn = row.turn.max(turn_served(tx).await?);
            tx.wake_work();
        }
        Ok(())
    }

    /// How long until something is due that nobody would say: the end of a back-off or of a lease.
    pub(super) async fn next_due(&self, wanted: Wanted) -> Result<Duration, Error> {
        self.db.doing(|| self.next_due_in(wanted)).await
    }

    async fn next_due_in(&self, wanted: Wanted) -> Result<Duration, Fault> {
        let now = self.db.now().await?;
        let row = sqlx::query(wanted.next_due()).fetch_one(&self.db.read).await?;
        let (due, ends): (Option<i64>, Option<i64>) = (row.try_get("due")?, row.try_get("ends")?);
        let soonest = due.into_iter().chain(ends).min();
        let left = soonest.map(|at| u64::try_from(at - now).unwrap_or(0));
        Ok(left.map_or(Duration::MAX, Duration::from_millis).max(DUE_PAUSE))
    }
}

/// Gives a run to a worker.
async fn give(tx: &mut Tx, mut row: RunRow, taker: Taker<'_>) -> Result<Claim, Fault> {
    row.step(Happening::Claimed, tx.now)?;
    row.attempts += 1;
    row.started_at = row.started_at.or(Some(tx.now));
    // not from 1: a worker that slept since before the run was removed and made again is told from the new one's
    row.fence = tx.now.max(row.fence + 1);
    row.worker = Some(super::sql::plain(taker.worker));
    row.lease_until = Some(tx.now.saturating_add(span_millis(taker.lease)));
    row.save(tx).await?;
    Ok(Claim { attempt: row.attempts, fence: row.fence, run: row.run })
}

fn worker_lost(row: &RunRow) -> RunError {
    RunError {
        code: WORKER_LOST.to_owned(),
        message: format!(
            "the worker was gone without a word in each of {} attempts, the last time '{}': see that worker's log for \
             what ends it (memory?), then ask for the run again with another forceUpdateTag",
            row.attempts,
            row.worker.as_deref().unwrap_or("unknown"),
        ),
    }
}
