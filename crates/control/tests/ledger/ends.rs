//! Stopping and removing runs.

use transload_control::ledger::{Beat, DeletedRun, Ending, PutOutcome};
use transload_control::run::{Record, RunState};

use crate::sample::*;
use crate::stage::Stage;

pub(crate) async fn what_waits_is_canceled_at_once(stage: &Stage) {
    let ledger = &stage.ledger;
    assert_eq!(ledger.cancel_run(&run_id("r"), "bob").await.unwrap(), None);
    let run = put(ledger, "r", "p").await;
    let canceled = ledger.cancel_run(&run.id, "bob").await.unwrap().unwrap();
    assert_eq!((canceled.state, canceled.stamps.changed_by.as_str()), (RunState::Canceled, "bob"));
    assert!(canceled.record.finished_at.is_some());
    assert_eq!(ledger.run(&run.id).await.unwrap(), Some(canceled.clone()));
    assert!(ledger.claim("w", LEASE).await.unwrap().is_none());
    assert_eq!(ledger.cancel_run(&run.id, "eve").await.unwrap(), Some(canceled), "it has ended");
    let operation = ledger.operation(run.operation).await.unwrap().unwrap();
    assert_eq!(operation.state, RunState::Canceled);
}

pub(crate) async fn a_worker_learns_that_it_is_to_stop(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Go);
    let told = ledger.cancel_run(&run.id, "bob").await.unwrap().unwrap();
    assert_eq!(told.state, RunState::Canceling);
    assert_eq!(ledger.cancel_run(&run.id, "bob").await.unwrap().unwrap().state, RunState::Canceling);
    assert!(ledger.claim("other", LEASE).await.unwrap().is_none(), "a worker has it still");
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Cancel);
    let record = Record { percentage: 60, artifacts: vec!["a:1".to_owned()], ..Record::default() };
    assert_eq!(ledger.finish(&claimed, &Ending::Stopped, &record).await.unwrap(), Beat::Go);
    let ended = ledger.run(&run.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.record.percentage), (RunState::Canceled, 60));
    assert_eq!(ended.record.artifacts, ["a:1"]);
}

pub(crate) async fn what_was_done_before_the_word_arrived_is_done(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    ledger.cancel_run(&run.id, "bob").await.unwrap();
    end(ledger, &claimed, Ending::Succeeded).await;
    assert_eq!(ledger.run(&run.id).await.unwrap().unwrap().state, RunState::Succeeded);
}

pub(crate) async fn a_failure_of_what_is_to_stop_is_no_failure(stage: &Stage) {
    let ledger = &stage.ledger;
    for (name, ending) in
        [("a", failed(true)), ("b", failed(false)), ("c", Ending::Released), ("d", Ending::Stopped)]
    {
        let run = put(ledger, name, "p").await;
        let claimed = claim(ledger).await;
        ledger.cancel_run(&run.id, "bob").await.unwrap();
        end(ledger, &claimed, ending).await;
        assert_eq!(ledger.run(&run.id).await.unwrap().unwrap().state, RunState::Canceled, "{name}");
    }
}

pub(crate) async fn a_run_is_removed(stage: &Stage) {
    let ledger = &stage.ledger;
    assert_eq!(ledger.delete_run(&run_id("r")).await.unwrap(), DeletedRun::Absent);
    let run = put(ledger, "r", "p").await;
    assert_eq!(ledger.delete_run(&run.id).await.unwrap(), DeletedRun::Gone);
    assert_eq!(ledger.run(&run.id).await.unwrap(), None);
    assert!(ledger.claim("w", LEASE).await.unwrap().is_none());
    let again = put(ledger, "r", "p").await;
    assert_eq!(again.generation, 1);
    let claimed = claim(ledger).await;
    ledger.log(&claimed, &["a line".to_owned()]).await.unwrap();
    end(ledger, &claimed, Ending::Succeeded).await;
    assert_eq!(ledger.delete_run(&run.id).await.unwrap(), DeletedRun::Gone);
    assert!(ledger.run_log(&run.id, None, 9).await.unwrap().items.is_empty(), "its log goes with it");
}

pub(crate) async fn a_running_one_is_stopped_before_it_is_removed(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    for _ in 0..2 {
        let deleted = ledger.delete_run(&run.id).await.unwrap();
        assert_eq!(deleted, DeletedRun::Stopping(run.operation));
    }
    assert_eq!(ledger.run(&run.id).await.unwrap().unwrap().state, RunState::Canceling);
    assert_eq!(ledger.put_run(&new_run("r", "p")).await.unwrap().outcome, PutOutcome::Busy);
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Cancel);
    end(ledger, &claimed, Ending::Stopped).await;
    assert_eq!(ledger.run(&run.id).await.unwrap(), None);
    let operation = ledger.operation(run.operation).await.unwrap().unwrap();
    assert_eq!(operation.state, RunState::Canceled);
}

pub(crate) async fn a_run_to_be_removed_ends_without_its_worker(stage: &Stage) {
    let ledger = &stage.ledger;
    let removed = put(ledger, "removed", "p").await;
    let canceled = put(ledger, "canceled", "p").await;
    let first = ledger.claim("w", LEASE).await.unwrap().unwrap();
    let second = ledger.claim("w", LEASE).await.unwrap().unwrap();
    assert_eq!(ledger.delete_run(&removed.id).await.unwrap(), DeletedRun::Stopping(removed.operation));
    ledger.cancel_run(&canceled.id, "bob").await.unwrap();
    assert_eq!(ledger.sweep().await.unwrap(), 0, "their worker may be there still");
    for claimed in [first, second] {
        assert_eq!(ledger.beat(&claimed, NO_LEASE, None).await.unwrap(), Beat::Cancel);
    }
    assert_eq!(ledger.sweep().await.unwrap(), 2);
    assert_eq!(ledger.run(&removed.id).await.unwrap(), None);
    assert_eq!(ledger.run(&canceled.id).await.unwrap().unwrap().state, RunState::Canceled);
    assert_eq!(ledger.sweep().await.unwrap(), 0);
}

pub(crate) async fn a_worker_of_a_removed_run_writes_nothing_to_its_successor(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let sleeper = ledger.claim("sleeper", NO_LEASE).await.unwrap().unwrap();
    ledger.delete_run(&run.id).await.unwrap();
    ledger.sweep().await.unwrap();
    put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    assert_eq!((claimed.run.generation, claimed.attempt), (1, 1));
    assert_eq!(ledger.beat(&sleeper, LEASE, None).await.unwrap(), Beat::Lost);
    let late = ledger.finish(&sleeper, &Ending::Succeeded, &Record::default()).await.unwrap();
    assert_eq!(late, Beat::Lost);
    assert_eq!(ledger.run(&run.id).await.unwrap().unwrap().state, RunState::Running);
}
