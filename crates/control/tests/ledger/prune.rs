//! Retention.

use time::{Duration, OffsetDateTime};
use transload_control::audit::{Entry, Filter, Outcome};
use transload_control::ledger::{Ending, NewRun, Pruned, Retention};
use transload_control::run::Work;

use crate::sample::*;
use crate::stage::Stage;

async fn fill(stage: &Stage) {
    let ledger = &stage.ledger;
    put(ledger, "ended", "p").await;
    let claimed = claim(ledger).await;
    ledger.log(&claimed, &["a line".to_owned()]).await.unwrap();
    end(ledger, &claimed, Ending::Succeeded).await;
    let hidden = NewRun {
        id: registry().child("checks", "x"),
        work: Work::Check { subject: registry() },
        ..new_run("x", "p")
    };
    ledger.put_run(&hidden).await.unwrap();
    end(ledger, &claim(ledger).await, Ending::Succeeded).await;
    put(ledger, "gone", "p").await;
    ledger.delete_run(&run_id("gone")).await.unwrap();
    put(ledger, "running", "p").await;
    claim(ledger).await;
    put(ledger, "waiting", "p").await;
    let entry = Entry {
        sequence: 0,
        at: OffsetDateTime::UNIX_EPOCH,
        who: "ann".to_owned(),
        who_name: "ann".to_owned(),
        action: "a".to_owned(),
        target: "t".to_owned(),
        outcome: Outcome::Done,
        code: None,
        correlation: "c".to_owned(),
        address: None,
        detail: None,
    };
    ledger.audit(&entry).await.unwrap();
}

pub(crate) async fn nothing_goes_that_was_not_named(stage: &Stage) {
    let ledger = &stage.ledger;
    fill(stage).await;
    assert_eq!(ledger.prune(&Retention::default()).await.unwrap(), Pruned::default());
    let long_ago = Some(OffsetDateTime::now_utc() - Duration::days(1));
    let old = Retention { operations_before: long_ago, runs_before: long_ago, audit_before: long_ago };
    assert_eq!(ledger.prune(&old).await.unwrap(), Pruned::default());
    assert_eq!(ledger.runs(&registry(), None, 9).await.unwrap().items.len(), 3);
}

pub(crate) async fn what_ended_long_ago_goes(stage: &Stage) {
    let ledger = &stage.ledger;
    fill(stage).await;
    let ended = ledger.run(&run_id("ended")).await.unwrap().unwrap();
    let soon = Some(OffsetDateTime::now_utc() + Duration::days(1));
    let operations = Retention { operations_before: soon, ..Retention::default() };
    // those of the run that is gone and of the one that is not shown
    assert_eq!(ledger.prune(&operations).await.unwrap(), Pruned { operations: 2, runs: 1, audit: 0 });
    assert!(ledger.operation(ended.operation).await.unwrap().is_some(), "its run is there");
    let runs = Retention { runs_before: soon, ..Retention::default() };
    assert_eq!(ledger.prune(&runs).await.unwrap(), Pruned { runs: 1, ..Pruned::default() });
    let left = ledger.runs(&registry(), None, 9).await.unwrap().items;
    assert_eq!(names(left.iter().map(|run| &run.id)), ["running", "waiting"]);
    assert!(ledger.run_log(&ended.id, None, 9).await.unwrap().items.is_empty());
    assert!(
        ledger.operation(ended.operation).await.unwrap().is_some(),
        "operations have a time of their own"
    );
    let audit = Retention { audit_before: soon, ..Retention::default() };
    assert_eq!(ledger.prune(&audit).await.unwrap(), Pruned { audit: 1, ..Pruned::default() });
    assert!(ledger.audit_page(&Filter::default(), None, 9).await.unwrap().items.is_empty());
    // the log is as closed as before
    fill_again(stage).await;
    assert!(!stage.tamper("DELETE FROM audit").await);
}

async fn fill_again(stage: &Stage) {
    stage.ledger.delete(&registry()).await.unwrap();
    let entry = Entry {
        sequence: 0,
        at: OffsetDateTime::UNIX_EPOCH,
        who: "bob".to_owned(),
        who_name: "bob".to_owned(),
        action: "a".to_owned(),
        target: "t".to_owned(),
        outcome: Outcome::Done,
        code: None,
        correlation: "c".to_owned(),
        address: None,
        detail: None,
    };
    stage.ledger.audit(&entry).await.unwrap();
}
