//! Connections, transactions and the clock.

use std::time::Duration;

use rand::RngExt as _;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::fault::Fault;
use super::limits::LedgerLimits;
use super::place::Place;
use super::sql::{Dialect, get, millis};
use super::wake::Wake;
use crate::Error;

/// How long between two attempts to reach a database that does not answer at the start.
const REACH_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause before a transaction that collided is tried again, times the collisions so far.
const COLLISION_PAUSE_MILLIS: u64 = 20;

/// The database of a ledger.
pub(super) struct Db {
    pub(super) dialect: Dialect,
    /// SQLite: one connection, so that writers queue up here and not at the file's lock.
    write: AnyPool,
    /// Statements that read. Of PostgreSQL the same pool.
    pub(super) read: AnyPool,
    /// The ledger for people, without a password.
    pub(super) place: String,
    pub(super) limits: LedgerLimits,
    pub(super) wake: Wake,
}

/// A transaction that writes. Dropped before [`commit`](Self::commit), nothing of it happened; what it locked is free a moment
/// later, or with [`leave`](Self::leave) at once.
pub(super) struct Tx {
    inner: sqlx::Transaction<'static, Any>,
    pub(super) dialect: Dialect,
    /// When it began, by the database's clock where that is on a machine of its own: machines whose clocks differ agree on leases.
    pub(super) now: i64,
    work: bool,
    pokes: bool,
}

impl Db {
    /// Connects; SQLite's file is made where there is none.
    pub(super) async fn connect(place: &Place, limits: LedgerLimits) -> Result<Self, Error> {
        sqlx::any::install_default_drivers();
        place.prepare()?;
        let described = place.describe();
        let url = place.driver_url()?;
        let explain = |fault: sqlx::Error| Fault::from(fault).explain(&described);
        let options = AnyConnectOptions::from_url(&url).map_err(explain)?.disable_statement_logging();
        first_connection(&options, &limits).await.map_err(|fault| fault.explain(&described))?;
        let (dialect, write, read) = match place {
            Place::Sqlite(_) => {
                let write = pool(1, &limits, false).connect_with(options.clone()).await.map_err(explain)?;
                let read = pool(limits.connections_max, &limits, true)
                    .connect_with(options)
                    .await
                    .map_err(explain)?;
                (Dialect::Sqlite, write, read)
            }
            Place::Postgres(_) => {
                let both = pool(limits.connections_max, &limits, false)
                    .connect_with(options)
                    .await
                    .map_err(explain)?;
                (Dialect::Postgres, both.clone(), both)
            }
        };
        Ok(Self { dialect, write, read, place: described, limits, wake: Wake::default() })
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> Result<Tx, Fault> {
        let (inner, now) = match self.dialect {
            Dialect::Sqlite => {
                (self.write.begin_with("BEGIN IMMEDIATE").await?, millis(OffsetDateTime::now_utc()))
            }
            Dialect::Postgres => {
                let mut inner = self.write.begin().await?;
                let now = clock(&mut inner).await?;
                (inner, now)
            }
        };
        Ok(Tx { inner, dialect: self.dialect, now, work: false, pokes: false })
    }

    /// The time by the clock that leases go by.
    pub(super) async fn now(&self) -> Result<i64, Fault> {
        match self.dialect {
            Dialect::Sqlite => Ok(millis(OffsetDateTime::now_utc())),
            Dialect::Postgres => clock(&mut *self.read.acquire().await?).await,
        }
    }

    /// Does it, again where it collided with another transaction, and within the time that an answer may take.
    pub(super) async fn doing<T, F>(&self, act: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut collisions = 0;
        loop {
            let done = tokio::time::timeout(self.limits.reply_timeout, act()).await;
            match done.unwrap_or(Err(Fault::Late)) {
                Err(fault) if fault.is_collision() && collisions < self.limits.collisions_max => {
                    collisions += 1;
                    let longest = COLLISION_PAUSE_MILLIS * u64::from(collisions);
                    let pause = rand::rng().random_range(1..=longest);
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                done => return done.map_err(|fault| fault.explain(&self.place)),
            }
        }
    }

    /// Ends every connection, when what they do now is done.
    pub(super) async fn close(&self) {
        self.wake.close();
        self.write.close().await;
        self.read.close().await;
    }
}

impl Tx {
    /// Where statements of this transaction are executed.
    pub(super) fn on(&mut self) -> &mut AnyConnection {
        &mut self.inner
    }

    /// Wakes a worker when this is committed: there is something to claim.
    pub(super) fn wake_work(&mut self) {
        self.work = true;
    }

    /// Wakes those that watch when this is committed.
    pub(super) fn wake_pokes(&mut self) {
        self.pokes = true;
    }

    /// Undoes it. When this returns nothing is locked: whoever learns from the answer that a row is there can claim it.
    pub(super) async fn leave(self) -> Result<(), Fault> {
        Ok(self.inner.rollback().await?)
    }

    /// Makes it so. When this returns it survives a loss of power.
    pub(super) async fn commit(mut self, db: &Db) -> Result<(), Fault> {
        if self.dialect == Dialect::Postgres {
            for (wanted, channel) in [(self.work, Wake::WORK), (self.pokes, Wake::POKES)] {
                if wanted {
                    sqlx::query("SELECT pg_notify($1, '')").bind(channel).execute(&mut *self.inner).await?;
                }
            }
        }
        self.inner.commit().await?;
        db.wake.woken(self.work, self.pokes);
        Ok(())
    }
}

async fn clock(on: &mut AnyConnection) -> Result<i64, Fault> {
    const NOW: &str = "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT AS now";
    get(&sqlx::query(NOW).fetch_one(on).await?, "now")
}

/// One connection by itself, because a pool does not say why it could not connect. A database that is not up yet is waited for.
async fn first_connection(options: &AnyConnectOptions, limits: &LedgerLimits) -> Result<(), Fault> {
    let end = Instant::now() + limits.reach_timeout;
    loop {
        let connected = tokio::time::timeout_at(end, try_connection(options, limits)).await;
        match connected.unwrap_or(Err(sqlx::Error::PoolTimedOut.into())) {
            // SQLite does not wait for a lock while it changes the kind of its journal: a file that several make at once
            Err(fault)
                if (fault.is_out_of_reach() || fault.is_collision())
                    && Instant::now() + REACH_PAUSE < end =>
            {
                tokio::time::sleep(REACH_PAUSE).await;
            }
            done => return done,
        }
    }
}

async fn try_connection(options: &AnyConnectOptions, limits: &LedgerLimits) -> Result<(), Fault> {
    let mut connection = options.connect().await?;
    set_up(&mut connection, limits, false).await?;
    Ok(connection.close().await?)
}

fn pool(connections: u32, limits: &LedgerLimits, reads_only: bool) -> AnyPoolOptions {
    let settings = limits.clone();
    AnyPoolOptions::new()
        .max_connections(connections.max(1))
        .acquire_timeout(limits.reach_timeout)
        .after_connect(move |connection, _| {
            let limits = settings.clone();
            Box::pin(async move { set_up(connection, &limits, reads_only).await })
        })
}

async fn set_up(
    connection: &mut AnyConnection,
    limits: &LedgerLimits,
    reads_only: bool,
) -> Result<(), sqlx::Error> {
    if connection.backend_name() == "PostgreSQL" {
        // A process that stands still in the middle of a transaction must not keep others from its rows. And plans that were
        // made when a table was empty stay for as long as nobody counts its rows anew: every statement has its index, so
        // let it be taken from the start.
        const SETTINGS: &str = "SELECT set_config('application_name', 'transload', false), \
             set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false), \
             set_config('idle_in_transaction_session_timeout', $1, false), \
             set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false)";
        let millis = limits.reply_timeout.as_millis().to_string();
        sqlx::query(SETTINGS).bind(millis).execute(connection).await?;
        return Ok(());
    }
    // WAL and FULL together: readers do not wait for writers, and what was committed survives a loss of power
    let mode = if reads_only { "query_only = ON" } else { "journal_mode = WAL; PRAGMA synchronous = FULL" };
    let pragmas = format!("PRAGMA busy_timeout = {}; PRAGMA {mode}", limits.reach_timeout.as_millis());
    // a number and our own words are all that is put in
    sqlx::raw_sql(AssertSqlSafe(pragmas)).execute(connection).await?;
    Ok(())
}
