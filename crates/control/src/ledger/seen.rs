//! What triggers know of the blobs in their containers, so that each bundle is handled once.

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use time::OffsetDateTime;
use transload_resource_id::ResourceId;

use super::Ledger;
use super::audits::write;
use super::batch::{ROWS, values};
use super::db::Tx;
use super::fault::Fault;
use super::resources::one_more;
use super::sql::{
    Page, get, id as parse_id, millis, moment_opt, name_after, name_cursor, plain, signed, unsigned,
};
use crate::Error;
use crate::audit::Entry;

/// A blob that a trigger has looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Name of the blob.
    pub name: String,
    /// The blob's etag then.
    pub etag: String,
    /// Its bytes then.
    pub size: u64,
    /// Id of the bundle in it.
    pub bundle_id: Option<String>,
    /// What it is.
    pub verdict: Verdict,
    /// The run that imports it.
    pub run: Option<ResourceId>,
    /// How often its import was tried.
    pub attempts: u32,
    /// When it is looked at or tried again.
    pub next_at: Option<OffsetDateTime>,
    /// Whether it was said that it could not be imported.
    pub reported: bool,
}

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A bundle, whole.
    Bundle,
    /// Something else: left alone.
    Other,
    /// A bundle of which bytes are missing yet.
    Partial,
}

macro_rules! columns {
    () => {
        "name, etag, size, bundle_id, verdict, run, attempts, next_at, reported"
    };
}

pub(super) const ONE: &str =
    concat!("SELECT ", columns!(), " FROM seen WHERE pipeline_key = $1 AND name = $2");
pub(super) const PAGE: &str =
    concat!("SELECT ", columns!(), " FROM seen WHERE pipeline_key = $1 AND name > $2 ORDER BY name LIMIT $3");
const NOTE: &str = concat!(
    "INSERT INTO seen (pipeline_key, ",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (pipeline_key, name) DO UPDATE SET \
     etag = excluded.etag, size = excluded.size, bundle_id = excluded.bundle_id, verdict = excluded.verdict, \
     run = excluded.run, attempts = excluded.attempts, next_at = excluded.next_at, reported = excluded.reported"
);

impl Ledger {
    /// What is known of a blob.
    pub async fn seen(&self, pipeline: &ResourceId, name: &str) -> Result<Option<Seen>, Error> {
        self.db.doing(|| self.seen_in(pipeline, name)).await
    }

    async fn seen_in(&self, pipeline: &ResourceId, name: &str) -> Result<Option<Seen>, Fault> {
        let row =
            sqlx::query(ONE).bind(pipeline.key()).bind(plain(name)).fetch_optional(&self.db.read).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// What is known of all blobs of a pipeline, in the order of their names (byte by byte), beside which a listing can walk.
    ///
    /// # Errors
    /// `InvalidRequest` for an `after` that was not given out.
    pub async fn seen_page(
        &self,
        pipeline: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Seen>, Error> {
        self.db.doing(|| self.seen_page_in(pipeline, after, most)).await
    }

    async fn seen_page_in(
        &self,
        pipeline: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Seen>, Fault> {
        let most = self.page_items(most);
        let rows = sqlx::query(PAGE)
            .bind(pipeline.key())
            .bind(name_cursor(after)?)
            .bind(one_more(most))
            .fetch_all(&self.db.read)
            .await?;
        let rows = rows.iter().map(|row| read(row).map(|seen| (name_after(&seen.name), seen)));
        Ok(Page::of(rows.collect::<Result<Vec<_>, _>>()?, most))
    }

    /// Notes what is known of a blob now.
    pub async fn note_seen(&self, pipeline: &ResourceId, seen: &Seen) -> Result<(), Error> {
        self.db.doing(|| self.note_seen_in(pipeline, seen)).await
    }

    async fn note_seen_in(&self, pipeline: &ResourceId, seen: &Seen) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        note(&mut tx, pipeline, seen).await?;
        tx.commit(&self.db).await
    }

    /// Notes what is known of a blob and adds what is told of it to the audit log: both or neither, so that nothing is told
    /// twice and nothing is thought to have been told.
    pub async fn report_seen(&self, pipeline: &ResourceId, seen: &Seen, entry: &Entry) -> Result<(), Error> {
        self.db.doing(|| self.report_seen_in(pipeline, seen, entry)).await
    }

    async fn report_seen_in(&self, pipeline: &ResourceId, seen: &Seen, entry: &Entry) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        note(&mut tx, pipeline, seen).await?;
        write(&mut tx, entry).await?;
        tx.commit(&self.db).await
    }

    /// Forgets blobs that are gone.
    pub async fn forget_seen(&self, pipeline: &ResourceId, names: &[String]) -> Result<(), Error> {
        self.db.doing(|| self.forget_seen_in(pipeline, names)).await
    }

    async fn forget_seen_in(&self, pipeline: &ResourceId, names: &[String]) -> Result<(), Fault> {
        let mut tx = self.db.begin().await?;
        for chunk in names.chunks(ROWS) {
            let text = format!(
                "DELETE FROM seen WHERE pipeline_key = ${} AND name IN {}",
                chunk.len() + 1,
                values(1, chunk.len())
            );
            // numbers of placeholders are all that is put in
            let mut query = sqlx::query(AssertSqlSafe(text));
            for name in chunk {
                query = query.bind(plain(name));
            }
            query.bind(pipeline.key()).execute(tx.on()).await?;
        }
        tx.commit(&self.db).await
    }
}

async fn note(tx: &mut Tx, pipeline: &ResourceId, seen: &Seen) -> Result<(), Fault> {
    sqlx::query(NOTE)
        .bind(pipeline.key())
        .bind(plain(&seen.name))
        .bind(plain(&seen.etag))
        .bind(signed(seen.size))
        .bind(seen.bundle_id.as_deref().map(plain))
        .bind(verdict_name(seen.verdict))
        .bind(seen.run.as_ref().map(ResourceId::as_str))
        .bind(i64::from(seen.attempts))
        .bind(seen.next_at.map(millis))
        .bind(i64::from(seen.reported))
        .execute(tx.on())
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Seen, Fault> {
    let run: Option<String> = get(row, "run")?;
    Ok(Seen {
        name: get(row, "name")?,
        etag: get(row, "etag")?,
        size: unsigned(get(row, "size")?),
        bundle_id: get(row, "bundle_id")?,
        verdict: verdict_of(&get::<String>(row, "verdict")?)?,
        run: run.map(|run| parse_id(&run)).transpose()?,
        attempts: unsigned(get(row, "attempts")?),
        next_at: moment_opt(get(row, "next_at")?)?,
        reported: get::<i64>(row, "reported")? != 0,
    })
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Bundle => "Bundle",
        Verdict::Other => "Other",
        Verdict::Partial => "Partial",
    }
}

fn verdict_of(name: &str) -> Result<Verdict, Fault> {
    let all = [Verdict::Bundle, Verdict::Other, Verdict::Partial];
    let found = all.into_iter().find(|verdict| verdict_name(*verdict) == name);
    found.ok_or_else(|| Fault::damaged("a verdict", name))
}
