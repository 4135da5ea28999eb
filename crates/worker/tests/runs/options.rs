//! What the options of pipelines mean.

use transload_control::resource::{Direction, PipelineOption};
use transload_control::run::RunState;

use crate::support::{KIB, Site, assert_succeeded, failure};

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_replaced_only_if_the_pipeline_says_so() {
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[20 * KIB]).await;
    site.push("team/app", "v2", 5, &[20 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    let run = |name: &'static str, tag: &'static str| {
        site.export(name, &out, Box::leak(Box::new([tag])), "one.tar")
    };
    assert_succeeded(&site.done(&run("run1", "team/app:v1").await).await);
    let bytes = std::fs::read(site.folder.join("one.tar")).unwrap();

    // the same once more is no failure, and says that nothing was written
    let again = site.done(&run("run2", "team/app:v1").await).await;
    assert_succeeded(&again);
    assert!(again.record.warnings[0].contains("nothing was written"), "{:?}", again.record.warnings);

    let other = site.done(&run("run3", "team/app:v2").await).await;
    assert_eq!(failure(&other).code, "BundleExists");
    assert!(failure(&other).message.contains("OverwriteBlobs"), "{:?}", failure(&other));
    assert_eq!(std::fs::read(site.folder.join("one.tar")).unwrap(), bytes);

    site.pipeline(Direction::Export, "out", &[PipelineOption::OverwriteBlobs]).await;
    assert_succeeded(&site.done(&run("run4", "team/app:v2").await).await);
    assert_ne!(std::fs::read(site.folder.join("one.tar")).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_move_only_if_the_pipeline_says_so() {
    let site = Site::new().await;
    let out = site.pipeline(Direction::Export, "out", &[PipelineOption::OverwriteBlobs]).await;
    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let first = site.push("team/app", "v1", 1, &[20 * KIB]).await;
    assert_succeeded(&site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await);
    assert_succeeded(&site.done(&site.import("run2", &into, "one.tar").await).await);
    let second = site.push("team/app", "v1", 7, &[20 * KIB]).await;
    assert_succeeded(&site.done(&site.export("run3", &out, &["team/app:v1"], "one.tar").await).await);

    let run = site.done(&site.import("run4", &into, "one.tar").await).await;
    assert_eq!(failure(&run).code, "TagConflict");
    assert!(failure(&run).message.contains("OverwriteTags"), "{:?}", failure(&run));
    site.check(&first, "team/app", "v1").await;

    site.pipeline(Direction::Import, "in", &[PipelineOption::OverwriteTags]).await;
    assert_succeeded(&site.done(&site.import("run5", &into, "one.tar").await).await);
    site.check(&second, "team/app", "v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_continue_on_errors_the_rest_arrives_and_the_run_says_what_did_not() {
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[20 * KIB]).await;
    let artifacts = ["team/app:v1", "team/app:v8", "team/none:v9"];
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    let run = site.done(&site.export("run1", &out, &artifacts, "one.tar").await).await;
    assert_eq!(failure(&run).code, "ArtifactsFailed");
    assert!(!site.folder.join("one.tar").exists());

    site.pipeline(Direction::Export, "out", &[PipelineOption::ContinueOnErrors]).await;
    let run = site.done(&site.export("run2", &out, &artifacts, "one.tar").await).await;
    let why = failure(&run);
    assert_eq!(why.code, "ArtifactsFailed");
    assert!(why.message.starts_with("2 of 3 artifacts failed"), "{}", why.message);
    for artifact in ["team/app:v8", "team/none:v9"] {
        assert!(why.message.contains(artifact), "{}", why.message);
        assert!(run.record.failed.iter().any(|failed| failed.artifact.ends_with(artifact)));
    }
    assert_eq!(run.record.artifacts, ["team/app:v1"]);
    assert_eq!(run.record.attempts, 1);

    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let imported = site.done(&site.import("run3", &into, "one.tar").await).await;
    assert_succeeded(&imported);
    assert_eq!(imported.record.warnings.len(), 2, "{:?}", imported.record.warnings);
    site.check(&made, "team/app", "v1").await;

    // of an import, too
    let one = site.push("team/app", "v1", 40, &[10 * KIB]).await;
    let two = site.push("team/web", "v1", 50, &[10 * KIB]).await;
    let all = ["team/app:v1", "team/web:v1"];
    assert_succeeded(&site.done(&site.export("run4", &out, &all, "two.tar").await).await);
    site.pipeline(Direction::Import, "in", &[PipelineOption::ContinueOnErrors]).await;
    let run = site.done(&site.import("run5", &into, "two.tar").await).await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(run.record.artifacts, ["team/web:v1"]);
    assert!(failure(&run).message.contains("team/app:v1"), "{:?}", failure(&run));
    site.check(&two, "team/web", "v1").await;
    assert_ne!(one.digest(), made.digest());
    site.check(&made, "team/app", "v1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_blob_goes_only_after_success() {
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[20 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    assert_succeeded(&site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await);
    let into = site.pipeline(Direction::Import, "in", &[PipelineOption::DeleteSourceBlobOnSuccess]).await;

    let wrong = format!("sha256:{}", "0".repeat(64));
    let run = site.done(&site.import_of("run2", &into, "one.tar", Some(&wrong)).await).await;
    assert_eq!(run.state, RunState::Failed);
    assert!(site.folder.join("one.tar").exists());

    assert_succeeded(&site.done(&site.import("run3", &into, "one.tar").await).await);
    assert!(!site.folder.join("one.tar").exists());
}
