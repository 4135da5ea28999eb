//! Operations: what clients poll until a run ends.

use sqlx::AnyConnection;
use time::OffsetDateTime;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::Ledger;
use super::fault::Fault;
use super::run_row::{state_name, state_of};
use super::sql::{from_json, get, id as parse_id, moment, moment_opt, unsigned};
use crate::Error;
use crate::run::{Record, Run, RunError, RunState};

/// One generation of a run. It stays when a later generation is asked for and when the run is removed, until it is pruned.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its name.
    pub id: Uuid,
    /// The run.
    pub resource: ResourceId,
    /// Which generation of the run.
    pub generation: i64,
    /// Where it stands, or how it ended.
    pub state: RunState,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When a worker took it first.
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
    /// How far it is, 0 to 100.
    pub percentage: u8,
    /// Why it failed, or fails so far and is tried again.
    pub error: Option<RunError>,
}

const INSERT: &str = "INSERT INTO operations (id, resource, generation, state, created_at, percentage) \
     VALUES ($1, $2, $3, $4, $5, 0)";
/// Of one that has not ended the run knows more.
pub(super) const ONE: &str = "SELECT o.resource, o.generation, o.created_at, o.percentage, o.error, r.record, \
     COALESCE(r.state, o.state) AS state, COALESCE(r.started_at, o.started_at) AS started_at, \
     COALESCE(r.finished_at, o.finished_at) AS finished_at \
     FROM operations o LEFT JOIN runs r ON r.operation = o.id WHERE o.id = $1";

impl Ledger {
    /// An operation.
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, Error> {
        self.db.doing(|| self.operation_in(id)).await
    }

    async fn operation_in(&self, id: Uuid) -> Result<Option<Operation>, Fault> {
        let Some(row) = sqlx::query(ONE).bind(id.to_string()).fetch_optional(&self.db.read).await? else {
            return Ok(None);
        };
        let record: Option<String> = get(&row, "record")?;
        let record: Option<Record> = record.map(|record| from_json(&record, "a run's record")).transpose()?;
        let (percentage, error) = match record {
            Some(record) => (record.percentage, record.error),
            None => {
                let error: Option<String> = get(&row, "error")?;
                let error = error.map(|error| from_json(&error, "an operation's error")).transpose()?;
                (unsigned(get(&row, "percentage")?), error)
            }
        };
        Ok(Some(Operation {
            id,
            resource: parse_id(&get::<String>(&row, "resource")?)?,
            generation: get(&row, "generation")?,
            state: state_of(&get::<String>(&row, "state")?)?,
            created_at: moment(get(&row, "created_at")?)?,
            started_at: moment_opt(get(&row, "started_at")?)?,
            finished_at: moment_opt(get(&row, "finished_at")?)?,
            percentage,
            error,
        }))
    }
}

/// Notes the operation of a run that was just asked for.
pub(super) async fn open_operation(on: &mut AnyConnection, run: &Run, at: i64) -> Result<(), Fault> {
    sqlx::query(INSERT)
        .bind(run.operation.to_string())
        .bind(run.id.as_str())
        .bind(run.generation)
        .bind(state_name(run.state))
        .bind(at)
        .execute(on)
        .await?;
    Ok(())
}
