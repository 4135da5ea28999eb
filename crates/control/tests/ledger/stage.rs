//! Where a case plays: an empty ledger of one database or the other.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tempfile::TempDir;
use transload_control::{Ledger, LedgerLimits};

use transload_testkit::peers::Postgres;

use crate::sample::limits;

const CASES_AT_A_TIME: usize = 6;

/// Longer than anything here takes; what waits so long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// An empty ledger.
pub(crate) struct Stage {
    pub(crate) ledger: Ledger,
    pub(crate) url: String,
    /// SQLite's file is in it.
    _folder: Option<TempDir>,
}

impl Stage {
    pub(crate) async fn sqlite() -> Self {
        Self::sqlite_with(limits()).await
    }

    pub(crate) async fn sqlite_with(limits: LedgerLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        Self { ledger: open(&url, limits).await, url, _folder: Some(folder) }
    }

    pub(crate) async fn at(url: String) -> Self {
        Self { ledger: open(&url, limits()).await, url, _folder: None }
    }

    /// The same ledger opened once more, as another process would.
    pub(crate) async fn another(&self, limits: LedgerLimits) -> Ledger {
        open(&self.url, limits).await
    }

    /// Sees that nothing is there that is [`NEVER`].
    pub(crate) async fn look_over(&self) {
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        for statement in NEVER {
            let count: i64 = sqlx::query_scalar(*statement).fetch_one(&pool).await.unwrap();
            assert_eq!(count, 0, "{statement}");
        }
        pool.close().await;
    }

    /// What the ledger's own methods do not let one do. Whether the database took it.
    pub(crate) async fn tamper(&self, statement: &'static str) -> bool {
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&self.url).await.unwrap();
        let done = sqlx::raw_sql(statement).execute(&pool).await;
        pool.close().await;
        done.is_ok()
    }
}

pub(crate) async fn open(url: &str, limits: LedgerLimits) -> Ledger {
    Ledger::open(&SecretString::from(url), limits).await.unwrap()
}

/// What is never in a ledger, whatever was done: each of these counts nothing.
const NEVER: &[&str] = &[
    "SELECT COUNT(*) FROM runs WHERE (lease_until IS NULL) <> (state NOT IN ('Running', 'Canceling'))",
    "SELECT COUNT(*) FROM runs WHERE (worker IS NULL) <> (lease_until IS NULL)",
    "SELECT COUNT(*) FROM runs WHERE (finished_at IS NULL) <> (state NOT IN ('Succeeded', 'Failed', 'Canceled'))",
    "SELECT COUNT(*) FROM runs WHERE doomed <> 0 AND state <> 'Canceling'",
    "SELECT COUNT(*) FROM runs WHERE NOT EXISTS (SELECT 1 FROM operations WHERE id = operation)",
    "SELECT COUNT(*) FROM operations o WHERE finished_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.operation = o.id AND r.finished_at IS NULL)",
    "SELECT COUNT(*) FROM operations o JOIN runs r ON r.operation = o.id \
     WHERE o.finished_at IS NOT NULL AND (o.state <> r.state OR o.finished_at <> r.finished_at)",
    "SELECT COUNT(*) FROM holds h WHERE NOT EXISTS \
     (SELECT 1 FROM runs r WHERE r.operation = h.operation AND r.finished_at IS NULL)",
    "SELECT COUNT(*) FROM run_logs WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id_key = run_key)",
    "SELECT COUNT(*) FROM names n WHERE NOT EXISTS (SELECT 1 FROM resources r WHERE r.id_key = n.id_key)",
    "SELECT COUNT(*) FROM watches WHERE NOT EXISTS (SELECT 1 FROM resources WHERE id_key = pipeline_key)",
    "SELECT COUNT(*) FROM watches WHERE (worker IS NULL) <> (lease_until = 0)",
    "SELECT COUNT(*) FROM pokes p WHERE NOT EXISTS (SELECT 1 FROM watches w WHERE w.pipeline_key = p.pipeline_key)",
    "SELECT COUNT(*) FROM deployments WHERE (lease_until IS NULL) <> (worker IS NULL)",
    "SELECT COUNT(*) FROM deployments WHERE finished_at IS NOT NULL AND worker IS NOT NULL",
    "SELECT COUNT(*) FROM deployments WHERE (finished_at IS NULL) <> (state NOT IN ('Succeeded', 'Failed', 'Canceled'))",
    "SELECT COUNT(*) FROM deployment_steps s WHERE NOT EXISTS \
     (SELECT 1 FROM deployments d WHERE d.operation = s.operation)",
    "SELECT COUNT(*) FROM audit_pruning",
];

/// Asks until there is something.
pub(crate) async fn soon<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, asked).await.expect("it never came")
}

/// A case, to be played on a stage.
pub(crate) type Case = fn(Arc<Stage>) -> BoxFuture<'static, ()>;

/// Plays the cases, some at a time, each with a schema of its own, and names those that failed. A schema is made much quicker
/// than a database.
pub(crate) async fn play(postgres: &Postgres, cases: Vec<(&'static str, Case)>) -> Vec<&'static str> {
    let url = postgres.database();
    let database = url.rsplit('/').next().unwrap();
    let schemas: String = cases.iter().map(|(name, _)| format!("CREATE SCHEMA {name};")).collect();
    postgres.sql(database, &schemas);
    let played = cases.into_iter().map(|(name, case)| {
        let url = format!("{url}?options[search_path]={name}");
        async move {
            let played = tokio::spawn(async move {
                let stage = Arc::new(Stage::at(url).await);
                case(Arc::clone(&stage)).await;
                stage.look_over().await;
                stage.look_over().await;
                stage.ledger.close().await;
            });
            played.await.is_err().then_some(name)
        }
    });
    let played = futures_util::stream::iter(played).buffer_unordered(CASES_AT_A_TIME);
    played.filter_map(|failed| async move { failed }).collect().await
}

/// A test of each case on SQLite, and one of all of them on PostgreSQL: starting that takes a while.
macro_rules! cases {
    ($($module:ident::$case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let stage = crate::stage::Stage::sqlite().await;
                    crate::$module::$case(&stage).await;
                    stage.look_over().await;
                }
            )+
        }

        #[tokio::test]
        async fn postgresql_does_the_same() {
            let postgres = transload_testkit::peers::Postgres::start();
            let mut cases: Vec<(&str, crate::stage::Case)> = Vec::new();
            $(
                let case = |stage: std::sync::Arc<crate::stage::Stage>| -> futures_util::future::BoxFuture<'static, ()> {
                    Box::pin(async move { crate::$module::$case(&stage).await })
                };
                cases.push((stringify!($case), case));
            )+
            let failed = crate::stage::play(&postgres, cases).await;
            assert_eq!(failed, [""; 0]);
        }
    };
}
pub(crate) use cases;
