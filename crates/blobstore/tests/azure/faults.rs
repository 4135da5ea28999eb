//! The adapter through a proxy that cuts, loses and delays.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use transload_blobstore::{BlobStore, ErrorKind, StageOptions, StoreOptions, Timeouts, conformance};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{ACCOUNT, Azurite};

use super::{opened, options, read, store_at, write};

struct Place {
    azurite: Azurite,
    proxy: FaultProxy,
    url: String,
}

impl Place {
    fn new() -> Self {
        let azurite = Azurite::start();
        azurite.create_container("transfer");
        let proxy = FaultProxy::start(azurite.addr());
        let token = Sas::container("transfer").permissions("racwdl").token();
        let url = format!("{}/{ACCOUNT}/transfer?{token}", proxy.url());
        Self { azurite, proxy, url }
    }

    fn store(&self) -> Arc<dyn BlobStore> {
        store_at(&self.url)
    }
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_where_every_kind_of_request_fails_now_and_then() {
    let place = Place::new();
    for n in [3, 40, 200] {
        place.proxy.add(Rule::on("PUT", "comp=block&").nth(n).cut_request_after(2));
        place.proxy.add(Rule::on("PUT", "comp=block&").nth(n + 5).lose_answer());
        place.proxy.add(Rule::on("GET", "transfer/").nth(n).status(503));
    }
    for n in [2, 7, 11] {
        place.proxy.add(Rule::on("HEAD", "transfer/").nth(n).drop_connection());
        place.proxy.add(Rule::on("PUT", "comp=blocklist").nth(n).status(500));
        place.proxy.add(Rule::on("GET", "comp=list").nth(n).drop_connection());
        place.proxy.add(Rule::on("GET", "transfer/").and_header("x-ms-range").nth(n).cut_response_after(1));
    }
    conformance::run(async || place.store()).await;
}

#[tokio::test]
async fn a_read_goes_on_where_it_was_cut() {
    let place = Place::new();
    let whole = content(3_000_000);
    place.azurite.put_blob("transfer", "big", &whole);
    let cut = place.proxy.add(Rule::on("GET", "transfer/big").first(3).cut_response_after(700_000));
    assert_eq!(read(place.store().as_ref(), "big", 5..2_999_999).await.unwrap(), whole[5..2_999_999]);
    assert_eq!(cut.fired(), 3);
    let asked: Vec<_> = place.proxy.matching("GET", "transfer/big");
    assert!(asked[0].header("if-match").is_none());
    assert!(asked[1..].iter().all(|e| e.header("if-match").is_some()), "the rest is of the same blob");
    assert!(place.proxy.response_body_bytes() < 3_100_000, "nothing is read twice");
}

#[tokio::test]
async fn a_read_that_never_advances_ends() {
    let place = Place::new();
    place.azurite.put_blob("transfer", "big", &content(100_000));
    let cut = place.proxy.add(Rule::on("GET", "transfer/big").cut_response_after(0));
    let error = read(place.store().as_ref(), "big", 0..100_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert!(cut.fired() <= 12, "{}", cut.fired());
}

#[tokio::test]
async fn a_blob_that_changes_under_a_cut_read_is_noticed() {
    let place = Place::new();
    place.azurite.put_blob("transfer", "big", &content(2_000_000));
    place.proxy.add(Rule::on("GET", "transfer/big").nth(1).cut_response_after(1_000));
    let store = place.store();
    let stream = store.read("big", 0..2_000_000, None).await.unwrap();
    place.azurite.put_blob("transfer", "big", &content(2_000_001));
    let result: Result<Vec<Bytes>, _> = stream.try_collect().await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Changed);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_known_for_ours() {
    let place = Place::new();
    for overwrite in [false, true] {
        let lost = place.proxy.add(Rule::on("PUT", "comp=blocklist").nth(1).lose_answer());
        let parts = [Bytes::from_static(b"one "), Bytes::from_static(b"two")];
        let name = format!("lost-{overwrite}");
        let stat = write(place.store().as_ref(), &name, &parts, overwrite).await.unwrap();
        assert_eq!((lost.fired(), stat.size), (1, 7));
        assert_eq!(place.azurite.get_blob("transfer", &name).unwrap(), b"one two");
        place.proxy.clear();
    }
}

#[tokio::test]
async fn a_commit_that_another_won_while_ours_was_lost_is_not_taken_for_ours() {
    let place = Place::new();
    place
        .proxy
        .add(Rule::on("PUT", "comp=blocklist").nth(1).drop_connection().delay(Duration::from_millis(300)));
    let store = place.store();
    let parts = [Bytes::from_static(b"ours")];
    let (result, ()) = tokio::join!(write(store.as_ref(), "race", &parts, false), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        place.azurite.put_blob("transfer", "race", b"theirs");
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(place.azurite.get_blob("transfer", "race").unwrap(), b"theirs");
}

#[tokio::test]
async fn a_long_list_is_asked_for_page_by_page() {
    let place = Place::new();
    let page = |names: &[&str], marker: &str| {
        let blob = |name: &&str| {
            format!(
                "<Blob><Name>{name}</Name><Properties><Content-Length>1</Content-Length><Etag>0x1</Etag></Properties></Blob>"
            )
        };
        let blobs: String = names.iter().map(blob).collect();
        format!(
            "<?xml version=\"1.0\"?><EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
        )
    };
    let pages = [page(&["a", "b"], "m1"), page(&[], "m 2"), page(&["c"], "")];
    for (n, page) in (1..).zip(&pages) {
        place.proxy.add(Rule::on("GET", "comp=list").nth(n).answer(200, &[], page.as_bytes()));
    }
    let list = place.store().list("").await.unwrap();
    assert_eq!(place.proxy.count("GET", "comp=list"), 1, "the next page waits until it is wanted");
    let found: Vec<_> = list.try_collect().await.unwrap();
    assert_eq!(found.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(found[0].etag.as_deref(), Some("\"0x1\""), "as headers have it");
    assert_eq!(place.proxy.count("GET", "marker=m+2"), 1);
}

#[tokio::test]
async fn the_stores_wish_to_wait_is_kept() {
    let place = Place::new();
    place.azurite.put_blob("transfer", "b", b"x");
    place.proxy.add(Rule::on("HEAD", "transfer/b").nth(1).retry_after(503, 1));
    let started = std::time::Instant::now();
    assert!(place.store().stat("b").await.unwrap().is_some());
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn silence_is_not_waited_for_for_ever() {
    let place = Place::new();
    place.azurite.put_blob("transfer", "b", &content(500_000));
    place.proxy.add(Rule::on("GET", "transfer/b").nth(1).stall_response_after(1_000, None));
    let timeouts = Timeouts { idle: Duration::from_secs(3), ..Timeouts::default() };
    let store = opened(&place.url, &StoreOptions { timeouts, ..options() });
    assert_eq!(read(store.as_ref(), "b", 0..500_000).await.unwrap(), content(500_000));
}

/// The emulator knows no such request.
#[tokio::test]
async fn a_block_is_copied_from_a_url_where_the_service_can() {
    let place = Place::new();
    place.azurite.put_blob("transfer", "from", b"0123456789");
    let store = place.store();
    let parts = [Bytes::from_static(b"3456")];
    let list = conformance::blocks(&parts);
    let stage = store.stage("to", StageOptions::default()).await.unwrap();
    let source = store.copy_source("from", Some("\"0x1\"")).unwrap();
    assert!(!format!("{source:?}").contains("sig"), "{source:?}");
    assert!(!stage.put_from(&list[0], &source, 3).await.unwrap(), "this one cannot, and says so");

    place.proxy.clear();
    place.proxy.add(Rule::on("PUT", "comp=block&").and_header("x-ms-copy-source").answer(201, &[], b""));
    assert!(stage.put_from(&list[0], &source, 3).await.unwrap());
    let asked = place.proxy.matching("PUT", "comp=block&").pop().unwrap();
    assert_eq!(asked.header("x-ms-source-range"), Some("bytes=3-6"));
    assert_eq!(asked.header("x-ms-source-if-match"), Some("\"0x1\""));
    let from = asked.header("x-ms-copy-source").unwrap();
    assert!(from.contains("/transfer/from?") && from.contains("sig="), "the source is read with its token");
    assert_eq!(asked.request_body_bytes, 0, "no byte goes by here");
}
