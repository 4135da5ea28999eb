//! Every failure of a SAS token and of the storage that Azurite can be brought to, by kind and text; and that no text
//! has a signature in it.

use bytes::Bytes;
use time::Duration;
use transload_blobstore::{BlobStore, Credential, Error, ErrorKind, Location, open};
use transload_testkit::peers::sas::Sas;
use transload_testkit::peers::{Azurite, Pki};

use super::{options, read, store_at, write};

/// Asserts kind and words, and that the signature is nowhere.
#[track_caller]
fn assert_failed(error: &Error, kind: ErrorKind, words: &[&str], token: &Sas) {
    let shown = format!(
        "{error} {error:?} {:?} {:?}",
        error.hint(),
        std::error::Error::source(error).map(|s| s.to_string())
    );
    assert_eq!(error.kind(), kind, "{shown}");
    for word in words {
        assert!(shown.contains(word), "'{word}' is not in: {shown}");
    }
    let signature = token.signature();
    let encoded: String = url::form_urlencoded::byte_serialize(signature.as_bytes()).collect();
    for secret in [signature.as_str(), encoded.as_str(), "sig="] {
        assert!(!shown.contains(secret), "the signature is in: {shown}");
    }
}

struct Place {
    azurite: Azurite,
}

impl Place {
    fn new() -> Self {
        let azurite = Azurite::start();
        azurite.create_container("transfer");
        azurite.put_blob("transfer", "there", b"content");
        Self { azurite }
    }

    fn store(&self, token: &Sas) -> std::sync::Arc<dyn BlobStore> {
        let url = self.azurite.url_with("transfer", token);
        let location = Location::parse(&url).unwrap();
        let store = open(&location, Credential::None, &options()).unwrap().0;
        let shown = format!("{location} {location:?} {store:?} {}", store.describe("x"));
        assert!(!shown.contains("sig") && !shown.contains(&token.signature()), "{shown}");
        store
    }

    async fn write(&self, token: &Sas) -> Error {
        write(self.store(token).as_ref(), "new", &[Bytes::from_static(b"x")], false).await.unwrap_err()
    }

    async fn read(&self, token: &Sas) -> Error {
        read(self.store(token).as_ref(), "there", 0..1).await.unwrap_err()
    }

    async fn list(&self, token: &Sas) -> Error {
        self.store(token).list("").await.map(|_| ()).unwrap_err()
    }

    async fn delete(&self, token: &Sas) -> Error {
        self.store(token).delete("there", None).await.unwrap_err()
    }
}

fn container(letters: &str) -> Sas {
    Sas::container("transfer").permissions(letters)
}

#[tokio::test]
async fn dates_are_named_before_and_behind_the_refusal() {
    let place = Place::new();
    let expired = container("racwdl").expiry("2026-11-01");
    let words = ["the SAS token expired 2026-11-01T00:00:00Z, ", "ago", "later 'se'"];
    for error in [
        place.write(&expired).await,
        place.read(&expired).await,
        place.list(&expired).await,
        place.delete(&expired).await,
    ] {
        assert_failed(&error, ErrorKind::SasExpired, &words, &expired);
    }
    // too close to be certain: the store is asked, and refuses
    let just = container("racwdl").expires_in(Duration::minutes(-2));
    assert_failed(&place.read(&just).await, ErrorKind::SasExpired, &["the SAS token expired", "ago"], &just);
    let early = container("racwdl").starts_in(Duration::hours(3));
    let words = ["the SAS token is not valid before", "earlier 'st'"];
    assert_failed(&place.write(&early).await, ErrorKind::SasNotYetValid, &words, &early);
    let soon = container("racwdl").starts_in(Duration::minutes(2));
    assert_failed(&place.read(&soon).await, ErrorKind::SasNotYetValid, &words, &soon);
}

#[tokio::test]
async fn missing_permissions_are_named_for_every_action() {
    let place = Place::new();
    let read_only = container("r");
    let words = ["the SAS token allows 'r', and this needs 'w' (write)", "sp=rw"];
    assert_failed(&place.write(&read_only).await, ErrorKind::SasPermission, &words, &read_only);
    let words = ["the SAS token allows 'r', and this needs 'l' (list)"];
    assert_failed(&place.list(&read_only).await, ErrorKind::SasPermission, &words, &read_only);
    let words = ["the SAS token allows 'r', and this needs 'd' (delete)"];
    assert_failed(&place.delete(&read_only).await, ErrorKind::SasPermission, &words, &read_only);
    let write_only = container("w");
    let words = ["the SAS token allows 'w', and this needs 'r' (read)"];
    assert_failed(&place.read(&write_only).await, ErrorKind::SasPermission, &words, &write_only);
    // 'c' is left to the store to judge
    let create_only = container("rcl");
    let words = ["the SAS token allows 'rcl', and this needs 'w' (write)", "sp=rcwl"];
    assert_failed(&place.write(&create_only).await, ErrorKind::SasPermission, &words, &create_only);
}

#[tokio::test]
async fn a_token_for_https_only_is_not_sent_by_http() {
    let place = Place::new();
    let token = container("racwdl").https_only();
    let words = ["for HTTPS only (spr=https) and the URL is http", "https URL"];
    for error in [place.write(&token).await, place.read(&token).await, place.list(&token).await] {
        assert_failed(&error, ErrorKind::SasHttpsOnly, &words, &token);
    }
}

#[tokio::test]
async fn an_account_token_needs_its_resource_types() {
    let place = Place::new();
    let objects = Sas::account().permissions("rwdlac").resource_types("so");
    let words = ["without resource type 'c' (containers)", "srt=soc"];
    assert_failed(&place.list(&objects).await, ErrorKind::SasResource, &words, &objects);
    let containers = Sas::account().permissions("rwdlac").resource_types("sc");
    let words = ["without resource type 'o' (blobs)", "srt=sco"];
    assert_failed(&place.write(&containers).await, ErrorKind::SasResource, &words, &containers);
    assert_failed(&place.read(&containers).await, ErrorKind::SasResource, &words, &containers);
    let good = Sas::account().permissions("rwdlac");
    assert_eq!(read(place.store(&good).as_ref(), "there", 0..7).await.unwrap(), b"content");
}

#[tokio::test]
async fn a_wrong_signature_and_another_containers_token_are_not_accepted() {
    let place = Place::new();
    for token in [container("racwdl").wrong_key(), Sas::container("another").permissions("racwdl")] {
        for error in [place.write(&token).await, place.read(&token).await, place.list(&token).await] {
            let words = ["does not accept the SAS token's signature", "another container or account"];
            assert_failed(&error, ErrorKind::Unauthenticated, &words, &token);
        }
    }
}

#[tokio::test]
async fn a_token_for_one_blob_does_not_list() {
    let place = Place::new();
    let token = Sas::blob("transfer", "there").permissions("r");
    assert_eq!(read(place.store(&token).as_ref(), "there", 0..7).await.unwrap(), b"content");
    assert_failed(&place.list(&token).await, ErrorKind::SasResource, &["for one blob (sr=b)"], &token);
}

#[tokio::test]
async fn without_a_credential_one_is_asked_for() {
    let place = Place::new();
    let store = store_at(&place.azurite.url("transfer"));
    let none = container("r");
    for error in [
        store.stat("there").await.unwrap_err(),
        read(store.as_ref(), "there", 0..1).await.unwrap_err(),
        store.list("").await.map(|_| ()).unwrap_err(),
    ] {
        assert_failed(&error, ErrorKind::CredentialMissing, &["none was given", "give a SAS token"], &none);
    }
}

#[tokio::test]
async fn a_missing_container_is_not_a_missing_blob() {
    let place = Place::new();
    let token = Sas::account().permissions("rwdlac");
    let store = store_at(&place.azurite.url_with("missing", &token));
    for error in [
        store.list("").await.map(|_| ()).unwrap_err(),
        write(store.as_ref(), "b", &[Bytes::from_static(b"x")], false).await.unwrap_err(),
        read(store.as_ref(), "b", 0..1).await.unwrap_err(),
    ] {
        let words = ["there is no such container", "missing", "create the container"];
        assert_failed(&error, ErrorKind::ContainerNotFound, &words, &token);
    }
}

#[tokio::test]
async fn a_leased_blob_is_busy() {
    let place = Place::new();
    let headers = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
    assert_eq!(place.azurite.request("PUT", "transfer/there", "comp=lease", &headers, &[]).status, 201);
    let token = container("racwdl");
    let store = place.store(&token);
    let words = ["somebody holds a lease on it", "wait for the lease to end"];
    let error = write(store.as_ref(), "there", &[Bytes::from_static(b"x")], true).await.unwrap_err();
    assert_failed(&error, ErrorKind::Busy, &words, &token);
    assert_failed(&place.delete(&token).await, ErrorKind::Busy, &words, &token);
    assert_eq!(read(store.as_ref(), "there", 0..7).await.unwrap(), b"content", "reading needs no lease");
}

#[tokio::test]
async fn a_blob_that_exists_is_named() {
    let place = Place::new();
    let token = container("racwdl");
    let error =
        write(place.store(&token).as_ref(), "there", &[Bytes::from_static(b"x")], false).await.unwrap_err();
    assert_failed(&error, ErrorKind::AlreadyExists, &["transfer/there", "already", "overwritten"], &token);
}

#[tokio::test]
async fn what_cannot_be_reached_is_told_without_the_token() {
    let token = container("racwdl");
    let at = |base: &str| store_at(&format!("{base}?{}", token.token()));
    let closed = format!("http://127.0.0.1:{}/acct/transfer", transload_testkit::hog::free_port());
    let error = at(&closed).stat("b").await.unwrap_err();
    assert_failed(&error, ErrorKind::Unreachable, &["cannot connect", "refused", "(tried 6 times)"], &token);
    let error = at("http://acct.blob.does-not-exist.invalid/transfer").stat("b").await.unwrap_err();
    assert_failed(&error, ErrorKind::Unreachable, &["name cannot be resolved", "store's name"], &token);
}

#[tokio::test]
async fn entra_tokens_never_go_by_http() {
    let location = Location::parse("http://127.0.0.1:10000/devstoreaccount1/transfer").unwrap();
    let credential = Credential::Entra(std::sync::Arc::new(NoTokens));
    let error = open(&location, credential, &options()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.detail().contains("HTTPS only"), "{error}");
}

#[tokio::test]
async fn an_identity_without_a_token_is_told_so() {
    let pki = Pki::new();
    let azurite = Azurite::start_tls(&pki);
    let location = Location::parse(&azurite.url("transfer")).unwrap();
    let credential = Credential::Entra(std::sync::Arc::new(NoTokens));
    let options = transload_blobstore::StoreOptions { ca_pem: vec![pki.ca_pem().into_bytes()], ..options() };
    let (store, _) = open(&location, credential, &options).unwrap();
    for error in [store.stat("b").await.unwrap_err(), read(store.as_ref(), "b", 0..1).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
        assert!(error.detail().contains("nobody is logged in"), "{error}");
    }
}

#[derive(Debug)]
struct NoTokens;

#[async_trait::async_trait]
impl azure_core::credentials::TokenCredential for NoTokens {
    async fn get_token(
        &self,
        _scopes: &[&str],
        _options: Option<azure_core::credentials::TokenRequestOptions<'_>>,
    ) -> azure_core::Result<azure_core::credentials::AccessToken> {
        Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, "nobody is logged in"))
    }
}
