//! Tokens of our own: short-lived, signed with ES256 by keys that the ledger keeps sealed.
//!
//! Time is cut into periods, and each period has a key of its own. Whoever needs a period's key first makes it, and of
//! several processes that do so at once all get the same one. A token is taken as long as the key of its period, or of the one
//! before, signed it; the key of the next period is published a day ahead. So keys change without anybody telling
//! anybody, and no token becomes invalid by it.

mod audience;
mod keys;
mod outer;

use std::sync::Arc;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use transload_control::{Code, Error, Principal};
use transload_vault::Sealer;
use uuid::Uuid;

pub use audience::Audience;
pub(crate) use audience::Audiences;
pub use outer::{ClaimRole, OuterIssuer};
pub(crate) use outer::{OuterClaims, OuterIssuers};

use self::keys::Keys;
use crate::limits::Limits;

/// Where sealed signing keys are kept, under names: the ledger's single values.
#[async_trait]
pub(crate) trait Shelf: std::fmt::Debug + Send + Sync + 'static {
    /// What is kept under a name.
    async fn get(&self, name: &str) -> Result<Option<String>, Error>;

    /// Keeps this where nothing is kept yet, and gives what is kept.
    async fn keep(&self, name: &str, value: &str) -> Result<String, Error>;
}

#[async_trait]
impl Shelf for transload_control::Ledger {
    async fn get(&self, name: &str) -> Result<Option<String>, Error> {
        self.meta(name).await
    }

    async fn keep(&self, name: &str, value: &str) -> Result<String, Error> {
        self.put_meta_if_absent(name, value).await
    }
}

/// What a token of ours says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    /// The principal's object id, twice.
    pub(crate) oid: Uuid,
    pub(crate) sub: Uuid,
    /// Its client id.
    pub(crate) appid: Uuid,
    /// Its name.
    pub(crate) app_displayname: String,
    /// The tenant.
    pub(crate) tid: Uuid,
    pub(crate) jti: Uuid,
    pub(crate) ver: String,
}

/// Issues and checks tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    keys: Keys,
    audiences: Audiences,
    tenant: Uuid,
    lifetime_seconds: u64,
    clock_skew_seconds: u64,
}

/// A token that was just issued.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_in: u64,
    pub(crate) expires_at: i64,
}

impl Tokens {
    pub(crate) fn new(
        shelf: Arc<dyn Shelf>,
        sealer: Arc<Sealer>,
        audiences: Audiences,
        tenant: Uuid,
        limits: &Limits,
    ) -> Self {
        Self {
            keys: Keys::new(shelf, sealer, limits.token_key_days),
            audiences,
            tenant,
            lifetime_seconds: limits.token_seconds,
            clock_skew_seconds: limits.clock_skew_seconds,
        }
    }

    pub(crate) fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    /// What tokens say they are from.
    pub(crate) fn issuer(&self) -> String {
        format!("{}/{}/v2.0", self.audiences.manager(), self.tenant)
    }

    /// A token for a principal that has signed in.
    pub(crate) async fn issue(
        &self,
        principal: &Principal,
        audience: Audience,
        now: i64,
    ) -> Result<Issued, Error> {
        let key = self.keys.signing(now).await?;
        let expires_at = now.saturating_add_unsigned(self.lifetime_seconds);
        let claims = Claims {
            aud: self.audiences.name(audience).to_owned(),
            iss: self.issuer(),
            iat: now,
            nbf: now,
            exp: expires_at,
            oid: principal.object_id,
            sub: principal.object_id,
            appid: principal.client_id,
            app_displayname: principal.name.clone(),
            tid: self.tenant,
            jti: Uuid::new_v4(),
            ver: "2.0".to_owned(),
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::ES256) };
        let token = encode(&header, &claims, &key.signing)
            .map_err(|_| Error::new(Code::LedgerUnavailable, "a token could not be signed; try again"))?;
        Ok(Issued { token, expires_in: self.lifetime_seconds, expires_at })
    }

    /// What a token says, if it is one of ours for one of these audiences and valid at `now`. `None` for a token of
    /// somebody else.
    ///
    /// # Errors
    /// [`Code::AuthenticationFailed`] for a token of ours that does not hold; those of the ledger.
    pub(crate) async fn check(
        &self,
        token: &str,
        audiences: &[Audience],
        now: i64,
    ) -> Result<Option<Claims>, Error> {
        let Ok(header) = decode_header(token) else { return Err(refused("it is no token")) };
        let Some(id) = header.kid.filter(|_| header.alg == Algorithm::ES256) else { return Ok(None) };
        let Some(key) = self.keys.find(&id, now).await? else { return Ok(None) };
        let mut validation = Validation::new(Algorithm::ES256);
        let names: Vec<&str> = audiences.iter().map(|audience| self.audiences.name(*audience)).collect();
        validation.set_audience(&names);
        validation.set_issuer(&[self.issuer()]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "nbf"]);
        // the clock is ours to give: it is what tests turn
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims: Claims =
            decode(token, &key.checking, &validation).map_err(|error| refused(why(&error)))?.claims;
        self.check_times(&claims, now)?;
        Ok(Some(claims))
    }

    fn check_times(&self, claims: &Claims, now: i64) -> Result<(), Error> {
        let skew = i64::try_from(self.clock_skew_seconds).unwrap_or(i64::MAX);
        if claims.exp.saturating_add(skew) <= now {
            return Err(refused("it has expired"));
        }
        if claims.nbf.saturating_sub(skew) > now {
            return Err(refused("it is not valid yet"));
        }
        Ok(())
    }

    /// The public keys, for whoever checks our tokens.
    pub(crate) async fn published(&self, now: i64) -> Result<jsonwebtoken::jwk::JwkSet, Error> {
        self.keys.published(now).await
    }
}

/// A token that does not hold. Why is said to whoever sent it: it is theirs.
pub(crate) fn refused(why: &str) -> Error {
    Error::new(
        Code::AuthenticationFailed,
        format!("Authentication failed: the access token cannot be used: {why}. Get a new one."),
    )
}

fn why(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::InvalidAudience => "it is for another audience",
        ErrorKind::InvalidIssuer => "it is from another issuer",
        ErrorKind::InvalidSignature => "its signature does not hold",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        _ => "it is damaged",
    }
}

#[cfg(test)]
mod tests;
