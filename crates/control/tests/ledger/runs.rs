//! Asking for runs, and seeing them.

use time::OffsetDateTime;
use transload_control::ledger::{Ending, NewRun, PutOutcome, PutRun};
use transload_control::run::{Record, RunState, Work};
use transload_control::{Code, ResourceId};
use uuid::Uuid;

use crate::sample::*;
use crate::stage::Stage;

pub(crate) async fn a_run_is_asked_for_once(stage: &Stage) {
    let ledger = &stage.ledger;
    let new = NewRun { location: Some("here".to_owned()), ..new_run("r", "p") };
    assert_eq!(ledger.run(&new.id).await.unwrap(), None);
    let PutRun { run, outcome } = ledger.put_run(&new).await.unwrap();
    assert_eq!(outcome, PutOutcome::Created);
    assert_eq!((run.generation, run.state, run.operation), (1, RunState::Queued, new.operation));
    assert_eq!((run.location.as_deref(), run.correlation.as_str()), (Some("here"), "c-1"));
    assert_eq!(ledger.run(&new.id).await.unwrap(), Some(run.clone()));
    // from another place, by another, under another operation, in another case: the same request
    let again = NewRun {
        operation: Uuid::new_v4(),
        by: "bob".to_owned(),
        id: ResourceId::parse(&new.id.as_str().to_uppercase()).unwrap(),
        ..new.clone()
    };
    let unchanged = PutRun { run: run.clone(), outcome: PutOutcome::Unchanged };
    assert_eq!(ledger.put_run(&again).await.unwrap(), unchanged);
    assert_eq!(ledger.operation(again.operation).await.unwrap(), None);
    let claimed = claim(ledger).await;
    assert_eq!(ledger.put_run(&again).await.unwrap().outcome, PutOutcome::Unchanged);
    end(ledger, &claimed, failed(false)).await;
    let put = ledger.put_run(&again).await.unwrap();
    assert_eq!((put.outcome, put.run.state), (PutOutcome::Unchanged, RunState::Failed));
    assert!(ledger.claim("w", LEASE).await.unwrap().is_none());
}

pub(crate) async fn another_request_waits_for_the_end_of_the_first(stage: &Stage) {
    let ledger = &stage.ledger;
    let first = put(ledger, "r", "p").await;
    let other = NewRun { work: import("p", "other.tar"), operation: Uuid::new_v4(), ..new_run("r", "p") };
    let busy = ledger.put_run(&other).await.unwrap();
    assert_eq!((busy.outcome, &busy.run), (PutOutcome::Busy, &first));
    let claimed = claim(ledger).await;
    assert_eq!(ledger.put_run(&other).await.unwrap().outcome, PutOutcome::Busy);
    let record = Record { percentage: 30, artifacts: vec!["a:1".to_owned()], ..Record::default() };
    ledger.finish(&claimed, &failed(false), &record).await.unwrap();
    let again = ledger.put_run(&other).await.unwrap();
    assert_eq!(again.outcome, PutOutcome::Requeued);
    assert_eq!((again.run.generation, again.run.operation), (2, other.operation));
    assert_eq!((again.run.state, &again.run.record), (RunState::Queued, &Record::default()));
    assert_eq!(again.run.stamps.created_at, first.stamps.created_at);
    assert_eq!(ledger.run(&first.id).await.unwrap(), Some(again.run));
    let second = claim(ledger).await;
    assert_eq!((second.run.generation, second.attempt), (2, 1));
    assert_eq!(second.run.work, other.work);
    assert!(second.fence > claimed.fence);
}

pub(crate) async fn another_tag_runs_again(stage: &Stage) {
    let ledger = &stage.ledger;
    put(ledger, "r", "p").await;
    for (tag, outcome) in [
        (None, PutOutcome::Unchanged),
        (Some("1"), PutOutcome::Requeued),
        (Some("1"), PutOutcome::Unchanged),
        (None, PutOutcome::Requeued),
    ] {
        if let Some(claimed) = ledger.claim("w", LEASE).await.unwrap() {
            end(ledger, &claimed, Ending::Succeeded).await;
        }
        let new = NewRun { force_update_tag: tag.map(str::to_owned), ..new_run("r", "p") };
        assert_eq!(ledger.put_run(&new).await.unwrap().outcome, outcome, "{tag:?}");
    }
}

pub(crate) async fn when_a_trigger_saw_the_blob_does_not_count(stage: &Stage) {
    let at = |seconds| {
        let mut new = new_run("t_1", "p");
        if let Work::Import { triggered_at, .. } = &mut new.work {
            *triggered_at = Some(OffsetDateTime::from_unix_timestamp(seconds).unwrap());
        }
        new
    };
    let first = stage.ledger.put_run(&at(1)).await.unwrap();
    let second = stage.ledger.put_run(&at(2)).await.unwrap();
    assert_eq!((first.outcome, second.outcome), (PutOutcome::Created, PutOutcome::Unchanged));
    assert_eq!(second.run, first.run);
}

pub(crate) async fn runs_are_listed_from_the_oldest(stage: &Stage) {
    let ledger = &stage.ledger;
    for name in ["c", "a", "b"] {
        put(ledger, name, "p").await;
    }
    // of a type that is not shown
    let check = NewRun {
        id: registry().child("checks", "x"),
        work: Work::Check { subject: registry() },
        ..new_run("x", "p")
    };
    ledger.put_run(&check).await.unwrap();
    assert!(ledger.run(&check.id).await.unwrap().is_some());
    // one that runs again stays in its place
    let claimed = claim(ledger).await;
    assert_eq!(claimed.run.id.name(), "c");
    end(ledger, &claimed, Ending::Succeeded).await;
    let again = NewRun { force_update_tag: Some("2".to_owned()), ..new_run("c", "p") };
    assert_eq!(ledger.put_run(&again).await.unwrap().outcome, PutOutcome::Requeued);
    for scope in [registry(), group(), subscription()] {
        let first = ledger.runs(&scope, None, 2).await.unwrap();
        assert_eq!(names(first.items.iter().map(|run| &run.id)), ["c", "a"]);
        let second = ledger.runs(&scope, first.next.as_deref(), 2).await.unwrap();
        assert_eq!(names(second.items.iter().map(|run| &run.id)), ["b"]);
        assert_eq!(second.next, None);
    }
    let elsewhere = ledger.runs(&ResourceId::group_of("s1", "la"), None, 2).await.unwrap();
    assert!(elsewhere.items.is_empty());
    let page = ledger.runs(&registry(), Some("n-1x"), 2).await;
    assert_eq!(page.unwrap_err().code, Code::InvalidRequest);
}

pub(crate) async fn operations_outlive_their_runs(stage: &Stage) {
    let ledger = &stage.ledger;
    assert_eq!(ledger.operation(Uuid::new_v4()).await.unwrap(), None);
    let run = put(ledger, "r", "p").await;
    let asked = ledger.operation(run.operation).await.unwrap().unwrap();
    assert_eq!((asked.state, asked.percentage, asked.started_at), (RunState::Queued, 0, None));
    assert_eq!((&asked.resource, asked.generation), (&run.id, 1));
    let claimed = claim(ledger).await;
    let record = Record { percentage: 42, ..Record::default() };
    ledger.beat(&claimed, LEASE, Some(&record)).await.unwrap();
    let moving = ledger.operation(run.operation).await.unwrap().unwrap();
    assert_eq!((moving.state, moving.percentage), (RunState::Running, 42));
    assert!(moving.started_at.is_some() && moving.finished_at.is_none());
    ledger.finish(&claimed, &failed(false), &record).await.unwrap();
    let ended = ledger.operation(run.operation).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.percentage), (RunState::Failed, 42));
    assert_eq!(ended.error.as_ref().map(|error| error.code.as_str()), Some("REGISTRY_UNREACHABLE"));
    assert!(ended.finished_at >= ended.started_at && ended.started_at >= Some(ended.created_at));
    let again = NewRun { force_update_tag: Some("2".to_owned()), ..new_run("r", "p") };
    ledger.put_run(&again).await.unwrap();
    assert_eq!(ledger.operation(run.operation).await.unwrap(), Some(ended.clone()), "of a later generation");
    ledger.delete_run(&run.id).await.unwrap();
    assert_eq!(ledger.operation(run.operation).await.unwrap(), Some(ended), "of a run that is gone");
    let canceled = ledger.operation(again.operation).await.unwrap().unwrap();
    assert_eq!((canceled.state, canceled.generation), (RunState::Canceled, 2));
}

pub(crate) async fn of_many_that_ask_one_makes_it(stage: &Stage) {
    let asks: Vec<_> = (0..8)
        .map(|_| {
            let ledger = stage.ledger.clone();
            tokio::spawn(async move { ledger.put_run(&new_run("r", "p")).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    let mut operations = Vec::new();
    for ask in asks {
        let put = ask.await.unwrap();
        outcomes.push(put.outcome);
        operations.push(put.run.operation);
    }
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == PutOutcome::Created).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == PutOutcome::Unchanged).count(), 7);
    operations.dedup();
    assert_eq!(operations.len(), 1, "all are told of the same operation");
}

pub(crate) async fn unfinished_runs_of_a_pipeline_are_known(stage: &Stage) {
    let ledger = &stage.ledger;
    for name in ["a", "b", "c"] {
        put(ledger, name, "p").await;
    }
    put(ledger, "d", "other").await;
    let claimed = claim(ledger).await;
    let open = ledger.unfinished_runs(&pipeline("P"), 10).await.unwrap();
    assert_eq!(names(&open), ["a", "b", "c"]);
    assert_eq!(ledger.unfinished_runs(&pipeline("p"), 2).await.unwrap().len(), 2);
    end(ledger, &claimed, Ending::Succeeded).await;
    let open = ledger.unfinished_runs(&pipeline("p"), 10).await.unwrap();
    assert_eq!(names(&open), ["b", "c"]);
    for scope in [subscription(), group(), registry()] {
        assert!(ledger.unfinished_beneath(&scope).await.unwrap().is_some(), "{scope}");
    }
    assert_eq!(ledger.unfinished_beneath(&ResourceId::group_of("s1", "la")).await.unwrap(), None);
    for name in ["b", "c", "d"] {
        assert_eq!(ledger.unfinished_beneath(&registry()).await.unwrap(), Some(run_id(name)));
        ledger.cancel_run(&run_id(name), "me").await.unwrap();
    }
    assert_eq!(ledger.unfinished_beneath(&registry()).await.unwrap(), None);
}
