//! From a bearer token to a caller.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use time::OffsetDateTime;
use transload_control::{Caller, Control, Error, Principal};

use crate::token::{Audience, Claims, OuterClaims, OuterIssuers, Tokens, refused};

/// Says who asks. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Authenticator(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    control: Control,
    tokens: Arc<Tokens>,
    outer: OuterIssuers,
}

/// Of which request a caller is.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The correlation id.
    pub correlation: String,
    /// Where it came from.
    pub address: Option<String>,
}

/// A token for registries that was just made.
#[derive(Debug, Clone)]
pub struct RegistryToken {
    /// The token.
    pub token: SecretString,
    /// How long it is taken.
    pub lasts: Duration,
}

impl Authenticator {
    pub(crate) fn new(control: Control, tokens: Arc<Tokens>, outer: OuterIssuers) -> Self {
        Self(Arc::new(Inner { control, tokens, outer }))
    }

    /// Who a bearer token is of; it has to be for one of these audiences. A token of ours is that of a principal that is
    /// still there; one of another issuer is taken where that issuer is trusted.
    ///
    /// # Errors
    /// [`AuthenticationFailed`](transload_control::Code::AuthenticationFailed) with the reason, and those of the ledger.
    pub async fn caller_of_bearer(
        &self,
        token: &str,
        audiences: &[Audience],
        origin: &Origin,
    ) -> Result<Caller, Error> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        if let Some(claims) = self.0.tokens.check(token, audiences, now).await? {
            return self.of_ours(claims, origin).await;
        }
        match self.0.outer.check(token).await? {
            Some(claims) => self.of_others(claims, origin).await,
            None => Err(refused("it is from an issuer that is not trusted here")),
        }
    }

    /// A token for registries, for whoever showed `shown`: of a principal of ours a new one, of others what they showed.
    ///
    /// # Errors
    /// Those of the ledger and the vault.
    pub async fn registry_token(&self, caller: &Caller, shown: &SecretString) -> Result<SecretString, Error> {
        let principals = self.0.control.ledger().principals().await?;
        let ours = principals.iter().find(|principal| principal.object_id.to_string() == caller.principal);
        match ours {
            Some(principal) => Ok(self.token_for_registries(principal).await?.token),
            None => Ok(shown.clone()),
        }
    }

    /// A token for registries of a principal of ours.
    ///
    /// # Errors
    /// Those of the ledger and the vault.
    pub async fn token_for_registries(&self, principal: &Principal) -> Result<RegistryToken, Error> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let issued = self.0.tokens.issue(principal, Audience::Registries, now).await?;
        Ok(RegistryToken { token: issued.token.into(), lasts: Duration::from_secs(issued.expires_in) })
    }

    async fn of_ours(&self, claims: Claims, origin: &Origin) -> Result<Caller, Error> {
        // whoever was deleted is out at once, and not when the token ends
        let principal = self.0.control.ledger().principal(claims.appid).await?;
        let principal = principal
            .filter(|principal| principal.object_id == claims.oid)
            .ok_or_else(|| refused("its principal was deleted"))?;
        Ok(Caller {
            principal: principal.object_id.to_string(),
            name: principal.name,
            grants: Vec::new(),
            correlation: origin.correlation.clone(),
            address: origin.address.clone(),
        })
    }

    async fn of_others(&self, claims: OuterClaims, origin: &Origin) -> Result<Caller, Error> {
        // another issuer may not speak for a principal of ours, whatever it calls its own
        let ours = self.0.control.ledger().principals().await?;
        if ours.iter().any(|principal| principal.object_id.to_string() == claims.principal) {
            return Err(refused("its issuer speaks for a principal of this server"));
        }
        let subscription = self.0.control.subscription();
        let grants = claims.roles.into_iter();
        let grants =
            grants.map(|(role, scope)| (role, scope.unwrap_or_else(|| subscription.clone()))).collect();
        Ok(Caller {
            principal: claims.principal,
            name: claims.name,
            grants,
            correlation: origin.correlation.clone(),
            address: origin.address.clone(),
        })
    }
}

/// The token of an `Authorization` header.
pub(crate) fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let text = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}
