//! What only PostgreSQL can show: several processes, notifications, plans over many rows.

use std::time::Duration;

use transload_control::Ledger;
use transload_control::deployment::DeploymentState;
use transload_control::ledger::{Claim, Ending, LedgerLimits, PutDeployment, PutOutcome, Wanted};
use transload_control::resource::kind;
use transload_testkit::peers::Postgres;

use crate::deployments;
use crate::sample::*;
use crate::stage::{LONG, Stage, soon};

/// Claims, and waits as long as a day where there is nothing.
async fn claim_when_woken(ledger: Ledger) -> Claim {
    loop {
        if let Some(claim) = ledger.claim("w", LEASE).await.unwrap() {
            return claim;
        }
        ledger.wait_for_work(Duration::from_secs(86_400)).await;
    }
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn another_process_is_woken_also_after_its_connection_broke() {
    let postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    let other = stage.another(limits()).await;
    for name in ["first", "second"] {
        let waiting = tokio::spawn(claim_when_woken(other.clone()));
        let listening = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
        // the listeners are tasks of this thread, so it is not blocked for long
        soon(|| async { (postgres.sql(name_of(&stage.url), listening) == "2").then_some(()) }).await;
        put(&stage.ledger, name, "p").await;
        let claimed = tokio::time::timeout(LONG, waiting).await.expect("it was not woken").unwrap();
        assert_eq!(claimed.run.id.name(), name);
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";
        postgres.sql(name_of(&stage.url), cut);
    }
}

#[tokio::test]
async fn what_changed_nothing_locks_nothing_when_it_has_answered() {
    let postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    let ledger = &stage.ledger;
    for round in 0..100 {
        let name = format!("r{round}");
        let run = put(ledger, &name, "p").await;
        assert_eq!(ledger.put_run(&new_run(&name, "p")).await.unwrap().outcome, PutOutcome::Unchanged);
        let claimed = claim(ledger).await;
        assert_eq!(claimed.run.id, run.id, "round {round}");
        end(ledger, &claimed, Ending::Succeeded).await;
        let deployment = deployments::new(&name);
        deployments::asked(ledger, &deployment).await;
        assert!(matches!(ledger.put_deployment(&deployment).await.unwrap(), PutDeployment::Active(_)));
        let claimed = deployments::claimed(ledger).await;
        assert!(deployments::ended(ledger, &claimed, DeploymentState::Succeeded).await);
    }
}

/// How many wait for a row that another has.
fn waiting(postgres: &Postgres, url: &str) -> usize {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    postgres.sql(name_of(url), waiting).parse().unwrap()
}

#[tokio::test]
async fn who_ends_a_deployment_waits_for_what_is_being_nested_in_it() {
    let postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    let ledger = &stage.ledger;
    deployments::asked(ledger, &deployments::new("old")).await;
    let old = deployments::claimed(ledger).await;
    deployments::ended(ledger, &old, DeploymentState::Succeeded).await;
    let parent = deployments::asked(ledger, &deployments::new("parent")).await;
    let claim = deployments::claimed(ledger).await;
    // what is put last in a group forgets the old one, and cannot as long as that is held here
    let raw = sqlx::AnyPool::connect(&stage.url).await.unwrap();
    let mut held = raw.begin().await.unwrap();
    sqlx::query("SELECT seq FROM deployments WHERE finished_at IS NOT NULL FOR UPDATE")
        .execute(&mut *held)
        .await
        .unwrap();
    let few = LedgerLimits { deployments_per_group_max: 1, nested_deployments_max: 1, ..limits() };
    let few = stage.another(few).await;
    let mut begun = Vec::new();
    for (name, expected) in [("inner", 1), ("other", 2)] {
        let (few, nested) = (few.clone(), deployments::nested(name, &parent));
        begun.push(tokio::spawn(async move { few.put_deployment(&nested).await }));
        soon(|| async { (waiting(&postgres, &stage.url) == expected).then_some(()) }).await;
    }
    let other = ledger.clone();
    let ends =
        tokio::spawn(async move { deployments::ended(&other, &claim, DeploymentState::Succeeded).await });
    soon(|| async { (ends.is_finished() || waiting(&postgres, &stage.url) == 3).then_some(()) }).await;
    held.rollback().await.unwrap();
    assert!(ends.await.unwrap());
    let PutDeployment::Put(inner, _) = begun.remove(0).await.unwrap().unwrap() else { panic!("left alone") };
    let inner = ledger.deployment(&inner.id).await.unwrap().unwrap();
    assert!(inner.stopping, "nobody waits for it");
    let refused = begun.remove(0).await.unwrap().unwrap_err();
    assert!(refused.message.contains("More than 1 deployments"), "{refused}");
    raw.close().await;
}

#[tokio::test]
async fn pokes_reach_another_process() {
    let postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    let other = stage.another(limits()).await;
    make(&stage.ledger, &pipeline("p"), &watched_body()).await;
    assert_eq!(other.claim_watches("w", LEASE, 10).await.unwrap().len(), 1);
    let waiting = tokio::spawn(async move {
        loop {
            let pokes = other.take_pokes("w", 10).await.unwrap();
            if !pokes.is_empty() {
                return pokes;
            }
            other.wait_for_pokes(Duration::from_secs(86_400)).await;
        }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    stage.ledger.poke(&pipeline("p"), "b.tar").await.unwrap();
    let pokes = tokio::time::timeout(LONG, waiting).await.expect("it was not woken").unwrap();
    assert_eq!(pokes[0].name, "b.tar");
}

/// 1,000 pipelines and 20,000 runs, most of them ended, made by SQL: by the ledger it would take a minute.
fn fill(postgres: &Postgres, url: &str) {
    let registry = registry();
    let (id, key, group) = (registry.as_str(), registry.key(), group().key().to_owned());
    let body = serde_json::to_string(&watched_body()).unwrap().replace('\'', "''");
    let work = serde_json::to_string(&import("p1", "b.tar")).unwrap();
    let pipelines = format!(
        "INSERT INTO resources (id_key, id, kind, subscription_key, group_key, parent_key, revision, created_by, \
         created_at, changed_by, changed_at, body) SELECT '{key}/importpipelines/p' || n, \
         '{id}/importPipelines/p' || n, '{}', '/subscriptions/s1', '{group}', '{key}', 1, 'me', 0, 'me', 0, '{body}' \
         FROM generate_series(1, 1000) n;",
        kind::IMPORT_PIPELINE.to_ascii_lowercase()
    );
    let runs = format!(
        "INSERT INTO runs (id_key, id, kind, subscription_key, group_key, parent_key, generation, operation, created_by, \
         created_at, changed_by, changed_at, work, correlation, state, record, attempts, finished_at, lane, turn, \
         due_at, fence, doomed, log_lines) SELECT '{key}/pipelineruns/r' || n, '{id}/pipelineRuns/r' || n, '{}', \
         '/subscriptions/s1', '{group}', '{key}', 1, gen_random_uuid()::TEXT, 'me', 0, 'me', 0, '{work}', 'c', \
         CASE WHEN n % 40 = 0 THEN 'Queued' ELSE 'Succeeded' END, '{{}}', 0, \
         CASE WHEN n % 40 = 0 THEN NULL ELSE n END, '{key}/importpipelines/p' || n % 1000, n / 1000, 0, 1, 0, 0 \
         FROM generate_series(1, 20000) n;",
        kind::PIPELINE_RUN.to_ascii_lowercase()
    );
    let operations = "INSERT INTO operations (id, resource, generation, state, created_at, finished_at, percentage) \
         SELECT operation, id, 1, state, 0, finished_at, 0 FROM runs; ANALYZE;";
    postgres.sql(name_of(url), &format!("{pipelines} {runs} {operations}"));
}

#[tokio::test]
async fn nothing_reads_a_whole_table_of_20000_runs() {
    let postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    fill(&postgres, &stage.url);
    stage.ledger.close().await;
    let scans = || {
        let counts = "SELECT relname, seq_scan FROM pg_stat_user_tables \
             WHERE relname IN ('runs', 'resources', 'operations') ORDER BY relname";
        postgres.sql(name_of(&stage.url), counts)
    };
    let ledger = stage.another(limits()).await;
    ledger.close().await;
    let before = scans();
    assert!(before.contains("runs|"), "{before}");
    let ledger = &stage.another(limits()).await;
    // more often than a statement is planned anew
    for number in 0..12 {
        everyday(ledger, number).await;
    }
    ledger.close().await;
    // what a connection counted is known when it has ended
    let mut after = scans();
    for _ in 0..20 {
        after = scans();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(after, before);
    // the counting works
    postgres.sql(name_of(&stage.url), "SELECT SUM(LENGTH(record)) FROM runs");
    let counted = transload_testkit::hog::wait_until(LONG, || scans() != before);
    assert!(counted, "{before}");
}

async fn everyday(ledger: &Ledger, number: usize) {
    let run = put(ledger, &format!("new{number}"), &format!("p{}", number + 1)).await;
    assert_eq!(ledger.get(&pipeline("p77")).await.unwrap().unwrap().id.name(), "p77");
    let page = ledger.list(&registry(), kind::IMPORT_PIPELINE, None, 50).await.unwrap();
    assert_eq!(page.items.len(), 50);
    let next = ledger.list(&registry(), kind::IMPORT_PIPELINE, page.next.as_deref(), 50).await.unwrap();
    assert_eq!(next.items.len(), 50);
    let page = ledger.runs(&registry(), None, 50).await.unwrap();
    let next = ledger.runs(&registry(), page.next.as_deref(), 50).await.unwrap();
    assert_eq!(next.items.len(), 50);
    assert!(ledger.run(&run.id).await.unwrap().is_some());
    assert!(ledger.operation(run.operation).await.unwrap().is_some());
    assert!(!ledger.unfinished_runs(&pipeline("p40"), 5).await.unwrap().is_empty());
    assert!(ledger.unfinished_beneath(&registry()).await.unwrap().is_some());
    assert!(ledger.claim_of("w", LEASE, Wanted::Checks).await.unwrap().is_none());
    let claimed = claim(ledger).await;
    ledger.beat(&claimed, LEASE, None).await.unwrap();
    let ending = if number.is_multiple_of(2) { Ending::Succeeded } else { failed(true) };
    end(ledger, &claimed, ending).await;
    ledger.sweep().await.unwrap();
    ledger.cancel_run(&run.id, "me").await.unwrap();
    ledger.delete_run(&run.id).await.unwrap();
    ledger.wait_for_work(Duration::ZERO).await;
    ledger.wait_for_work_of(Wanted::Checks, Duration::ZERO).await;
}
