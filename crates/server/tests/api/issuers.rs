//! Tokens of another issuer: an OpenID provider of this test's own, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::Method;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use time::OffsetDateTime;
use transload_control::Role;
use transload_server::{ClaimRole, OuterIssuer};

use crate::lab::{Lab, registry, versioned};

struct Key {
    id: String,
    signing: EncodingKey,
}

impl Key {
    fn new(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id: id.into(), signing: EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref()) }
    }

    fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.signing, Algorithm::ES256).unwrap();
        key.common.key_id = Some(self.id.clone());
        serde_json::to_value(key).unwrap()
    }

    fn token(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &self.signing).unwrap()
    }
}

#[derive(Default)]
struct Shown {
    issuer: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
}

struct Provider {
    issuer: String,
    shown: Arc<Shown>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn discovery(State(shown): State<Arc<Shown>>) -> String {
    let issuer = shown.issuer.lock().clone();
    json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}).to_string()
}

async fn keys(State(shown): State<Arc<Shown>>) -> String {
    shown.asked.fetch_add(1, Ordering::SeqCst);
    json!({"keys": *shown.keys.lock()}).to_string()
}

impl Provider {
    async fn start(key: &Key) -> Self {
        let shown = Arc::new(Shown::default());
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .with_state(shown.clone());
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        shown.issuer.lock().clone_from(&issuer);
        shown.keys.lock().push(key.public());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { issuer, shown, task }
    }

    async fn lab(&self) -> Lab {
        let issuer = OuterIssuer {
            issuer: self.issuer.clone(),
            audiences: vec!["api://transload".into()],
            jwks_uri: None,
            principal_claim: None,
            roles: vec![ClaimRole {
                claim: "realm_access.roles".into(),
                value: "readers".into(),
                role: Role::Reader,
                scope: None,
            }],
        };
        Lab::with(|options| {
            options.outer_issuers = vec![issuer];
            options.limits.issuer_refresh_seconds_min = 0;
        })
        .await
    }

    fn claims(&self) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({"iss": self.issuer, "aud": "api://transload", "sub": "someone", "name": "Some One",
            "nbf": now - 10, "exp": now + 600, "realm_access": {"roles": ["readers"]}})
    }
}

async fn status(lab: &Lab, token: &str) -> u16 {
    lab.as_whom(Some(token), Method::GET, &versioned(&registry()), None).await.status.as_u16()
}

#[tokio::test]
async fn a_token_of_a_trusted_issuer_has_the_roles_of_its_claims() {
    let key = Key::new("one");
    let provider = Provider::start(&key).await;
    let lab = provider.lab().await;
    let token = key.token(&provider.claims());
    assert_eq!(status(&lab, &token).await, 200);
    let refused = lab.as_whom(Some(&token), Method::DELETE, &versioned(&registry()), None).await.is(403);
    assert!(refused.text.contains("Some One"), "{}", refused.text);
    let mut without = provider.claims();
    without["realm_access"] = json!({});
    assert_eq!(status(&lab, &key.token(&without)).await, 403);
    // a role that was granted here is added to those that it brings
    lab.put("/api/grants", &json!({"principalId": "someone", "role": "Reader", "scope": registry()}))
        .await
        .is(200);
    assert_eq!(status(&lab, &key.token(&without)).await, 200);
}

#[tokio::test]
async fn a_token_that_does_not_hold_is_refused() {
    let key = Key::new("one");
    let provider = Provider::start(&key).await;
    let lab = provider.lab().await;
    let now = OffsetDateTime::now_utc().unix_timestamp();
    for (member, value) in [
        ("aud", json!("api://other")),
        ("iss", json!("https://elsewhere.example")),
        ("exp", json!(now - 1000)),
        ("nbf", json!(now + 1000)),
        ("sub", json!("")),
        // nobody speaks for a principal of this server but this server
        ("sub", json!(lab.object_id)),
    ] {
        let mut claims = provider.claims();
        claims[member] = value.clone();
        assert_eq!(status(&lab, &key.token(&claims)).await, 401, "{member} {value}");
    }
    assert_eq!(status(&lab, &Key::new("one").token(&provider.claims())).await, 401);
    assert_eq!(status(&lab, &Key::new("two").token(&provider.claims())).await, 401);
}

#[tokio::test]
async fn a_new_key_of_an_issuer_is_asked_for_and_keys_are_kept() {
    let (first, second) = (Key::new("one"), Key::new("two"));
    let provider = Provider::start(&first).await;
    let lab = provider.lab().await;
    for _ in 0..5 {
        assert_eq!(status(&lab, &first.token(&provider.claims())).await, 200);
    }
    assert_eq!(provider.shown.asked.load(Ordering::SeqCst), 1);
    *provider.shown.keys.lock() = vec![second.public()];
    assert_eq!(status(&lab, &second.token(&provider.claims())).await, 200);
    assert_eq!(provider.shown.asked.load(Ordering::SeqCst), 2);
    assert_eq!(status(&lab, &first.token(&provider.claims())).await, 401);
}

#[tokio::test]
async fn an_issuer_is_not_asked_for_every_token_that_nobody_knows() {
    let key = Key::new("one");
    let provider = Provider::start(&key).await;
    let issuer = OuterIssuer {
        issuer: provider.issuer.clone(),
        audiences: vec!["api://transload".into()],
        jwks_uri: None,
        principal_claim: None,
        roles: Vec::new(),
    };
    let lab = Lab::with(|options| options.outer_issuers = vec![issuer]).await;
    for number in 0..10 {
        let stranger = Key::new(&format!("stranger{number}"));
        assert_eq!(status(&lab, &stranger.token(&provider.claims())).await, 401);
    }
    assert_eq!(provider.shown.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_issuer_whose_discovery_names_another_is_not_trusted() {
    let key = Key::new("one");
    let provider = Provider::start(&key).await;
    let lab = provider.lab().await;
    *provider.shown.issuer.lock() = "https://elsewhere.example".into();
    let answer = lab
        .as_whom(Some(&key.token(&provider.claims())), Method::GET, &versioned(&registry()), None)
        .await
        .is(401);
    assert!(answer.text.contains("names another issuer"), "{}", answer.text);
}
