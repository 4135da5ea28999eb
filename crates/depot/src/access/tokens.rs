//! Tokens: made, and checked (distribution, "Token Authentication Implementation").

use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::grant::{Action, Grant};
use super::keys::{PublicKey, SigningKey, public_keys};
use super::limits::AccessLimits;
use super::scope::Scope;
use super::watched::Watched;
use crate::error::Error;

/// Types in tokens' headers: one kind can never be taken for the other.
const ACCESS: &str = "JWT";
const REFRESH: &str = "refresh+jwt";

/// Makes tokens.
#[derive(Debug)]
pub(super) struct Issuer {
    key: SigningKey,
    name: String,
    service: String,
    limits: AccessLimits,
}

/// Checks tokens.
#[derive(Debug)]
pub(super) struct Verifier {
    /// Of our own issuer.
    own: Option<(PublicKey, String)>,
    /// Of others.
    trusted: Option<Watched<Vec<PublicKey>>>,
    trusted_issuer: Option<String>,
    service: String,
    limits: AccessLimits,
}

/// A token that is good.
#[derive(Debug)]
pub(super) struct Verified {
    /// Empty for anonymous.
    pub(super) subject: String,
    access: Vec<Resource>,
    /// Whether it is of our own issuer.
    pub(super) is_own: bool,
}

/// Why a token is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenFault {
    #[error("the token is none, or not signed by a key that is trusted here")]
    NotSigned,
    #[error("the token has expired, or is for later")]
    OutOfTime,
    #[error("the token is for another service")]
    OtherService,
    #[error("the token is of another issuer")]
    OtherIssuer,
    #[error("the token is of another kind")]
    OtherKind,
}

/// What a token allows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Resource {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    /// Go's encoders write an empty list as `null`.
    #[serde(default)]
    actions: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    access: Option<Vec<Resource>>,
    /// Of refresh tokens: what changes with the user's password.
    #[serde(default)]
    password: Option<String>,
}

impl Issuer {
    pub(super) fn new(key: SigningKey, name: &str, service: &str, limits: &AccessLimits) -> Self {
        Self { key, name: name.to_owned(), service: service.to_owned(), limits: limits.clone() }
    }

    /// A token for a subject (empty for anonymous) that allows this.
    pub(super) fn access(&self, subject: &str, access: &[Resource]) -> Option<String> {
        let now = now();
        let claims = json!({
            "iss": self.name,
            "sub": subject,
            "aud": self.service,
            "exp": now + self.limits.token_lifetime.as_secs(),
            // those with slower clocks than ours take it too
            "nbf": now.saturating_sub(self.limits.clock_skew.as_secs()),
            "iat": now,
            "jti": format!("{:032x}", rand::random::<u128>()),
            "access": access,
        });
        self.sign(ACCESS, &claims)
    }

    /// A token that other tokens are got with, as long as the user's password stays the same.
    pub(super) fn refresh(&self, subject: &str, password: &str) -> Option<String> {
        let now = now();
        let claims = json!({
            "iss": self.name,
            "sub": subject,
            "aud": refresh_audience(&self.service),
            "exp": now + self.limits.refresh_token_lifetime.as_secs(),
            "iat": now,
            "jti": format!("{:032x}", rand::random::<u128>()),
            "password": password,
        });
        self.sign(REFRESH, &claims)
    }

    fn sign(&self, kind: &str, claims: &serde_json::Value) -> Option<String> {
        let header = json!({ "typ": kind, "alg": self.key.algorithm(), "kid": self.key.id() });
        let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(message.as_bytes())?;
        Some(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Verifier {
    /// Takes the tokens of our own issuer, and of others whose public keys are in a file; then of this issuer only,
    /// if one is named. Blocks for reading the file.
    pub(super) fn new(
        own: Option<&Issuer>,
        trusted: Option<&Path>,
        trusted_issuer: Option<&str>,
        service: &str,
        limits: &AccessLimits,
    ) -> Result<Self, Error> {
        Ok(Self {
            own: own.map(|issuer| (issuer.key.public(), issuer.name.clone())),
            trusted: trusted.map(|path| Watched::open(path, limits, public_keys)).transpose()?,
            trusted_issuer: trusted_issuer.map(str::to_owned),
            service: service.to_owned(),
            limits: limits.clone(),
        })
    }

    /// What a token allows, if it is good. Without a name for its key all are tried: a signature fits one of them.
    pub(super) async fn access(&self, token: &str) -> Result<Verified, TokenFault> {
        let id = decode_header(token).map_err(|_| TokenFault::NotSigned)?.kid;
        let mut fault = TokenFault::NotSigned;
        if let Some((key, issuer)) = &self.own {
            match self.check(token, key, Some(issuer), &self.service, Some(ACCESS)) {
                Ok(claims) => return Ok(Verified::new(claims, true)),
                Err(other) => fault = other,
            }
        }
        let Some(trusted) = &self.trusted else { return Err(fault) };
        let keys = trusted.get().await;
        let named = id.as_deref().map(|id| keys.iter().filter(move |key| key.is_called(id)));
        let named: Vec<&PublicKey> = named.into_iter().flatten().collect();
        // keys out of PEM files have no name that their issuer would know
        for key in if named.is_empty() { keys.iter().collect() } else { named } {
            match self.check(token, key, self.trusted_issuer.as_deref(), &self.service, None) {
                Ok(claims) => return Ok(Verified::new(claims, false)),
                Err(TokenFault::NotSigned) => {}
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    /// Subject and password's mark of a refresh token of our own.
    pub(super) fn refresh(&self, token: &str) -> Result<(String, String), TokenFault> {
        let (key, issuer) = self.own.as_ref().ok_or(TokenFault::NotSigned)?;
        let audience = refresh_audience(&self.service);
        let claims = self.check(token, key, Some(issuer), &audience, Some(REFRESH))?;
        claims.sub.zip(claims.password).ok_or(TokenFault::OtherKind)
    }

    fn check(
        &self,
        token: &str,
        key: &PublicKey,
        issuer: Option<&str>,
        audience: &str,
        kind: Option<&str>,
    ) -> Result<Claims, TokenFault> {
        let mut validation = Validation::default();
        validation.algorithms.clone_from(&key.algorithms);
        validation.leeway = self.limits.clock_skew.as_secs();
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud"]);
        if let Some(issuer) = issuer {
            validation.set_issuer(&[issuer]);
            validation.required_spec_claims.insert("iss".to_owned());
        }
        let decoded = decode::<Claims>(token, &key.key, &validation).map_err(|error| fault(error.kind()))?;
        // what must be understood (RFC 7515, 4.1.11), and is not
        let is_understood = decoded.header.crit.is_none();
        let is_kind = kind.is_none_or(|kind| decoded.header.typ.as_deref() == Some(kind));
        if is_understood && is_kind { Ok(decoded.claims) } else { Err(TokenFault::OtherKind) }
    }
}

fn fault(kind: &ErrorKind) -> TokenFault {
    match kind {
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => TokenFault::OutOfTime,
        ErrorKind::InvalidAudience => TokenFault::OtherService,
        ErrorKind::InvalidIssuer => TokenFault::OtherIssuer,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => TokenFault::OtherKind,
        _ => TokenFault::NotSigned,
    }
}

fn refresh_audience(service: &str) -> String {
    format!("refresh:{service}")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

impl Verified {
    fn new(claims: Claims, is_own: bool) -> Self {
        Self { subject: claims.sub.unwrap_or_default(), access: claims.access.unwrap_or_default(), is_own }
    }

    /// Whether it allows this. Whoever has a token is known.
    pub(super) fn allows(&self, grant: &Grant) -> bool {
        match grant {
            Grant::Base => true,
            Grant::Catalog => self.has("registry", "catalog", "*"),
            Grant::Repository { name, action } => self.has("repository", name, action.name()),
        }
    }

    fn has(&self, kind: &str, name: &str, action: &str) -> bool {
        let of_it = self.access.iter().filter(|resource| resource.kind == kind && resource.name == name);
        of_it.filter_map(|resource| resource.actions.as_ref()).flatten().any(|a| a == action || a == "*")
    }
}

impl Resource {
    /// What of a scope is allowed; `None` when nothing is.
    pub(super) fn of(scope: Scope, may: impl Fn(&Grant) -> bool) -> Option<Self> {
        let (kind, name, actions) = match scope {
            Scope::Catalog => {
                let actions = if may(&Grant::Catalog) { vec!["*".to_owned()] } else { Vec::new() };
                ("registry", "catalog".to_owned(), actions)
            }
            Scope::Repository { name, actions } => {
                let allowed = actions.into_iter().filter(|action: &Action| may(&Grant::to(*action, &name)));
                let actions = allowed.map(|action| action.name().to_owned()).collect();
                ("repository", name, actions)
            }
        };
        (!actions.is_empty()).then(|| Self { kind: kind.to_owned(), name, actions: Some(actions) })
    }
}

impl fmt::Display for Resource {
    /// As a scope.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions = self.actions.as_deref().unwrap_or_default().join(",");
        write!(f, "{}:{}:{actions}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests;
