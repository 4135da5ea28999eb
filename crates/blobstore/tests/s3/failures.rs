//! What goes wrong with buckets, keys and uploads, by kind and text; and that no text has a secret in it.

use bytes::Bytes;
use transload_blobstore::conformance::blocks;
use transload_blobstore::{BlobStore, Error, ErrorKind, S3Identity, S3Options, StageOptions, StoreOptions};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::{Moto, MotoKey};

use super::{any_key, key, opened, options};

#[track_caller]
fn assert_failed(error: &Error, kind: ErrorKind, words: &[&str]) {
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert_eq!(error.kind(), kind, "{shown}");
    for word in words {
        assert!(shown.contains(word), "'{word}' is not in: {shown}");
    }
    assert!(!shown.contains("hunter2") && !shown.contains("AWS4-HMAC"), "{shown}");
}

async fn write(store: &dyn BlobStore, name: &str, parts: &[Bytes]) -> Result<(), Error> {
    let stage = store.stage(name, StageOptions::default()).await?;
    let blocks = blocks(parts);
    for (block, part) in blocks.iter().zip(parts) {
        stage.put(block, part.clone()).await?;
    }
    stage.commit(&blocks).await.map(|_| ())
}

fn one() -> [Bytes; 1] {
    [Bytes::from_static(b"x")]
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told_from_an_object_that_is_not() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let store = opened("transfers", &any_key(), &options(&moto.url()));
    let words = ["s3://transfers", "there is no such bucket", "check the bucket's name"];
    assert_failed(&store.stat("b").await.unwrap_err(), ErrorKind::ContainerNotFound, &words);
    assert_failed(&store.list("").await.map(|_| ()).unwrap_err(), ErrorKind::ContainerNotFound, &words);
    assert_failed(
        &write(store.as_ref(), "b", &one()).await.unwrap_err(),
        ErrorKind::ContainerNotFound,
        &words,
    );
    assert_failed(&store.delete("b", None).await.unwrap_err(), ErrorKind::ContainerNotFound, &words);
    let store = opened("transfer", &any_key(), &options(&moto.url()));
    assert_eq!(store.stat("b").await.unwrap(), None);
}

#[tokio::test]
async fn keys_that_are_wrong_or_may_not_are_told_apart() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    moto.put_object("transfer", "there", b"content");
    let good = moto.lock(&["s3:GetObject", "s3:HeadObject", "s3:ListBucket"]);
    let options = options(&moto.url());
    let store = opened("transfer", &key(&good), &options);
    assert_eq!(store.stat("there").await.unwrap().unwrap().size, 7);
    let words = ["the credential does not allow this", "s3:PutObject"];
    assert_failed(&write(store.as_ref(), "new", &one()).await.unwrap_err(), ErrorKind::Denied, &words);

    let wrong = MotoKey { secret: "hunter2".to_owned(), ..good };
    let store = opened("transfer", &key(&wrong), &options);
    let words = ["does not accept the signature", "secret access key is wrong"];
    assert_failed(&store.stat("there").await.unwrap_err(), ErrorKind::Unauthenticated, &words);
    let store = opened("transfer", &any_key(), &options);
    let words = ["does not know the access key", "AWS_ACCESS_KEY_ID"];
    assert_failed(&store.stat("there").await.unwrap_err(), ErrorKind::Unauthenticated, &words);
    assert_failed(&store.list("").await.map(|_| ()).unwrap_err(), ErrorKind::Unauthenticated, &words);
}

#[tokio::test]
async fn parts_that_are_too_short_are_refused_with_the_reason() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let store = opened("transfer", &any_key(), &options(&moto.url()));
    let parts = [Bytes::from_static(b"short"), Bytes::from_static(b"end")];
    let error = write(store.as_ref(), "b", &parts).await.unwrap_err();
    assert_failed(
        &error,
        ErrorKind::Failed,
        &["does not take parts of these lengths", "all parts of one length"],
    );
}

#[tokio::test]
async fn an_upload_that_somebody_aborted_or_changed_is_not_believed() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let store = opened("transfer", &any_key(), &options(&moto.url()));
    let parts = [Bytes::from(vec![b'a'; 5 << 20]), Bytes::from_static(b"two")];
    let list = blocks(&parts);
    let stage = store.stage("b", StageOptions::default()).await.unwrap();
    stage.put(&list[0], parts[0].clone()).await.unwrap();
    stage.put(&list[1], parts[1].clone()).await.unwrap();
    stage.keep().await.unwrap();
    let ledger = String::from_utf8(moto.get_object("transfer", "b.partial.blocks").unwrap()).unwrap();
    let upload = ledger.split("\"upload\":\"").nth(1).unwrap().split('"').next().unwrap();

    // somebody puts another part in the second one's place
    let path = format!("transfer/b?partNumber=2&uploadId={upload}");
    assert_eq!(moto.request("PUT", &path, &[], b"owt").status, 200);
    let found = store.stage("b", StageOptions::default()).await.unwrap().staged();
    assert_eq!(found.iter().map(|b| b.index).collect::<Vec<_>>(), [Some(0)]);
    let unfinished = store.unfinished("").await.unwrap();
    assert_eq!((unfinished.len(), unfinished[0].size), (1, (5 << 20) + 3), "as the ledger has it");
    assert_failed(
        &stage.commit(&list).await.unwrap_err(),
        ErrorKind::BlocksMissing,
        &["a part that was uploaded is gone"],
    );

    // and aborts the upload
    assert_eq!(moto.request("DELETE", &format!("transfer/b?uploadId={upload}"), &[], b"").status, 204);
    assert!(store.stage("b", StageOptions::default()).await.unwrap().staged().is_empty());
    assert_eq!(moto.get_object("transfer", "b.partial.blocks"), None, "a ledger of nothing is removed");
    write(store.as_ref(), "b", &parts).await.unwrap();
    assert_eq!(moto.get_object("transfer", "b").unwrap(), parts.concat());
    assert_eq!(moto.uploads("transfer"), 0);
}

#[tokio::test]
async fn refusals_that_the_emulator_never_gives_are_understood() {
    use ErrorKind as K;
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let proxy = FaultProxy::start(moto.addr());
    let pinned = S3Options { region: Some("us-east-1".to_owned()), ..options(&proxy.url()).s3 };
    let store = opened("transfer", &any_key(), &StoreOptions { s3: pinned, ..options(&proxy.url()) });
    for (status, code, more, kind, words) in [
        (403, "RequestTimeTooSkewed", "", K::ClockSkew, ["clock", "time server"]),
        (400, "ExpiredToken", "", K::Unauthenticated, ["token has expired", "new temporary"]),
        (400, "InvalidToken", "", K::Unauthenticated, ["session token", "AWS_SESSION_TOKEN"]),
        (
            301,
            "PermanentRedirect",
            "<Region>eu-west-1</Region>",
            K::LocationInvalid,
            ["the bucket is in region eu-west-1, not in us-east-1", "--region eu-west-1"],
        ),
        (
            400,
            "AuthorizationHeaderMalformed",
            "",
            K::LocationInvalid,
            ["not in region us-east-1", "--region"],
        ),
        (503, "SlowDown", "", K::Throttled, ["slow down", "tried 6 times"]),
        (507, "QuotaExceeded", "", K::Full, ["no room", "s3://transfer"]),
        (
            418,
            "Teapot",
            "<Message>words of the store</Message>",
            K::Failed,
            ["Teapot (418)", "words of the store"],
        ),
    ] {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code>{more}</Error>");
        proxy.add(Rule::on("GET", "transfer?").answer(status, &[], body.as_bytes()));
        assert_failed(&store.list("").await.map(|_| ()).unwrap_err(), kind, &words);
        proxy.clear();
    }
    proxy.add(Rule::on("GET", "transfer?").answer(404, &[], b"<html>nothing here"));
    let error = store.list("").await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), K::NotFound, "{error:?}");
    proxy.clear();
    proxy.add(Rule::on("GET", "transfer?").answer(418, &[], b"<html>nothing here"));
    let error = store.list("").await.map(|_| ()).unwrap_err();
    assert_failed(&error, K::Failed, &["not as S3 does", "check the endpoint"]);
}

#[tokio::test]
async fn a_bucket_of_another_region_is_followed_where_nobody_named_one() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let proxy = FaultProxy::start(moto.addr());
    let region = [("x-amz-bucket-region", "eu-west-1")];
    let body = "<Error><Code>PermanentRedirect</Code></Error>";
    let moved = proxy.add(Rule::on("*", "transfer").first(1).answer(301, &region, body.as_bytes()));
    let store = opened("transfer", &any_key(), &options(&proxy.url()));
    write(store.as_ref(), "b", &one()).await.unwrap();
    assert_eq!(moved.fired(), 1);
    let signed = proxy.matching("PUT", "partNumber=1");
    let scope = signed[0].header("authorization").unwrap();
    assert!(scope.contains("/eu-west-1/s3/aws4_request"), "{scope}");
}

#[tokio::test]
async fn a_machine_without_an_identity_says_which_credentials_there_could_be() {
    let closed = transload_testkit::hog::free_port();
    let endpoint = Some(format!("http://127.0.0.1:{closed}"));
    let store = opened("transfer", &S3Identity::Instance { endpoint }, &options("http://127.0.0.1:1"));
    let error = store.stat("b").await.unwrap_err();
    let words = ["no credential was given", "AWS_ACCESS_KEY_ID", "--anonymous"];
    assert_failed(&error, ErrorKind::CredentialMissing, &words);
}
