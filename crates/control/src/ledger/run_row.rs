//! A run as its row has it. Every change of its state is made here, by the state machine.

use std::time::Duration;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;

use super::db::Tx;
use super::fault::Fault;
use super::sql::{
    Locking, Scope, from_json, get, id as parse_id, locking, moment, moment_opt, to_json, unsigned, uuid,
};
use crate::resource::Stamps;
use crate::run::{Happening, Record, Run, RunState, next};
use crate::{Code, Error};

macro_rules! run_columns {
    () => {
        "seq, id, generation, operation, created_by, created_at, changed_by, changed_at, location, work, \
         force_update_tag, correlation, state, record, attempts, started_at, finished_at, lane, turn, due_at, fence, \
         worker, lease_until, doomed"
    };
}
pub(super) use run_columns;

pub(super) const ONE: &str = concat!("SELECT ", run_columns!(), " FROM runs WHERE id_key = $1");
pub(super) const ONE_TO_CHANGE: Locking = locking!("SELECT ", run_columns!(), " FROM runs WHERE id_key = $1");
pub(super) const CLAIMED_TO_CHANGE: Locking = locking!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE operation = $1 AND fence = $2 AND lease_until IS NOT NULL"
);
pub(super) const SAVE: &str = "UPDATE runs SET generation = $2, operation = $3, changed_by = $4, changed_at = $5, location = $6, \
     work = $7, force_update_tag = $8, correlation = $9, state = $10, record = $11, attempts = $12, started_at = $13, \
     finished_at = $14, lane = $15, turn = $16, due_at = $17, fence = $18, worker = $19, lease_until = $20, \
     doomed = $21 WHERE id_key = $1";
const CLOSE: &str = "UPDATE operations SET state = $2, started_at = $3, finished_at = $4, percentage = $5, error = $6 WHERE id = $1";

macro_rules! run_listing {
    ($column:literal) => {
        concat!(
            "SELECT ",
            run_columns!(),
            " FROM runs WHERE kind = $1 AND ",
            $column,
            " = $2 AND seq > $3 ORDER BY seq LIMIT $4"
        )
    };
}

impl Scope {
    pub(super) fn runs(self) -> &'static str {
        match self {
            Self::Subscription => run_listing!("subscription_key"),
            Self::Group => run_listing!("group_key"),
            Self::Parent => run_listing!("parent_key"),
        }
    }
}

/// A run and what the queue knows of it.
#[derive(Debug, Clone)]
pub(super) struct RunRow {
    pub(super) seq: i64,
    /// The members of its record that the queue keeps are set from below when it is read.
    pub(super) run: Run,
    pub(super) attempts: u32,
    pub(super) started_at: Option<i64>,
    pub(super) finished_at: Option<i64>,
    /// Runs of one lane take turns with those of others.
    pub(super) lane: String,
    pub(super) turn: i64,
    /// Not before; of runs that wait.
    pub(super) due_at: i64,
    /// Grows with every claim: of two workers that think they have it, the one with the greater has.
    pub(super) fence: i64,
    pub(super) worker: Option<String>,
    /// Until when the worker has it without another word.
    pub(super) lease_until: Option<i64>,
    /// Whether it is removed as soon as it ends.
    pub(super) doomed: bool,
}

impl RunRow {
    pub(super) fn read(row: &AnyRow) -> Result<Self, Fault> {
        let text = |column| get::<String>(row, column);
        let state = text("state")?;
        let stamps = Stamps {
            created_by: text("created_by")?,
            created_at: moment(get(row, "created_at")?)?,
            changed_by: text("changed_by")?,
            changed_at: moment(get(row, "changed_at")?)?,
        };
        let run = Run {
            id: parse_id(&text("id")?)?,
            generation: get(row, "generation")?,
            operation: uuid(&text("operation")?)?,
            stamps,
            location: get(row, "location")?,
            work: from_json(&text("work")?, "a run's work")?,
            force_update_tag: get(row, "force_update_tag")?,
            state: state_of(&state)?,
            record: from_json(&text("record")?, "a run's record")?,
            correlation: text("correlation")?,
        };
        let mut row = Self {
            seq: get(row, "seq")?,
            run,
            attempts: unsigned(get(row, "attempts")?),
            started_at: get(row, "started_at")?,
            finished_at: get(row, "finished_at")?,
            lane: text("lane")?,
            turn: get(row, "turn")?,
            due_at: get(row, "due_at")?,
            fence: get(row, "fence")?,
            worker: get(row, "worker")?,
            lease_until: get(row, "lease_until")?,
            doomed: get::<i64>(row, "doomed")? != 0,
        };
        row.stamp_record()?;
        Ok(row)
    }

    /// Sets those members of the record that the queue keeps, whatever a worker wrote there.
    fn stamp_record(&mut self) -> Result<(), Fault> {
        let tried = self.attempts > 0 || self.run.record.error.is_some();
        let waits_again = self.run.state == RunState::Queued && tried;
        self.run.record.started_at = moment_opt(self.started_at)?;
        self.run.record.finished_at = moment_opt(self.finished_at)?;
        self.run.record.attempts = self.attempts;
        self.run.record.next_attempt_at = moment_opt(waits_again.then_some(self.due_at))?;
        Ok(())
    }

    /// The row of a run, to change it; who else has it is waited for.
    pub(super) async fn lock(tx: &mut Tx, id: &ResourceId) -> Result<Option<Self>, Fault> {
        let row = sqlx::query(ONE_TO_CHANGE.of(tx.dialect)).bind(id.key()).fetch_optional(tx.on()).await?;
        row.map(|row| Self::read(&row)).transpose()
    }

    /// The row of a run that a worker says it has, if that is so.
    pub(super) async fn lock_claimed(tx: &mut Tx, run: &Run, fence: i64) -> Result<Option<Self>, Fault> {
        let row = sqlx::query(CLAIMED_TO_CHANGE.of(tx.dialect))
            .bind(run.operation.to_string())
            .bind(fence)
            .fetch_optional(tx.on())
            .await?;
        row.map(|row| Self::read(&row)).transpose()
    }

    /// Changes the state as the machine says. What has to follow from that, follows: a final run has an end and nobody who
    /// works on it, a waiting one nobody either.
    pub(super) fn step(&mut self, happening: Happening, now: i64) -> Result<(), Fault> {
        let state = next(self.run.state, happening).ok_or_else(|| self.impossible(happening))?;
        self.run.state = state;
        if state.is_final() {
            self.finished_at = Some(now);
        }
        if state.is_final() || state == RunState::Queued {
            self.worker = None;
            self.lease_until = None;
        }
        self.stamp_record()
    }

    /// How long ago a worker took it first.
    pub(super) fn under_way_for(&self, now: i64) -> Duration {
        let since = self.started_at.map_or(0, |started| now.saturating_sub(started));
        Duration::from_millis(u64::try_from(since).unwrap_or(0))
    }

    fn impossible(&self, happening: Happening) -> Error {
        let detail = format!("run '{}' is {:?}: it cannot be {happening:?} now", self.run.id, self.run.state);
        Error::new(Code::Conflict, detail).about(self.run.id.as_str())
    }

    /// Writes the row. One that ended lets go of what it held, and its operation keeps how it ended; one that was to be removed
    /// is.
    pub(super) async fn save(&mut self, tx: &mut Tx) -> Result<(), Fault> {
        self.stamp_record()?;
        if self.run.state.is_final() {
            close_operation(tx.on(), self).await?;
            release_holds(tx.on(), &self.run).await?;
            if self.doomed {
                return remove(tx.on(), &self.run.id).await;
            }
        }
        let run = &self.run;
        sqlx::query(SAVE)
            .bind(run.id.key())
            .bind(run.generation)
            .bind(run.operation.to_string())
            .bind(&run.stamps.changed_by)
            .bind(super::sql::millis(run.stamps.changed_at))
            .bind(run.location.as_deref())
            .bind(to_json(&run.work)?)
            .bind(run.force_update_tag.as_deref())
            .bind(&run.correlation)
            .bind(state_name(run.state))
            .bind(to_json(&run.record)?)
            .bind(i64::from(self.attempts))
            .bind(self.started_at)
            .bind(self.finished_at)
            .bind(&self.lane)
            .bind(self.turn)
            .bind(self.due_at)
            .bind(self.fence)
            .bind(self.worker.as_deref())
            .bind(self.lease_until)
            .bind(i64::from(self.doomed))
            .execute(tx.on())
            .await?;
        Ok(())
    }
}

/// Removes a run and its log. Its operation stays.
pub(super) async fn remove(on: &mut AnyConnection, id: &ResourceId) -> Result<(), Fault> {
    for statement in ["DELETE FROM run_logs WHERE run_key = $1", "DELETE FROM runs WHERE id_key = $1"] {
        sqlx::query(statement).bind(id.key()).execute(&mut *on).await?;
    }
    Ok(())
}

/// What the operation says from now on, whatever becomes of the run.
async fn close_operation(on: &mut AnyConnection, row: &RunRow) -> Result<(), Fault> {
    let Record { percentage, error, .. } = &row.run.record;
    sqlx::query(CLOSE)
        .bind(row.run.operation.to_string())
        .bind(state_name(row.run.state))
        .bind(row.started_at)
        .bind(row.finished_at)
        .bind(i64::from(*percentage))
        .bind(error.as_ref().map(to_json).transpose()?)
        .execute(on)
        .await?;
    Ok(())
}

/// Lets go of every name that the run holds.
pub(super) async fn release_holds(on: &mut AnyConnection, run: &Run) -> Result<(), Fault> {
    sqlx::query("DELETE FROM holds WHERE operation = $1").bind(run.operation.to_string()).execute(on).await?;
    Ok(())
}

/// A state as columns and indexes have it.
pub(super) fn state_name(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "Queued",
        RunState::Running => "Running",
        RunState::Canceling => "Canceling",
        RunState::Succeeded => "Succeeded",
        RunState::Failed => "Failed",
        RunState::Canceled => "Canceled",
    }
}

pub(super) fn state_of(name: &str) -> Result<RunState, Fault> {
    let found = RunState::ALL.into_iter().find(|state| state_name(*state) == name);
    found.ok_or_else(|| Fault::damaged("a run's state", name))
}
