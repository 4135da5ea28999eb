//! Azure Key Vault: a double of it that challenges as the real one does (contract § 8), behind TLS and a name.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use transload_testkit::peers::{Pki, TlsFront};
use transload_vault::{AzureKeyVault, Error, ErrorKind, KeyVaultOptions, SecretUri};

const HOST: &str = "v1.vault.azure.net";
const VERSION: &str = "0123456789abcdef0123456789abcdef";

/// Gives one token and notes for what.
#[derive(Debug, Default)]
struct Tokens {
    scopes: Mutex<Vec<String>>,
    broken: bool,
}

#[async_trait]
impl TokenCredential for Tokens {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        self.scopes.lock().extend(scopes.iter().map(|&scope| scope.to_owned()));
        if self.broken {
            let kind = azure_core::error::ErrorKind::Credential;
            return Err(azure_core::Error::with_message(kind, "AADSTS700016: no such application"));
        }
        Ok(AccessToken::new("TOKEN", OffsetDateTime::now_utc() + azure_core::time::Duration::hours(1)))
    }
}

struct Fixture {
    _front: TlsFront,
    tokens: Arc<Tokens>,
    vault: AzureKeyVault,
    seen: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Double {
    resource: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
}

async fn fixture(resource: &'static str, tokens: Tokens) -> Fixture {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let state = Double { resource, seen: Arc::clone(&seen) };
    // without a version the SDK leaves its slash
    let router = Router::new()
        .route("/secrets/{name}/", get(answer))
        .route("/secrets/{name}/{version}", get(answer))
        .with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let pki = Pki::new();
    let front = TlsFront::start(&pki.server(&[HOST]), upstream).await;
    let tokens = Arc::new(tokens);
    let options = KeyVaultOptions {
        ca_pem: vec![pki.ca_pem().into_bytes()],
        resolve: vec![(HOST.to_owned(), front.addr())],
        retries_max: 0,
        ..KeyVaultOptions::default()
    };
    let vault = AzureKeyVault::new(Some(tokens.clone()), options).unwrap();
    Fixture { _front: front, tokens, vault, seen }
}

async fn answer(
    State(double): State<Double>,
    Path(path): Path<HashMap<String, String>>,
    request: Request,
) -> Response {
    let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    double.seen.lock().push(format!("{} {}", request.uri(), token.as_deref().unwrap_or("-")));
    if token.as_deref() != Some("Bearer TOKEN") {
        let challenge = format!(
            "Bearer authorization=\"https://login.microsoftonline.com/tenant\", resource=\"{}\"",
            double.resource
        );
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)], "").into_response();
    }
    let refused = |status: StatusCode, code: &str, message: &str| {
        let body = format!("{{\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}");
        (status, [("content-type", "application/json")], body).into_response()
    };
    match path["name"].as_str() {
        "absent" => {
            refused(StatusCode::NOT_FOUND, "SecretNotFound", "A secret with (name/id) absent was not found")
        }
        "forbidden" => {
            refused(StatusCode::FORBIDDEN, "Forbidden", "The user does not have secrets get permission")
        }
        "disabled" => {
            refused(StatusCode::FORBIDDEN, "Forbidden", "Operation get is not allowed on a disabled secret.")
        }
        "busy" => refused(StatusCode::TOO_MANY_REQUESTS, "Throttled", "slow down"),
        "broken" => (StatusCode::OK, "{\"value\":7,\"x\":\"PLANTED\"}").into_response(),
        "empty" => {
            (StatusCode::OK, "{\"id\":\"https://v1.vault.azure.net/secrets/empty/x\"}").into_response()
        }
        name => {
            let version = path.get("version").map_or(VERSION, String::as_str);
            let body = format!(
                "{{\"value\":\"PLANTED\",\"id\":\"https://{HOST}/secrets/{name}/{version}\",\"attributes\":\
                 {{\"enabled\":true,\"created\":1700000000,\"updated\":1700000001,\"exp\":4102444800}},\
                 \"contentType\":\"t\",\"tags\":{{\"a\":\"b\"}}}}"
            );
            (StatusCode::OK, [("content-type", "application/json")], body).into_response()
        }
    }
}

fn uri(rest: &str) -> SecretUri {
    SecretUri::parse(&format!("https://{HOST}/secrets/{rest}")).unwrap()
}

async fn failed(at: &Fixture, rest: &str) -> Error {
    let error = at.vault.read(&uri(rest)).await.unwrap_err();
    assert_eq!(error.subject(), uri(rest).to_string());
    assert!(!format!("{error}{error:?}{:?}", error.hint()).contains("PLANTED"), "{error:?}");
    error
}

const AZURE: &str = "https://vault.azure.net";

#[tokio::test]
async fn a_challenge_is_answered_and_the_token_is_for_the_vault() {
    let at = fixture(AZURE, Tokens::default()).await;
    let secret = at.vault.read(&uri("sas1")).await.unwrap();
    assert_eq!(secret.value.expose_secret(), "PLANTED");
    assert_eq!((secret.info.name.as_str(), secret.info.version.as_str()), ("sas1", VERSION));
    assert_eq!(secret.info.attributes.expires, Some(4_102_444_800));
    assert_eq!(secret.info.attributes.created, 1_700_000_000);
    assert_eq!(secret.info.tags["a"], "b");
    assert!(!format!("{secret:?}{:?}", at.vault).contains("PLANTED"));
    assert_eq!(*at.tokens.scopes.lock(), ["https://vault.azure.net/.default"]);
    let seen = at.seen.lock().clone();
    assert!(seen[0].starts_with("/secrets/sas1/?api-version=") && seen[0].ends_with(" -"), "{seen:?}");
    let other = "fedcba9876543210fedcba9876543210";
    let secret = at.vault.read(&uri(&format!("sas1/{other}"))).await.unwrap();
    assert_eq!(secret.info.version, other);
    let seen = at.seen.lock().clone();
    assert!(seen[2].contains(other) && seen[2].ends_with("Bearer TOKEN"), "the client is kept: {seen:?}");
}

#[tokio::test]
async fn refusals_are_told_apart_in_the_vaults_words() {
    let at = fixture(AZURE, Tokens::default()).await;
    for (name, kind, words) in [
        ("absent", ErrorKind::NotFound, "was not found"),
        ("forbidden", ErrorKind::Denied, "does not have secrets get permission"),
        ("disabled", ErrorKind::Disabled, "disabled"),
        ("busy", ErrorKind::Unavailable, "429"),
        ("broken", ErrorKind::Unavailable, "no secret"),
        ("empty", ErrorKind::Unavailable, "no secret"),
    ] {
        let error = failed(&at, name).await;
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.detail().contains(words), "{error:?}");
        assert_eq!(error.is_transient(), kind == ErrorKind::Unavailable);
    }
    assert!(failed(&at, "forbidden").await.hint().unwrap().contains("set-policy"));
}

#[tokio::test]
async fn a_token_goes_to_no_vault_that_claims_another_resource() {
    let at = fixture("https://graph.microsoft.com", Tokens::default()).await;
    let error = failed(&at, "sas1").await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    assert!(at.tokens.scopes.lock().is_empty());
    assert!(at.seen.lock().iter().all(|seen| seen.ends_with(" -")));
}

#[tokio::test]
async fn hosts_that_are_no_vaults_are_not_asked() {
    let at = fixture(AZURE, Tokens::default()).await;
    for host in [
        "169.254.169.254",
        "evil.example",
        "vault.azure.net",
        "a.b.vault.azure.net",
        "v1.vault.azure.net.evil.example",
    ] {
        let uri = SecretUri::parse(&format!("https://{host}/secrets/a")).unwrap();
        let error = at.vault.read(&uri).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{host}: {error:?}");
    }
    assert!(at.seen.lock().is_empty() && at.tokens.scopes.lock().is_empty());
}

#[tokio::test]
async fn no_token_and_no_connection_are_told_apart() {
    let at = fixture(AZURE, Tokens { broken: true, ..Tokens::default() }).await;
    let error = failed(&at, "sas1").await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.detail().contains("AADSTS700016"), "{error:?}");

    let nobody = AzureKeyVault::new(None, KeyVaultOptions::default()).unwrap();
    let error = nobody.read(&uri("sas1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.hint().unwrap().contains("workload identity"), "{error:?}");

    let gone = KeyVaultOptions {
        resolve: vec![(HOST.to_owned(), ([127, 0, 0, 1], 9).into())],
        retries_max: 0,
        ..KeyVaultOptions::default()
    };
    let gone = AzureKeyVault::new(Some(Arc::new(Tokens::default())), gone).unwrap();
    let error = gone.read(&uri("sas1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.is_transient());
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// At every level, whatever the libraries underneath log. Tests beside this one plant the same word.
#[tokio::test]
async fn no_log_has_the_value_or_the_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let at = fixture(AZURE, Tokens::default()).await;
    at.vault.read(&uri("sas1")).await.unwrap();
    failed(&at, "broken").await;
    failed(&at, "forbidden").await;
    let log = String::from_utf8_lossy(&log.0.lock()).into_owned();
    assert!(log.contains(HOST), "requests are logged: {log}");
    assert!(!log.contains("PLANTED") && !log.contains("Bearer TOKEN"), "{log}");
}

#[test]
fn what_cannot_be_used_is_refused_without_its_password() {
    let proxied = KeyVaultOptions { proxy: Some("http://u:PLANTED@[".into()), ..KeyVaultOptions::default() };
    let error = AzureKeyVault::new(None, proxied.clone()).unwrap_err();
    assert!(!format!("{error:?}{proxied:?}").contains("PLANTED"));
    let no_certificate = KeyVaultOptions { ca_pem: vec![b"x".to_vec()], ..KeyVaultOptions::default() };
    assert_eq!(AzureKeyVault::new(None, no_certificate).unwrap_err().kind(), ErrorKind::Invalid);
}
