//! Deployments that have ended: how many are kept, and how they are forgotten.

use sqlx::AnyConnection;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::db::Tx;
use super::fault::Fault;
use super::sql::{get, uuid};

/// Of a group's history: deployments that clients asked for (`$2` is 0) or nested ones (1), but none of those
/// whose outermost is under way. Each kind has a bound of its own, so that a template with many nested ones pushes nothing else out.
macro_rules! history {
    () => {
        " FROM deployments d WHERE d.group_key = $1 AND CASE WHEN d.depth = 0 THEN 0 ELSE 1 END = $2 AND NOT EXISTS \
         (SELECT 1 FROM deployments p WHERE p.operation = d.root AND p.finished_at IS NULL)"
    };
}
/// The newest of those that are too many.
pub(super) const TOO_OLD: &str =
    concat!("SELECT d.seq", history!(), " ORDER BY d.seq DESC LIMIT 1 OFFSET $3");
/// In an order that all keep to who forget them.
pub(super) const OLD: &str = concat!(
    "SELECT d.seq, d.operation",
    history!(),
    " AND d.seq <= $3 AND d.finished_at IS NOT NULL ORDER BY d.seq"
);

/// What a deployment did goes with it.
pub(super) async fn forget(on: &mut AnyConnection, seq: i64, operation: Uuid) -> Result<(), Fault> {
    sqlx::query("DELETE FROM deployment_steps WHERE operation = $1")
        .bind(operation.to_string())
        .execute(&mut *on)
        .await?;
    sqlx::query("DELETE FROM deployments WHERE seq = $1").bind(seq).execute(on).await?;
    Ok(())
}

/// Of each kind so many stay, and what is under way.
pub(super) async fn forget_oldest(tx: &mut Tx, group: &str, most: usize) -> Result<(), Fault> {
    let offset = i64::try_from(most.max(1)).unwrap_or(i64::MAX);
    for nested in [0_i64, 1] {
        let query = sqlx::query(TOO_OLD).bind(group).bind(nested).bind(offset);
        let Some(newest) = query.fetch_optional(tx.on()).await? else { continue };
        let newest: i64 = get(&newest, "seq")?;
        for row in sqlx::query(OLD).bind(group).bind(nested).bind(newest).fetch_all(tx.on()).await? {
            let operation = uuid(&get::<String>(&row, "operation")?)?;
            forget(tx.on(), get(&row, "seq")?, operation).await?;
        }
    }
    Ok(())
}

/// Deployments of a group that is removed. Whoever does one of them finds that it is gone.
pub(super) async fn forget_deployments(on: &mut AnyConnection, id: &ResourceId) -> Result<(), Fault> {
    const STEPS: &str = "DELETE FROM deployment_steps WHERE operation IN \
         (SELECT operation FROM deployments WHERE group_key = $1)";
    for statement in [STEPS, "DELETE FROM deployments WHERE group_key = $1"] {
        sqlx::query(statement).bind(id.key()).execute(&mut *on).await?;
    }
    Ok(())
}
