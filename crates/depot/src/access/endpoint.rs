//! The token service: `GET` as the distribution project has it ("Token Authentication Specification"), `POST` as
//! OAuth 2 has it (its "Authenticate proxy with OAuth2"), both under both paths: Azure's clients use the second one.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use tokio::time::timeout;

use super::challenge::{self, Problem};
use super::guard::{Guard, Who, busy};
use super::header::Given;
use super::refused::{Refused, RefusedKind};
use super::scope::Scope;
use super::tokens::{Issuer, Resource};

/// Where it is.
pub(super) const PATHS: [&str; 2] = ["/token", "/oauth2/token"];

/// What is asked for.
#[derive(Default)]
struct Asked {
    scopes: String,
    /// A refresh token is wanted too.
    is_offline: bool,
    grant_type: String,
    username: String,
    password: SecretString,
    refresh_token: SecretString,
}

impl Asked {
    fn parse(text: &[u8]) -> Self {
        let mut asked = Self::default();
        for (key, value) in url::form_urlencoded::parse(text) {
            match &*key {
                // it may come several times, and may hold several
                "scope" => asked.scopes.extend([" ", &value]),
                "offline_token" => asked.is_offline |= value == "true" || value == "1",
                "access_type" => asked.is_offline |= value == "offline",
                "grant_type" => asked.grant_type = value.into_owned(),
                "username" => asked.username = value.into_owned(),
                "password" => asked.password = SecretString::from(value.into_owned()),
                "refresh_token" => asked.refresh_token = SecretString::from(value.into_owned()),
                _ => {}
            }
        }
        asked
    }
}

/// Why there is no token: for people, and OAuth's word for it.
struct NoToken(Refused, &'static str);

pub(super) async fn answer(guard: &Guard, request: &Parts, body: Body) -> Response {
    let Some(issuer) = &guard.issuer else { return StatusCode::NOT_FOUND.into_response() };
    let made = match request.method {
        Method::GET => get(guard, issuer, request).await,
        Method::POST => post(guard, issuer, body).await,
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let mut response = made.unwrap_or_else(|NoToken(refused, error)| {
        let text = refused.to_string();
        refused.response_with(&[("error", error), ("error_description", &text)])
    });
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn get(guard: &Guard, issuer: &Issuer, request: &Parts) -> Result<Response, NoToken> {
    let asked = Asked::parse(request.uri.query().unwrap_or_default().as_bytes());
    let who = match Given::of(&request.headers) {
        // a token is no way to get another one: it would never end
        Given::Bearer(_) => Err(Problem::Credential("sign in with a password".to_owned())),
        given => guard.known(given).await,
    };
    let who = who.map_err(|problem| refuse(guard, problem))?;
    if matches!(who, Who::Anonymous) && !guard.policy().await.knows_anonymous() {
        return Err(refuse(guard, Problem::Credential("sign in with a password".to_owned())));
    }
    grant(guard, issuer, who, &asked, None).await
}

async fn post(guard: &Guard, issuer: &Issuer, body: Body) -> Result<Response, NoToken> {
    let asked = Asked::parse(
        &read(body, guard.limits.token_request_bytes_max, guard.limits.token_request_wait).await?,
    );
    let (user, kept) = match asked.grant_type.as_str() {
        "password" => (guard.signed_in(asked.username.clone(), &asked.password).await, None),
        "refresh_token" => (guard.refreshed(&asked.refresh_token).await, Some(&asked.refresh_token)),
        _ => {
            let text = "grant_type has to be password or refresh_token";
            return Err(NoToken(Refused::new(RefusedKind::Invalid, text), "unsupported_grant_type"));
        }
    };
    let user = user.map_err(|problem| refuse(guard, problem))?;
    grant(guard, issuer, Who::User(user), &asked, kept).await
}

async fn read(body: Body, bytes_max: usize, wait: Duration) -> Result<Vec<u8>, NoToken> {
    let invalid = |text: &str| NoToken(Refused::new(RefusedKind::Invalid, text), "invalid_request");
    let read = timeout(wait, to_bytes(body, bytes_max)).await;
    let bytes = read.map_err(|_| invalid("the request took too long"))?;
    bytes.map(Vec::from).map_err(|_| invalid("the request is too long, or was cut"))
}

/// A token for what of the wish is allowed. What is not is left out, as the specification has it.
async fn grant(
    guard: &Guard,
    issuer: &Issuer,
    who: Who,
    asked: &Asked,
    kept: Option<&SecretString>,
) -> Result<Response, NoToken> {
    let caller = guard.caller(who).await;
    let most = guard.limits.token_scopes_max;
    let scopes: Vec<Scope> = Scope::parse_all(&asked.scopes).take(most + 1).collect();
    if scopes.len() > most {
        let text = format!("more than {most} scopes in one request");
        return Err(NoToken(Refused::new(RefusedKind::Invalid, text), "invalid_scope"));
    }
    let access: Vec<Resource> =
        scopes.into_iter().filter_map(|scope| Resource::of(scope, |grant| caller.may(grant))).collect();
    let subject = caller.user().unwrap_or_default();
    let token = issuer.access(subject, &access).ok_or_else(failed)?;
    let mut body = json!({
        "token": token,
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": guard.limits.token_lifetime.as_secs(),
        "scope": access.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    });
    if asked.is_offline {
        let refresh = match kept {
            Some(kept) => Some(kept.expose_secret().to_owned()),
            None => refresh_token(guard, issuer, caller.user()).await,
        };
        if let Some(token) = refresh {
            body["refresh_token"] = token.into();
        }
    }
    let mut response = Response::new(Body::from(body.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Of those who have a password: only it can end the token early.
async fn refresh_token(guard: &Guard, issuer: &Issuer, user: Option<&str>) -> Option<String> {
    let mark = guard.passwords.as_ref()?.fingerprint(user?).await?;
    issuer.refresh(user?, &mark)
}

fn refuse(guard: &Guard, problem: Problem) -> NoToken {
    let (message, error) = match problem {
        Problem::Busy => return NoToken(busy(), "temporarily_unavailable"),
        Problem::Credential(message) | Problem::Token(message) => (message, "invalid_grant"),
    };
    let refused = Refused::new(RefusedKind::Unauthorized, message);
    NoToken(
        match challenge::basic(&guard.service) {
            Some(challenge) => refused.challenge(challenge),
            None => refused,
        },
        error,
    )
}

fn failed() -> NoToken {
    NoToken(Refused::new(RefusedKind::Busy, "no token could be signed"), "server_error")
}
