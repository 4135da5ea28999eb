//! The suite, and that requests are signed.

use bytes::Bytes;
use futures_util::TryStreamExt;
use transload_blobstore::conformance::{self, blocks};
use transload_blobstore::{ErrorKind, StageOptions};
use transload_testkit::peers::Moto;

use super::{any_key, key, opened, options};

#[tokio::test(flavor = "multi_thread")]
async fn moto_conforms() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let options = options(&moto.url());
    conformance::run(async || opened("transfer", &any_key(), &options)).await;
    assert_eq!(moto.get_object("transfer", "conformance/many.partial.blocks"), None, "nothing stays behind");
}

/// The suite's own prefixes hold slashes, for which this server's check of signatures is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_request_has_a_good_signature() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let good = key(&moto.lock(&["s3:*"]));
    let store = opened("transfer", &good, &options(&moto.url()));
    let name = "folder/name-1_2.tar";
    let parts = [Bytes::from(vec![b'a'; 5 << 20]), Bytes::from_static(b"the end")];
    let list = blocks(&parts);
    let stage = store.stage(name, StageOptions::default()).await.unwrap();
    stage.put(&list[0], parts[0].clone()).await.unwrap();
    stage.keep().await.unwrap();
    let stage = store.stage(name, StageOptions::default()).await.unwrap();
    assert_eq!(stage.staged().len(), 1);
    stage.put(&list[1], parts[1].clone()).await.unwrap();
    let stat = stage.commit(&list).await.unwrap();
    let end: Vec<Bytes> = store
        .read(name, (5 << 20) + 4..(5 << 20) + 7, stat.etag.as_deref())
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(end.concat(), b"end");
    let listed: Vec<_> = store.list("folder").await.unwrap().try_collect().await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&stat), "the list says the same, and shows nothing else");
    let other = store.stage("other", StageOptions::default()).await.unwrap();
    other.put(&list[1], parts[1].clone()).await.unwrap();
    other.discard().await.unwrap();
    store.delete(name, stat.etag.as_deref()).await.unwrap();
    assert_eq!(store.stat(name).await.unwrap(), None);

    let error = opened("transfer", &any_key(), &options(&moto.url())).stat("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
}
