//! Who looks after which container, and what was seen there.

use transload_control::Ledger;
use transload_control::audit::{Entry, Filter, Outcome};
use transload_control::ledger::{Poke, Seen, Verdict, Watch};
use transload_control::resource::{Body, Direction, TriggerStatus};

use crate::sample::*;
use crate::stage::{LONG, Stage};

async fn watched(ledger: &Ledger, worker: &str) -> Vec<String> {
    let watches = ledger.claim_watches(worker, LEASE, 100).await.unwrap();
    watches.iter().map(|Watch { pipeline, .. }| pipeline.id.name().to_owned()).collect()
}

pub(crate) async fn pipelines_with_a_trigger_are_watched(stage: &Stage) {
    let ledger = &stage.ledger;
    assert_eq!(watched(ledger, "w").await, [""; 0]);
    make(ledger, &pipeline("one"), &watched_body()).await;
    make(ledger, &pipeline("off"), &pipeline_body(Direction::Import, Some(TriggerStatus::Disabled))).await;
    make(ledger, &pipeline("none"), &pipeline_body(Direction::Import, None)).await;
    make(ledger, &registry().child("exportPipelines", "out"), &pipeline_body(Direction::Export, None)).await;
    make(ledger, &pipeline("two"), &watched_body()).await;
    let first = ledger.claim_watches("w", LEASE, 100).await.unwrap();
    assert_eq!(names(first.iter().map(|watch| &watch.pipeline.id)), ["one", "two"]);
    assert_eq!(ledger.claim_watches("w", LEASE, 100).await.unwrap(), first, "they stay");
    // a change is seen with the next claim
    let mut changed = watched_body();
    if let Body::Pipeline(pipeline) = &mut changed {
        pipeline.container.uri = "https://other.example/c".to_owned();
    }
    make(ledger, &pipeline("one"), &changed).await;
    let second = ledger.claim_watches("w", LEASE, 100).await.unwrap();
    assert_eq!((&second[0].pipeline.body, second[0].fence), (&changed, first[0].fence));
    make(ledger, &pipeline("one"), &pipeline_body(Direction::Import, Some(TriggerStatus::Disabled))).await;
    assert_eq!(watched(ledger, "w").await, ["two"]);
    ledger.delete(&registry()).await.unwrap();
    assert_eq!(watched(ledger, "w").await, [""; 0]);
}

pub(crate) async fn workers_share_the_watches(stage: &Stage) {
    let ledger = &stage.ledger;
    for number in 0..5 {
        make(ledger, &pipeline(&format!("p{number}")), &watched_body()).await;
    }
    assert_eq!(watched(ledger, "one").await.len(), 5);
    assert_eq!(watched(ledger, "two").await, [""; 0], "all are taken");
    let kept = watched(ledger, "one").await;
    assert_eq!(kept.len(), 3, "half of five, rounded up");
    let given = watched(ledger, "two").await;
    assert_eq!(given.len(), 2);
    assert!(given.iter().all(|name| !kept.contains(name)), "{given:?} {kept:?}");
    assert_eq!(
        (watched(ledger, "one").await, watched(ledger, "two").await),
        (kept, given),
        "and so it stays"
    );
    assert_eq!(ledger.claim_watches("one", LEASE, 1).await.unwrap().len(), 1, "not more than were asked for");
    ledger.release_watches("two").await.unwrap();
    assert_eq!(watched(ledger, "one").await.len(), 5);
}

pub(crate) async fn watches_of_a_lost_worker_go_to_another(stage: &Stage) {
    let ledger = &stage.ledger;
    make(ledger, &pipeline("p"), &watched_body()).await;
    let lost = ledger.claim_watches("lost", NO_LEASE, 100).await.unwrap();
    let found = ledger.claim_watches("found", LEASE, 100).await.unwrap();
    assert_eq!((lost.len(), found.len()), (1, 1));
    assert!(found[0].fence > lost[0].fence);
    assert_eq!(watched(ledger, "lost").await, [""; 0]);
}

pub(crate) async fn a_poke_reaches_who_watches(stage: &Stage) {
    let ledger = &stage.ledger;
    for name in ["a", "b"] {
        make(ledger, &pipeline(name), &watched_body()).await;
    }
    let mine = ledger.claim_watches("w", LEASE, 1).await.unwrap().remove(0).pipeline.id;
    let others = if mine.name() == "a" { pipeline("b") } else { pipeline("a") };
    // what was said before is over
    ledger.wait_for_pokes(std::time::Duration::ZERO).await;
    let waiting = {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            loop {
                let pokes = ledger.take_pokes("w", 10).await.unwrap();
                if !pokes.is_empty() {
                    return pokes;
                }
                ledger.wait_for_pokes(LONG * 10).await;
            }
        })
    };
    ledger.poke(&others, "of others").await.unwrap();
    ledger.poke(&pipeline("unwatched"), "of nobody").await.unwrap();
    ledger.poke(&mine, "b.tar").await.unwrap();
    let taken = tokio::time::timeout(LONG, waiting).await.expect("it was not woken").unwrap();
    assert_eq!(taken, [Poke { pipeline: mine.clone(), name: "b.tar".to_owned() }]);
    for name in ["one", "two", "one"] {
        ledger.poke(&mine, name).await.unwrap();
    }
    let names = |pokes: Vec<Poke>| pokes.into_iter().map(|poke| poke.name).collect::<Vec<_>>();
    assert_eq!(names(ledger.take_pokes("w", 1).await.unwrap()).len(), 1);
    assert_eq!(names(ledger.take_pokes("w", 10).await.unwrap()).len(), 1, "each word once");
    assert!(ledger.take_pokes("w", 10).await.unwrap().is_empty());
}

fn seen(name: &str) -> Seen {
    Seen {
        name: name.to_owned(),
        etag: "\"1\"".to_owned(),
        size: 1 << 40,
        bundle_id: None,
        verdict: Verdict::Other,
        run: None,
        attempts: 0,
        next_at: None,
        reported: false,
    }
}

pub(crate) async fn what_was_seen_is_known(stage: &Stage) {
    let (ledger, at) = (&stage.ledger, pipeline("p"));
    make(ledger, &at, &watched_body()).await;
    assert_eq!(ledger.seen(&at, "b").await.unwrap(), None);
    let bundle = Seen {
        bundle_id: Some("sha256:1".to_owned()),
        verdict: Verdict::Bundle,
        run: Some(run_id("t_1")),
        attempts: 3,
        next_at: Some(time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()),
        reported: true,
        ..seen("b")
    };
    ledger.note_seen(&at, &seen("b")).await.unwrap();
    ledger.note_seen(&at, &bundle).await.unwrap();
    assert_eq!(ledger.seen(&at, "b").await.unwrap(), Some(bundle));
    assert_eq!(ledger.seen(&at, "B").await.unwrap(), None, "blobs differ in case");
    assert_eq!(ledger.seen(&pipeline("q"), "b").await.unwrap(), None);
    // byte by byte, not as a language has it
    for name in ["a/ä", "a/z", "a/Z", "a", "B"] {
        ledger.note_seen(&at, &seen(name)).await.unwrap();
    }
    let first = ledger.seen_page(&at, None, 4).await.unwrap();
    let names: Vec<_> = first.items.iter().map(|seen| seen.name.as_str()).collect();
    assert_eq!(names, ["B", "a", "a/Z", "a/z"]);
    let second = ledger.seen_page(&at, first.next.as_deref(), 4).await.unwrap();
    let names: Vec<_> = second.items.iter().map(|seen| seen.name.as_str()).collect();
    assert_eq!((names, second.next), (vec!["a/ä", "b"], None));
    let many: Vec<String> = (0..60).map(|number| format!("x{number}")).chain(["a".to_owned()]).collect();
    ledger.forget_seen(&at, &many).await.unwrap();
    assert_eq!(ledger.seen_page(&at, None, 99).await.unwrap().items.len(), 5);
    ledger.delete(&at).await.unwrap();
    assert!(ledger.seen_page(&at, None, 99).await.unwrap().items.is_empty());
}

pub(crate) async fn what_is_told_is_noted_or_neither(stage: &Stage) {
    let (ledger, at) = (&stage.ledger, pipeline("p"));
    make(ledger, &at, &watched_body()).await;
    let told = Seen { reported: true, ..seen("b") };
    let entry = Entry {
        sequence: 0,
        at: time::OffsetDateTime::UNIX_EPOCH,
        who: "trigger".to_owned(),
        who_name: "trigger".to_owned(),
        action: "trigger".to_owned(),
        target: at.to_string(),
        outcome: Outcome::Failed,
        code: None,
        correlation: String::new(),
        address: None,
        detail: None,
    };
    assert!(stage.tamper("ALTER TABLE audit RENAME TO away").await);
    ledger.report_seen(&at, &told, &entry).await.unwrap_err();
    assert!(stage.tamper("ALTER TABLE away RENAME TO audit").await);
    assert_eq!(ledger.seen(&at, "b").await.unwrap(), None);
    ledger.report_seen(&at, &told, &entry).await.unwrap();
    assert_eq!(ledger.seen(&at, "b").await.unwrap(), Some(told));
    assert_eq!(ledger.audit_page(&Filter::default(), None, 9).await.unwrap().items.len(), 1);
}
