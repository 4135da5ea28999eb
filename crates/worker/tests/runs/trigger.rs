//! Bundles that arrive in a folder.

use std::path::Path;
use std::time::Duration;

use transload_control::ResourceId;
use transload_control::audit::Filter;
use transload_control::ledger::Verdict;
use transload_control::resource::{Direction, PipelineOption, TriggerStatus};
use transload_control::run::{Run, RunState};

use crate::support::{KIB, Site, Working, assert_succeeded};

/// A site with a bundle made of `team/app:v1`, and a pipeline that watches an empty folder.
struct Watched {
    site: Site,
    bundle: Vec<u8>,
    pipeline: ResourceId,
    inbox: std::path::PathBuf,
    working: Working,
}

impl Watched {
    async fn new(options: &[PipelineOption]) -> Self {
        let site = Site::new().await;
        let bundle = bundle(&site, 1).await;
        let inbox = site.folder.join("inbox");
        std::fs::create_dir(&inbox).unwrap();
        let pipeline = watched(&site, "in", options, &inbox).await;
        let mut worker = site.options("watcher");
        worker.watches = true;
        let working = site.worker(worker);
        Self { site, bundle, pipeline, inbox, working }
    }

    /// The runs of the registry, once there are so many and all have ended.
    async fn runs(&self, count: usize) -> Vec<Run> {
        loop {
            let runs = self.site.ledger.runs(&self.site.far.id, None, 100).await.unwrap().items;
            if runs.len() >= count && runs.iter().all(|run| run.state.is_final()) {
                assert_eq!(runs.len(), count);
                return runs;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn verdict(&self, name: &str, wanted: Verdict) {
        loop {
            let seen = self.site.ledger.seen(&self.pipeline, name).await.unwrap();
            if seen.is_some_and(|seen| seen.verdict == wanted) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) async fn watched(
    site: &Site,
    name: &str,
    options: &[PipelineOption],
    folder: &Path,
) -> ResourceId {
    let uri = format!("file://{}", folder.display());
    site.pipeline_at(Direction::Import, name, options, &uri, None, Some(TriggerStatus::Enabled)).await
}

pub(crate) async fn bundle(site: &Site, seed: u64) -> Vec<u8> {
    site.push("team/app", "v1", seed, &[40 * KIB, 20 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[PipelineOption::OverwriteBlobs]).await;
    assert_succeeded(&site.done(&site.export("make", &out, &["team/app:v1"], "made.tar").await).await);
    std::fs::read(site.folder.join("made.tar")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_arrives_bit_by_bit_is_imported_once_it_is_whole() {
    let watched = Watched::new(&[]).await;
    let file = watched.inbox.join("one.tar");
    std::fs::write(&file, &watched.bundle[..watched.bundle.len() / 2]).unwrap();
    std::fs::write(watched.inbox.join("notes.txt"), "no bundle").unwrap();
    std::fs::write(watched.inbox.join("two.tar.partial"), &watched.bundle).unwrap();
    watched.verdict("one.tar", Verdict::Partial).await;
    watched.verdict("notes.txt", Verdict::Other).await;
    assert!(watched.site.ledger.runs(&watched.site.far.id, None, 10).await.unwrap().items.is_empty());

    std::fs::write(&file, &watched.bundle).unwrap();
    let runs = watched.runs(1).await;
    assert_succeeded(&runs[0]);
    let name = runs[0].id.name();
    assert!(name.starts_with("in_") && name.len() == 15, "{name}");
    assert_eq!(runs[0].stamps.created_by, "source trigger");

    // nothing of it is handled again, neither by this worker nor by the next
    watched.working.end().await;
    let mut options = watched.site.options("next");
    options.watches = true;
    let next = watched.site.worker(options);
    std::fs::write(watched.inbox.join("three.tar"), &watched.bundle).unwrap();
    loop {
        let runs = watched.site.ledger.runs(&watched.site.far.id, None, 10).await.unwrap().items;
        if runs.len() == 2 && runs.iter().all(|run| run.state.is_final()) {
            assert!(runs.iter().all(|run| run.generation == 1));
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    next.end().await;
    assert!(watched.site.ledger.seen(&watched.pipeline, "two.tar.partial").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_is_replaced_is_imported_again_and_one_that_goes_is_forgotten() {
    let watched =
        Watched::new(&[PipelineOption::OverwriteTags, PipelineOption::DeleteSourceBlobOnSuccess]).await;
    let file = watched.inbox.join("one.tar");
    std::fs::write(&file, &watched.bundle).unwrap();
    assert_succeeded(&watched.runs(1).await[0]);
    while watched.site.ledger.seen(&watched.pipeline, "one.tar").await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!file.exists());
    let other = {
        let made = watched.site.push("team/app", "v1", 77, &[30 * KIB]).await;
        let out = watched.site.near.id.child("exportPipelines", "out");
        let run = watched.site.export("make2", &out, &["team/app:v1"], "made.tar").await;
        assert_succeeded(&watched.site.ended(&run).await);
        made
    };
    std::fs::copy(watched.site.folder.join("made.tar"), &file).unwrap();
    let runs = watched.runs(2).await;
    assert!(runs.iter().all(|run| run.state == RunState::Succeeded));
    watched.site.check(&other, "team/app", "v1").await;
    watched.working.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_fails_is_tried_again_and_then_told_of_once() {
    let watched = Watched::new(&[]).await;
    // the tag is there with another digest, and may not be moved
    let target = watched.site.open(&watched.site.far).target();
    let other = transload_testkit::images::image(&[transload_testkit::images::layer(500, KIB)]);
    other.push(target.as_ref(), "team/app", Some("v1")).await.unwrap();
    std::fs::write(watched.inbox.join("one.tar"), &watched.bundle).unwrap();
    let filter = Filter {
        action: Some("Microsoft.ContainerRegistry/registries/importPipelines".into()),
        ..Filter::default()
    };
    let entries = loop {
        let entries = watched.site.ledger.audit_page(&filter, None, 10).await.unwrap().items;
        if !entries.is_empty() {
            break entries;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let runs = watched.runs(1).await;
    assert_eq!((runs[0].state, runs[0].generation), (RunState::Failed, 5));
    assert_eq!(entries.len(), 1);
    assert!(entries[0].detail.as_ref().unwrap().contains("one.tar"));
    watched.working.end().await;
    let seen = watched.site.ledger.seen(&watched.pipeline, "one.tar").await.unwrap().unwrap();
    assert!(seen.reported && seen.attempts == 5);
    assert_eq!(watched.site.ledger.audit_page(&filter, None, 10).await.unwrap().items.len(), 1);
}
