//! Killed anywhere and run again: the same bytes in the end, and little sent twice.

use crate::support::*;
use proptest::prelude::*;
use transload_blobstore::ErrorKind;
use transload_registry::Source;
use transload_transfer::{Code, Outcome};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

const REFERENCES: [&str; 2] = ["team/app", "team/web"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn an_export_that_broke_at_any_put_ends_in_the_same_bytes(at in 1u64..30, positioned: bool) {
        block_on(async {
            let order = ORDERS[usize::from(positioned)];
            let source = source();
            let whole = store(order);
            export(&source, &whole, &REFERENCES).await;
            let puts_whole = whole.puts();

            let broken = store(order);
            broken.fail_put(at, ErrorKind::Full);
            let first = export(&source, &broken, &REFERENCES).await;
            let puts_first = broken.puts();
            if at > puts_whole {
                assert_eq!(first.outcome, Outcome::Succeeded);
                return;
            }
            assert_eq!(first.error.as_ref().map(transload_transfer::Error::code), Some(Code::StoreFull));
            assert!(broken.bytes(BUNDLE).is_none());
            let second = export(&source, &broken, &REFERENCES).await;
            assert_eq!(second.outcome, Outcome::Succeeded, "{second:?}");
            assert!(broken.bytes(BUNDLE) == whole.bytes(BUNDLE));
            // head and trailer are always put; of the rest only what was in flight is put twice
            let in_flight = 1 + 4 + 2;
            assert!(broken.puts() <= puts_whole + in_flight, "{} then {} of {puts_whole}", puts_first, broken.puts());
        });
    }
}

#[tokio::test]
async fn a_blob_that_was_repaired_between_two_runs_is_staged_anew() {
    for order in RESUMABLE {
        let (source, store) = (source(), store(order));
        let web = source.manifest("team/web", "v1").await.unwrap();
        let layer = web.view.children.blobs[2].digest;
        source.damage_blob(&layer);
        assert_eq!(export(&source, &store, &REFERENCES).await.outcome, Outcome::Failed);
        // damaging turns the last byte over: twice is as it was
        source.damage_blob(&layer);
        let report = export(&source, &store, &REFERENCES).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{report:?}");
        assert_eq!(verify(&store).await.outcome, Outcome::Succeeded);
    }
}

#[tokio::test]
async fn what_was_staged_is_not_even_read_again() {
    let (source, store) = (source(), store(ORDERS[0]));
    store.fail_put(9, ErrorKind::Unreachable);
    assert_eq!(export(&source, &store, &REFERENCES).await.outcome, Outcome::Failed);
    let before = source.counters().blob_bytes_read;
    source.reset_counters();
    let report = export(&source, &store, &REFERENCES).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert!(report.totals.bytes_resumed > 0);
    let all = report.totals.bytes;
    let slack = 6 * 64 * KIB as u64;
    assert!(
        source.counters().blob_bytes_read + before <= all + slack,
        "{before} + {:?} of {all}",
        source.counters()
    );
}

#[tokio::test]
async fn an_import_that_broke_goes_on_with_what_is_missing() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &REFERENCES).await;
    target.switch(|s| s.refuses_manifests = Some("maintenance".to_owned()));
    assert_eq!(import(&store, &target).await.outcome, Outcome::Failed);
    target.switch(|s| s.refuses_manifests = None);
    target.reset_counters();
    let report = import(&store, &target).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert_eq!(target.counters().blobs_uploaded, 0, "every blob was there");
    assert_eq!(tags(&target), tags(&source));
}

#[tokio::test]
async fn stopping_says_so_and_keeps_what_was_staged() {
    let (source, store) = (source(), store(ORDERS[0]));
    let engine = engine();
    engine.cancel.cancel();
    let report = export_of(&source, &store, &REFERENCES).run(&engine).await;
    assert_eq!(report.outcome, Outcome::Interrupted);
    assert_eq!(report.error.unwrap().code(), Code::Interrupted);
}

#[tokio::test]
async fn a_referrer_that_is_there_but_not_listed_is_pushed_again() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    let app = source.manifest("team/app", "v1").await.unwrap();
    let sbom = artifact(&source, "team/app", None, "application/spdx+json", Some(&app));
    target.switch(|s| s.lacks_referrers_api = true);
    export(&source, &store, &["team/app:v1"]).await;
    assert_eq!(import(&store, &target).await.outcome, Outcome::Succeeded);
    assert_eq!(import(&store, &target).await.outcome, Outcome::Unchanged);
    // as if the first import had died before it came to the fallback tag
    let empty = manifest(&serde_json::json!({
        "schemaVersion": 2, "mediaType": transload_oci::media_type::OCI_INDEX, "manifests": []}));
    target.put_manifest("team/app", &app.digest.referrers_tag(), &empty);
    assert_eq!(import(&store, &target).await.outcome, Outcome::Succeeded);
    let listed = target.referrers("team/app", &app.digest).await.unwrap();
    assert_eq!(listed.iter().map(|d| d.digest).collect::<Vec<_>>(), [sbom.digest]);
}
