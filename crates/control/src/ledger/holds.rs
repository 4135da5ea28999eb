//! Names that one run has for itself: of two that would write the same blob or tag, one wins.

use sqlx::AssertSqlSafe;

use super::Ledger;
use super::batch::{ROWS, values};
use super::db::Tx;
use super::fault::Fault;
use super::queue::Claim;
use super::run_row::RunRow;
use super::sql::{get, plain};
use crate::{Code, Error};

/// What came of holding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The run has all of them.
    Ok,
    /// The run with this id has one of them; nothing changed.
    By(String),
    /// Another worker has the run, or it is gone: see [`Beat::Lost`](super::Beat::Lost).
    Lost,
}

impl Ledger {
    /// Holds names (`blob:<location>`, `tag:<host>/<repository>:<tag>`) for a run until it ends; also while it waits to be
    /// tried again. All of them, or none. Those that it has already stay its own. Names are compared byte by byte.
    ///
    /// # Errors
    /// `InvalidRequest` for more names than [`holds_max`](super::LedgerLimits::holds_max).
    pub async fn hold(&self, claim: &Claim, names: &[String]) -> Result<Held, Error> {
        let most = self.db.limits.holds_max;
        if names.len() > most {
            let detail = format!("a run may hold {most} names, and this one wants {}: split it", names.len());
            return Err(Error::new(Code::InvalidRequest, detail).about(claim.run.id.as_str()));
        }
        // in an order that all keep to, so that two runs with the same names cannot wait for each other
        let mut names: Vec<String> = names.iter().map(|name| plain(name)).collect();
        names.sort_unstable();
        names.dedup();
        self.db.doing(|| self.hold_in(claim, &names)).await
    }

    async fn hold_in(&self, claim: &Claim, names: &[String]) -> Result<Held, Fault> {
        let mut tx = self.db.begin().await?;
        if RunRow::lock_claimed(&mut tx, &claim.run, claim.fence).await?.is_none() {
            return Ok(Held::Lost);
        }
        let chunks = names.chunks(ROWS);
        for chunk in chunks {
            insert(&mut tx, claim, chunk).await?;
        }
        for chunk in names.chunks(ROWS) {
            if let Some(holder) = other_holder(&mut tx, claim, chunk).await? {
                tx.leave().await?;
                return Ok(Held::By(holder));
            }
        }
        tx.commit(&self.db).await?;
        Ok(Held::Ok)
    }
}

async fn insert(tx: &mut Tx, claim: &Claim, names: &[String]) -> Result<(), Fault> {
    let text = format!(
        "INSERT INTO holds (name, operation, holder) VALUES {} ON CONFLICT (name) DO NOTHING",
        values(names.len(), 3)
    );
    // numbers of placeholders are all that is put in
    let mut query = sqlx::query(AssertSqlSafe(text));
    for name in names {
        query = query.bind(name).bind(claim.run.operation.to_string()).bind(claim.run.id.as_str());
    }
    query.execute(tx.on()).await?;
    Ok(())
}

/// Who else has one of these.
async fn other_holder(tx: &mut Tx, claim: &Claim, names: &[String]) -> Result<Option<String>, Fault> {
    let text = format!(
        "SELECT holder FROM holds WHERE operation <> ${} AND name IN {} ORDER BY name LIMIT 1",
        names.len() + 1,
        values(1, names.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for name in names {
        query = query.bind(name);
    }
    let row = query.bind(claim.run.operation.to_string()).fetch_optional(tx.on()).await?;
    row.map(|row| get(&row, "holder")).transpose()
}
