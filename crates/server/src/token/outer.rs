//! Issuers of others: Entra ID, Keycloak, any that has OpenID discovery.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use transload_control::{Code, Error, ResourceId, Role};
use url::Url;

use super::refused;
use crate::limits::Limits;

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuterIssuer {
    /// What its tokens have in `iss`, to the letter; `/.well-known/openid-configuration` is looked for beneath it.
    pub issuer: String,
    /// What its tokens may have in `aud`; at least one.
    pub audiences: Vec<String>,
    /// Where its keys are; without it discovery says.
    pub jwks_uri: Option<Url>,
    /// The claim with the principal's id; `oid` where the token has it, else `sub`, when nothing is said.
    pub principal_claim: Option<String>,
    /// Which claims bring which roles. A token that brings none may still have roles by grants.
    pub roles: Vec<ClaimRole>,
}

/// A role for whoever has a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRole {
    /// The claim; dots lead into objects (`realm_access.roles`).
    pub claim: String,
    /// The value that it has to be or, as a list, to have.
    pub value: String,
    /// The role.
    pub role: Role,
    /// Where; the subscription where nothing is said.
    pub scope: Option<ResourceId>,
}

/// Algorithms of outer tokens: those with public keys.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Characters of a name that are kept.
const NAME_CHARS_MAX: usize = 128;

/// What an outer token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OuterClaims {
    pub(crate) principal: String,
    pub(crate) name: String,
    pub(crate) roles: Vec<(Role, Option<ResourceId>)>,
}

/// The issuers, and their keys as far as they were asked for.
#[derive(Debug)]
pub(crate) struct OuterIssuers {
    issuers: Vec<OuterIssuer>,
    /// One for each.
    slots: Vec<Mutex<Slot>>,
    client: reqwest::Client,
    limits: Limits,
}

/// An issuer's keys, and when they were asked for.
#[derive(Debug, Default)]
struct Slot {
    keys: Option<Arc<JwkSet>>,
    had: Option<Instant>,
    tried: Option<Instant>,
    failed: bool,
}

impl Slot {
    /// Keys are asked for when there are none, when they are old, and when one is wanted that is not among them; but not
    /// more often than the limits say, whatever tokens come.
    fn wants_asking(&self, id: Option<&str>, limits: &Limits) -> bool {
        let older =
            |time: Option<Instant>, seconds| time.is_none_or(|t| t.elapsed() > Duration::from_secs(seconds));
        let floor =
            if self.failed { limits.issuer_retry_seconds_min } else { limits.issuer_refresh_seconds_min };
        let unknown = self.keys.as_ref().is_none_or(|keys| pick(keys, id).is_none());
        (unknown || older(self.had, limits.issuer_keys_seconds)) && older(self.tried, floor)
    }
}

impl OuterIssuers {
    pub(crate) fn new(issuers: Vec<OuterIssuer>, client: reqwest::Client, limits: Limits) -> Self {
        let slots = issuers.iter().map(|_| Mutex::default()).collect();
        Self { issuers, slots, client, limits }
    }

    /// What a token says, if one of the issuers signed it. `None` for a token of nobody that is known.
    ///
    /// # Errors
    /// [`Code::AuthenticationFailed`] for a token that does not hold, or an issuer that does not answer.
    pub(crate) async fn check(&self, token: &str) -> Result<Option<OuterClaims>, Error> {
        #[derive(Deserialize)]
        struct From {
            iss: String,
        }
        let Ok(from) = insecure_decode_claims::<From>(token) else { return Ok(None) };
        let Some(at) = self.issuers.iter().position(|issuer| issuer.issuer == from.iss) else {
            return Ok(None);
        };
        let issuer = &self.issuers[at];
        let header = decode_header(token).map_err(|_| refused("it is no token"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused("it is signed with an algorithm that is not taken"));
        }
        let key = self.key(at, header.kid.as_deref()).await?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = self.limits.clock_skew_seconds;
        validation.validate_nbf = true;
        validation.set_audience(&issuer.audiences);
        validation.set_issuer(&[&issuer.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        let claims =
            decode::<Value>(token, &key, &validation).map_err(|error| refused(super::why(&error)))?.claims;
        claims_of(issuer, &claims).map(Some)
    }

    async fn key(&self, at: usize, id: Option<&str>) -> Result<DecodingKey, Error> {
        let (issuer, slot) = (&self.issuers[at], &self.slots[at]);
        let mut slot = slot.lock().await;
        if slot.wants_asking(id, &self.limits) {
            let asked = self.ask(issuer).await;
            slot.tried = Some(Instant::now());
            slot.failed = asked.is_err();
            match asked {
                Ok(keys) => {
                    slot.had = slot.tried;
                    slot.keys = Some(Arc::new(keys));
                }
                // keys that are known go on being taken while their issuer does not answer
                Err(error) if slot.keys.is_none() => return Err(error),
                Err(error) => {
                    tracing::warn!(
                        issuer = issuer.issuer,
                        error = error.message,
                        "an issuer's keys were not had"
                    );
                }
            }
        }
        let keys = slot.keys.clone().ok_or_else(|| unreachable(issuer, "it did not answer a moment ago"))?;
        drop(slot);
        let key =
            pick(&keys, id).ok_or_else(|| refused("its issuer does not know the key that signed it"))?;
        DecodingKey::from_jwk(key).map_err(|_| refused("its issuer's key cannot be used"))
    }

    async fn ask(&self, issuer: &OuterIssuer) -> Result<JwkSet, Error> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: Url,
        }
        let place = match &issuer.jwks_uri {
            Some(place) => place.clone(),
            None => {
                let base = issuer.issuer.trim_end_matches('/');
                let place = Url::parse(&format!("{base}/.well-known/openid-configuration"))
                    .map_err(|_| unreachable(issuer, "its name is no URL"))?;
                let found: Discovery = self.fetch(issuer, place).await?;
                if found.issuer != issuer.issuer {
                    return Err(unreachable(issuer, "its discovery document names another issuer"));
                }
                found.jwks_uri
            }
        };
        self.fetch(issuer, place).await
    }

    async fn fetch<T: DeserializeOwned>(&self, issuer: &OuterIssuer, place: Url) -> Result<T, Error> {
        let near = place.host_str().is_some_and(|host| ["127.0.0.1", "[::1]", "localhost"].contains(&host));
        if place.scheme() != "https" && !near {
            return Err(unreachable(issuer, "its keys are not behind https"));
        }
        let asked = self.client.get(place).timeout(Duration::from_secs(self.limits.issuer_timeout_seconds));
        let answer = asked.send().await.map_err(|_| unreachable(issuer, "it does not answer"))?;
        if !answer.status().is_success() {
            return Err(unreachable(issuer, &format!("it answered {}", answer.status())));
        }
        let mut text = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            text.extend_from_slice(&part.map_err(|_| unreachable(issuer, "its answer broke off"))?);
            if text.len() > self.limits.issuer_document_bytes_max {
                return Err(unreachable(issuer, "its answer is too long"));
            }
        }
        serde_json::from_slice(&text).map_err(|_| unreachable(issuer, "its answer cannot be read"))
    }
}

/// The key of that name; without a name the only one.
fn pick<'a>(keys: &'a JwkSet, id: Option<&str>) -> Option<&'a jsonwebtoken::jwk::Jwk> {
    match id {
        Some(id) => keys.find(id),
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    }
}

fn unreachable(issuer: &OuterIssuer, why: &str) -> Error {
    Error::new(
        Code::AuthenticationFailed,
        format!("Authentication failed: the keys of issuer '{}' cannot be had: {why}.", issuer.issuer),
    )
}

fn claims_of(issuer: &OuterIssuer, claims: &Value) -> Result<OuterClaims, Error> {
    let text = |name: &str| claim(claims, name).and_then(Value::as_str).map(str::to_owned);
    let principal = match &issuer.principal_claim {
        Some(name) => text(name),
        None => text("oid").or_else(|| text("sub")),
    };
    let principal = principal
        .filter(|principal| !principal.trim().is_empty())
        .ok_or_else(|| refused("it does not say who it is of"))?
        .to_ascii_lowercase();
    let name = ["name", "preferred_username", "app_displayname", "appid", "azp"].into_iter().find_map(text);
    // it is shown to people and stands in logs
    let name = name.map(|name| name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect());
    let roles = issuer.roles.iter().filter(|rule| has(claim(claims, &rule.claim), &rule.value));
    let roles = roles.map(|rule| (rule.role, rule.scope.clone())).collect();
    Ok(OuterClaims { name: name.unwrap_or_else(|| principal.clone()), principal, roles })
}

/// A claim of that very name, else what the dots in it lead to.
fn claim<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| name.split('.').try_fold(claims, |at, word| at.get(word)))
}

fn has(claim: Option<&Value>, wanted: &str) -> bool {
    match claim {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Array(items)) => items.iter().any(|item| item.as_str() == Some(wanted)),
        Some(Value::Bool(truth)) => truth.to_string() == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn issuer() -> OuterIssuer {
        let rule = |claim: &str, value: &str, role| ClaimRole {
            claim: claim.into(),
            value: value.into(),
            role,
            scope: None,
        };
        OuterIssuer {
            issuer: "https://id.example".into(),
            audiences: vec!["transload".into()],
            jwks_uri: None,
            principal_claim: None,
            roles: vec![
                rule("realm_access.roles", "operators", Role::Operator),
                rule("groups", "staff", Role::Reader),
                rule("https://id.example/admin", "true", Role::Owner),
            ],
        }
    }

    #[test]
    fn claims_bring_roles() {
        let roles = |claims: Value| -> Vec<Role> {
            claims_of(&issuer(), &claims).unwrap().roles.into_iter().map(|(role, _)| role).collect()
        };
        assert_eq!(
            roles(json!({"sub": "a", "realm_access": {"roles": ["x", "operators"]}})),
            [Role::Operator]
        );
        assert_eq!(roles(json!({"sub": "a", "groups": "staff"})), [Role::Reader]);
        assert_eq!(roles(json!({"sub": "a", "https://id.example/admin": true})), [Role::Owner]);
        assert_eq!(roles(json!({"sub": "a", "groups": "staffers", "realm_access": "operators"})), []);
    }

    #[test]
    fn a_token_says_who_it_is_of() {
        let who = |claims: Value| claims_of(&issuer(), &claims).map(|claims| claims.principal);
        assert_eq!(who(json!({"sub": "s", "oid": "ABC"})).unwrap(), "abc");
        assert_eq!(who(json!({"sub": "s"})).unwrap(), "s");
        assert_eq!(who(json!({"name": "n"})).unwrap_err().code, Code::AuthenticationFailed);
        assert_eq!(who(json!({"sub": " "})).unwrap_err().code, Code::AuthenticationFailed);
    }
}
