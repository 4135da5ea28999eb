//! Patterns, exclusions, and names that change on the way.

use std::sync::Arc;

use crate::support::*;
use transload_oci::Pattern;
use transload_registry::memory::MemoryRegistry;
use transload_registry::{ErrorKind, Target};
use transload_transfer::{Copy, Error, Outcome, Report, Selection, TargetOptions};

/// A registry with versions in two repositories, and a signature by tag.
fn versions() -> Arc<MemoryRegistry> {
    let registry = MemoryRegistry::new(SOURCE);
    for (seed, tag) in
        (1..).zip(["v1.3.0", "v1.4.0", "v1.4.1", "v1.4", "v2.0.0-rc1", "latest", "v1.4.1-alpine"])
    {
        image(&registry, "team/app", tag, &[noise(seed, 100)]);
    }
    image(&registry, "team/web", "v1.4.0", &[noise(20, 100)]);
    let lone = image(&registry, "lone", "main", &[noise(21, 100)]);
    artifact(&registry, "lone", Some(&format!("{}.sig", lone.digest.referrers_tag())), "sig", None);
    Arc::new(registry)
}

fn choice(wanted: &[&str], excluded: &[&str], latest: Option<usize>) -> Selection {
    let parse = |text: &&str| text.parse::<Pattern>().unwrap();
    Selection {
        wanted: wanted.iter().map(|text| parse(text).with_registry(SOURCE).into()).collect(),
        excluded: excluded.iter().map(parse).collect(),
        latest,
        ..Selection::of([])
    }
}

async fn planned(source: &Arc<MemoryRegistry>, selection: Selection) -> Report {
    let mut export = export_of(source, &store(ORDERS[0]), &[]);
    export.selection = selection;
    export.options.dry_run = true;
    export.run(&engine()).await
}

/// The artifacts of a plan without the registry's name.
async fn plan(wanted: &[&str], excluded: &[&str], latest: Option<usize>) -> Vec<String> {
    let report = planned(&versions(), choice(wanted, excluded, latest)).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    report.artifacts.iter().map(|a| a.source.strip_prefix("source.test/").unwrap().to_owned()).collect()
}

async fn refused(
    source: &Arc<MemoryRegistry>,
    wanted: &[&str],
    excluded: &[&str],
    latest: Option<usize>,
) -> Error {
    planned(source, choice(wanted, excluded, latest)).await.error.unwrap()
}

#[tokio::test]
async fn patterns_become_the_tags_that_fit() {
    assert_eq!(plan(&["team/app:v1.4*"], &[], None).await.len(), 4);
    assert_eq!(plan(&["team/app:^1.4.0"], &["**:v1.4"], None).await, ["team/app:v1.4.0", "team/app:v1.4.1"]);
    assert_eq!(plan(&["team/*:v1.4.0"], &[], None).await, ["team/app:v1.4.0", "team/web:v1.4.0"]);
    assert_eq!(
        plan(&["**"], &["team/**"], None).await,
        ["lone:main"],
        "the signature travels with its image"
    );
    assert_eq!(plan(&["team/app"], &[], Some(1)).await, ["team/app:v1.4.1"]);
    assert_eq!(
        plan(&["team/app"], &["team/app:v1.4.1"], Some(2)).await,
        ["team/app:v1.3.0", "team/app:v1.4.0"]
    );
    assert_eq!(
        plan(&["team/app:*-alpine", "team/web:v1.4.0"], &[], Some(9)).await,
        ["team/app:v1.4.1-alpine", "team/web:v1.4.0"]
    );
    // what two patterns name is one artifact
    assert_eq!(plan(&["team/web:v1.4.0", "team/web"], &[], None).await, ["team/web:v1.4.0"]);
}

#[tokio::test]
async fn the_report_says_what_a_pattern_became_and_which_exclusion_was_idle() {
    let report = planned(&versions(), choice(&["team/web:v*", "lone:main"], &[":nothing"], None)).await;
    assert_eq!(report.selection[0].asked, "source.test/team/web:v*");
    assert_eq!(report.selection[0].names, ["source.test/team/web:v1.4.0"]);
    assert_eq!((report.selection[1].count, report.selection[1].names.len()), (1, 0));
    assert_eq!(report.warnings, ["--exclude :nothing excludes nothing"]);
}

#[tokio::test]
async fn what_fits_nothing_fails_with_the_nearest() {
    let source = versions();
    let error = refused(&source, &["team/app:v3.*"], &[], None).await;
    assert_eq!(error.code().as_str(), "NothingMatched");
    assert!(
        error.detail().contains("none of the 7 tags") && error.next_step().contains("v1.3.0"),
        "{error} {}",
        error.next_step()
    );
    let error = refused(&source, &["taem/*"], &[], None).await;
    assert_eq!(error.code().as_str(), "NothingMatched");
    assert!(error.next_step().contains("team/app"), "{}", error.next_step());
    let error = refused(&source, &["lone"], &[], Some(1)).await;
    assert!(error.detail().contains("is a version"), "{error}");
    let error = refused(&source, &["team/web"], &["team/*"], None).await;
    assert_eq!(error.code().as_str(), "NothingMatched");
    assert!(error.detail().contains("excluded"), "{error}");
    let error = refused(&source, &["team/none:v*"], &[], None).await;
    assert_eq!(error.code().as_str(), "RepositoryNotFound");
}

#[tokio::test]
async fn a_registry_without_a_catalog_is_told_from_one_that_denies_it() {
    for (kind, code) in [(ErrorKind::Unsupported, "RegistryUnsupported"), (ErrorKind::Denied, "Denied")] {
        let source = versions();
        source.switch(|switches| switches.fails_with = Some(kind));
        let error = refused(&source, &["team/*"], &[], None).await;
        assert_eq!(error.code().as_str(), code);
        assert!(error.detail().contains("catalog") && error.next_step().contains("one by one"), "{error}");
    }
}

#[tokio::test]
async fn an_import_takes_only_what_is_asked_for_under_other_names() {
    let (source, store) = (versions(), store(ORDERS[0]));
    export(&source, &store, &["team/app", "team/web", "lone"]).await;
    let far = target();
    let mut import = import_of(&store, &far);
    import.only = vec!["team/*:v1.4.0".parse().unwrap(), "lone".parse().unwrap()];
    import.options.renames = vec!["team/*=prod/x-*".parse().unwrap(), "**=rest/**".parse().unwrap()];
    import.options.prefix = "far".to_owned();
    let report = import.run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    let names: Vec<String> =
        tags(&far).into_iter().map(|(tag, _)| tag).filter(|tag| !tag.ends_with(".sig")).collect();
    assert_eq!(names, ["far/prod/x-app:v1.4.0", "far/prod/x-web:v1.4.0", "far/rest/lone:main"]);
    assert_eq!(tags(&far).len(), 4, "the signature came along");

    let mut import = import_of(&store, &far);
    import.only = vec!["team/wbe".parse().unwrap()];
    let error = import.run(&engine()).await.error.unwrap();
    assert_eq!(error.code().as_str(), "NothingMatched");
    assert!(error.next_step().contains("team/web:v1.4.0"), "{}", error.next_step());
}

#[tokio::test]
async fn two_artifacts_that_would_have_one_name_are_refused_before_anything_is_pushed() {
    let (source, store, far) = (versions(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app:v1.4.0", "team/web:v1.4.0"]).await;
    let mut import = import_of(&store, &far);
    import.options.renames = vec!["team/*=all".parse().unwrap()];
    let error = import.run(&engine()).await.error.unwrap();
    assert_eq!(error.code().as_str(), "NameConflict");
    assert!(error.detail().contains("target.test/all:v1.4.0"), "{error}");
    let counters = far.counters();
    assert_eq!((counters.blobs_uploaded, counters.manifests_pushed), (0, 0));
}

#[tokio::test]
async fn a_copy_from_two_registries_is_told_apart_by_its_rules() {
    let near = MemoryRegistry::new("other.test");
    image(&near, "team/web", "v1.4.0", &[noise(99, 100)]);
    let (source, near, far) = (versions(), Arc::new(near), target());
    let mut both = sources(&source);
    both.insert("other.test".to_owned(), Arc::clone(&near) as _);
    let copy = |renames: &[&str]| Copy {
        sources: both.clone(),
        selection: Selection::of(
            ["source.test/team/web:v1.4.0", "other.test/team/web:v1.4.0"].map(|r| r.parse().unwrap()),
        ),
        target: Arc::clone(&far) as Arc<dyn Target>,
        options: TargetOptions {
            renames: renames.iter().map(|r| r.parse().unwrap()).collect(),
            ..TargetOptions::default()
        },
    };
    assert_eq!(copy(&[]).run(&engine()).await.error.unwrap().code().as_str(), "NameConflict");
    let report = copy(&["other.test/**=other/**", "none=x"]).run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(report.warnings, ["--map none=x fits no repository"]);
    let names: Vec<String> = tags(&far).into_iter().map(|(tag, _)| tag).collect();
    assert_eq!(names, ["other/team/web:v1.4.0", "team/web:v1.4.0"]);
}
