//! Access tokens: fetched once per scope however many wait for one, kept until shortly before they expire.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::exchange::Exchanged;
use super::scope::Scope;
use super::{basic, secret_header};
use crate::credentials::{Credential, Found};
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Http, Want, What, is_loopback};

const CLIENT_ID: &str = "transload";
/// What a token lives when the service does not say (distribution, "Token Authentication Specification").
const LIFETIME_DEFAULT: Duration = Duration::from_secs(60);
/// A token is not used in its last moments: the request takes time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(10);
/// A refusal holds for those who were waiting behind it, so that a wrong password is not sent fifty times.
const REFUSAL_KEPT: Duration = Duration::from_secs(5);

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenKey {
    pub(super) realm: String,
    pub(super) service: Option<String>,
    pub(super) scope: Scope,
}

/// A token, ready to be sent.
pub(super) struct Token {
    pub(super) header: HeaderValue,
    until: Instant,
    refused: AtomicBool,
}

impl Token {
    /// Not to be used again: the registry refused it before its time.
    pub(super) fn forget(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    fn is_good(&self) -> bool {
        self.until > Instant::now() && !self.refused.load(Ordering::Relaxed)
    }
}

enum Slot {
    Token(Arc<Token>),
    Refused { kind: ErrorKind, detail: String, until: Instant },
}

type Shared = Arc<tokio::sync::Mutex<Option<Slot>>>;

/// The tokens of one registry.
#[derive(Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<TokenKey, Shared>>,
    exchanged: Exchanged,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl Tokens {
    /// A token that is good for now. Who comes while it is being fetched waits for that one.
    pub(super) async fn get(
        &self,
        http: &Http,
        key: &TokenKey,
        found: Option<&Found>,
        subject: &str,
    ) -> Result<Arc<Token>, Error> {
        let shared = self.slots.lock().entry(key.clone()).or_default().clone();
        let mut slot = shared.lock().await;
        match slot.as_ref() {
            Some(Slot::Token(token)) if token.is_good() => return Ok(token.clone()),
            Some(Slot::Refused { kind, detail, until }) if *until > Instant::now() => {
                return Err(Error::new(*kind, subject, detail.clone()));
            }
            _ => {}
        }
        match self.fetch(http, key, found, subject).await {
            Ok(token) => {
                let token = Arc::new(token);
                *slot = Some(Slot::Token(token.clone()));
                Ok(token)
            }
            Err(error) => {
                if !error.is_transient() {
                    let (kind, detail) = (error.kind(), error.detail().to_owned());
                    *slot = Some(Slot::Refused { kind, detail, until: Instant::now() + REFUSAL_KEPT });
                }
                Err(error)
            }
        }
    }

    async fn fetch(
        &self,
        http: &Http,
        key: &TokenKey,
        found: Option<&Found>,
        subject: &str,
    ) -> Result<Token, Error> {
        match found {
            Some(Found { credential: Credential::Entra(token), origin }) => {
                let refresh = self.exchanged.get(http, key, token, subject).await?;
                let found = Found { credential: Credential::IdentityToken(refresh), origin: origin.clone() };
                fetch(http, key, Some(&found), subject).await
            }
            found => fetch(http, key, found, subject).await,
        }
    }
}

async fn fetch(http: &Http, key: &TokenKey, found: Option<&Found>, subject: &str) -> Result<Token, Error> {
    let fail = |kind, detail: String| Error::new(kind, subject, detail);
    let realm = Url::parse(&key.realm)
        .ok()
        .filter(|url| matches!(url.scheme(), "https" | "http") && url.host().is_some())
        .ok_or_else(|| {
            fail(ErrorKind::Failed, "the registry names a token service that is no URL".to_owned())
        })?;
    let place = realm.host_str().unwrap_or_default().to_owned();
    if realm.scheme() == "http" && !is_loopback(&realm) && (found.is_some() || !http.plain_http()) {
        return Err(fail(
            ErrorKind::Unauthorized,
            format!("the registry's token service at {place} speaks plain HTTP: no credential is sent there"),
        ));
    }
    let (call, authorization) = request(realm, key, found, http.limits().token_bytes_max);
    let reply = http.send(&call, authorization.as_ref(), subject).await?;
    if !reply.status.is_success() {
        let refused = reply.refusal(subject, What::LIST, http.limits());
        let kind = match reply.status.as_u16() {
            400 | 401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        };
        return Err(fail(kind, format!("the token service at {place} refuses: {}", refused.detail())));
    }
    let answer: Option<Answer> = serde_json::from_slice(&reply.body).ok();
    let lifetime = answer.as_ref().and_then(|a| a.expires_in);
    let lifetime = lifetime.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or(LIFETIME_DEFAULT);
    let header = answer
        .and_then(|a| a.token.filter(|t| !t.is_empty()).or(a.access_token))
        .filter(|token| !token.is_empty())
        .and_then(|token| secret_header(&format!("Bearer {token}")))
        .ok_or_else(|| {
            fail(ErrorKind::Failed, format!("the token service at {place} answers without a token"))
        })?;
    // Short-lived tokens keep half their life rather than none.
    let usable = lifetime.saturating_sub(MARGIN).max(lifetime / 2).min(Duration::from_secs(86_400));
    Ok(Token { header, until: Instant::now() + usable, refused: AtomicBool::new(false) })
}

/// The request for a token: a GET with user and password, or the OAuth2 POST that changes an identity token into
/// an access token (distribution, "Docker Registry v2 authentication using OAuth2").
fn request(
    mut realm: Url,
    key: &TokenKey,
    found: Option<&Found>,
    bytes_max: usize,
) -> (Call, Option<HeaderValue>) {
    let want = Want::Whole(bytes_max);
    if let Some(Found { credential: Credential::IdentityToken(token), .. }) = found {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token");
        form.append_pair("refresh_token", token.expose_secret());
        form.append_pair("client_id", CLIENT_ID);
        if let Some(service) = &key.service {
            form.append_pair("service", service);
        }
        form.append_pair("scope", &key.scope.to_string());
        let call = Call::new(Method::POST, realm, want)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(form.finish()));
        return (call, None);
    }
    {
        let mut query = realm.query_pairs_mut();
        if let Some(service) = &key.service {
            query.append_pair("service", service);
        }
        for scope in key.scope.texts() {
            query.append_pair("scope", &scope);
        }
        query.append_pair("client_id", CLIENT_ID);
    }
    let authorization = match found.map(|f| &f.credential) {
        Some(Credential::Basic { user, secret }) => Some(basic(user, secret.expose_secret())),
        _ => None,
    };
    (Call::new(Method::GET, realm, want).header(ACCEPT, "application/json"), authorization)
}
