//! Workers that may move bytes at some times only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use transload_control::ResourceId;
use transload_control::resource::{Direction, PipelineOption};
use transload_control::run::{Run, RunState, Work};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_transfer::{Closed, Pace, Schedule};
use transload_worker::WorkerOptions;

use crate::support::{KIB, Site, assert_succeeded};
use crate::takeover::{LASTING, Stuck, options};
use crate::trigger::{bundle, watched};

const UNTIL: &str = "2026-11-23T22:00:00Z";

/// Opens and closes when the test says so.
#[derive(Debug, Default)]
struct Shutter {
    open: AtomicBool,
}

impl Shutter {
    /// It, and a worker's options with it.
    fn of(site: &Site, name: &str, open: bool) -> (Arc<Self>, WorkerOptions) {
        let shutter = Arc::new(Self { open: open.into() });
        let mut options = options(site, name, LASTING);
        options.pace = Pace::new(Some(1_000_000_000), Some(Arc::clone(&shutter) as Arc<dyn Schedule>));
        (shutter, options)
    }

    fn set(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
    }
}

impl Schedule for Shutter {
    fn closed(&self) -> Option<Closed> {
        let open = self.open.load(Ordering::SeqCst);
        (!open).then(|| Closed { wait: Duration::from_secs(3_600), until: UNTIL.to_owned() })
    }
}

async fn check_of(site: &Site, subject: &ResourceId, name: &str) -> Run {
    let check = Work::Check { subject: subject.clone() };
    let id = site.put(&site.near.id.child("pipelineRuns", name), check).await;
    site.ended(&id).await
}

async fn now(site: &Site, id: &ResourceId) -> Run {
    site.ledger.run(id).await.unwrap().unwrap()
}

async fn log_has(site: &Site, id: &ResourceId, text: &str) -> bool {
    site.log(id).await.iter().any(|line| line.line.contains(text))
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_closed_checks_are_done_and_runs_are_left_to_others() {
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[20 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    let first = site.export("run1", &out, &["team/app:v1"], "one.tar").await;
    let second = site.export("run2", &out, &["team/app:v1"], "two.tar").await;
    let (shutter, mut options) = Shutter::of(&site, "waits", false);
    options.limits.runs_at_once = 1;
    let waiting = site.worker(options);
    assert_succeeded(&check_of(&site, &out, "check1").await);
    for id in [&first, &second] {
        let run = now(&site, id).await;
        assert_eq!((run.state, run.record.attempts, run.record.started_at), (RunState::Queued, 0, None));
    }
    // one whose window is open has them at once
    let mut free = site.options("free");
    free.limits.runs_at_once = 1;
    let free = site.worker(free);
    assert_succeeded(&site.ended(&first).await);
    assert_succeeded(&site.ended(&second).await);
    free.end().await;

    let third = site.export("run3", &out, &["team/app:v1"], "three.tar").await;
    assert_succeeded(&check_of(&site, &out, "check2").await);
    assert_eq!(now(&site, &third).await.state, RunState::Queued);
    shutter.set(true);
    let run = site.ended(&third).await;
    assert_succeeded(&run);
    assert_eq!(run.record.attempts, 1);
    waiting.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_under_way_when_it_closes_goes_on_when_it_opens() {
    let stuck = Stuck::new().await;
    let site = &stuck.site;
    let (shutter, options) = Shutter::of(site, "worker", true);
    let working = site.worker(options);
    stuck.is_stuck().await;
    shutter.set(false);
    let waiting = site.until(&stuck.run, |run| run.state == RunState::Queued).await;
    assert_eq!((waiting.record.attempts, &waiting.record.error), (0, &None));
    assert!(log_has(site, &stuck.run, "waiting").await && log_has(site, &stuck.run, UNTIL).await);
    assert!(!site.folder.join("one.tar").exists());
    // nobody is at it, and there is room for others
    let out = site.near.id.child("exportPipelines", "out");
    assert_succeeded(&check_of(site, &out, "check").await);
    // where the registry is by then is asked when it goes on
    stuck.mend().await;
    shutter.set(true);
    let run = site.ended(&stuck.run).await;
    working.end().await;
    assert_succeeded(&run);
    assert_eq!(run.record.attempts, 1);
    assert!(stuck.was_resumed().await);

    let into = site.pipeline(Direction::Import, "in", &[]).await;
    assert_succeeded(&site.done(&site.import("run2", &into, "one.tar").await).await);
    site.check(&stuck.made, "team/app", "v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bundles_with_a_common_tag_that_arrive_while_it_is_closed_are_both_imported() {
    let site = Site::new().await;
    let inbox = site.folder.join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    for (name, seed) in [("one.tar", 1), ("two.tar", 50)] {
        std::fs::write(inbox.join(name), bundle(&site, seed).await).unwrap();
    }
    let proxy = FaultProxy::start(site.far.host.parse().unwrap());
    let stalls = proxy.add(Rule::on("POST", "/blobs/uploads").delay(Duration::from_secs(3_600)));
    site.move_far(&proxy.host()).await;
    let pipeline = watched(&site, "in", &[PipelineOption::OverwriteTags], &inbox).await;
    let (shutter, mut options) = Shutter::of(&site, "watcher", false);
    options.watches = true;
    let working = site.worker(options);
    let runs = loop {
        let runs = site.ledger.runs(&site.far.id, None, 10).await.unwrap().items;
        if runs.len() == 2 {
            break runs;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(runs.iter().all(|run| run.state == RunState::Queued && run.record.started_at.is_none()));

    shutter.set(true);
    // one gets no further, and the other waits for it, however often it is looked at
    while stalls.fired() == 0
        || !(log_has(&site, &runs[0].id, "Deferred").await || log_has(&site, &runs[1].id, "Deferred").await)
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    shutter.set(false);
    for run in &runs {
        let waits = site.until(&run.id, |run| run.state == RunState::Queued).await;
        assert!(waits.record.failed.is_empty(), "{:?}", waits.record.failed);
    }
    proxy.clear();
    shutter.set(true);
    for run in &runs {
        let run = site.ended(&run.id).await;
        assert_succeeded(&run);
        assert_eq!((run.record.attempts, run.generation), (1, 1), "no try was used up");
    }
    working.end().await;
    for name in ["one.tar", "two.tar"] {
        let seen = site.ledger.seen(&pipeline, name).await.unwrap().unwrap();
        assert_eq!(seen.attempts, 1, "{seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_want_the_same_blob_when_it_opens_are_done_one_after_the_other() {
    let stuck = Stuck::new().await;
    let site = &stuck.site;
    let (shutter, options) = Shutter::of(site, "worker", true);
    let working = site.worker(options);
    stuck.is_stuck().await;
    let over = site.pipeline(Direction::Export, "over", &[PipelineOption::OverwriteBlobs]).await;
    let second = site.export("run2", &over, &["team/app:v1"], "one.tar").await;
    let waits = site.until(&second, |run| run.record.error.is_some() && run.state == RunState::Queued).await;
    let error = waits.record.error.unwrap();
    assert_eq!(error.code, "Conflict");
    assert!(error.message.contains(stuck.run.as_str()) && error.message.contains("waits"), "{error:?}");
    shutter.set(false);
    site.until(&stuck.run, |run| run.state == RunState::Queued).await;
    stuck.mend().await;
    shutter.set(true);
    assert_succeeded(&site.ended(&stuck.run).await);
    assert_succeeded(&site.ended(&second).await);
    working.end().await;
}
