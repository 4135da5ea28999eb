//! Retention: removing what is old.

use time::OffsetDateTime;

use super::Ledger;
use super::db::Tx;
use super::fault::Fault;
use super::sql::millis;
use crate::Error;
use crate::resource::kind;

/// What is removed. What is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Operations that ended before this and whose run is gone or in a later generation; and runs that ended before it and are
    /// not shown as resources.
    pub operations_before: Option<OffsetDateTime>,
    /// Pipeline runs that ended before this, with their logs. Their operations are kept by the time above.
    pub runs_before: Option<OffsetDateTime>,
    /// Entries of the audit log from before this.
    pub audit_before: Option<OffsetDateTime>,
}

/// How many rows were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Operations.
    pub operations: u64,
    /// Runs.
    pub runs: u64,
    /// Entries of the audit log.
    pub audit: u64,
}

/// Rows of one transaction: writers wait for it.
const ROWS_MAX: i64 = 500;

// `|| ''` keeps both databases from the index of kinds
pub(super) const OLD_RUNS: &str = "SELECT id_key FROM runs WHERE finished_at IS NOT NULL AND finished_at < $1 AND kind || '' = $2 \
     ORDER BY finished_at LIMIT $3";
const OLD_HIDDEN_RUNS: &str = "SELECT id_key FROM runs WHERE finished_at IS NOT NULL AND finished_at < $1 \
     AND kind || '' <> $2 ORDER BY finished_at LIMIT $3";
pub(super) const OLD_OPERATIONS: &str = "DELETE FROM operations WHERE id IN (SELECT o.id FROM operations o \
     WHERE o.finished_at IS NOT NULL AND o.finished_at < $1 \
     AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.operation = o.id) ORDER BY o.finished_at LIMIT $2)";
pub(super) const OLD_AUDIT: &str = "DELETE FROM audit WHERE at < $1";

impl Ledger {
    /// Removes what is old, some hundred rows at a time so that nobody waits long.
    pub async fn prune(&self, retention: &Retention) -> Result<Pruned, Error> {
        let mut pruned = Pruned::default();
        for (statement, before) in
            [(OLD_RUNS, retention.runs_before), (OLD_HIDDEN_RUNS, retention.operations_before)]
        {
            let Some(before) = before.map(millis) else { continue };
            loop {
                let gone = self.db.doing(|| self.prune_runs(statement, before)).await?;
                pruned.runs += gone;
                if gone < ROWS_MAX.unsigned_abs() {
                    break;
                }
            }
        }
        if let Some(before) = retention.operations_before.map(millis) {
            loop {
                let gone = self.db.doing(|| self.prune_operations(before)).await?;
                pruned.operations += gone;
                if gone < ROWS_MAX.unsigned_abs() {
                    break;
                }
            }
        }
        if let Some(before) = retention.audit_before.map(millis) {
            pruned.audit = self.db.doing(|| self.prune_audit(before)).await?;
        }
        Ok(pruned)
    }

    async fn prune_runs(&self, statement: &'static str, before: i64) -> Result<u64, Fault> {
        let mut tx = self.db.begin().await?;
        let rows = sqlx::query(statement)
            .bind(before)
            .bind(kind::PIPELINE_RUN.to_ascii_lowercase())
            .bind(ROWS_MAX)
            .fetch_all(tx.on())
            .await?;
        let mut gone = 0;
        for row in &rows {
            gone += remove_if_old(&mut tx, super::sql::get(row, "id_key")?, before).await?;
        }
        tx.commit(&self.db).await?;
        Ok(gone)
    }

    async fn prune_operations(&self, before: i64) -> Result<u64, Fault> {
        let mut tx = self.db.begin().await?;
        let done = sqlx::query(OLD_OPERATIONS).bind(before).bind(ROWS_MAX).execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(done.rows_affected())
    }

    async fn prune_audit(&self, before: i64) -> Result<u64, Fault> {
        let mut tx = self.db.begin().await?;
        // the triggers let pass what is older than this, and nobody else sees the row
        sqlx::query("INSERT INTO audit_pruning (before) VALUES ($1)").bind(before).execute(tx.on()).await?;
        let done = sqlx::query(OLD_AUDIT).bind(before).execute(tx.on()).await?;
        sqlx::query("DELETE FROM audit_pruning").execute(tx.on()).await?;
        tx.commit(&self.db).await?;
        Ok(done.rows_affected())
    }
}

/// Removes a run and its log, unless it was asked for again meanwhile.
async fn remove_if_old(tx: &mut Tx, key: String, before: i64) -> Result<u64, Fault> {
    const RUN: &str = "DELETE FROM runs WHERE id_key = $1 AND finished_at < $2";
    let done = sqlx::query(RUN).bind(&key).bind(before).execute(tx.on()).await?;
    if done.rows_affected() > 0 {
        sqlx::query("DELETE FROM run_logs WHERE run_key = $1").bind(&key).execute(tx.on()).await?;
    }
    Ok(done.rows_affected())
}
