//! The adapter through a proxy that cuts, loses and delays.

use std::sync::Arc;

use bytes::Bytes;
use transload_blobstore::conformance::{self, blocks};
use transload_blobstore::{BlobStore, ErrorKind, StageOptions};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::Moto;

use super::{any_key, opened, options};

struct Place {
    moto: Moto,
    proxy: FaultProxy,
}

impl Place {
    fn new() -> Self {
        let moto = Moto::start();
        moto.create_bucket("transfer");
        let proxy = FaultProxy::start(moto.addr());
        Self { moto, proxy }
    }

    fn store(&self) -> Arc<dyn BlobStore> {
        opened("transfer", &any_key(), &options(&self.proxy.url()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_where_every_kind_of_request_fails_now_and_then() {
    let place = Place::new();
    for n in [3, 9, 30] {
        place.proxy.add(Rule::on("PUT", "partNumber=").nth(n).cut_request_after(1000));
        place.proxy.add(Rule::on("PUT", "partNumber=").nth(n + 2).lose_answer());
        place.proxy.add(Rule::on("GET", "transfer/").nth(n).status(503));
        place.proxy.add(Rule::on("HEAD", "transfer/").nth(n).drop_connection());
    }
    for n in [2, 4, 6] {
        place.proxy.add(Rule::on("POST", "uploadId=").nth(n).status(500));
        place.proxy.add(Rule::on("GET", "list-type=2").nth(n).drop_connection());
        place.proxy.add(Rule::on("PUT", ".partial.blocks").nth(n).drop_connection());
        place.proxy.add(Rule::on("GET", "transfer/").and_header("range").nth(n).cut_response_after(1));
    }
    conformance::run(async || place.store()).await;
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_known_for_ours() {
    let place = Place::new();
    for overwrite in [false, true] {
        let lost = place.proxy.add(Rule::on("POST", "uploadId=").nth(1).lose_answer());
        let store = place.store();
        let name = format!("lost-{overwrite}");
        let parts = [Bytes::from_static(b"all of it")];
        let list = blocks(&parts);
        let stage = store.stage(&name, StageOptions { overwrite, ..StageOptions::default() }).await.unwrap();
        stage.put(&list[0], parts[0].clone()).await.unwrap();
        let stat = stage.commit(&list).await.unwrap();
        assert_eq!((lost.fired(), stat.size), (1, 9));
        assert_eq!(place.moto.get_object("transfer", &name).unwrap(), parts.concat());
        place.proxy.clear();
    }
}

#[tokio::test]
async fn a_store_that_knows_no_conditions_is_looked_at_before_the_commit() {
    let place = Place::new();
    let body = "<Error><Code>NotImplemented</Code></Error>";
    let refused = place.proxy.add(Rule::on("POST", "uploadId=").and_header("if-none-match").answer(
        501,
        &[],
        body.as_bytes(),
    ));
    let store = place.store();
    let parts = [Bytes::from_static(b"ours")];
    let list = blocks(&parts);
    let stage = store.stage("free", StageOptions::default()).await.unwrap();
    stage.put(&list[0], parts[0].clone()).await.unwrap();
    stage.commit(&list).await.unwrap();
    assert_eq!(refused.fired(), 1);

    let stage = store.stage("taken", StageOptions::default()).await.unwrap();
    stage.put(&list[0], parts[0].clone()).await.unwrap();
    place.moto.put_object("transfer", "taken", b"theirs");
    assert_eq!(stage.commit(&list).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(place.moto.get_object("transfer", "taken").unwrap(), b"theirs");
}

#[tokio::test]
async fn a_completion_that_fails_behind_a_good_status_is_a_failure() {
    let place = Place::new();
    let body = "<?xml version=\"1.0\"?>\n  \n<Error><Code>InternalError</Code></Error>";
    let failed = place.proxy.add(Rule::on("POST", "uploadId=").nth(1).answer(200, &[], body.as_bytes()));
    let store = place.store();
    let parts = [Bytes::from_static(b"ours")];
    let list = blocks(&parts);
    let stage = store.stage("b", StageOptions::default()).await.unwrap();
    stage.put(&list[0], parts[0].clone()).await.unwrap();
    stage.commit(&list).await.unwrap();
    assert_eq!(failed.fired(), 1, "it is tried again");
    assert_eq!(place.moto.get_object("transfer", "b").unwrap(), b"ours");
}

#[tokio::test]
async fn what_a_killed_run_staged_is_found_but_for_the_last_few_parts() {
    let place = Place::new();
    let store = place.store();
    let parts: Vec<Bytes> = (0..40).map(|i| Bytes::from(vec![i; 64])).collect();
    let list = blocks(&parts);
    let stage = store.stage("b", StageOptions::default()).await.unwrap();
    for (block, part) in list.iter().zip(&parts) {
        stage.put(block, part.clone()).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    }
    // no farewell, as when the process is killed
    drop(stage);
    let again = store.stage("b", StageOptions::default()).await.unwrap();
    let found = again.staged();
    assert!(!found.is_empty() && found.len() <= 40, "{}", found.len());
    for block in &found {
        let staged = &list[block.index.unwrap() as usize];
        assert_eq!((block.id, block.len), (staged.id, staged.len));
    }
    let lists = place.proxy.count("PUT", ".partial.blocks");
    assert!(lists < 30, "the ledger is not written for every part: {lists}");
    again.discard().await.unwrap();
    assert_eq!(place.moto.uploads("transfer"), 0);
    assert_eq!(place.moto.get_object("transfer", "b.partial.blocks"), None);
}

#[tokio::test]
async fn a_part_is_copied_by_the_store_from_the_object_that_is_meant() {
    let place = Place::new();
    place.moto.put_object("transfer", "from", b"0123456789");
    let store = place.store();
    let list = blocks(&[Bytes::from_static(b"3456")]);
    let stage = store.stage("to", StageOptions::default()).await.unwrap();
    let source = store.copy_source("from", Some("\"abc\"")).unwrap();
    let refused = "<Error><Code>PreconditionFailed</Code></Error>";
    place.proxy.add(Rule::on("PUT", "partNumber=").nth(1).answer(412, &[], refused.as_bytes()));
    assert_eq!(stage.put_from(&list[0], &source, 3).await.unwrap_err().kind(), ErrorKind::Changed);
    let asked = place.proxy.matching("PUT", "partNumber=").pop().unwrap();
    assert_eq!(asked.header("x-amz-copy-source"), Some("/transfer/from"));
    assert_eq!(asked.header("x-amz-copy-source-range"), Some("bytes=3-6"));
    assert_eq!(asked.header("x-amz-copy-source-if-match"), Some("\"abc\""));
    assert_eq!(asked.request_body_bytes, 0, "no byte goes by here");
    assert!(stage.put_from(&list[0], &source, 3).await.unwrap());
    stage.commit(&list).await.unwrap();
    assert_eq!(place.moto.get_object("transfer", "to").unwrap(), b"3456");

    let elsewhere = opened("transfer", &any_key(), &options(&place.moto.url()));
    let far = elsewhere.copy_source("from", None).unwrap();
    let stage = store.stage("other", StageOptions::default()).await.unwrap();
    assert!(!stage.put_from(&list[0], &far, 3).await.unwrap(), "another endpoint's objects are not at hand");
}
