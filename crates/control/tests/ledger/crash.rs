//! What was acknowledged is there after a crash.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use transload_control::ledger::PutOutcome;
use transload_control::resource::kind;
use transload_testkit::peers::Postgres;

use crate::sample::*;
use crate::stage::{Stage, open, soon};

const KILLS: usize = 3;
/// Acknowledged before each kill.
const ACKNOWLEDGED: usize = 25;

#[tokio::test]
async fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut acknowledged = Vec::new();
    for kill in 0..KILLS {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new(program)
            .args(["--exact", "crash::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{} {kill}", path.display()).unwrap();
        drop(stdin);
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let names = said.map(Result::unwrap).filter_map(|line| line.strip_prefix("put ").map(str::to_owned));
        acknowledged.extend(names.take(ACKNOWLEDGED));
        child.kill().unwrap();
        child.wait().unwrap();
        let ledger = open(path.to_str().unwrap(), limits()).await;
        assert_eq!(acknowledged.len(), ACKNOWLEDGED * (kill + 1), "the child came to writing");
        for name in &acknowledged {
            let run = ledger.run(&run_id(name)).await.unwrap().unwrap();
            assert!(
                ledger.operation(run.operation).await.unwrap().is_some(),
                "all of a transaction or nothing"
            );
            assert!(ledger.get(&pipeline(name)).await.unwrap().is_some());
        }
        // and it goes on from there
        put(&ledger, &format!("after{kill}"), "p").await;
        ledger.close().await;
    }
}

/// The child of the test above: told a file, it writes and says what is written. Told nothing it does nothing.
#[tokio::test]
#[ignore = "a child process of another test"]
async fn writes_until_it_is_killed() {
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    let Some((path, kill)) = told.trim().split_once(' ') else { return };
    let ledger = open(path, limits()).await;
    for number in 0.. {
        let name = format!("k{kill}n{number}");
        make(&ledger, &pipeline(&name), &watched_body()).await;
        let put = ledger.put_run(&new_run(&name, &name)).await.unwrap();
        assert_eq!(put.outcome, PutOutcome::Created);
        println!("\nput {name}");
    }
}

#[tokio::test]
async fn a_database_that_crashes_is_found_again() {
    let mut postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    let ledger = &stage.ledger;
    make(ledger, &registry(), &registry_body()).await;
    put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    postgres.stop();
    let hasty =
        transload_control::LedgerLimits { reach_timeout: std::time::Duration::from_millis(300), ..limits() };
    let refused = transload_control::Ledger::open(&stage.url.clone().into(), hasty).await.unwrap_err();
    assert!(refused.is_transient() && refused.message.contains("cannot be reached"), "{refused}");
    assert!(!refused.message.contains(postgres.password()), "{refused}");
    postgres.restart();
    // the same ledger: its connections are new ones
    let there = soon(|| async { ledger.get(&registry()).await.ok() }).await;
    assert!(there.is_some());
    let page = ledger.list(&group(), kind::REGISTRY, None, 10).await.unwrap();
    assert_eq!(page.items.len(), 1);
    end(ledger, &claimed, transload_control::ledger::Ending::Succeeded).await;
}
