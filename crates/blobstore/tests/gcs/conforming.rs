//! The suite, with and without faults.

use bytes::Bytes;
use transload_blobstore::conformance::{self, blocks};
use transload_blobstore::{ErrorKind, StageOptions};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::FakeGcs;

use super::{store_at, write};

#[tokio::test(flavor = "multi_thread")]
async fn the_emulator_conforms() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let url = gcs.url();
    conformance::run(async || store_at(&url, "transfer")).await;
    assert_eq!(gcs.count("transfer", "conformance/many"), 1, "no block stays behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_where_every_kind_of_request_fails_now_and_then() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(gcs.addr());
    for n in [3, 40, 200] {
        proxy.add(Rule::on("POST", "/upload/").nth(n).cut_request_after(2));
        proxy.add(Rule::on("POST", "/upload/").nth(n + 5).lose_answer());
        proxy.add(Rule::on("DELETE", "/o/").nth(n).lose_answer());
    }
    for n in [2, 5, 9] {
        proxy.add(Rule::on("POST", "/compose").nth(n).status(503));
        proxy.add(Rule::on("GET", "/o?").nth(n).drop_connection());
        proxy.add(Rule::on("GET", "alt=media").nth(n).cut_response_after(1));
    }
    let url = proxy.url();
    conformance::run(async || store_at(&url, "transfer")).await;
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_known_for_ours() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(gcs.addr());
    let lost = proxy.add(Rule::on("POST", "/compose").nth(1).lose_answer());
    let parts = [Bytes::from_static(b"one "), Bytes::from_static(b"two")];
    let stat = write(store_at(&proxy.url(), "transfer").as_ref(), "b", &parts).await.unwrap();
    assert_eq!((lost.fired(), stat.size), (1, 7));
    assert_eq!(gcs.get_object("transfer", "b").unwrap(), b"one two");
}

#[tokio::test]
async fn a_commit_that_another_won_is_refused_by_the_store() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(gcs.addr());
    // the look before the commit sees nothing
    proxy.add(Rule::on("GET", "/o/b").first(2).answer(404, &[], b"{}"));
    let store = store_at(&proxy.url(), "transfer");
    let parts = [Bytes::from_static(b"ours")];
    let list = blocks(&parts);
    let stage = store.stage("b", StageOptions::default()).await.unwrap();
    stage.put(&list[0], parts[0].clone()).await.unwrap();
    gcs.put_object("transfer", "b", b"theirs");
    assert_eq!(stage.commit(&list).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(proxy.count("POST", "/compose"), 1);
    assert_eq!(gcs.get_object("transfer", "b").unwrap(), b"theirs");
    assert_eq!(stage.staged().len(), 0);
    let again = store.stage("b", StageOptions { overwrite: true, ..StageOptions::default() }).await.unwrap();
    assert_eq!(again.staged().len(), 1, "what was staged is not lost");
    let unfinished = store.unfinished("").await.unwrap();
    assert_eq!((unfinished.len(), unfinished[0].name.as_str(), unfinished[0].size), (1, "b", 4));
}

#[tokio::test]
async fn many_blocks_are_composed_in_rounds() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(gcs.addr());
    let parts: Vec<Bytes> = (0..70).map(|i| Bytes::from(format!("{i:03}"))).collect();
    write(store_at(&proxy.url(), "transfer").as_ref(), "b", &parts).await.unwrap();
    assert_eq!(proxy.count("POST", "/compose"), 4, "32, 32 and 6 into three, and those into one");
    assert_eq!(gcs.get_object("transfer", "b").unwrap(), parts.concat());
    assert_eq!(gcs.count("transfer", ""), 1, "nothing stays behind");
}
