//! Watches: which worker looks after the container of which import pipeline.
//!
//! A pipeline whose trigger is enabled has a watch from its [`put`](Ledger::put) on. Workers share the watches among them in
//! equal parts, each by a lease; those of a worker that is gone go to others when the lease ran out.

use std::time::Duration;

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use transload_resource_id::ResourceId;

use super::Ledger;
use super::db::Tx;
use super::fault::Fault;
use super::resources::{one_more, stored};
use super::sql::{Locking, beneath, claiming, get, id as parse_id, plain, span_millis};
use crate::Error;
use crate::resource::{Body, Direction, Stored, TriggerStatus};

/// A container that a worker looks after.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// The pipeline as it is now.
    pub pipeline: Stored,
    /// Grows when another worker gets it.
    pub fence: i64,
}

/// A word that a container was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poke {
    /// The pipeline; its id in lower case.
    pub pipeline: ResourceId,
    /// Name of the blob; empty where it is not the container that changed but perhaps who may reach it.
    pub name: String,
}

pub(super) const OWN: Locking =
    claiming!("SELECT pipeline_key FROM watches WHERE worker = $1 ORDER BY pipeline_key");
pub(super) const FREE: Locking = claiming!(
    "SELECT pipeline_key FROM watches WHERE lease_until <= $1 ORDER BY lease_until, pipeline_key LIMIT $2"
);
const TAKE: &str =
    "UPDATE watches SET worker = $2, lease_until = $3, fence = fence + 1 WHERE pipeline_key = $1";
const GIVE_BACK: &str = "UPDATE watches SET worker = NULL, lease_until = 0 WHERE pipeline_key = $1";
pub(super) const RENEW: &str = "UPDATE watches SET lease_until = $2 WHERE worker = $1";
pub(super) const HELD: &str = "SELECT r.seq, r.id, r.revision, r.created_by, r.created_at, r.changed_by, r.changed_at, r.body, w.fence \
     FROM watches w JOIN resources r ON r.id_key = w.pipeline_key WHERE w.worker = $1 ORDER BY r.seq";
pub(super) const TAKE_POKES: &str = "DELETE FROM pokes WHERE seq IN (SELECT p.seq FROM pokes p \
     JOIN watches w ON w.pipeline_key = p.pipeline_key WHERE w.worker = $1 ORDER BY p.seq LIMIT $2) \
     RETURNING pipeline_key, name";

impl Ledger {
    /// Renews the watches of a worker for another `lease`, gives it free ones up to its share of all (`most` at most) or takes
    /// away what is more than that, and tells which it has. `worker` names the process, and no other does.
    pub async fn claim_watches(
        &self,
        worker: &str,
        lease: Duration,
        most: usize,
    ) -> Result<Vec<Watch>, Error> {
        let worker = plain(worker);
        self.db.doing(|| self.claim_watches_in(&worker, lease, most)).await
    }

    async fn claim_watches_in(
        &self,
        worker: &str,
        lease: Duration,
        most: usize,
    ) -> Result<Vec<Watch>, Fault> {
        let mut tx = self.db.begin().await?;
        let now = tx.now;
        let until = now.saturating_add(span_millis(lease));
        let share = share_of(&mut tx, worker, until).await?.min(most);
        let own = keys(&sqlx::query(OWN.of(tx.dialect)).bind(worker).fetch_all(tx.on()).await?)?;
        for key in own.iter().skip(share) {
            sqlx::query(GIVE_BACK).bind(key).execute(tx.on()).await?;
        }
        sqlx::query(RENEW).bind(worker).bind(until).execute(tx.on()).await?;
        let room = one_more(share.saturating_sub(own.len())) - 1;
        let free = sqlx::query(FREE.of(tx.dialect)).bind(now).bind(room).fetch_all(tx.on()).await?;
        for key in keys(&free)? {
            sqlx::query(TAKE).bind(key).bind(worker).bind(until).execute(tx.on()).await?;
        }
        let held = sqlx::query(HELD).bind(worker).fetch_all(tx.on()).await?;
        tx.commit(&self.db).await?;
        held.iter().map(|row| Ok(Watch { pipeline: stored(row)?.1, fence: get(row, "fence")? })).collect()
    }

    /// Gives back all watches of a worker that goes.
    pub async fn release_watches(&self, worker: &str) -> Result<(), Error> {
        let worker = plain(worker);
        self.db.doing(|| self.release_watches_in(&worker)).await
    }

    async fn release_watches_in(&self, worker: &str) -> Result<(), Fault> {
        const RELEASE: &str = "UPDATE watches SET worker = NULL, lease_until = 0 WHERE worker = $1";
        let mut tx = self.db.begin().await?;
        for statement in [RELEASE, "DELETE FROM watchers WHERE worker = $1"] {
            sqlx::query(statement).bind(worker).execute(tx.on()).await?;
        }
        tx.wake_pokes();
        tx.commit(&self.db).await
    }

    /// Says that a blob of a pipeline's container was written. The worker that watches it is woken and
    /// [takes](Self::take_pokes) the word.
    pub async fn poke(&self, pipeline: &ResourceId, name: &str) -> Result<(), Error> {
        self.db.doing(|| self.poke_in(pipeline, name)).await
    }

    async fn poke_in(&self, pipeline: &ResourceId, name: &str) -> Result<(), Fault> {
        const POKE: &str = "INSERT INTO pokes (pipeline_key, name) SELECT pipeline_key, $2 FROM watches \
             WHERE pipeline_key = $1 ON CONFLICT (pipeline_key, name) DO NOTHING";
        let mut tx = self.db.begin().await?;
        sqlx::query(POKE).bind(pipeline.key()).bind(plain(name)).execute(tx.on()).await?;
        tx.wake_pokes();
        tx.commit(&self.db).await
    }

    /// Takes words about the containers that a worker watches, the oldest first. A worker that takes one and is gone has lost
    /// it: the next listing finds the blob.
    pub async fn take_pokes(&self, worker: &str, most: usize) -> Result<Vec<Poke>, Error> {
        let worker = plain(worker);
        self.db.doing(|| self.take_pokes_in(&worker, most)).await
    }

    async fn take_pokes_in(&self, worker: &str, most: usize) -> Result<Vec<Poke>, Fault> {
        let mut tx = self.db.begin().await?;
        let rows = sqlx::query(TAKE_POKES).bind(worker).bind(one_more(most) - 1).fetch_all(tx.on()).await?;
        tx.commit(&self.db).await?;
        let poke = |row| {
            Ok(Poke { pipeline: parse_id(&get::<String>(row, "pipeline_key")?)?, name: get(row, "name")? })
        };
        rows.iter().map(poke).collect()
    }
}

/// How many watches the worker should have: as many as each of those that said a word during their last lease.
async fn share_of(tx: &mut Tx, worker: &str, until: i64) -> Result<usize, Fault> {
    const THERE: &str = "INSERT INTO watchers (worker, lease_until) VALUES ($1, $2) \
         ON CONFLICT (worker) DO UPDATE SET lease_until = excluded.lease_until";
    const COUNTS: &str =
        "SELECT (SELECT COUNT(*) FROM watches) AS watches, (SELECT COUNT(*) FROM watchers) AS watchers";
    let now = tx.now;
    sqlx::query("DELETE FROM watchers WHERE lease_until <= $1").bind(now).execute(tx.on()).await?;
    sqlx::query(THERE).bind(worker).bind(until).execute(tx.on()).await?;
    let counts = sqlx::query(COUNTS).fetch_one(tx.on()).await?;
    let (watches, watchers) = (get::<i64>(&counts, "watches")?, get::<i64>(&counts, "watchers")?);
    let share = (watches + watchers - 1) / watchers.max(1);
    Ok(usize::try_from(share).unwrap_or(0))
}

fn keys(rows: &[AnyRow]) -> Result<Vec<String>, Fault> {
    rows.iter().map(|row| get(row, "pipeline_key")).collect()
}

/// Tells whoever watches a container that it may be reached now where it could not be: a policy, a secret or a key is another.
pub(super) async fn wake_watches(tx: &mut Tx) -> Result<(), Fault> {
    const WAKE: &str = "INSERT INTO pokes (pipeline_key, name) SELECT pipeline_key, '' FROM watches \
         WHERE worker IS NOT NULL ORDER BY pipeline_key ON CONFLICT (pipeline_key, name) DO NOTHING";
    sqlx::query(WAKE).execute(tx.on()).await?;
    tx.wake_pokes();
    Ok(())
}

/// A pipeline that imports by itself is watched from now on, another one no longer.
pub(super) async fn keep_watch(tx: &mut Tx, id: &ResourceId, body: &Body) -> Result<(), Fault> {
    const WATCH: &str = "INSERT INTO watches (pipeline_key, lease_until, fence) VALUES ($1, 0, 0) \
         ON CONFLICT (pipeline_key) DO NOTHING";
    let pipeline = match body {
        Body::Pipeline(pipeline) => pipeline,
        Body::Vault(_) | Body::StorageAccount(_) | Body::UserIdentity(_) => return wake_watches(tx).await,
        Body::Group(_) | Body::Registry(_) => return Ok(()),
    };
    let watched = pipeline.direction == Direction::Import && pipeline.trigger == Some(TriggerStatus::Enabled);
    if watched {
        sqlx::query(WATCH).bind(id.key()).execute(tx.on()).await?;
    } else {
        for statement in
            ["DELETE FROM watches WHERE pipeline_key = $1", "DELETE FROM pokes WHERE pipeline_key = $1"]
        {
            sqlx::query(statement).bind(id.key()).execute(tx.on()).await?;
        }
    }
    tx.wake_pokes();
    Ok(())
}

/// Of pipelines that are removed nothing is known any longer.
pub(super) async fn forget_watches(on: &mut AnyConnection, id: &ResourceId) -> Result<(), Fault> {
    const WATCHES: &str =
        "DELETE FROM watches WHERE pipeline_key = $1 OR (pipeline_key >= $2 AND pipeline_key < $3)";
    const POKES: &str =
        "DELETE FROM pokes WHERE pipeline_key = $1 OR (pipeline_key >= $2 AND pipeline_key < $3)";
    const SEEN: &str =
        "DELETE FROM seen WHERE pipeline_key = $1 OR (pipeline_key >= $2 AND pipeline_key < $3)";
    let (first, end) = beneath(id);
    for statement in [WATCHES, POKES, SEEN] {
        sqlx::query(statement).bind(id.key()).bind(&first).bind(&end).execute(&mut *on).await?;
    }
    Ok(())
}
