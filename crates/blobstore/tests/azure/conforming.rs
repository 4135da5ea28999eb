//! The suite, and what only Azure has.

use std::sync::Arc;

use bytes::Bytes;
use transload_blobstore::{
    AccountKey, BlobStore, Credential, ErrorKind, Location, StageOptions, StoreOptions, conformance, open,
};
use transload_testkit::fault::FaultProxy;
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{ACCOUNT, ACCOUNT_KEY, Azurite, Pki};

use super::{opened, options, store_at, write};

#[tokio::test(flavor = "multi_thread")]
async fn azurite_conforms() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let url = azurite.full_url("transfer");
    conformance::run(async || store_at(&url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azurite_conforms_by_https_with_an_authority_of_its_own() {
    let pki = Pki::new();
    let azurite = Azurite::start_tls(&pki);
    azurite.create_container("transfer");
    let token = Sas::container("transfer").permissions("racwdl").https_only();
    let url = azurite.url_with("transfer", &token);
    let trusting = StoreOptions { ca_pem: vec![pki.ca_pem().into_bytes()], ..options() };
    conformance::run(async || opened(&url, &trusting)).await;

    let error = store_at(&url).stat("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.detail().contains("certificate"), "{error}");
    assert!(!error.detail().contains("tried"), "a bad certificate is not tried again: {error}");
    let wrong = StoreOptions { ca_pem: vec![b"no certificate".to_vec()], ..options() };
    let location = Location::parse(&url).unwrap();
    let error = open(&location, Default::default(), &wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LocationInvalid);
}

#[tokio::test]
async fn a_blob_has_its_content_type_and_metadata() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let store = store_at(&azurite.full_url("transfer"));
    let metadata = [("category".to_owned(), "acr-transfer-blob".to_owned())].into();
    let stage = store.stage("b.tar", StageOptions { metadata, ..StageOptions::default() }).await.unwrap();
    stage.commit(&[]).await.unwrap();
    let answer = azurite.request("HEAD", "transfer/b.tar", "", &[], &[]);
    assert_eq!(answer.header("content-type"), Some("application/x-tar"));
    assert_eq!(answer.header("x-ms-meta-category"), Some("acr-transfer-blob"));
}

#[tokio::test]
async fn a_token_that_only_writes_is_enough_to_write() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let store = store_at(&azurite.url_with("transfer", &Sas::container("transfer").permissions("cw")));
    let parts = [Bytes::from_static(b"one "), Bytes::from_static(b"two")];
    write(store.as_ref(), "b", &parts, false).await.unwrap();
    assert_eq!(azurite.get_blob("transfer", "b").unwrap(), b"one two");
    let error = write(store.as_ref(), "b", &parts, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error:?}");
}

#[tokio::test]
async fn an_unfinished_upload_of_another_tool_is_cleared_where_nothing_is_lost() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let query = "comp=block&blockid=c2hvcnQ%3D";
    assert_eq!(azurite.request("PUT", "transfer/b", query, &[], b"theirs").status, 201);
    let store: Arc<dyn BlobStore> = store_at(&azurite.full_url("transfer"));
    let parts = [Bytes::from_static(b"ours")];
    write(store.as_ref(), "b", &parts, false).await.unwrap();
    assert_eq!(azurite.get_blob("transfer", "b").unwrap(), b"ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn azurite_conforms_with_the_accounts_key() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let key = AccountKey::parse(ACCOUNT_KEY).unwrap();
    let location = Location::parse(&azurite.url("transfer")).unwrap();
    conformance::run(async || open(&location, Credential::AccountKey(key.clone()), &options()).unwrap().0)
        .await;
}

#[tokio::test]
async fn a_token_made_with_the_key_allows_one_action_on_one_blob() {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    let proxy = FaultProxy::start(azurite.addr());
    let key = AccountKey::parse(ACCOUNT_KEY).unwrap();
    let location = Location::parse(&format!("{}/{ACCOUNT}/transfer", proxy.url())).unwrap();
    let store = open(&location, Credential::AccountKey(key), &options()).unwrap().0;
    write(store.as_ref(), "b", &[Bytes::from_static(b"x")], false).await.unwrap();
    let put = proxy.matching("PUT", "comp=block&");
    assert!(put[0].path.contains("sp=w&") && put[0].path.contains("sr=b&"), "{}", put[0].path);
    let (_, token) = put[0].path.split_once("sv=").unwrap();
    for (method, path) in [("GET", "b"), ("DELETE", "b"), ("PUT", "other")] {
        let headers = [("x-ms-blob-type", "BlockBlob"), ("x-ms-version", "2022-11-02")];
        let target = format!("/{ACCOUNT}/transfer/{path}?sv={token}");
        let answer = azurite.endpoint().request(method, &target, &headers, b"").unwrap();
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }

    let other = "A".repeat(86) + "==";
    let wrong = Credential::AccountKey(AccountKey::parse(&other).unwrap());
    let error = open(&location, wrong, &options()).unwrap().0.stat("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(error.detail().contains("account's key"), "{error}");
    assert!(!format!("{error:?} {store:?}").contains("sig"), "{error:?}");
}
