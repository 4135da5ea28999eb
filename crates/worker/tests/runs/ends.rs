//! From one registry to another through a blob, and what the record says of it.

use transload_control::resource::Direction;
use transload_control::run::{RunState, Work};
use transload_testkit::peers::DockerRegistry;

use crate::support::{KIB, Site, assert_succeeded, failure};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_and_an_import_bring_artifacts_across() {
    let site = Site::new().await;
    let made = site.push("team/app", "v1", 1, &[300 * KIB, 20 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    let exported = site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await;
    assert_succeeded(&exported);
    assert_eq!(exported.record.artifacts, ["team/app:v1"]);
    assert!(exported.record.bytes_total >= 320 * KIB);
    assert_eq!(exported.record.bytes_moved, exported.record.bytes_total);
    assert_eq!(exported.record.attempts, 1);
    assert!(exported.record.started_at.is_some() && exported.record.finished_at.is_some());
    let uri = exported.record.blob_uri.as_deref().unwrap();
    assert!(uri.starts_with("file://") && uri.ends_with("/one.tar"), "{uri}");
    let digest = exported.record.catalog_digest.as_deref().unwrap();

    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let id = site.import_of("run2", &into, "one.tar", Some(digest)).await;
    let imported = site.done(&id).await;
    assert_succeeded(&imported);
    assert_eq!(imported.record.artifacts, ["team/app:v1"]);
    assert_eq!(imported.record.catalog_digest.as_deref(), Some(digest));
    site.check(&made, "team/app", "v1").await;

    let log: Vec<String> = site.log(&id).await.into_iter().map(|line| line.line).collect();
    for event in ["attempt", "resolved", "planned", "artifact_finished", "ended"] {
        assert!(log.iter().any(|line| line.contains(&format!(r#""event":"{event}""#))), "{event}: {log:#?}");
    }
    assert!(log[0].contains("test-correlation"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_bundle_that_was_meant_is_not_imported() {
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[20 * KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    assert_succeeded(&site.done(&site.export("run1", &out, &["team/app:v1"], "one.tar").await).await);
    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let wrong = format!("sha256:{}", "0".repeat(64));
    let run = site.done(&site.import_of("run2", &into, "one.tar", Some(&wrong)).await).await;
    assert_eq!(failure(&run).code, "CatalogDigestMismatch");
    assert!(site.open(&site.far).source().repositories(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_with_what_to_do() {
    let site = Site::new().await;
    site.push("team/app", "v1", 1, &[KIB]).await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    let run = site.done(&site.export("run1", &out, &["team/app:v9"], "one.tar").await).await;
    assert_eq!(failure(&run).code, "TagNotFound");
    assert!(failure(&run).message.contains("team/app:v9"), "{:?}", failure(&run));
    assert_eq!((run.record.failed.len(), run.record.attempts), (1, 1));

    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let run = site.done(&site.import("run2", &into, "none.tar").await).await;
    assert_eq!(failure(&run).code, "BundleNotFound");

    let id = site.import("run3", &into, "none.tar").await;
    assert!(site.ledger.delete(&into).await.unwrap());
    assert_eq!(failure(&site.done(&id).await).code, "ResourceNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_not_there_is_tried_again_and_then_given_up() {
    let site = Site::new().await;
    let gone = site.external("gone", "127.0.0.1:1").await;
    let work = Work::ImportImage {
        registry: site.near.id.clone(),
        source_registry: Some(gone.clone()),
        source_host: None,
        source_image: "team/app:v1".to_owned(),
        user: None,
        password_sealed: None,
        target_tags: vec!["team/app:v1".to_owned()],
        untagged_target_repositories: Vec::new(),
        force: false,
    };
    let run = site.done(&site.put(&site.near.id.child("pipelineRuns", "copy"), work).await).await;
    assert_eq!(failure(&run).code, "RegistryUnreachable");
    assert_eq!(run.record.attempts, 3);
    // somebody waits for a check, and can ask again
    let check = Work::Check { subject: gone.clone() };
    let run = site.done(&site.put(&gone.child("pipelineRuns", "check"), check).await).await;
    assert_eq!((failure(&run).code.as_str(), run.record.attempts), ("RegistryUnreachable", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_what_works_and_moves_nothing() {
    let site = Site::new().await;
    let out = site.pipeline(Direction::Export, "out", &[]).await;
    let id = site.near.id.child("pipelineRuns", "check");
    let run = site.done(&site.put(&id, Work::Check { subject: out }).await).await;
    assert_succeeded(&run);
    assert_eq!(run.record.warnings.len(), 2, "{:?}", run.record.warnings);
    assert_eq!(std::fs::read_dir(&site.folder).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_copied_from_registry_to_registry_under_other_names() {
    let site = Site::new().await;
    let docker = DockerRegistry::start();
    let peer = site.external("peer", &docker.host()).await;
    let made = site.push("team/app", "v1", 1, &[30 * KIB]).await;
    let work = |force: bool, tag: &str| Work::ImportImage {
        registry: peer.clone(),
        source_registry: Some(site.near.id.clone()),
        source_host: None,
        source_image: format!("team/app:{tag}"),
        user: None,
        password_sealed: None,
        target_tags: vec!["far/app:stable".to_owned(), "other/app:v1".to_owned()],
        untagged_target_repositories: vec!["bare/app".to_owned()],
        force,
    };
    let id = peer.child("pipelineRuns", "copy1");
    let run = site.done(&site.put(&id, work(false, "v1")).await).await;
    assert_succeeded(&run);
    let bare = format!("bare/app@{}", made.digest());
    assert_eq!(run.record.artifacts, ["far/app:stable", "other/app:v1", bare.as_str()]);
    let at = transload_endpoints::RegistryAt {
        plain_http: true,
        ..transload_endpoints::RegistryAt::anonymous(docker.host())
    };
    let source = site.endpoints.open_registry(&at).unwrap().source();
    for (repository, tag) in [("far/app", Some("stable")), ("other/app", Some("v1")), ("bare/app", None)] {
        made.check(source.as_ref(), repository, tag).await.unwrap();
    }
    assert!(source.tags("bare/app").await.unwrap_or_default().is_empty());

    let other = site.push("team/app", "v2", 9, &[30 * KIB]).await;
    let run = site.done(&site.put(&id, work(false, "v2")).await).await;
    assert_eq!(failure(&run).code, "TagConflict");
    assert!(failure(&run).message.contains("mode Force"));
    assert_succeeded(&site.done(&site.put(&id, work(true, "v2")).await).await);
    other.check(source.as_ref(), "far/app", Some("stable")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_is_canceled_without_a_worker_and_stays_so() {
    let site = Site::new().await;
    let into = site.pipeline(Direction::Import, "in", &[]).await;
    let id = site.import("run1", &into, "none.tar").await;
    site.ledger.cancel_run(&id, "test").await.unwrap();
    assert_eq!(site.done(&id).await.state, RunState::Canceled);
}
