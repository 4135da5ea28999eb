//! How SQLite finds what is asked for: by an index, whatever the number of rows. That PostgreSQL does, a test of it shows.

use sqlx::{AssertSqlSafe, Row as _};

use super::sql::{Dialect, Scope};
use super::*;

/// A statement, and what has to be in its plan.
type Line = (&'static str, &'static str);

fn everyday() -> Vec<Line> {
    let sqlite = Dialect::Sqlite;
    vec![
        (resources::ONE, "SEARCH resources USING INDEX sqlite_autoindex_resources_1 (id_key=?)"),
        (
            Scope::Subscription.resources(),
            "resources_of_subscription (kind=? AND subscription_key=? AND seq>?)",
        ),
        (Scope::Group.resources(), "resources_of_group (kind=? AND group_key=? AND seq>?)"),
        (Scope::Parent.resources(), "resources_of_parent (kind=? AND parent_key=? AND seq>?)"),
        (resources::NAMED, "SEARCH names USING"),
        (resources::NAMED, "SEARCH resources USING INDEX sqlite_autoindex_resources_1 (id_key=?)"),
        (resources::DELETE, "MULTI-INDEX OR"),
        (run_row::ONE, "SEARCH runs USING INDEX sqlite_autoindex_runs_1 (id_key=?)"),
        (run_row::SAVE, "SEARCH runs USING INDEX sqlite_autoindex_runs_1 (id_key=?)"),
        (run_row::CLAIMED_TO_CHANGE.of(sqlite), "(operation=?)"),
        (Scope::Subscription.runs(), "runs_of_subscription (kind=? AND subscription_key=? AND seq>?)"),
        (Scope::Group.runs(), "runs_of_group (kind=? AND group_key=? AND seq>?)"),
        (Scope::Parent.runs(), "runs_of_parent (kind=? AND parent_key=? AND seq>?)"),
        (runs::UNFINISHED, "runs_in_lane (lane=?)"),
        (runs::UNFINISHED_BENEATH, "runs_unfinished (id_key>? AND id_key<?)"),
        (runs::BENEATH.of(sqlite), "MULTI-INDEX OR"),
        (operations::ONE, "SEARCH o USING INDEX sqlite_autoindex_operations_1 (id=?)"),
        (operations::ONE, "(operation=?) LEFT-JOIN"),
        // in the order of turns, and no further than the first that is due
        (wanted::NEXT.of(sqlite), "runs USING INDEX runs_queued"),
        (wanted::NEXT_CHECK.of(sqlite), "runs_in_lane (lane>? AND lane<?)"),
        (queue::ABANDONED.of(sqlite), "SEARCH runs USING INDEX runs_leased (lease_until"),
        (queue::BEAT, "(operation=?)"),
        (wanted::NEXT_DUE, "runs_due"),
        (wanted::NEXT_DUE, "runs_leased"),
        (wanted::NEXT_CHECK_DUE, "runs_in_lane (lane>? AND lane<?)"),
        (wanted::NEXT_CHECK_DUE, "runs_leased"),
        (queue_order::SERVED, "runs USING INDEX runs_queued"),
        (queue_order::LAST_OF_LANE, "runs_in_lane (lane=?)"),
        (deployments::ONE, "SEARCH deployments USING INDEX sqlite_autoindex_deployments_1 (id_key=?)"),
        (deployments::ACTIVE, "SEARCH deployments USING INDEX sqlite_autoindex_deployments_1 (id_key=?)"),
        (deployments::OF_GROUP, "deployments_of_group (group_key=? AND seq<?)"),
        (deployment_history::TOO_OLD, "deployments_of_group (group_key=?)"),
        (deployment_history::TOO_OLD, "(operation=?)"),
        (deployment_history::OLD, "deployments_of_group (group_key=? AND seq<?)"),
        (deployments::TO_NEST_IN.of(sqlite), "(operation=?)"),
        (deployments::NESTED, "deployments_of_root (root=?)"),
        (deployments::SEALED, "(operation=?)"),
        (deployments::STEPS, "deployment_steps"),
        (deployment_claims::NEXT.of(sqlite), "deployments_open"),
        (deployment_claims::BEAT, "(operation=?)"),
        (deployment_claims::STOP_NESTED, "deployments_nested (parent=?)"),
        (logs::PAGE, "run_logs_of_run (run_key=? AND seq>?)"),
        (watches::FREE.of(sqlite), "watches_by_lease (lease_until<?)"),
        (watches::OWN.of(sqlite), "watches_of_worker (worker=?)"),
        (watches::HELD, "watches_of_worker (worker=?)"),
        (watches::HELD, "SEARCH r USING INDEX sqlite_autoindex_resources_1 (id_key=?)"),
        (watches::TAKE_POKES, "watches_of_worker (worker=?)"),
        (seen::ONE, "(pipeline_key=? AND name=?)"),
        (seen::PAGE, "(pipeline_key=? AND name>?)"),
        (secrets::LATEST, "secrets_of_name (vault_key=? AND name_key=?)"),
        (secrets::VERSIONS, "secrets_of_name (vault_key=? AND name_key=? AND seq>?)"),
        (secrets::LIST, "(vault_key=? AND name_key>?)"),
        (principals::GRANTS_OF, "(principal=?)"),
        (audits::PAGE, "SEARCH audit USING INTEGER PRIMARY KEY (rowid>?)"),
        (audits::PAGE_BACK, "SEARCH audit USING INTEGER PRIMARY KEY (rowid<?)"),
        (prune::OLD_RUNS, "runs_finished (finished_at"),
        (prune::OLD_OPERATIONS, "operations_finished (finished_at"),
        (prune::OLD_AUDIT, "audit_at (at<?)"),
    ]
}

async fn plan(ledger: &Ledger, statement: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let rows = sqlx::query(AssertSqlSafe(explain)).fetch_all(&ledger.db.read).await.unwrap();
    rows.iter().map(|row| row.try_get("detail").unwrap()).collect()
}

#[tokio::test]
async fn everyday_statements_use_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("ledger.db").to_str().unwrap().to_owned();
    let ledger = Ledger::open(&url.into(), LedgerLimits::default()).await.unwrap();
    let mut wrong = Vec::new();
    for (statement, wanted) in everyday() {
        let plan = plan(&ledger, statement).await;
        let found = plan.iter().any(|step| step.contains(wanted));
        // a table that is read from its first row to its last; "CONSTANT ROW" is none
        let scans = plan.iter().any(|step| {
            step.starts_with("SCAN ")
                && !step.contains("INDEX")
                && !step.contains("CONSTANT")
                && !step.contains("SUBQUERY")
        });
        if !found || scans {
            wrong.push(format!("{statement}\n  wanted: {wanted}\n  is: {}", plan.join("\n      ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let scan = plan(&ledger, "SELECT * FROM runs WHERE record = ''").await;
    assert_eq!(scan, ["SCAN runs"], "a scan is seen");
}
