//! Many workers at one ledger, some of which die: every run is done once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use transload_control::Ledger;
use transload_control::ledger::{Beat, Claim, Ending, LedgerLimits, PutOutcome, QueueLimits};
use transload_control::run::{Record, RunState};
use transload_testkit::peers::Postgres;

use crate::sample::*;
use crate::stage::{LONG, Stage};

const LEDGERS: usize = 3;
const CLAIMERS: usize = 8;
/// Every so many-th claim is of a worker that dies.
const DEATHS: usize = 7;

/// What came of it.
#[derive(Default)]
struct Tally {
    /// How often each run was done.
    done: Mutex<BTreeMap<String, usize>>,
    claims: AtomicUsize,
    refused: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgresql_each_of_500_runs_is_done_once() {
    let postgres = Postgres::start();
    let stage = Stage::at(postgres.database()).await;
    done_once(&stage, 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_each_of_120_runs_is_done_once() {
    done_once(&Stage::sqlite().await, 120).await;
}

async fn done_once(stage: &Stage, runs: usize) {
    let queue = QueueLimits { attempts_max: 1000, ..limits().queue };
    let mut ledgers = Vec::new();
    for _ in 0..LEDGERS {
        ledgers.push(stage.another(LedgerLimits { queue: queue.clone(), ..limits() }).await);
    }
    let tally = Arc::new(Tally::default());
    let workers: Vec<_> = (0..CLAIMERS)
        .map(|number| {
            let (ledger, tally) = (ledgers[number % LEDGERS].clone(), Arc::clone(&tally));
            tokio::spawn(async move { work(&ledger, &format!("w{number}"), &tally, runs).await })
        })
        .collect();
    for number in 0..runs {
        // put at every ledger, while workers claim already
        let new = new_run(&format!("r{number}"), &format!("p{}", number % 5));
        let put = ledgers[number % LEDGERS].put_run(&new).await.unwrap();
        assert_eq!(put.outcome, PutOutcome::Created);
    }
    let all = async {
        for worker in workers {
            worker.await.unwrap();
        }
    };
    tokio::time::timeout(LONG * 4, all).await.expect("the workers come to an end");
    let done = tally.done.lock().clone();
    assert_eq!(done.len(), runs);
    assert!(done.values().all(|times| *times == 1), "{done:?}");
    assert!(tally.refused.load(Ordering::Relaxed) > 0, "no worker was late");
    stage.look_over().await;
    let mut after = None;
    loop {
        let page = stage.ledger.runs(&registry(), after.as_deref(), 100).await.unwrap();
        assert!(page.items.iter().all(|run| run.state == RunState::Succeeded));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
}

async fn work(ledger: &Ledger, name: &str, tally: &Tally, runs: usize) {
    while tally.done.lock().len() < runs {
        let dies = tally.claims.fetch_add(1, Ordering::Relaxed).is_multiple_of(DEATHS);
        let lease = if dies { NO_LEASE } else { LEASE };
        let Some(claim) = ledger.claim(name, lease).await.unwrap() else {
            ledger.wait_for_work(Duration::from_millis(50)).await;
            continue;
        };
        if dies {
            write_late(ledger, &claim, tally, runs).await;
            continue;
        }
        assert_eq!(ledger.beat(&claim, LEASE, None).await.unwrap(), Beat::Go);
        finish(ledger, &claim, tally).await;
    }
}

async fn finish(ledger: &Ledger, claim: &Claim, tally: &Tally) {
    let ended = ledger.finish(claim, &Ending::Succeeded, &Record::default()).await.unwrap();
    assert_eq!(ended, Beat::Go, "nobody takes a run whose lease has not ended");
    *tally.done.lock().entry(claim.run.id.name().to_owned()).or_default() += 1;
}

/// A worker that sleeps until another has its run, and then says that it is done.
async fn write_late(ledger: &Ledger, claim: &Claim, tally: &Tally, runs: usize) {
    loop {
        let run = ledger.run(&claim.run.id).await.unwrap().unwrap();
        if run.record.attempts > claim.attempt || run.state.is_final() {
            break;
        }
        if tally.done.lock().len() + 1 >= runs {
            // it is the last one, and nobody else is left to take it
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let late = ledger.finish(claim, &Ending::Succeeded, &Record::default()).await.unwrap();
    assert_eq!(late, Beat::Lost);
    tally.refused.fetch_add(1, Ordering::Relaxed);
}
