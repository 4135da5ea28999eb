//! The audit log. Triggers in the database refuse to change or remove an entry, whoever asks; [`prune`](Ledger::prune) may
//! remove old ones when it is told to.

use sqlx::any::AnyRow;

use super::Ledger;
use super::db::Tx;
use super::fault::Fault;
use super::resources::one_more;
use super::sql::{Dialect, Page, get, millis, moment, number_after, number_cursor, plain};
use crate::Error;
use crate::audit::{Entry, Filter, Outcome};

const INSERT: &str = "INSERT INTO audit (at, who, who_name, action, target, outcome, code, correlation, address, detail) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING seq";

/// Whoever writes to the log of a PostgreSQL holds this until the commit: numbers become visible in their order, and whoever
/// follows the log misses none.
const LOCK: i64 = 0x7472_616e_6175_6469;

macro_rules! page {
    ($way:literal, $order:literal) => {
        concat!(
            "SELECT seq, at, who, who_name, action, target, outcome, code, correlation, address, detail FROM audit \
             WHERE seq ",
            $way,
            " $1 AND (who = $2 OR who_name = $2 OR $2 IS NULL) AND (SUBSTR(action, 1, LENGTH($3)) = $3 OR $3 IS NULL) \
             AND ($4 IS NULL OR REPLACE(LOWER(target), $4, '') <> LOWER(target)) AND (outcome = $5 OR $5 IS NULL) \
             AND (correlation = $6 OR $6 IS NULL) AND ($7 IS NULL OR at >= $7) AND ($8 IS NULL OR at < $8) \
             ORDER BY seq ",
            $order,
            " LIMIT $9"
        )
    };
}
pub(super) const PAGE: &str = page!(">", "ASC");
pub(super) const PAGE_BACK: &str = page!("<", "DESC");

impl Ledger {
    /// Adds an entry and gives it as it stands: number and time are the ledger's.
    pub async fn audit(&self, entry: &Entry) -> Result<Entry, Error> {
        self.db.doing(|| self.audit_in(entry)).await
    }

    async fn audit_in(&self, entry: &Entry) -> Result<Entry, Fault> {
        let mut tx = self.db.begin().await?;
        let written = write(&mut tx, entry).await?;
        tx.commit(&self.db).await?;
        Ok(written)
    }

    /// Entries in the order in which they were written. `after` is what an earlier page's `next` was.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn audit_page(
        &self,
        filter: &Filter,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Entry>, Error> {
        self.db.doing(|| self.audit_page_in(PAGE, number_cursor(after), filter, most)).await
    }

    /// The same from the newest backwards.
    ///
    /// # Errors
    /// As of [`audit_page`](Self::audit_page).
    pub async fn audit_page_back(
        &self,
        filter: &Filter,
        before: Option<&str>,
        most: usize,
    ) -> Result<Page<Entry>, Error> {
        let from = || before.map_or(Ok(i64::MAX), |before| number_cursor(Some(before)));
        self.db.doing(|| self.audit_page_in(PAGE_BACK, from(), filter, most)).await
    }

    async fn audit_page_in(
        &self,
        statement: &'static str,
        from: Result<i64, Fault>,
        filter: &Filter,
        most: usize,
    ) -> Result<Page<Entry>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(statement)
            .bind(from?)
            .bind(filter.who.as_deref().map(plain))
            .bind(filter.action.as_deref().map(plain))
            .bind(
                filter
                    .target
                    .as_deref()
                    .filter(|part| !part.is_empty())
                    .map(|part| plain(part).to_ascii_lowercase()),
            )
            .bind(filter.outcome.map(outcome_name))
            .bind(filter.correlation.as_deref().map(plain))
            .bind(filter.since.map(millis))
            .bind(filter.until.map(millis))
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(|row| read(row).map(|entry| (number_after(entry.sequence), entry)));
        Ok(Page::of(rows.collect::<Result<Vec<_>, _>>()?, most))
    }
}

/// Adds an entry as the last thing that a transaction does, and gives it as it stands.
pub(super) async fn write(tx: &mut Tx, entry: &Entry) -> Result<Entry, Fault> {
    if tx.dialect == Dialect::Postgres {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(tx.on()).await?;
    }
    let now = tx.now;
    let row = sqlx::query(INSERT)
        .bind(now)
        .bind(plain(&entry.who))
        .bind(plain(&entry.who_name))
        .bind(plain(&entry.action))
        .bind(plain(&entry.target))
        .bind(outcome_name(entry.outcome))
        .bind(entry.code.as_deref().map(plain))
        .bind(plain(&entry.correlation))
        .bind(entry.address.as_deref().map(plain))
        .bind(entry.detail.as_deref().map(plain))
        .fetch_one(tx.on())
        .await?;
    Ok(Entry { sequence: get(&row, "seq")?, at: moment(now)?, ..entry.clone() })
}

fn read(row: &AnyRow) -> Result<Entry, Fault> {
    Ok(Entry {
        sequence: get(row, "seq")?,
        at: moment(get(row, "at")?)?,
        who: get(row, "who")?,
        who_name: get(row, "who_name")?,
        action: get(row, "action")?,
        target: get(row, "target")?,
        outcome: outcome_of(&get::<String>(row, "outcome")?)?,
        code: get(row, "code")?,
        correlation: get(row, "correlation")?,
        address: get(row, "address")?,
        detail: get(row, "detail")?,
    })
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "Done",
        Outcome::Denied => "Denied",
        Outcome::Failed => "Failed",
    }
}

fn outcome_of(name: &str) -> Result<Outcome, Fault> {
    let all = [Outcome::Done, Outcome::Denied, Outcome::Failed];
    let found = all.into_iter().find(|outcome| outcome_name(*outcome) == name);
    found.ok_or_else(|| Fault::damaged("an outcome", name))
}
