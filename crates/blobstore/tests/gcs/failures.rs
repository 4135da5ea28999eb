//! What goes wrong, by kind and text; and that no text has a secret in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use transload_blobstore::{Error, ErrorKind, GcsIdentity, GcsOptions, StoreOptions};
use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::peers::FakeGcs;

use super::{opened, options, store_at, write};

#[track_caller]
fn assert_failed(error: &Error, kind: ErrorKind, words: &[&str]) {
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert_eq!(error.kind(), kind, "{shown}");
    for word in words {
        assert!(shown.contains(word), "'{word}' is not in: {shown}");
    }
    assert!(!shown.contains("hunter2") && !shown.contains("Bearer"), "{shown}");
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_told_from_an_object_that_is_not() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let store = store_at(&gcs.url(), "transfers");
    let words = ["gs://transfers", "there is no such bucket", "check the bucket's name"];
    assert_failed(&store.stat("b").await.unwrap_err(), ErrorKind::ContainerNotFound, &words);
    assert_failed(&store.list("").await.map(|_| ()).unwrap_err(), ErrorKind::ContainerNotFound, &words);
    let parts = [Bytes::from_static(b"x")];
    assert_failed(
        &write(store.as_ref(), "b", &parts).await.unwrap_err(),
        ErrorKind::ContainerNotFound,
        &words,
    );
    assert_eq!(store_at(&gcs.url(), "transfer").stat("b").await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_upload_is_sent_again() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(gcs.addr());
    let damaged = proxy.add(Rule::on("POST", "/upload/").nth(1).flip_request_byte(1));
    write(store_at(&proxy.url(), "transfer").as_ref(), "b", &[Bytes::from_static(b"content")]).await.unwrap();
    assert_eq!(damaged.fired(), 1);
    assert_eq!(gcs.get_object("transfer", "b").unwrap(), b"content");
}

#[tokio::test]
async fn refusals_that_the_emulator_never_gives_are_understood() {
    use ErrorKind as K;
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let proxy = FaultProxy::start(gcs.addr());
    let nobody = store_at(&proxy.url(), "transfer");
    let folder = tempfile::tempdir().unwrap();
    let key = service_account(folder.path());
    let somebody = opened("transfer", GcsIdentity::File(key), &options(&proxy.url())).unwrap();
    for (store, status, reason, message, kind, words) in [
        (
            &nobody,
            401,
            "required",
            "Anonymous caller",
            K::CredentialMissing,
            ["none was given", "GOOGLE_APPLICATION_CREDENTIALS"],
        ),
        (
            &somebody,
            401,
            "authError",
            "Invalid Credentials",
            K::Unauthenticated,
            ["not accept the token: Invalid", "withdrawn"],
        ),
        (
            &somebody,
            403,
            "forbidden",
            "x lacks storage.objects.list",
            K::Denied,
            ["lacks storage.objects.list", "Storage Object Viewer"],
        ),
        (&somebody, 403, "rateLimitExceeded", "slow", K::Throttled, ["slow down", "tried 6 times"]),
        (
            &somebody,
            403,
            "retentionPolicyNotMet",
            "held",
            K::Denied,
            ["keeps its objects", "retention policy"],
        ),
        (&somebody, 429, "rateLimitExceeded", "slow", K::Throttled, ["slow down", "gs://transfer"]),
        (&somebody, 418, "teapot", "short and stout", K::Failed, ["teapot (418)", "short and stout"]),
    ] {
        let body = format!(
            r#"{{"error":{{"code":{status},"message":"{message}","errors":[{{"reason":"{reason}"}}]}}}}"#
        );
        let refused = proxy.add(Rule::on("GET", "/o?").answer(status, &[], body.as_bytes()));
        let Err(error) = store.list("").await.map(|_| ()) else { panic!("{reason} is refused") };
        assert_failed(&error, kind, &words);
        assert!(refused.fired() > 0);
        proxy.clear();
    }
}

/// The key of a service account, made here and known nowhere.
fn service_account(folder: &Path) -> PathBuf {
    let made = Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        .output()
        .expect("openssl can be run: dev/peers installs it");
    let key = String::from_utf8(made.stdout).unwrap().replace('\n', "\\n");
    let text = format!(
        r#"{{"type":"service_account","client_email":"tester@project.example","private_key_id":"1","private_key":"{key}"}}"#
    );
    let path = folder.join("key.json");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_service_accounts_key_signs_a_token() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    gcs.put_object("transfer", "b", b"content");
    let proxy = FaultProxy::start(gcs.addr());
    let folder = tempfile::tempdir().unwrap();
    let file = service_account(folder.path());
    let json = std::fs::read_to_string(&file).unwrap();
    let key = GcsIdentity::of_key(json.clone().into()).unwrap();
    for identity in [GcsIdentity::File(file), key] {
        let shown = format!("{identity:?}");
        assert!(!shown.contains("PRIVATE") && !shown.contains("tester"), "{shown}");
        let store = opened("transfer", identity, &options(&proxy.url())).unwrap();
        assert_eq!(store.stat("b").await.unwrap().unwrap().size, 7);
        let sent = proxy.matching("GET", "/o/b");
        let token = sent.last().unwrap().header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        assert_eq!(token.split('.').count(), 3, "a signed token");
        assert!(!format!("{store:?}").contains(token));
    }
    assert_eq!(proxy.matching("GET", "/o/b").len(), 2);
}

#[tokio::test]
async fn files_that_are_no_credential_are_named_and_tokens_go_by_https_only() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let folder = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = folder.path().join("credential.json");
        std::fs::write(&path, text).unwrap();
        GcsIdentity::File(path)
    };
    for (text, words) in [
        ("hunter2", ["no credential of Google's", "gcloud auth"]),
        (
            r#"{"type":"external_account","x":"hunter2"}"#,
            ["'external_account' are not supported", "credential.json"],
        ),
    ] {
        let error = opened("transfer", file(text), &options(&gcs.url())).unwrap_err();
        assert_failed(&error, ErrorKind::Unauthenticated, &words);
    }
    let broken =
        r#"{"type":"service_account","client_email":"a@b","private_key":"hunter2","private_key_id":"1"}"#;
    let error = opened("transfer", file(broken), &options(&gcs.url())).unwrap_err();
    assert_failed(&error, ErrorKind::Unauthenticated, &["the credential cannot be used"]);

    for text in ["hunter2", r#"{"type":"authorized_user","refresh_token":"hunter2"}"#] {
        let error = GcsIdentity::of_key(text.into()).unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let key = GcsIdentity::of_key(broken.into()).unwrap();
    let error = opened("transfer", key, &options(&gcs.url())).unwrap_err();
    assert_failed(&error, ErrorKind::Unauthenticated, &["the credential cannot be used"]);

    let far = GcsOptions { endpoint: Some("http://store.example".to_owned()), plain_http: true };
    let far = StoreOptions { gcs: far, ..options("") };
    let error = opened("transfer", GcsIdentity::Instance, &far).unwrap_err();
    assert_failed(&error, ErrorKind::Unauthenticated, &["tokens are sent by HTTPS only"]);
    assert!(opened("transfer", GcsIdentity::Anonymous, &far).is_ok());
}
