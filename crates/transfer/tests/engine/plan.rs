//! Plans that are kept.

use transload_registry::Source;
use transload_transfer::{Code, Diff, Outcome, PlanFile, Platforms};

use crate::support::*;

#[tokio::test]
async fn a_plan_is_read_back_as_it_was_written_and_exported_in_every_shape() {
    let source = source();
    for rewrite in [false, true] {
        let image = source.manifest("team/app", "v1").await.unwrap();
        index(
            &source,
            "team/app",
            "multi",
            &[("amd64", &image), ("arm64", &source.manifest("team/app", "v2").await.unwrap())],
        );
        let mut selection = selection(&["team/web", "team/app:multi", "team/app:v1"]);
        selection.platforms = Platforms { wanted: vec!["linux/amd64".parse().unwrap()], rewrite };
        let (report, plan) = PlanFile::make(&engine(), &sources(&source), &selection, "test", false).await;
        let plan = plan.unwrap_or_else(|| panic!("{report:?}"));
        let json = serde_json::to_vec(&plan).unwrap();
        assert_eq!(PlanFile::parse(&json, "plan").unwrap(), plan);
        assert_eq!(plan.bytes, report.totals.bytes);

        let store = store(ORDERS[0]);
        let mut export = export_of(&source, &store, &[]);
        export.selection = plan.to_selection("plan").unwrap();
        export.approved = Some(plan.clone());
        let report = export.run(&engine()).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
        assert_eq!(report.plan_id.as_deref(), Some(plan.plan_id.as_str()));
        assert!(Diff::of(&plan.contents, &plan.contents).is_empty());
    }
}

#[tokio::test]
async fn what_is_gone_is_named_and_nothing_is_written() {
    let source = source();
    let selection = selection(&["team/web", "team/app"]);
    let (_, plan) = PlanFile::make(&engine(), &sources(&source), &selection, "test", false).await;
    let mut plan = plan.unwrap();
    let store = store(ORDERS[0]);
    plan.contents.artifacts[0].manifests.pop();
    plan.plan_id = "0".repeat(64);
    let mut export = export_of(&source, &store, &[]);
    export.selection = plan.to_selection("plan").unwrap();
    export.approved = Some(plan);
    let error = export.run(&engine()).await.error.unwrap();
    assert_eq!(error.code(), Code::PlanDiffers, "{error}");
    assert!(store.bytes(BUNDLE).is_none());
}
