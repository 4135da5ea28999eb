//! Azure containers with tokens of every kind (contract § 9).

use std::sync::Arc;

use time::Duration;
use transload_blobstore::{BlobStore, ErrorKind as StoreKind, conformance};
use transload_endpoints::{Access, ContainerAt, Endpoints, ErrorKind, Job, Options};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{Azurite, Pki};

use super::{SECRET, names, open, options, read, write};

fn azurite() -> Azurite {
    let azurite = Azurite::start();
    azurite.create_container("transfer");
    azurite.create_container("other");
    azurite
}

fn token(letters: &str) -> String {
    Sas::container("transfer").permissions(letters).token()
}

const IMPORT: Job = Job::Import { delete: false };

#[tokio::test(flavor = "multi_thread")]
async fn a_container_with_a_prefix_conforms() {
    let azurite = azurite();
    let (uri, token) = (azurite.url("transfer/some/prefix"), token("racwdl"));
    conformance::run(async || open(&uri, &token, Job::Export).unwrap().store as Arc<dyn BlobStore>).await;
}

#[tokio::test]
async fn blobs_are_beneath_the_prefix_and_only_those() {
    let azurite = azurite();
    azurite.put_blob("transfer", "else/x", b"x");
    azurite.put_blob("transfer", "some/prefixed", b"x");
    for uri in ["transfer/some/prefix", "transfer/some/prefix/"] {
        let opened = open(&azurite.url(uri), &token("racwdl"), Job::Export).unwrap();
        let stat = write(&opened.store, "a/b.tar", b"bundle").await.unwrap();
        assert_eq!(stat.name, "a/b.tar");
        assert_eq!(names(&opened.store).await.unwrap(), ["a/b.tar"]);
        assert_eq!(read(&opened.store, "a/b.tar", 6).await.unwrap(), b"bundle");
        assert_eq!(opened.place, azurite.url("transfer/some/prefix"));
        assert_eq!(opened.store.describe("x"), format!("{}/x", opened.place));
        assert_eq!(opened.store.describe(""), opened.place);
    }
    assert_eq!(azurite.get_blob("transfer", "some/prefix/a/b.tar").as_deref(), Some(&b"bundle"[..]));
}

#[tokio::test]
async fn tokens_are_taken_with_and_without_a_question_mark_and_in_any_order() {
    let azurite = azurite();
    let token = token("rawl");
    let mut turned: Vec<&str> = token.split('&').collect();
    turned.reverse();
    for text in [token.clone(), format!("?{token}"), format!(" {token}\n"), turned.join("&")] {
        let opened = open(&azurite.url("transfer"), &text, Job::Export).unwrap();
        write(&opened.store, "b.tar", b"x").await.unwrap();
    }
}

#[tokio::test]
async fn hosts_and_styles_are_taken_as_clients_write_them() {
    let azurite = azurite();
    let upper = azurite.url("transfer").replacen("http", "HTTP", 1);
    let opened = open(&upper, &token("rl"), Job::Watch { delete: false }).unwrap();
    assert_eq!(opened.place, azurite.url("transfer"));
    names(&opened.store).await.unwrap();
    // host style: the account is the host's first label, and the container the path's first segment
    let host = "https://DevStoreAccount1.Blob.Storage.Example:1234/transfer/p";
    let opened = open(host, &token("rl"), Job::Watch { delete: false }).unwrap();
    assert_eq!(opened.place, "https://devstoreaccount1.blob.storage.example:1234/transfer/p");
}

#[tokio::test]
async fn letters_that_suffice_do_suffice() {
    let azurite = azurite();
    let write_only = open(&azurite.url("transfer"), &token("w"), Job::Export).unwrap();
    write(&write_only.store, "b.tar", b"bundle").await.unwrap();
    let read_only = open(&azurite.url("transfer"), &token("r"), IMPORT).unwrap();
    assert_eq!(read(&read_only.store, "b.tar", 6).await.unwrap(), b"bundle");
    let deleting = open(&azurite.url("transfer"), &token("rd"), Job::Import { delete: true }).unwrap();
    deleting.store.check_delete("b.tar").unwrap();
    deleting.store.delete("b.tar", None).await.unwrap();
    let account = Sas::account().permissions("rl").token();
    assert!(
        names(&open(&azurite.url("transfer"), &account, Job::Watch { delete: false }).unwrap().store)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_the_token_tells_is_told_before_the_store_is_asked() {
    // nothing listens there: whatever is said is said without asking
    let uri = "http://127.0.0.1:9/devstoreaccount1/transfer";
    let container = || Sas::container("transfer").permissions("rwdl");
    for (sas, job, kind, word) in [
        (container().expires_in(Duration::days(-2)), IMPORT, ErrorKind::SasExpired, "expired"),
        (container().starts_in(Duration::days(2)), IMPORT, ErrorKind::SasNotYetValid, "not valid before"),
        (container().https_only(), IMPORT, ErrorKind::SasHttpsOnly, "HTTPS only"),
        (container().permissions("rl"), Job::Export, ErrorKind::SasPermission, "'w' (write)"),
        (container().permissions("wl"), IMPORT, ErrorKind::SasPermission, "'r' (read)"),
        (
            container().permissions("rl"),
            Job::Import { delete: true },
            ErrorKind::SasPermission,
            "'d' (delete)",
        ),
        (container().permissions("r"), Job::Watch { delete: false }, ErrorKind::SasPermission, "'l' (list)"),
        (Sas::blob("transfer", "b"), Job::Watch { delete: false }, ErrorKind::SasResource, "one blob"),
        (
            Sas::account().permissions("rl").resource_types("so"),
            Job::Watch { delete: false },
            ErrorKind::SasResource,
            "'c'",
        ),
        (Sas::account().permissions("rw").resource_types("sc"), Job::Export, ErrorKind::SasResource, "'o'"),
    ] {
        let error = open(uri, &sas.token(), job).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.detail().contains(word), "{error:?}");
        assert!(error.subject().contains(SECRET), "{error:?}");
        assert!(
            error.next_step().contains("az keyvault secret set --vault-name v1 --name sas1"),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains(&sas.signature()));
    }
}

#[tokio::test]
async fn what_only_the_store_knows_names_the_secret_too() {
    let azurite = azurite();
    let elsewhere = Sas::container("other").permissions("rwl").token();
    let wrong = Sas::container("transfer").permissions("rwl").wrong_key();
    for text in [wrong.token(), elsewhere] {
        let store = open(&azurite.url("transfer"), &text, Job::Export).unwrap().store;
        let error = write(&store, "b.tar", b"x").await.unwrap_err();
        assert!(matches!(error.kind(), StoreKind::Unauthenticated | StoreKind::SasResource), "{error:?}");
        assert!(error.hint().unwrap().contains("--vault-name v1 --name sas1"), "{:?}", error.hint());
        let error = names(&store).await.unwrap_err();
        assert!(error.hint().unwrap().contains("--vault-name v1 --name sas1"), "{:?}", error.hint());
        assert!(!format!("{error:?}{error}").contains(&wrong.signature()));
    }
    let store = open(&azurite.url("nothing"), &Sas::account().permissions("rwl").token(), Job::Export);
    let error = write(&store.unwrap().store, "b.tar", b"x").await.unwrap_err();
    assert_eq!(error.kind(), StoreKind::ContainerNotFound);
    assert!(
        !error.hint().unwrap_or_default().contains("keyvault"),
        "it is not the token: {:?}",
        error.hint()
    );
}

#[tokio::test]
async fn tokens_for_https_go_by_https() {
    let pki = Pki::new();
    let azurite = Azurite::start_tls(&pki);
    azurite.create_container("transfer");
    let mut trusting = options();
    trusting.stores.ca_pem = vec![pki.ca_pem().into_bytes()];
    let token = Sas::container("transfer").permissions("rawl").https_only().token();
    let at = super::at(&azurite.url("transfer"), &token, Job::Export);
    let opened = Endpoints::new(trusting).open_container(&at).unwrap();
    write(&opened.store, "b.tar", b"x").await.unwrap();
}

#[test]
fn a_container_without_sense_is_refused_and_shows_nothing() {
    let token = token("rawl");
    for uri in [
        "",
        "transfer",
        "/srv/transfer",
        "ftp://host/transfer",
        "https://account.blob.example",
        "https://account.blob.example/Up_per",
        "https://u:PLANTED@account.blob.example/transfer",
        "https://account.blob.example/transfer?sv=1&sig=PLANTED",
        "https://account.blob.example/transfer/../x/..",
        "s3://",
        "s3:",
        "file",
        "/etc",
        "gs://a",
    ] {
        let error = open(uri, &token, Job::Export).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LocationInvalid, "{uri}: {error:?}");
        assert!(!format!("{error:?}").contains("PLANTED"), "{error:?}");
    }
}

#[test]
fn identities_of_the_worker_have_to_be_there_and_go_by_https() {
    let open = |uri: &str, options: Options| {
        let access = Access::ManagedIdentity { client_id: None };
        Endpoints::new(options).open_container(&ContainerAt {
            uri: uri.to_owned(),
            endpoint: None,
            access,
            job: IMPORT,
        })
    };
    for uri in ["https://a.blob.example/transfer", "s3://bucket/prefix", "gs://bucket"] {
        let error = open(uri, options()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialMissing, "{uri}: {error:?}");
    }
    let mut known = options();
    known.ambient.entra = Some(transload_endpoints::entra::managed(None, None).unwrap());
    open("https://a.blob.example/transfer", known.clone()).unwrap();
    let error = open("http://127.0.0.1:9/account/transfer", known).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CredentialRefused, "{error:?}");
}
