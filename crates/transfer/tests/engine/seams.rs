//! What those who coordinate several transfers hold on to: the checkpoint, the catalog's digest, telling bundles apart
//! while they arrive, and a bundle that cannot be deleted.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use parking_lot::Mutex;
use transload_blobstore::{
    BlobStat, BlobStore, BlockLimits, ByteStream, Error as StoreError, ErrorKind, Stage, StageOptions,
};
use transload_registry::{Source, Target};
use transload_transfer::{
    Candidate, Checkpoint, Code, Copy, Error, Intent, Outcome, Retag, Sight, TargetOptions, candidates,
    inspect, sight,
};

use crate::support::{
    BUNDLE, KIB, ORDERS, artifact, engine, export, export_of, import, import_of, noise, selection, source,
    sources, store, tags, target,
};

/// Notes what it is asked, and says no if it is to.
#[derive(Debug, Default)]
struct Asked {
    intents: Mutex<Vec<Intent>>,
    refuses: bool,
}

#[async_trait]
impl Checkpoint for Asked {
    async fn pass(&self, intent: &Intent) -> Result<(), Error> {
        self.intents.lock().push(intent.clone());
        if self.refuses { Err(Error::new(Code::BundleBusy, "x", "another has it")) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_checkpoint_sees_every_tag_and_the_catalog_before_anything_is_written() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    let v1 = source.manifest("team/app", "v1").await.unwrap();
    let cosign = format!("{}.sig", v1.digest.referrers_tag());
    artifact(&source, "team/app", Some(&cosign), "application/vnd.dev.cosign", None);
    let exported = export(&source, &store, &["team/app:v1", "team/web:v1"]).await;
    assert_eq!(exported.outcome, Outcome::Succeeded, "{exported:?}");

    for refuses in [true, false] {
        let asked = Arc::new(Asked { refuses, ..Asked::default() });
        let mut import = import_of(&store, &target);
        import.options.prefix = "far".to_owned();
        import.options.checkpoint = Some(Arc::clone(&asked) as Arc<dyn Checkpoint>);
        let report = import.run(&engine()).await;
        let intents = asked.intents.lock();
        let mut expected = vec![
            format!("target.test/far/team/app:{cosign}"),
            "target.test/far/team/app:v1".to_owned(),
            "target.test/far/team/web:v1".to_owned(),
        ];
        expected.sort();
        assert_eq!(*intents, [Intent { tags: expected, catalog_digest: exported.catalog_digest }]);
        if refuses {
            assert_eq!(report.error.unwrap().code(), Code::BundleBusy);
            assert_eq!(target.counters().blobs_uploaded, 0);
            assert!(tags(&target).is_empty());
        } else {
            assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
        }
    }
}

#[tokio::test]
async fn both_sides_name_the_same_catalog() {
    for order in ORDERS {
        let (source, store, target) = (source(), store(order), target());
        let exported = export(&source, &store, &["team/app"]).await;
        let imported = import(&store, &target).await;
        let digest = exported.catalog_digest.unwrap();
        assert_eq!(imported.catalog_digest, Some(digest), "{order:?}");
        let again = export(&source, &store, &["team/app"]).await;
        assert_eq!((again.outcome, again.catalog_digest), (Outcome::Unchanged, Some(digest)));
        let mut other = export_of(&source, &store, &["team/web"]);
        other.options.overwrite_blobs = true;
        assert_ne!(other.run(&engine()).await.catalog_digest.unwrap(), digest);
    }
}

async fn seen(store: &Arc<dyn BlobStore>) -> Vec<(String, Sight)> {
    let listed = store.list("").await.unwrap().try_collect().await.unwrap();
    let mut seen = Vec::new();
    for candidate in candidates(store, listed) {
        let sight = sight(&engine(), &candidate).await.unwrap();
        seen.push((candidate.name, sight));
    }
    seen
}

#[tokio::test]
async fn bundles_are_told_from_copies_that_are_not_whole_and_from_other_blobs() {
    let (source, store) = (source(), store(ORDERS[0]));
    let exported = export(&source, &store, &["team/app"]).await;
    let whole = store.bytes(BUNDLE).unwrap();
    store.insert("again.tar", whole.clone());
    store.insert("begun.tar", whole.slice(..700));
    store.insert("half.tar", whole.slice(..whole.len() / 2));
    store.insert("nearly.tar", whole.slice(..whole.len() - 1));
    store.insert("empty.tar", "");
    store.insert("page.html", "<html>Sign in</html>");
    store.insert("noise", noise(7, 40 * KIB));
    store.insert("parts.tar.001", whole.slice(..whole.len() / 2));
    store.insert("parts.tar.002", whole.slice(whole.len() / 2..));
    store.insert("torn.tar.001", whole.slice(..whole.len() / 2));
    store.insert("layout/oci-layout", "{}");
    let store = store as Arc<dyn BlobStore>;
    let seen = seen(&store).await;
    let kind = |sight: &Sight| match sight {
        Sight::Bundle { id, catalog_digest } => {
            assert_eq!(
                (Some(id.clone()), catalog_digest),
                (catalog_digest.map(|d| d.to_string()), &exported.catalog_digest)
            );
            "bundle"
        }
        Sight::Partial { .. } => "partial",
        Sight::Other { .. } => "other",
    };
    let kinds: Vec<(&str, &str)> = seen.iter().map(|(name, sight)| (name.as_str(), kind(sight))).collect();
    assert_eq!(
        kinds,
        [
            ("again.tar", "bundle"),
            ("begun.tar", "partial"),
            (BUNDLE, "bundle"),
            ("empty.tar", "partial"),
            ("half.tar", "partial"),
            ("nearly.tar", "partial"),
            ("noise", "other"),
            ("page.html", "other"),
            ("parts.tar.001", "bundle"),
            ("torn.tar.001", "partial"),
        ]
    );
}

#[tokio::test]
async fn a_copy_gives_another_tag_or_none() {
    for (retag, expected) in [
        (Retag::To("stable".to_owned()), vec!["far/app:stable"]),
        (Retag::Keep, vec!["far/app:v1"]),
        (Retag::Drop, vec![]),
    ] {
        let (source, target) = (source(), target());
        let copy = Copy {
            sources: sources(&source),
            selection: selection(&["team/app:v1"]),
            target: Arc::clone(&target) as Arc<dyn Target>,
            options: TargetOptions {
                renames: vec!["team/app=far/app".parse().unwrap()],
                retag,
                ..TargetOptions::default()
            },
        };
        let report = copy.run(&engine()).await;
        assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
        let names: Vec<String> = tags(&target).into_iter().map(|(name, _)| name).collect();
        let tagged: Vec<&str> =
            names.iter().map(String::as_str).filter(|name| !name.contains("sha256:")).collect();
        assert_eq!(tagged, expected);
        let digest = report.artifacts[0].digest.unwrap().to_string();
        assert!(target.manifest_stat("far/app", &digest).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_candidate_has_another_etag_when_any_of_it_changes() {
    let store = store(ORDERS[0]);
    store.insert("a.tar.001", "one");
    store.insert("a.tar.002", "two");
    let etags = || async {
        let store = Arc::clone(&store) as Arc<dyn BlobStore>;
        let listed = store.list("").await.unwrap().try_collect().await.unwrap();
        candidates(&store, listed).iter().map(|Candidate { etag, .. }| etag.clone()).collect::<Vec<_>>()
    };
    let before = etags().await;
    assert_eq!(before, etags().await);
    store.insert("a.tar.002", "owt");
    let after = etags().await;
    assert_eq!(after.len(), 1);
    assert_ne!(before, after);
}

/// A store that deletes nothing.
#[derive(Debug)]
struct Undeletable(Arc<dyn BlobStore>);

#[async_trait]
impl BlobStore for Undeletable {
    fn describe(&self, name: &str) -> String {
        self.0.describe(name)
    }

    fn limits(&self) -> BlockLimits {
        self.0.limits()
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, StoreError> {
        self.0.stat(name).await
    }

    async fn read(
        &self,
        name: &str,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<ByteStream, StoreError> {
        self.0.read(name, range, etag).await
    }

    async fn list(
        &self,
        prefix: &str,
    ) -> Result<BoxStream<'static, Result<BlobStat, StoreError>>, StoreError> {
        self.0.list(prefix).await
    }

    async fn delete(&self, name: &str, _: Option<&str>) -> Result<(), StoreError> {
        Err(StoreError::new(ErrorKind::Denied, name, "not yours"))
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, StoreError> {
        self.0.stage(name, options).await
    }
}

#[tokio::test]
async fn a_bundle_that_cannot_be_deleted_does_not_undo_its_import() {
    let (source, store, target) = (source(), store(ORDERS[0]), target());
    export(&source, &store, &["team/app"]).await;
    let mut import = import_of(&store, &target);
    import.store = Arc::new(Undeletable(Arc::clone(&store) as Arc<dyn BlobStore>));
    import.target = Arc::clone(&target) as Arc<dyn Target>;
    import.delete_source_blob_on_success = true;
    let report = import.run(&engine()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.error);
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].contains("could not be deleted") && report.warnings[0].contains("not yours"));
    assert_eq!(tags(&target).len(), 2);
    let there = Arc::clone(&store) as Arc<dyn BlobStore>;
    assert_eq!(inspect(&engine(), &there, BUNDLE).await.unwrap().artifacts.len(), 2);
}
