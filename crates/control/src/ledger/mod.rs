//! The ledger: all that the control plane remembers, in SQLite or PostgreSQL.
//!
//! One SQL text serves both; only reading rows in order to change them says `FOR UPDATE` on PostgreSQL, where writers are many.
//! Every method is one transaction: when it returned, what it did survives a loss of power; when it failed, nothing of it
//! happened (unless the answer itself was lost, which a [`LedgerUnavailable`](crate::Code::LedgerUnavailable) does not
//! exclude). Nothing here decides what may be: rules are the control service's.
//!
//! Times of leases, of back-off and of stamps are PostgreSQL's own, so that machines whose clocks differ agree; with
//! SQLite, which is on one machine, that machine's.

mod audits;
mod batch;
mod db;
mod deployment_claims;
mod deployment_history;
mod deployments;
mod fault;
mod holds;
mod limits;
mod logs;
mod meta;
mod migrate;
mod operations;
mod place;
#[cfg(test)]
mod plans;
mod principals;
mod prune;
mod queue;
mod queue_order;
mod resources;
mod run_row;
mod runs;
mod secrets;
mod seen;
mod sql;
#[cfg(test)]
mod tests;
mod wake;
mod wanted;
mod watches;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::sync::DropGuard;

pub use self::deployment_claims::{DeploymentBeat, DeploymentClaim};
pub use self::deployments::{DeletedDeployment, NewDeployment, PutDeployment};
pub use self::holds::Held;
pub use self::limits::{LedgerLimits, QueueLimits};
pub use self::logs::LogLine;
pub use self::operations::Operation;
pub use self::prune::{Pruned, Retention};
pub use self::queue::{Beat, Claim, Ending, WORKER_LOST};
pub use self::resources::{Expect, Put};
pub use self::runs::{DeletedRun, NewRun, PutOutcome, PutRun};
pub use self::seen::{Seen, Verdict};
pub use self::sql::Page;
pub use self::wanted::Wanted;
pub use self::watches::{Poke, Watch};

use self::db::Db;
use self::place::Place;
use crate::Error;

/// The ledger. Clones are the same one.
#[derive(Clone)]
pub struct Ledger {
    db: Arc<Db>,
    _listener: Option<Arc<DropGuard>>,
}

impl Ledger {
    /// Opens the ledger at `sqlite://path`, the path of a file, or `postgres://user:password@host:port/database`, and brings
    /// it to this program's version. SQLite's file is made where there is none, readable for its owner alone.
    ///
    /// # Errors
    /// `InvalidRequest` for a URL that cannot be; `LedgerUnavailable` for a file that cannot be written, a database that does
    /// not answer in [`LedgerLimits::reach_timeout`], a wrong password, a ledger of a newer version. No error has the URL in it.
    pub async fn open(url: &SecretString, limits: LedgerLimits) -> Result<Self, Error> {
        let place = Place::parse(url.expose_secret())?;
        let db = Db::connect(&place, limits).await?;
        db.doing(|| migrate::migrate(&db)).await?;
        let listener = match &place {
            Place::Sqlite(_) => None,
            Place::Postgres(url) => Some(Arc::new(wake::listen(url.clone(), db.wake.clone()))),
        };
        Ok(Self { db: Arc::new(db), _listener: listener })
    }

    /// Where it is, for people: `SQLite, /var/lib/transload/ledger.db`. No user, no password.
    pub fn place(&self) -> &str {
        &self.db.place
    }

    /// Until there may be something to claim, `most` at the longest. It may return for nothing.
    ///
    /// A run that another process puts wakes this on PostgreSQL; on SQLite only those of this process do. A run whose back-off
    /// ends, or whose worker is gone, wakes this too.
    pub async fn wait_for_work(&self, most: Duration) {
        self.wait_for_work_of(Wanted::Anything, most).await;
    }

    /// The same for a worker that does not take everything: what it does not take, and waits, does not keep it awake.
    pub async fn wait_for_work_of(&self, wanted: Wanted, most: Duration) {
        let due = self.next_due(wanted).await.unwrap_or(most);
        self.db.wake.work(most.min(due)).await;
    }

    /// Until a container may have been written to ([`poke`](Self::poke)), `most` at the longest. It may return for nothing.
    pub async fn wait_for_pokes(&self, most: Duration) {
        self.db.wake.pokes(most).await;
    }

    /// Ends every connection, when what they do now is done; those that wait return. What is asked afterwards fails.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ledger").field(&self.place()).finish()
    }
}
