//! Doing deployments: servers claim them, say that they are still at them, and say how they ended.
//!
//! As of runs, a claim has a number, the fence, that grows with every claim; every write names it. A server whose lease ran
//! out and whose deployment another took over is told so and has changed nothing.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::Ledger;
use super::db::Tx;
use super::deployments::{deployment_columns, read};
use super::fault::Fault;
use super::sql::{Locking, claiming, get, locking, plain, span_millis, to_json};
use crate::Error;
use crate::deployment::{Deployment, DeploymentRecord, DeploymentState, DeploymentStep};

/// A deployment that a server has.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentClaim {
    /// The deployment as it was when it was claimed.
    pub deployment: Deployment,
    /// Names this claim in all that the server writes.
    pub fence: i64,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What a server has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentBeat {
    /// Go on.
    Go,
    /// Begin nothing new, and end it as canceled.
    Stop,
    /// Write nothing more: another has it, or it is gone.
    Lost,
}

pub(super) const NEXT: Locking = claiming!(
    "SELECT ",
    deployment_columns!(),
    " FROM deployments WHERE finished_at IS NULL AND (lease_until IS NULL OR lease_until <= $1) \
     AND (($2 >> CAST(depth AS INTEGER)) & 1) = 0 ORDER BY seq LIMIT 1"
);
const GIVE: &str = "UPDATE deployments SET state = 'Running', fence = $2, worker = $3, lease_until = $4, attempts = $5 \
     WHERE seq = $1";
pub(super) const BEAT: &str = "UPDATE deployments SET lease_until = $3 \
     WHERE operation = $1 AND fence = $2 AND worker IS NOT NULL AND finished_at IS NULL RETURNING stopping";
const HELD: Locking = locking!(
    "SELECT seq FROM deployments WHERE operation = $1 AND fence = $2 AND worker IS NOT NULL AND finished_at IS NULL"
);
const END: &str = "UPDATE deployments SET state = $2, record = $3, sealed = $4, finished_at = $5, worker = NULL, \
     lease_until = NULL WHERE seq = $1";
/// Nobody waits for what is nested in a deployment that has ended.
pub(super) const STOP_NESTED: &str =
    "UPDATE deployments SET stopping = 1 WHERE parent = $1 AND finished_at IS NULL";
const RELEASE: &str = "UPDATE deployments SET worker = NULL, lease_until = NULL, attempts = attempts - 1 \
     WHERE operation = $1 AND fence = $2 AND worker IS NOT NULL AND finished_at IS NULL";
const STEP: &str = "INSERT INTO deployment_steps (operation, name, record) VALUES ($1, $2, $3) \
     ON CONFLICT (operation, name) DO UPDATE SET record = excluded.record";

impl Ledger {
    /// Takes the oldest deployment that nobody has, at a depth that is none of `full`. The server has it for `lease`, and longer with every [`beat_deployment`](Self::beat_deployment).
    pub async fn claim_deployment(
        &self,
        server: &str,
        lease: Duration,
        full: &[u32],
    ) -> Result<Option<DeploymentClaim>, Error> {
        self.db.doing(|| self.claim_deployment_in(server, lease, full)).await
    }

    async fn claim_deployment_in(
        &self,
        server: &str,
        lease: Duration,
        full: &[u32],
    ) -> Result<Option<DeploymentClaim>, Fault> {
        let mut tx = self.db.begin().await?;
        let now = tx.now;
        let statement = NEXT.of(tx.dialect);
        let full = full.iter().filter_map(|depth| 1_i64.checked_shl(*depth)).fold(0, |full, one| full | one);
        let query = sqlx::query(statement).bind(now).bind(full);
        let Some(row) = query.fetch_optional(tx.on()).await? else { return Ok(None) };
        let (seq, deployment) = read(&row)?;
        let attempts: i64 = get::<i64>(&row, "attempts")? + 1;
        let fence = now.max(get::<i64>(&row, "fence")? + 1);
        sqlx::query(GIVE)
            .bind(seq)
            .bind(fence)
            .bind(plain(server))
            .bind(now.saturating_add(span_millis(lease)))
            .bind(attempts)
            .execute(tx.on())
            .await?;
        tx.commit(&self.db).await?;
        let attempt = u32::try_from(attempts).unwrap_or(u32::MAX);
        let deployment = Deployment { state: DeploymentState::Running, ..deployment };
        Ok(Some(DeploymentClaim { deployment, fence, attempt }))
    }

    /// How often a deployment may be taken up.
    pub fn deployment_attempts_max(&self) -> u32 {
        self.db.limits.deployment_attempts_max
    }

    /// Says that a server is still at it, and hears what it has to do.
    pub async fn beat_deployment(
        &self,
        operation: Uuid,
        fence: i64,
        lease: Duration,
    ) -> Result<DeploymentBeat, Error> {
        self.db.doing(|| self.beat_deployment_in(operation, fence, lease)).await
    }

    async fn beat_deployment_in(
        &self,
        operation: Uuid,
        fence: i64,
        lease: Duration,
    ) -> Result<DeploymentBeat, Fault> {
        let mut tx = self.db.begin().await?;
        let until = tx.now.saturating_add(span_millis(lease));
        let query = sqlx::query(BEAT).bind(operation.to_string()).bind(fence).bind(until);
        let row = query.fetch_optional(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(match row.map(|row| row.try_get::<i64, _>("stopping")).transpose()? {
            None => DeploymentBeat::Lost,
            Some(0) => DeploymentBeat::Go,
            Some(_) => DeploymentBeat::Stop,
        })
    }

    /// Writes down how far something is that a deployment does. `false`: the deployment is lost, and nothing was written.
    pub async fn note_deployment_step(
        &self,
        operation: Uuid,
        fence: i64,
        step: &DeploymentStep,
    ) -> Result<bool, Error> {
        self.db.doing(|| self.note_deployment_step_in(operation, fence, step)).await
    }

    async fn note_deployment_step_in(
        &self,
        operation: Uuid,
        fence: i64,
        step: &DeploymentStep,
    ) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        if held(&mut tx, operation, fence).await?.is_none() {
            return Ok(false);
        }
        sqlx::query(STEP)
            .bind(operation.to_string())
            .bind(&step.id)
            .bind(to_json(step)?)
            .execute(tx.on())
            .await?;
        tx.commit(&self.db).await?;
        Ok(true)
    }

    /// Writes down how a deployment ended; `sealed` is what is kept of template and parameters. What is nested in it and still
    /// under way is to stop. `false`: it is lost, and nothing was written.
    pub async fn end_deployment(
        &self,
        operation: Uuid,
        fence: i64,
        state: DeploymentState,
        record: &DeploymentRecord,
        sealed: &str,
    ) -> Result<bool, Error> {
        self.db.doing(|| self.end_deployment_in(operation, fence, state, record, sealed)).await
    }

    async fn end_deployment_in(
        &self,
        operation: Uuid,
        fence: i64,
        state: DeploymentState,
        record: &DeploymentRecord,
        sealed: &str,
    ) -> Result<bool, Fault> {
        let mut tx = self.db.begin().await?;
        let Some(row) = held(&mut tx, operation, fence).await? else { return Ok(false) };
        sqlx::query(END)
            .bind(get::<i64>(&row, "seq")?)
            .bind(state.name())
            .bind(to_json(record)?)
            .bind(sealed)
            .bind(tx.now)
            .execute(tx.on())
            .await?;
        sqlx::query(STOP_NESTED).bind(operation.to_string()).execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(true)
    }

    /// Gives a deployment back, to be taken up at once. It does not count as an attempt.
    pub async fn release_deployment(&self, operation: Uuid, fence: i64) -> Result<(), Error> {
        self.db
            .doing(|| async {
                let mut tx = self.db.begin().await?;
                sqlx::query(RELEASE).bind(operation.to_string()).bind(fence).execute(tx.on()).await?;
                tx.commit(&self.db).await
            })
            .await
    }

    /// Has a deployment stopped: whoever does it is told. The deployment, if it is there and has not ended.
    pub async fn stop_deployment(&self, id: &ResourceId) -> Result<Option<Deployment>, Error> {
        self.db.doing(|| self.stop_deployment_in(id)).await
    }

    async fn stop_deployment_in(&self, id: &ResourceId) -> Result<Option<Deployment>, Fault> {
        const STOP: &str = concat!(
            "UPDATE deployments SET stopping = 1 WHERE id_key = $1 AND finished_at IS NULL RETURNING ",
            deployment_columns!()
        );
        let mut tx = self.db.begin().await?;
        let row = sqlx::query(STOP).bind(id.key()).fetch_optional(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(row.map(|row| read(&row)).transpose()?.map(|(_, deployment)| deployment))
    }
}

async fn held(tx: &mut Tx, operation: Uuid, fence: i64) -> Result<Option<AnyRow>, Fault> {
    let statement = HELD.of(tx.dialect);
    let query = sqlx::query(statement).bind(operation.to_string()).bind(fence);
    Ok(query.fetch_optional(tx.on()).await?)
}
