//! What a run's workers say of it, line by line.

use time::OffsetDateTime;
use transload_resource_id::ResourceId;

use super::Ledger;
use super::db::Tx;
use super::fault::Fault;
use super::queue::{Beat, Claim};
use super::resources::one_more;
use super::sql::{Page, get, moment, number_after, number_cursor, plain, signed};
use crate::Error;

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// What a page is asked for with that begins behind this line.
    pub mark: String,
    /// Of which generation of the run.
    pub generation: i64,
    /// When it was written.
    pub at: OffsetDateTime,
    /// Text, or JSON, as the worker wrote it.
    pub line: String,
}

/// The last line of a log that is full.
const FULL: &str = "the log is full: what follows is left out";

const COUNT: &str = "UPDATE runs SET log_lines = log_lines + $3 \
     WHERE operation = $1 AND fence = $2 AND lease_until IS NOT NULL RETURNING log_lines";
const INSERT: &str = "INSERT INTO run_logs (run_key, generation, at, line) VALUES ($1, $2, $3, $4)";
pub(super) const PAGE: &str =
    "SELECT seq, generation, at, line FROM run_logs WHERE run_key = $1 AND seq > $2 ORDER BY seq LIMIT $3";

impl Ledger {
    /// Adds lines to a run's log. A log has [`log_lines_max`](super::LedgerLimits::log_lines_max) lines at most, of all
    /// generations together.
    pub async fn log(&self, claim: &Claim, lines: &[String]) -> Result<Beat, Error> {
        self.db.doing(|| self.log_in(claim, lines)).await
    }

    async fn log_in(&self, claim: &Claim, lines: &[String]) -> Result<Beat, Fault> {
        let mut tx = self.db.begin().await?;
        let count = signed(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        let counted = sqlx::query(COUNT)
            .bind(claim.run.operation.to_string())
            .bind(claim.fence)
            .bind(count)
            .fetch_optional(tx.on())
            .await?;
        let Some(counted) = counted else { return Ok(Beat::Lost) };
        let before = get::<i64>(&counted, "log_lines")? - count;
        let most = self.db.limits.log_lines_max;
        let room = usize::try_from(most - before).unwrap_or(0);
        for line in lines.iter().take(room) {
            insert(&mut tx, claim, cut(line, self.db.limits.log_line_bytes_max)).await?;
        }
        if before <= most && lines.len() > room {
            insert(&mut tx, claim, FULL).await?;
        }
        tx.commit(&self.db).await?;
        Ok(Beat::Go)
    }

    /// Lines of a run's log in the order in which they were written, of all its generations. `after` is what an earlier
    /// page's `next` was, or the [mark](LogLine::mark) of the last line that was seen: so is a log followed.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn run_log(
        &self,
        run: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<LogLine>, Error> {
        self.db.doing(|| self.run_log_in(run, after, most)).await
    }

    async fn run_log_in(
        &self,
        run: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<LogLine>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(PAGE)
            .bind(run.key())
            .bind(number_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(|row| {
            let mark = number_after(get(row, "seq")?);
            let line = LogLine {
                mark: mark.clone(),
                generation: get(row, "generation")?,
                at: moment(get(row, "at")?)?,
                line: get(row, "line")?,
            };
            Ok((mark, line))
        });
        Ok(Page::of(rows.collect::<Result<Vec<_>, Fault>>()?, most))
    }
}

async fn insert(tx: &mut Tx, claim: &Claim, line: &str) -> Result<(), Fault> {
    let now = tx.now;
    sqlx::query(INSERT)
        .bind(claim.run.id.key())
        .bind(claim.run.generation)
        .bind(now)
        .bind(plain(line))
        .execute(tx.on())
        .await?;
    Ok(())
}

/// The beginning of a line, of so many bytes at most.
fn cut(line: &str, most: usize) -> &str {
    line.get(..line.floor_char_boundary(most)).unwrap_or(line)
}
