//! Buckets with keys out of secrets.

use transload_blobstore::{ErrorKind as StoreKind, GcsIdentity, S3Identity};
use transload_endpoints::{Access, ContainerAt, Endpoints, ErrorKind, Job, OpenContainer, Options};
use transload_testkit::peers::{FakeGcs, Moto};

use super::{at, names, options, read, write};

fn open(options: Options, uri: &str, value: &str) -> Result<OpenContainer, transload_endpoints::Error> {
    Endpoints::new(options).open_container(&at(uri, value, Job::Export))
}

#[tokio::test]
async fn a_bucket_is_opened_with_the_key_of_a_secret_beneath_its_prefix() {
    let moto = Moto::start();
    moto.create_bucket("transfer");
    let any = format!(r#"{{"accessKeyId":"a","secretAccessKey":"b","endpoint":"{}"}}"#, moto.url());
    let early = open(options(), "s3://transfer/some/prefix", &any).unwrap();
    write(&early.store, "early.tar", b"bundle").await.unwrap();
    moto.put_object("transfer", "some/prefixed", b"x");
    // once it is locked, this server's check of signatures is wrong for prefixes with a slash
    assert_eq!(names(&early.store).await.unwrap(), ["early.tar"]);
    let key = moto.lock(&["s3:*"]);
    let json = format!(
        r#"{{"accessKeyId":"{}","secretAccessKey":"{}","region":"us-east-1","endpoint":"{}"}}"#,
        key.id,
        key.secret,
        moto.url()
    );
    let opened = open(options(), "s3://transfer/some/prefix/", &json).unwrap();
    assert_eq!(opened.place, "s3://transfer/some/prefix");
    write(&opened.store, "a/b.tar", b"bundle").await.unwrap();
    assert_eq!(read(&opened.store, "a/b.tar", 6).await.unwrap(), b"bundle");
    assert!(!format!("{opened:?}").contains(&key.secret));

    // the same key as two words, and the endpoint from the operator
    let mut operated = options();
    operated.stores.s3.endpoint = Some(moto.url());
    operated.stores.s3.region = Some("us-east-1".to_owned());
    let pair = format!("{}:{}", key.id, key.secret);
    let whole = open(operated.clone(), "S3://transfer", &pair).unwrap();
    let all = ["some/prefix/a/b.tar", "some/prefix/early.tar", "some/prefixed"];
    assert_eq!(names(&whole.store).await.unwrap(), all);

    let wrong = open(operated.clone(), "s3://transfer", &format!("{}:PLANTED", key.id)).unwrap();
    let error = names(&wrong.store).await.unwrap_err();
    assert_eq!(error.kind(), StoreKind::Unauthenticated, "{error:?}");
    assert!(error.hint().unwrap().contains("--vault-name v1 --name sas1"), "{:?}", error.hint());
    assert!(!format!("{error:?}{wrong:?}").contains("PLANTED"));

    operated.ambient.s3 = Some(S3Identity::Key { id: key.id, secret: key.secret.into(), session: None });
    let access = Access::ManagedIdentity { client_id: None };
    let at = ContainerAt {
        uri: "s3://transfer".to_owned(),
        endpoint: None,
        access,
        job: Job::Watch { delete: false },
    };
    let own = Endpoints::new(operated).open_container(&at).unwrap();
    assert_eq!(names(&own.store).await.unwrap(), all);
}

#[tokio::test]
async fn an_endpoint_in_a_secret_goes_by_https_whatever_the_operators_own_does() {
    let mut operated = options();
    operated.stores.s3.plain_http = true;
    let json = r#"{"accessKeyId":"a","secretAccessKey":"PLANTED","endpoint":"http://store.example"}"#;
    let error = open(operated, "s3://transfer", json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LocationInvalid, "{error:?}");
    assert!(!format!("{error:?}").contains("PLANTED"));
}

#[tokio::test]
async fn secrets_that_are_of_something_else_are_refused() {
    let sas = "sv=2024-11-04&sr=c&sp=rl&sig=PLANTED";
    let broken =
        r#"{"type":"service_account","client_email":"a@b","private_key":"PLANTED","private_key_id":"1"}"#;
    for (uri, value) in [
        ("s3://transfer", sas),
        ("gs://transfer", sas),
        ("gs://transfer", broken),
        ("gs://transfer", r#"{"type":"authorized_user","refresh_token":"PLANTED"}"#),
    ] {
        let error = open(options(), uri, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialInvalid, "{uri} {error:?}");
        assert!(error.subject().contains("secrets/sas1"), "{error:?}");
        assert!(error.next_step().contains("az keyvault secret set"), "{error:?}");
        assert!(!format!("{error:?}").contains("PLANTED"), "{error:?}");
    }
}

#[tokio::test]
async fn an_emulator_is_a_bucket_too() {
    let gcs = FakeGcs::start();
    gcs.create_bucket("transfer");
    let mut operated = options();
    operated.stores.gcs.endpoint = Some(gcs.url());
    operated.ambient.gcs = Some(GcsIdentity::Anonymous);
    let access = Access::ManagedIdentity { client_id: None };
    let at = ContainerAt { uri: "gs://transfer/p".to_owned(), endpoint: None, access, job: Job::Export };
    let opened = Endpoints::new(operated).open_container(&at).unwrap();
    write(&opened.store, "b.tar", b"bundle").await.unwrap();
    assert_eq!(gcs.get_object("transfer", "p/b.tar").unwrap(), b"bundle");
}
