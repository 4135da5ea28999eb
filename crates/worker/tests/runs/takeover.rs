//! Workers that die, stop, or lose what they had; and runs that want the same thing.

use std::time::Duration;

use transload_control::resource::Direction;
use transload_control::run::RunState;
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::images::Artifact;
use transload_transfer::Limits;
use transload_worker::WorkerOptions;

use crate::support::{KIB, Site, assert_succeeded, failure};

/// A site whose near registry never sends the end of one layer, and a run that exports from it.
pub(crate) struct Stuck {
    pub(crate) site: Site,
    _proxy: FaultProxy,
    pub(crate) run: transload_control::ResourceId,
    pub(crate) made: Artifact,
}

impl Stuck {
    pub(crate) async fn new() -> Self {
        let site = Site::new().await;
        let made = site.push("team/app", "v1", 1, &[300 * KIB, 301 * KIB, 302 * KIB, 303 * KIB]).await;
        let proxy = FaultProxy::start(site.near.host.parse().unwrap());
        proxy.add(Rule::on("GET", "/blobs/").and_path(&largest(&made)).stall_response_after(10 * KIB, None));
        site.move_near(&proxy.host()).await;
        let out = site.pipeline(Direction::Export, "out", &[]).await;
        let run = site.export("run1", &out, &["team/app:v1"], "one.tar").await;
        Self { site, _proxy: proxy, run, made }
    }

    /// Until the other layers are there and the stuck one is stuck.
    pub(crate) async fn is_stuck(&self) {
        self.site.until(&self.run, |run| run.record.bytes_moved >= 900 * KIB).await;
    }

    /// The registry is well again, for those who open it from now on.
    pub(crate) async fn mend(&self) {
        self.site.move_near(&self.site.near.host).await;
    }

    /// The registry is well again, and another worker goes on.
    async fn mend_and_finish(&self) -> transload_control::run::Run {
        self.mend().await;
        let working = self.site.worker(options(&self.site, "second", LASTING));
        let run = self.site.ended(&self.run).await;
        working.end().await;
        run
    }

    pub(crate) async fn was_resumed(&self) -> bool {
        self.site.log(&self.run).await.iter().any(|line| line.line.contains(r#""event":"resumed""#))
    }
}

fn largest(made: &Artifact) -> String {
    let blob = made.blobs.iter().max_by_key(|blob| blob.descriptor.size).unwrap();
    blob.descriptor.digest.to_string()
}

/// For runs that another worker is to take: that waits for its end.
const LEASE: Duration = Duration::from_secs(5);
/// For runs that nobody is to take: a machine that stands still for a while loses none of them.
pub(crate) const LASTING: Duration = Duration::from_secs(600);

pub(crate) fn options(site: &Site, name: &str, lease: Duration) -> WorkerOptions {
    let mut options = site.options(name);
    options.lease = lease;
    options.engine = Limits {
        block_bytes: 64 * KIB,
        memory_bytes_max: 1024 * KIB,
        small_blob_bytes: 4 * KIB,
        ..Limits::default()
    };
    options
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_worker_dies_another_goes_on_from_what_was_staged() {
    let stuck = Stuck::new().await;
    let first = stuck.site.worker(options(&stuck.site, "first", LEASE));
    stuck.is_stuck().await;
    first.kill().await;
    assert_eq!(stuck.site.ledger.run(&stuck.run).await.unwrap().unwrap().state, RunState::Running);
    let run = stuck.mend_and_finish().await;
    assert_succeeded(&run);
    assert_eq!(run.record.attempts, 2);
    assert!(stuck.was_resumed().await);

    let into = stuck.site.pipeline(Direction::Import, "in", &[]).await;
    assert_succeeded(&stuck.site.done(&stuck.site.import("run2", &into, "one.tar").await).await);
    stuck.site.check(&stuck.made, "team/app", "v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ends_gives_its_runs_back_and_that_is_no_attempt() {
    let stuck = Stuck::new().await;
    let first = stuck.site.worker(options(&stuck.site, "first", LASTING));
    stuck.is_stuck().await;
    first.end().await;
    let waiting = stuck.site.ledger.run(&stuck.run).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.record.error), (RunState::Queued, None));
    assert!(!stuck.site.folder.join("one.tar").exists());
    let run = stuck.mend_and_finish().await;
    assert_succeeded(&run);
    assert_eq!(run.record.attempts, 1);
    assert!(stuck.was_resumed().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_say_that_it_is_there_stops() {
    let stuck = Stuck::new().await;
    let mut silent = options(&stuck.site, "silent", Duration::from_millis(500));
    silent.heartbeat = Duration::from_secs(3_600);
    let first = stuck.site.worker(silent);
    // its lease runs out, it stops, and it takes the run anew, until that has been too often
    let run = stuck.site.ended(&stuck.run).await;
    first.end().await;
    assert_eq!(failure(&run).code, "WorkerLost");
    assert!(!stuck.site.folder.join("one.tar").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_canceled_in_the_middle_and_leaves_nothing_to_be_seen() {
    let stuck = Stuck::new().await;
    let working = stuck.site.worker(options(&stuck.site, "first", LASTING));
    stuck.is_stuck().await;
    stuck.site.ledger.cancel_run(&stuck.run, "test").await.unwrap();
    let run = stuck.site.ended(&stuck.run).await;
    working.end().await;
    assert_eq!(run.state, RunState::Canceled);
    assert!(run.record.percentage < 100);
    assert!(!stuck.site.folder.join("one.tar").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_exports_to_one_blob_one_goes_on_and_the_other_is_told_which() {
    let stuck = Stuck::new().await;
    let working = stuck.site.worker(options(&stuck.site, "first", LEASE));
    stuck.is_stuck().await;
    let other = stuck.site.pipeline(Direction::Export, "other", &[]).await;
    let second = stuck.site.export("run2", &other, &["team/app:v1"], "one.tar").await;
    let run = stuck.site.ended(&second).await;
    assert_eq!(failure(&run).code, "Conflict");
    assert!(failure(&run).message.contains(stuck.run.as_str()), "{:?}", failure(&run));
    assert_eq!(run.record.attempts, 1);
    working.kill().await;
    assert_succeeded(&stuck.mend_and_finish().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_imports_of_one_tag_one_goes_on_and_the_other_is_told_which() {
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[40 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    assert_succeeded(&site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await);
    let proxy = FaultProxy::start(site.far.host.parse().unwrap());
    let stalls = proxy.add(Rule::on("POST", "/blobs/uploads").delay(Duration::from_secs(3_600)));
    site.move_far(&proxy.host()).await;
    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let working = site.worker(options(&site, "first", LEASE));
    let first = site.import("run2", &into, "one.tar").await;
    while stalls.fired() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let run = site.ended(&site.import("run3", &into, "one.tar").await).await;
    assert_eq!(failure(&run).code, "Conflict");
    assert!(failure(&run).message.contains(first.as_str()), "{:?}", failure(&run));
    working.kill().await;
    site.move_far(&site.far.host).await;
    let working = site.worker(options(&site, "second", LASTING));
    assert_succeeded(&site.ended(&first).await);
    working.end().await;
    site.check(&made, "team/app", "v1").await;
}
