//! Registries: names, passwords, and addresses that nobody else knows.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::{Duration, OffsetDateTime};
use transload_endpoints::{Endpoints, Options, RegistryAt, RegistryCredential};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, PASSWORD, Pki, TlsFront, USER};

fn basic(password: &str) -> RegistryCredential {
    RegistryCredential::of_secret(Some(USER), &password.into(), "https://v1.vault.example/secrets/push")
        .unwrap()
}

#[tokio::test]
async fn a_registry_is_opened_with_the_password_of_a_secret() {
    let options = DockerRegistryOptions { auth: true, ..DockerRegistryOptions::default() };
    let registry = DockerRegistry::start_with(options);
    let endpoints = Endpoints::new(Options::default());
    let at =
        |credential| RegistryAt { credential, ..RegistryAt::anonymous(format!("{}/team", registry.host())) };
    let opened = endpoints.open_registry(&at(basic(PASSWORD))).unwrap();
    assert_eq!((&opened.host, opened.prefix.as_str()), (&registry.host(), "team"));
    assert!(opened.source().repositories(10).await.unwrap().is_empty());
    let wrong = endpoints.open_registry(&at(basic("PLANTED"))).unwrap();
    let error = wrong.target().repositories(10).await.unwrap_err();
    assert!(error.to_string().contains("secret https://v1.vault.example/secrets/push"), "{error}");
    assert!(!format!("{error:?}{wrong:?}{:?}", at(basic("PLANTED"))).contains("PLANTED"));
    let nobody = endpoints.open_registry(&at(RegistryCredential::Anonymous)).unwrap();
    nobody.source().repositories(10).await.unwrap_err();
}

#[tokio::test]
async fn a_name_that_nobody_resolves_is_reached_at_its_address_and_without_a_proxy() {
    let pki = Pki::new();
    let tls = Some((pki.server(&["hosted.azurecr.transload.test", "127.0.0.1"]), pki.ca_pem()));
    let registry =
        DockerRegistry::start_with(DockerRegistryOptions { tls, ..DockerRegistryOptions::default() });
    let mut options = Options::default();
    // a proxy at which nothing listens: it would be asked for the name
    options.registries.proxy.https = Some("http://127.0.0.1:9".to_owned());
    let at = RegistryAt {
        resolve: vec![("hosted.azurecr.transload.test".to_owned(), registry.addr())],
        ca_pem: vec![pki.ca_pem().into_bytes()],
        ..RegistryAt::anonymous(format!("hosted.azurecr.transload.test:{}", registry.addr().port()))
    };
    let opened = Endpoints::new(options).open_registry(&at).unwrap();
    assert!(opened.source().repositories(10).await.unwrap().is_empty());
}

/// Gives the scope back as the token.
#[derive(Debug)]
struct Entra;

#[async_trait]
impl TokenCredential for Entra {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new(scopes.join(" "), OffsetDateTime::now_utc() + Duration::hours(1)))
    }
}

const ACR: &str = "mine.azurecr.io";

/// One of Azure's registries, as far as its door goes (contract § 8).
fn acr() -> Router {
    let exchange = post(|form: String| async move {
        let scope = "access_token=https%3A%2F%2Fcontainerregistry.azure.net%2F.default";
        match form.contains("grant_type=access_token")
            && form.contains(scope)
            && form.contains("service=mine")
        {
            true => (StatusCode::OK, r#"{"refresh_token":"REFRESH"}"#).into_response(),
            false => (StatusCode::UNAUTHORIZED, form).into_response(),
        }
    });
    let token = post(|form: String| async move {
        match form.contains("grant_type=refresh_token") && form.contains("refresh_token=REFRESH") {
            true => (StatusCode::OK, r#"{"access_token":"ACCESS"}"#).into_response(),
            false => (StatusCode::UNAUTHORIZED, form).into_response(),
        }
    });
    let catalog = get(|request: Request| async move {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let challenge = format!("Bearer realm=\"https://{ACR}/oauth2/token\",service=\"{ACR}\"");
        let answer: Response = match header {
            Some("Bearer ACCESS") => r#"{"repositories":["team/web"]}"#.into_response(),
            _ => (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)], "").into_response(),
        };
        answer
    });
    Router::new()
        .route("/oauth2/exchange", exchange)
        .route("/oauth2/token", token)
        .route("/v2/_catalog", catalog)
}

#[tokio::test]
async fn the_workers_identity_opens_a_registry_of_azures() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, acr()).await });
    let pki = Pki::new();
    let front = TlsFront::start(&pki.server(&[ACR]), upstream).await;
    let mut options = Options::default();
    options.ambient.entra = Some(Arc::new(Entra));
    let at = RegistryAt {
        credential: RegistryCredential::WorkloadIdentity,
        resolve: vec![(ACR.to_owned(), front.addr())],
        ca_pem: vec![pki.ca_pem().into_bytes()],
        ..RegistryAt::anonymous(ACR)
    };
    let opened = Endpoints::new(options).open_registry(&at).unwrap();
    assert_eq!(opened.source().repositories(10).await.unwrap(), ["team/web"]);
}
