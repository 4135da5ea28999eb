//! Runs as resources: asking for them, seeing them, stopping and removing them.

use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::Ledger;
use super::db::Tx;
use super::fault::Fault;
use super::operations::open_operation;
use super::queue_order::{lane_of, turn_for};
use super::resources::one_more;
use super::run_row::{ONE, RunRow, remove, run_columns, state_name};
use super::sql::{
    Locking, Page, beneath, get, id as parse_id, locking, millis, moment, number_after, number_cursor, plain,
    scope_column, scopes_of, to_json,
};
use crate::Error;
use crate::resource::{Stamps, kind};
use crate::run::{Happening, Record, Run, RunState, Work};

/// A run that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Its id. Ids of another type than `pipelineRuns` are not listed.
    pub id: ResourceId,
    /// What its operation is called, if it is one that has not been asked for before.
    pub operation: Uuid,
    /// Given back where it was sent.
    pub location: Option<String>,
    /// What to do.
    pub work: Work,
    /// Another value makes an equal request run again.
    pub force_update_tag: Option<String>,
    /// What log lines, audit entries and errors of it carry.
    pub correlation: String,
    /// Who asks: a name for people.
    pub by: String,
}

/// What came of asking for a run.
#[derive(Debug, Clone, PartialEq)]
pub struct PutRun {
    /// As it is now.
    pub run: Run,
    /// Whether anything is done.
    pub outcome: PutOutcome,
}

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// It was not there and waits now.
    Created,
    /// The same was asked for before: nothing is done again, however that ended.
    Unchanged,
    /// Something else or another tag was asked for: it waits again, in its next generation, with a new operation.
    Requeued,
    /// Something else is asked for, and the run has not ended: nothing is changed.
    Busy,
}

/// What came of removing a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedRun {
    /// There was none.
    Absent,
    /// It is gone.
    Gone,
    /// A worker has it and is told to stop; it disappears when that did, or is gone. This operation ends then.
    Stopping(Uuid),
}

const INSERT: &str = "INSERT INTO runs (id_key, id, kind, subscription_key, group_key, parent_key, generation, operation, \
     created_by, created_at, changed_by, changed_at, location, work, force_update_tag, correlation, state, record, \
     attempts, lane, turn, due_at, fence, doomed, log_lines) \
     VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, $9, $9, 0, 0) \
     ON CONFLICT (id_key) DO NOTHING";
pub(super) const BENEATH: Locking = locking!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE id_key = $1 OR (id_key >= $2 AND id_key < $3) ORDER BY seq"
);
pub(super) const UNFINISHED: &str =
    "SELECT id FROM runs WHERE lane = $1 AND finished_at IS NULL ORDER BY turn, seq LIMIT $2";
pub(super) const UNFINISHED_BENEATH: &str =
    "SELECT id FROM runs WHERE id_key >= $1 AND id_key < $2 AND finished_at IS NULL ORDER BY id_key LIMIT 1";

impl Ledger {
    /// Asks for a run. A run that is being removed is [`Busy`](PutOutcome::Busy) until it is gone.
    pub async fn put_run(&self, new: &NewRun) -> Result<PutRun, Error> {
        self.db.doing(|| self.put_run_in(new)).await
    }

    async fn put_run_in(&self, new: &NewRun) -> Result<PutRun, Fault> {
        let mut tx = self.db.begin().await?;
        let Some(mut row) = RunRow::lock(&mut tx, &new.id).await? else {
            let run = insert(&mut tx, new).await?;
            tx.wake_work();
            tx.commit(&self.db).await?;
            return Ok(PutRun { run, outcome: PutOutcome::Created });
        };
        let same = row.run.work.asks_the_same(&new.work) && row.run.force_update_tag == new.force_update_tag;
        if row.doomed || (!same && !row.run.state.is_final()) {
            tx.leave().await?;
            return Ok(PutRun { run: row.run, outcome: PutOutcome::Busy });
        }
        if same {
            tx.leave().await?;
            return Ok(PutRun { run: row.run, outcome: PutOutcome::Unchanged });
        }
        ask_again(&mut tx, &mut row, new).await?;
        tx.wake_work();
        tx.commit(&self.db).await?;
        Ok(PutRun { run: row.run, outcome: PutOutcome::Requeued })
    }

    /// A run.
    pub async fn run(&self, id: &ResourceId) -> Result<Option<Run>, Error> {
        self.db.doing(|| self.run_in(id)).await
    }

    async fn run_in(&self, id: &ResourceId) -> Result<Option<Run>, Fault> {
        let row = sqlx::query(ONE).bind(id.key()).fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| RunRow::read(&row)).transpose()?.map(|row| row.run))
    }

    /// The pipeline runs in a subscription, in a group, or of a registry, in the order in which they were first asked for.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn runs(
        &self,
        scope: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Run>, Error> {
        self.db.doing(|| self.runs_in(scope, after, most)).await
    }

    async fn runs_in(
        &self,
        scope: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Run>, Fault> {
        let most = self.page_items(most);
        let (column, value) = scope_column(scope);
        let rows = sqlx::query(column.runs())
            .bind(kind::PIPELINE_RUN.to_ascii_lowercase())
            .bind(value)
            .bind(number_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(RunRow::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(rows.into_iter().map(|row| (number_after(row.seq), row.run)).collect(), most))
    }

    /// Ids of runs of a pipeline that have not ended, `most` at most.
    pub async fn unfinished_runs(
        &self,
        pipeline: &ResourceId,
        most: usize,
    ) -> Result<Vec<ResourceId>, Error> {
        self.db.doing(|| self.unfinished_runs_in(pipeline, most)).await
    }

    /// A run beneath a resource or group that has not ended, if there is one.
    pub async fn unfinished_beneath(&self, scope: &ResourceId) -> Result<Option<ResourceId>, Error> {
        self.db.doing(|| self.unfinished_beneath_in(scope)).await
    }

    async fn unfinished_beneath_in(&self, scope: &ResourceId) -> Result<Option<ResourceId>, Fault> {
        let (first, end) = beneath(scope);
        let query = sqlx::query(UNFINISHED_BENEATH).bind(first).bind(end);
        let row = query.fetch_optional(&self.db.read).await?;
        row.map(|row| parse_id(&get::<String>(&row, "id")?)).transpose()
    }

    async fn unfinished_runs_in(&self, pipeline: &ResourceId, most: usize) -> Result<Vec<ResourceId>, Fault> {
        let rows = sqlx::query(UNFINISHED)
            .bind(pipeline.key())
            .bind(one_more(most) - 1)
            .fetch_all(&self.db.read)
            .await?;
        rows.iter().map(|row| parse_id(&get::<String>(row, "id")?)).collect()
    }

    /// Stops a run: one that waits has ended at once, the worker of another learns of it with its next
    /// [`beat`](Self::beat). One that has ended stays as it is. The run as it is then, if there is one.
    pub async fn cancel_run(&self, id: &ResourceId, by: &str) -> Result<Option<Run>, Error> {
        self.db.doing(|| self.cancel_run_in(id, by)).await
    }

    async fn cancel_run_in(&self, id: &ResourceId, by: &str) -> Result<Option<Run>, Fault> {
        let mut tx = self.db.begin().await?;
        let Some(mut row) = RunRow::lock(&mut tx, id).await? else { return Ok(None) };
        if !row.run.state.is_final() && row.run.state != RunState::Canceling {
            row.step(Happening::CancelAsked, tx.now)?;
            row.run.stamps.changed_by = plain(by);
            row.run.stamps.changed_at = moment(tx.now)?;
            row.save(&mut tx).await?;
            tx.commit(&self.db).await?;
        } else {
            tx.leave().await?;
        }
        Ok(Some(row.run))
    }

    /// Removes a run with its log; its operations stay until they are pruned. One that a worker has is stopped first.
    pub async fn delete_run(&self, id: &ResourceId) -> Result<DeletedRun, Error> {
        self.db.doing(|| self.delete_run_in(id)).await
    }

    async fn delete_run_in(&self, id: &ResourceId) -> Result<DeletedRun, Fault> {
        let mut tx = self.db.begin().await?;
        let Some(mut row) = RunRow::lock(&mut tx, id).await? else { return Ok(DeletedRun::Absent) };
        doom(&mut tx, &mut row).await?;
        let gone = row.run.state.is_final();
        tx.commit(&self.db).await?;
        Ok(if gone { DeletedRun::Gone } else { DeletedRun::Stopping(row.run.operation) })
    }
}

/// Removes a run, now or when its worker stopped.
async fn doom(tx: &mut Tx, row: &mut RunRow) -> Result<(), Fault> {
    row.doomed = true;
    if row.run.state.is_final() {
        return remove(tx.on(), &row.run.id).await;
    }
    if row.run.state != RunState::Canceling {
        row.step(Happening::CancelAsked, tx.now)?;
    }
    row.save(tx).await
}

/// Removes every run beneath an id.
pub(super) async fn doom_beneath(tx: &mut Tx, id: &ResourceId) -> Result<(), Fault> {
    let (first, end) = beneath(id);
    let found =
        sqlx::query(BENEATH.of(tx.dialect)).bind(id.key()).bind(first).bind(end).fetch_all(tx.on()).await?;
    for row in &found {
        doom(tx, &mut RunRow::read(row)?).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, new: &NewRun) -> Result<Run, Fault> {
    let at = moment(tx.now)?;
    let run = Run {
        id: new.id.clone(),
        generation: 1,
        operation: new.operation,
        stamps: Stamps {
            created_by: plain(&new.by),
            created_at: at,
            changed_by: plain(&new.by),
            changed_at: at,
        },
        location: new.location.as_deref().map(plain),
        work: new.work.clone(),
        force_update_tag: new.force_update_tag.as_deref().map(plain),
        state: RunState::Queued,
        record: Record::default(),
        correlation: plain(&new.correlation),
    };
    let lane = lane_of(&run.work);
    let turn = turn_for(tx, &lane).await?;
    let (subscription, group, parent) = scopes_of(&new.id);
    let done = sqlx::query(INSERT)
        .bind(run.id.key())
        .bind(run.id.as_str())
        .bind(run.id.kind().to_ascii_lowercase())
        .bind(subscription)
        .bind(group)
        .bind(parent)
        .bind(run.operation.to_string())
        .bind(&run.stamps.created_by)
        .bind(tx.now)
        .bind(run.location.as_deref())
        .bind(to_json(&run.work)?)
        .bind(run.force_update_tag.as_deref())
        .bind(&run.correlation)
        .bind(state_name(run.state))
        .bind(to_json(&run.record)?)
        .bind(lane)
        .bind(turn)
        .execute(tx.on())
        .await?;
    if done.rows_affected() == 0 {
        return Err(Fault::Collided);
    }
    open_operation(tx.on(), &run, millis(at)).await?;
    Ok(run)
}

/// The next generation of a run that has ended.
async fn ask_again(tx: &mut Tx, row: &mut RunRow, new: &NewRun) -> Result<(), Fault> {
    row.step(Happening::Requested, tx.now)?;
    row.run.generation += 1;
    row.run.operation = new.operation;
    row.run.stamps.changed_by = plain(&new.by);
    row.run.stamps.changed_at = moment(tx.now)?;
    row.run.location = new.location.as_deref().map(plain);
    row.run.work = new.work.clone();
    row.run.force_update_tag = new.force_update_tag.as_deref().map(plain);
    row.run.correlation = plain(&new.correlation);
    row.run.record = Record::default();
    (row.attempts, row.started_at, row.finished_at) = (0, None, None);
    row.lane = lane_of(&row.run.work);
    row.turn = turn_for(tx, &row.lane).await?;
    row.due_at = tx.now;
    row.save(tx).await?;
    let now = tx.now;
    open_operation(tx.on(), &row.run, now).await
}
