//! Claiming, beating, ending.

use transload_control::Ledger;
use transload_control::ledger::{Beat, Ending, Held, NewRun, PutOutcome, WORKER_LOST, Wanted};
use transload_control::run::{Record, RunState, Work};
use uuid::Uuid;

use crate::sample::*;
use crate::stage::{LONG, Stage, soon};

/// Claims until nothing is there: the names in the order in which they came.
async fn claim_all(ledger: &Ledger) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(claim) = ledger.claim("w", LEASE).await.unwrap() {
        names.push(claim.run.id.name().to_owned());
    }
    names
}

pub(crate) async fn the_oldest_goes_first(stage: &Stage) {
    let ledger = &stage.ledger;
    assert!(ledger.claim("w", LEASE).await.unwrap().is_none());
    for name in ["c", "a", "b"] {
        put(ledger, name, "p").await;
    }
    let first = claim(ledger).await;
    assert_eq!((first.run.id.name(), first.run.state, first.attempt), ("c", RunState::Running, 1));
    assert_eq!(first.run.record.attempts, 1);
    assert!(first.run.record.started_at.is_some());
    assert_eq!(ledger.run(&first.run.id).await.unwrap(), Some(first.run));
    assert_eq!(claim_all(ledger).await, ["a", "b"]);
}

pub(crate) async fn pipelines_take_turns(stage: &Stage) {
    let ledger = &stage.ledger;
    for number in 0..5 {
        put(ledger, &format!("a{number}"), "a").await;
    }
    assert_eq!(claim(ledger).await.run.id.name(), "a0");
    for name in ["b0", "b1", "c0"] {
        put(ledger, name, &name[..1]).await;
    }
    put(ledger, "a5", "a").await;
    assert_eq!(claim_all(ledger).await, ["a1", "b0", "c0", "a2", "b1", "a3", "a4", "a5"]);
}

pub(crate) async fn one_that_asks_again_and_again_does_not_get_ahead(stage: &Stage) {
    let ledger = &stage.ledger;
    for number in 0..4 {
        put(ledger, &format!("a{number}"), "a").await;
    }
    let mut order = Vec::new();
    // as soon as a run of b is claimed, b asks for another
    put(ledger, "b0", "b").await;
    for number in 1.. {
        let Some(claimed) = ledger.claim("w", LEASE).await.unwrap() else { break };
        let name = claimed.run.id.name().to_owned();
        if name.starts_with('b') && number < 10 {
            put(ledger, &format!("b{number}"), "b").await;
        }
        order.push(name[..1].to_owned());
    }
    assert_eq!(order.concat()[..8], *"abababab", "{order:?}");
}

pub(crate) async fn what_may_pass_is_tried_again(stage: &Stage) {
    let ledger = &stage.another(patient()).await;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    let record = Record { percentage: 10, ..Record::default() };
    assert_eq!(ledger.finish(&claimed, &failed(true), &record).await.unwrap(), Beat::Go);
    let waiting = ledger.run(&run.id).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.record.attempts), (RunState::Queued, 1));
    assert_eq!(waiting.record.error.as_ref().map(|error| error.code.as_str()), Some("REGISTRY_UNREACHABLE"));
    assert_eq!((waiting.record.percentage, waiting.record.finished_at), (10, None));
    let pause = waiting.record.next_attempt_at.unwrap() - waiting.record.started_at.unwrap();
    assert!(pause >= LEASE / 2, "{pause}");
    assert!(ledger.claim("w", LEASE).await.unwrap().is_none(), "its pause is not over");
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Lost, "it was given back");
    // a pause does not keep it from being stopped
    assert_eq!(ledger.cancel_run(&run.id, "me").await.unwrap().unwrap().state, RunState::Canceled);
    // and one whose pause is short comes back
    let quick = &stage.ledger;
    put(quick, "q", "p").await;
    end(quick, &claim(quick).await, failed(true)).await;
    let again = soon(|| async { quick.claim("w", LEASE).await.unwrap() }).await;
    assert_eq!((again.run.id.name(), again.attempt), ("q", 2));
    assert!(again.run.record.error.is_some(), "why it failed the last time is known until it succeeds");
    end(quick, &again, Ending::Succeeded).await;
    let done = quick.run(&again.run.id).await.unwrap().unwrap();
    assert_eq!((done.state, done.record.error, done.record.attempts), (RunState::Succeeded, None, 2));
    assert_eq!((done.record.percentage, done.record.next_attempt_at), (100, None));
}

pub(crate) async fn what_stays_fails_after_so_many_attempts(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    for attempt in 1..=3 {
        let claimed = soon(|| async { ledger.claim("w", LEASE).await.unwrap() }).await;
        assert_eq!(claimed.attempt, attempt);
        end(ledger, &claimed, failed(true)).await;
    }
    let ended = ledger.run(&run.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.record.attempts), (RunState::Failed, 3));
    assert!(ended.record.error.is_some() && ended.record.finished_at.is_some());
}

pub(crate) async fn what_cannot_pass_fails_at_once(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    end(ledger, &claim(ledger).await, failed(false)).await;
    let ended = ledger.run(&run.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.record.attempts), (RunState::Failed, 1));
}

pub(crate) async fn a_worker_that_goes_gives_its_run_back(stage: &Stage) {
    let ledger = &stage.another(patient()).await;
    put(ledger, "r", "p").await;
    put(ledger, "later", "p").await;
    for ending in [Ending::Released, Ending::Stopped, Ending::Released, Ending::Released] {
        let claimed = claim(ledger).await;
        assert_eq!((claimed.run.id.name(), claimed.attempt), ("r", 1), "at once, and not counted");
        end(ledger, &claimed, ending).await;
    }
}

pub(crate) async fn one_that_waits_for_another_makes_no_attempt(stage: &Stage) {
    let ledger = &stage.ledger;
    put(ledger, "first", "p").await;
    let second = put(ledger, "second", "p").await;
    let (first, claimed) = (claim(ledger).await, claim(ledger).await);
    let name = |name: &str| vec![name.to_owned()];
    assert_eq!(ledger.hold(&claimed, &name("m")).await.unwrap(), Held::Ok);
    assert_eq!(ledger.hold(&first, &name("n")).await.unwrap(), Held::Ok);
    let Ending::Failed { error, .. } = failed(false) else { panic!() };
    // more often than a run is tried
    let mut claimed = claimed;
    for _ in 0..5 {
        end(ledger, &claimed, Ending::Deferred { error: error.clone() }).await;
        let waits = ledger.run(&second.id).await.unwrap().unwrap();
        assert_eq!((waits.state, waits.record.error.as_ref()), (RunState::Queued, Some(&error)));
        assert!(waits.record.next_attempt_at.is_some());
        claimed = soon(|| async { ledger.claim("w", LEASE).await.unwrap() }).await;
        assert_eq!((&claimed.run.id, claimed.attempt), (&second.id, 1));
    }
    assert_eq!(ledger.hold(&first, &name("m")).await.unwrap(), Held::Ok, "who waits keeps nobody waiting");
    end(ledger, &claimed, Ending::Succeeded).await;
    assert_eq!(ledger.run(&second.id).await.unwrap().unwrap().record.error, None);
}

pub(crate) async fn who_wants_checks_gets_nothing_else(stage: &Stage) {
    let ledger = &stage.ledger;
    let checks = || ledger.claim_of("w", LEASE, Wanted::Checks);
    put(ledger, "import", "p").await;
    assert!(checks().await.unwrap().is_none());
    for name in ["a", "b"] {
        let work = Work::Check { subject: pipeline(name) };
        let check = NewRun { work, ..new_run(&format!("check-{name}"), "p") };
        ledger.put_run(&check).await.unwrap();
    }
    for name in ["check-a", "check-b"] {
        assert_eq!(checks().await.unwrap().unwrap().run.id.name(), name);
    }
    assert!(checks().await.unwrap().is_none());
    // what another worker lost waits again, for whoever takes it
    let lost = ledger.claim("lost", NO_LEASE).await.unwrap().unwrap();
    assert_eq!(lost.run.id.name(), "import");
    assert!(checks().await.unwrap().is_none());
    assert_eq!(ledger.run(&lost.run.id).await.unwrap().unwrap().state, RunState::Queued);
    assert_eq!(claim(ledger).await.attempt, 2);
}

pub(crate) async fn a_lease_that_ran_out_goes_to_another(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let lost = ledger.claim("lost", NO_LEASE).await.unwrap().unwrap();
    let claimed = claim(ledger).await;
    assert_eq!((&claimed.run.id, claimed.attempt), (&run.id, 2));
    assert!(claimed.fence > lost.fence);
    let record = Record { percentage: 99, warnings: vec!["late".to_owned()], ..Record::default() };
    assert_eq!(ledger.beat(&lost, LEASE, Some(&record)).await.unwrap(), Beat::Lost);
    assert_eq!(ledger.log(&lost, &["late".to_owned()]).await.unwrap(), Beat::Lost);
    assert_eq!(ledger.hold(&lost, &["late".to_owned()]).await.unwrap(), Held::Lost);
    for ending in [Ending::Succeeded, Ending::Released, Ending::Stopped, failed(false)] {
        assert_eq!(ledger.finish(&lost, &ending, &record).await.unwrap(), Beat::Lost);
    }
    assert_eq!(ledger.run(&run.id).await.unwrap(), Some(claimed.run.clone()), "nothing was changed");
    assert!(ledger.run_log(&run.id, None, 9).await.unwrap().items.is_empty());
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Go);
}

pub(crate) async fn a_worker_that_is_lost_too_often_fails_the_run(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    for _ in 0..3 {
        assert!(ledger.claim("the-lost", NO_LEASE).await.unwrap().is_some());
    }
    assert!(ledger.claim("the-lost", NO_LEASE).await.unwrap().is_none());
    let ended = ledger.run(&run.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.record.attempts), (RunState::Failed, 3));
    let error = ended.record.error.unwrap();
    assert_eq!(error.code, WORKER_LOST);
    assert!(error.message.contains("the-lost"), "{}", error.message);
}

pub(crate) async fn a_beat_keeps_the_run(stage: &Stage) {
    let ledger = &stage.ledger;
    put(ledger, "r", "p").await;
    let claimed = ledger.claim("w", NO_LEASE).await.unwrap().unwrap();
    // nobody took it meanwhile
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Go);
    assert_eq!(ledger.sweep().await.unwrap(), 0);
    assert!(ledger.claim("other", LEASE).await.unwrap().is_none());
    assert_eq!(ledger.beat(&claimed, NO_LEASE, None).await.unwrap(), Beat::Go);
    assert_eq!(ledger.sweep().await.unwrap(), 1);
    assert_eq!(ledger.beat(&claimed, LEASE, None).await.unwrap(), Beat::Lost);
    assert_eq!(claim(ledger).await.attempt, 2);
}

pub(crate) async fn a_record_keeps_to_its_owner(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    let record = Record {
        started_at: Some(time::OffsetDateTime::UNIX_EPOCH),
        finished_at: Some(time::OffsetDateTime::UNIX_EPOCH),
        next_attempt_at: Some(time::OffsetDateTime::UNIX_EPOCH),
        attempts: 77,
        percentage: 50,
        bytes_moved: u64::MAX,
        catalog_digest: Some("sha256:0".to_owned()),
        ..Record::default()
    };
    ledger.beat(&claimed, LEASE, Some(&record)).await.unwrap();
    // a beat without a record leaves it
    ledger.beat(&claimed, LEASE, None).await.unwrap();
    let found = ledger.run(&run.id).await.unwrap().unwrap().record;
    let wanted = Record {
        started_at: claimed.run.record.started_at,
        finished_at: None,
        next_attempt_at: None,
        attempts: 1,
        ..record.clone()
    };
    assert_eq!(found, wanted);
    ledger.finish(&claimed, &Ending::Succeeded, &record).await.unwrap();
    let found = ledger.run(&run.id).await.unwrap().unwrap().record;
    assert_eq!((found.started_at, found.attempts), (wanted.started_at, 1));
    assert!(found.finished_at >= found.started_at);
}

pub(crate) async fn an_end_is_written_once(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let claimed = claim(ledger).await;
    end(ledger, &claimed, Ending::Succeeded).await;
    let again = ledger.finish(&claimed, &failed(false), &Record::default()).await.unwrap();
    assert_eq!(again, Beat::Lost);
    assert_eq!(ledger.run(&run.id).await.unwrap().unwrap().state, RunState::Succeeded);
    // nor to a later generation
    let next =
        NewRun { force_update_tag: Some("2".to_owned()), operation: Uuid::new_v4(), ..new_run("r", "p") };
    assert_eq!(ledger.put_run(&next).await.unwrap().outcome, PutOutcome::Requeued);
    claim(ledger).await;
    let late = ledger.finish(&claimed, &Ending::Succeeded, &Record::default()).await.unwrap();
    assert_eq!(late, Beat::Lost);
    assert_eq!(ledger.run(&run.id).await.unwrap().unwrap().state, RunState::Running);
}

pub(crate) async fn who_waits_is_woken(stage: &Stage) {
    let ledger = stage.ledger.clone();
    let waiting = tokio::spawn(async move {
        loop {
            if let Some(claim) = ledger.claim("w", LEASE).await.unwrap() {
                return claim;
            }
            ledger.wait_for_work(LONG * 10).await;
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    put(&stage.ledger, "r", "p").await;
    let claimed = tokio::time::timeout(LONG, waiting).await.expect("it was not woken").unwrap();
    assert_eq!(claimed.run.id.name(), "r");
    stage.ledger.close().await;
    let closed = tokio::time::timeout(LONG, stage.ledger.wait_for_work(LONG * 10)).await;
    closed.expect("nobody waits for a closed ledger");
}

pub(crate) async fn who_waits_is_woken_when_a_pause_ends(stage: &Stage) {
    let ledger = &stage.ledger;
    let run = put(ledger, "r", "p").await;
    let mut taken = claim(ledger).await;
    // the word about the put, and that about the failure, are heard by nobody else
    for ending in [failed(true), failed(true)] {
        end(ledger, &taken, ending).await;
        let waited = async {
            loop {
                ledger.wait_for_work(LONG * 10).await;
                if let Some(claim) = ledger.claim("w", LEASE).await.unwrap() {
                    return claim;
                }
            }
        };
        taken = tokio::time::timeout(LONG, waited).await.expect("it was not woken");
    }
    assert_eq!((&taken.run.id, taken.attempt), (&run.id, 3));
}
