//! Deployments: asking for them, seeing and removing them. Who does them is in `deployment_claims`.

use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::Ledger;
use super::db::Tx;
use super::deployment_history::{forget, forget_oldest};
use super::fault::Fault;
use super::resources::one_more;
use super::sql::{
    Locking, Page, from_json, get, id as parse_id, locking, moment, moment_opt, number_after, number_cursor,
    to_json, unsigned, uuid,
};
use crate::deployment::{Deployment, DeploymentRecord, DeploymentState, DeploymentStep};
use crate::{Code, Error};

/// A deployment to be asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDeployment {
    /// Its id.
    pub id: ResourceId,
    /// Names it.
    pub operation: Uuid,
    /// Deployments that it is nested in.
    pub depth: u32,
    /// Accepted; or, of one that cannot be, Failed.
    pub state: DeploymentState,
    /// What is known of it.
    pub record: DeploymentRecord,
    /// Template and parameters, sealed.
    pub sealed: String,
}

/// What came of asking for a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum PutDeployment {
    /// It is there. Whether none of its name was before.
    Put(Deployment, bool),
    /// One of its name is under way, and is left alone.
    Active(Deployment),
}

/// What came of removing a deployment.
#[derive(Debug, Clone, PartialEq)]
pub enum DeletedDeployment {
    /// It was not there.
    Absent,
    /// It is gone. What it made stays.
    Gone,
    /// It is under way, and is left alone.
    Active(Box<Deployment>),
}

macro_rules! deployment_columns {
    () => {
        "seq, id, operation, depth, state, record, created_at, finished_at, stopping, attempts, fence, worker"
    };
}
pub(super) use deployment_columns;

pub(super) const ONE: &str = concat!("SELECT ", deployment_columns!(), " FROM deployments WHERE id_key = $1");
const ONE_TO_CHANGE: Locking =
    locking!("SELECT ", deployment_columns!(), " FROM deployments WHERE id_key = $1");
pub(super) const ACTIVE: &str = concat!(
    "SELECT ",
    deployment_columns!(),
    ", sealed FROM deployments WHERE id_key = $1 AND finished_at IS NULL"
);
pub(super) const OF_GROUP: &str = concat!(
    "SELECT ",
    deployment_columns!(),
    " FROM deployments WHERE group_key = $1 AND seq < $2 AND (state = $3 OR $3 IS NULL) ORDER BY seq DESC LIMIT $4"
);
/// Nobody waits for one that is nested in a deployment that has ended or is to stop.
const INSERT: &str = "INSERT INTO deployments (id_key, id, group_key, operation, depth, state, record, sealed, created_at, \
     finished_at, parent, root, stopping, attempts, fence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
     (SELECT COALESCE(p.root, p.operation) FROM deployments p WHERE p.operation = $11), CASE WHEN $11 IS NULL OR EXISTS (SELECT 1 FROM deployments p WHERE p.operation = $11 AND p.finished_at IS NULL \
     AND p.stopping = 0) THEN 0 ELSE 1 END, 0, 0) ON CONFLICT (id_key) DO NOTHING RETURNING stopping";
/// Whoever ends it waits for what is put into it, and sees it; and so do others that are put into it.
pub(super) const TO_NEST_IN: Locking = locking!("SELECT seq FROM deployments WHERE operation = $1");
/// Those that have the same outermost as one that would be nested in `$1`.
pub(super) const NESTED: &str = "SELECT COUNT(*) AS nested FROM deployments WHERE root = \
     (SELECT COALESCE(p.root, p.operation) FROM deployments p WHERE p.operation = $1)";
pub(super) const SEALED: &str = "SELECT sealed FROM deployments WHERE operation = $1";

pub(super) const STEPS: &str =
    "SELECT seq, record FROM deployment_steps WHERE operation = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const STEP: &str = "SELECT seq, record FROM deployment_steps WHERE operation = $1 AND name = $2";

impl Ledger {
    /// Asks for a deployment; one of its name that has ended is forgotten, and so are the oldest of the group's history.
    pub async fn put_deployment(&self, new: &NewDeployment) -> Result<PutDeployment, Error> {
        self.db.doing(|| self.put_deployment_in(new)).await
    }

    async fn put_deployment_in(&self, new: &NewDeployment) -> Result<PutDeployment, Fault> {
        let mut tx = self.db.begin().await?;
        let parent = new.record.parent.as_ref().map(|(_, operation)| operation.to_string());
        if let Some(parent) = &parent {
            // before its own row: whoever locks several goes from the outer to the inner
            sqlx::query(TO_NEST_IN.of(tx.dialect)).bind(parent).fetch_optional(tx.on()).await?;
        }
        let found = find(&mut tx, &new.id).await?;
        if let Some((_, found)) = found.as_ref().filter(|(_, found)| !found.state.is_final()) {
            tx.leave().await?;
            return Ok(PutDeployment::Active(found.clone()));
        }
        if let Some((seq, found)) = &found {
            forget(tx.on(), *seq, found.operation).await?;
        }
        let finished = new.state.is_final().then_some(tx.now);
        let group = new.id.group_id().unwrap_or_else(|| new.id.clone());
        if let Some(parent) = &parent
            && let Err(error) = may_nest(&mut tx, parent, self.db.limits.nested_deployments_max).await
        {
            tx.leave().await?;
            return Err(error);
        }
        let stopping = insert(&mut tx, new, group.key(), parent, finished).await?;
        forget_oldest(&mut tx, group.key(), self.db.limits.deployments_per_group_max).await?;
        let at = moment(tx.now)?;
        tx.commit(&self.db).await?;
        let NewDeployment { id, operation, depth, state, record, .. } = new.clone();
        let finished_at = finished.map(|_| at);
        let put = Deployment { id, operation, depth, state, stopping, record, created_at: at, finished_at };
        Ok(PutDeployment::Put(put, found.is_none()))
    }

    /// A deployment.
    pub async fn deployment(&self, id: &ResourceId) -> Result<Option<Deployment>, Error> {
        self.db.doing(|| self.deployment_in(id)).await
    }

    async fn deployment_in(&self, id: &ResourceId) -> Result<Option<Deployment>, Fault> {
        let row = sqlx::query(ONE).bind(id.key()).fetch_optional(&self.db.read).await?;
        Ok(row.map(|row| read(&row)).transpose()?.map(|(_, deployment)| deployment))
    }

    /// A deployment that is under way, with its template and parameters, sealed, as both are at one moment: what ends keeps
    /// other ones.
    pub async fn active_deployment(&self, id: &ResourceId) -> Result<Option<(Deployment, String)>, Error> {
        self.db
            .doing(|| async {
                let row = sqlx::query(ACTIVE).bind(id.key()).fetch_optional(&self.db.read).await?;
                row.map(|row| Ok((read(&row)?.1, get(&row, "sealed")?))).transpose()
            })
            .await
    }

    /// Template and parameters of a deployment, sealed; nothing, when it is gone.
    pub async fn sealed_deployment(&self, operation: Uuid) -> Result<Option<String>, Error> {
        self.db
            .doing(|| async {
                let query = sqlx::query(SEALED).bind(operation.to_string());
                let row = query.fetch_optional(&self.db.read).await?;
                row.map(|row| get(&row, "sealed")).transpose()
            })
            .await
    }

    /// Deployments of a group, the newest first; only those in this state, where one is said.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn deployments(
        &self,
        group: &ResourceId,
        state: Option<DeploymentState>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Deployment>, Error> {
        self.db.doing(|| self.deployments_in(group, state, after, most)).await
    }

    async fn deployments_in(
        &self,
        group: &ResourceId,
        state: Option<DeploymentState>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Deployment>, Fault> {
        let most = self.page_items(most);
        let before = after.map_or(Ok(i64::MAX), |after| number_cursor(Some(after)))?;
        let rows = sqlx::query(OF_GROUP)
            .bind(group.key())
            .bind(before)
            .bind(state.map(DeploymentState::name))
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(|row| read(row).map(|(seq, one)| (number_after(seq), one)));
        Ok(Page::of(rows.collect::<Result<_, _>>()?, most))
    }

    /// Removes what is known of a deployment that has ended.
    pub async fn delete_deployment(&self, id: &ResourceId) -> Result<DeletedDeployment, Error> {
        self.db.doing(|| self.delete_deployment_in(id)).await
    }

    async fn delete_deployment_in(&self, id: &ResourceId) -> Result<DeletedDeployment, Fault> {
        let mut tx = self.db.begin().await?;
        let Some((seq, found)) = find(&mut tx, id).await? else { return Ok(DeletedDeployment::Absent) };
        if !found.state.is_final() {
            tx.leave().await?;
            return Ok(DeletedDeployment::Active(Box::new(found)));
        }
        forget(tx.on(), seq, found.operation).await?;
        tx.commit(&self.db).await?;
        Ok(DeletedDeployment::Gone)
    }

    /// What a deployment did, in the order in which it was begun.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn deployment_steps(
        &self,
        operation: Uuid,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<DeploymentStep>, Error> {
        self.db.doing(|| self.deployment_steps_in(operation, after, most)).await
    }

    async fn deployment_steps_in(
        &self,
        operation: Uuid,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<DeploymentStep>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(STEPS)
            .bind(operation.to_string())
            .bind(number_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(|row| Ok((number_after(get(row, "seq")?), step(row)?)));
        Ok(Page::of(rows.collect::<Result<_, Fault>>()?, most))
    }

    /// One of those.
    pub async fn deployment_step(
        &self,
        operation: Uuid,
        name: &str,
    ) -> Result<Option<DeploymentStep>, Error> {
        self.db
            .doing(|| async {
                let query = sqlx::query(STEP).bind(operation.to_string()).bind(name);
                let row = query.fetch_optional(&self.db.read).await?;
                row.map(|row| step(&row)).transpose()
            })
            .await
    }
}

async fn find(tx: &mut Tx, id: &ResourceId) -> Result<Option<(i64, Deployment)>, Fault> {
    let statement = ONE_TO_CHANGE.of(tx.dialect);
    let row = sqlx::query(statement).bind(id.key()).fetch_optional(tx.on()).await?;
    row.map(|row| read(&row)).transpose()
}

/// Whether it is to be stopped already.
async fn insert(
    tx: &mut Tx,
    new: &NewDeployment,
    group: &str,
    parent: Option<String>,
    finished: Option<i64>,
) -> Result<bool, Fault> {
    let done = sqlx::query(INSERT)
        .bind(new.id.key())
        .bind(new.id.as_str())
        .bind(group)
        .bind(new.operation.to_string())
        .bind(i64::from(new.depth))
        .bind(new.state.name())
        .bind(to_json(&new.record)?)
        .bind(&new.sealed)
        .bind(tx.now)
        .bind(finished)
        .bind(parent)
        .fetch_optional(tx.on())
        .await?;
    Ok(get::<i64>(&done.ok_or(Fault::Collided)?, "stopping")? != 0)
}

/// One more in the deployment of this operation.
async fn may_nest(tx: &mut Tx, parent: &str, most: usize) -> Result<(), Fault> {
    let nested: i64 = get(&sqlx::query(NESTED).bind(parent).fetch_one(tx.on()).await?, "nested")?;
    if usize::try_from(nested).unwrap_or_default() < most {
        return Ok(());
    }
    let text = format!(
        "More than {most} deployments would be nested in one, at whatever depth. Deploy parts of the template by themselves."
    );
    Err(Error::new(Code::InvalidRequest, text).into())
}

/// A row's number and what it holds.
pub(super) fn read(row: &AnyRow) -> Result<(i64, Deployment), Fault> {
    let state: String = get(row, "state")?;
    let deployment = Deployment {
        id: parse_id(&get::<String>(row, "id")?)?,
        operation: uuid(&get::<String>(row, "operation")?)?,
        depth: unsigned(get(row, "depth")?),
        state: DeploymentState::parse(&state)
            .ok_or_else(|| Fault::damaged("a deployment's state", &state))?,
        stopping: get::<i64>(row, "stopping")? != 0,
        record: from_json(&get::<String>(row, "record")?, "a deployment's record")?,
        created_at: moment(get(row, "created_at")?)?,
        finished_at: moment_opt(get(row, "finished_at")?)?,
    };
    Ok((get(row, "seq")?, deployment))
}

fn step(row: &AnyRow) -> Result<DeploymentStep, Fault> {
    from_json(&get::<String>(row, "record")?, "what a deployment did")
}
