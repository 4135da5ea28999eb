//! Signing in: client credentials for a token (RFC 6749, 4.4), kept until shortly before its end.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use transload_api::cloud::CloudMetadata;
use transload_api::token::{TokenAnswer, TokenError};

use crate::answer::Answer;
use crate::connect::{Client, Credential};
use crate::error::{Error, Kind};

/// The api-version of the description of the cloud.
const METADATA_VERSION: &str = "2022-09-01";

/// What clients that know no other cloud ask for vaults with; this server takes it too.
const VAULTS: &str = "https://vault.azure.net";

/// What a token is for. One for the one does not open the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Resources, and this server's own routes.
    Resources,
    /// Secrets of vaults.
    Secrets,
}

impl For {
    pub(crate) fn path(path: &str) -> Self {
        if path.starts_with("/vaults/") { Self::Secrets } else { Self::Resources }
    }
}

/// A token that is used until then.
pub(crate) struct Kept {
    token: SecretString,
    until: Instant,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("until", &self.until).finish_non_exhaustive()
    }
}

impl Client {
    /// What the server says of itself: where tokens are, what hosts of vaults and registries end in.
    ///
    /// # Errors
    /// Those of a request; `Protocol` for what is no such server.
    pub async fn metadata(&self) -> Result<CloudMetadata, Error> {
        if let Some(known) = self.0.metadata.lock().clone() {
            return Ok(known);
        }
        let path = format!("/metadata/endpoints?api-version={METADATA_VERSION}");
        let answer = self.repeat(&Method::GET, &path, |request| request, None).await?;
        let metadata: CloudMetadata = answer.accepted()?.json()?;
        *self.0.metadata.lock() = Some(metadata.clone());
        Ok(metadata)
    }

    /// A token, kept or new. `spent` is one that the server did not take.
    pub(crate) async fn token(&self, what: For, spent: Option<&SecretString>) -> Result<SecretString, Error> {
        let (client_id, secret) = match &self.0.options.credential {
            Credential::Token(token) => return Ok(token.clone()),
            Credential::Secret { client_id, secret } => (client_id, secret),
        };
        // whoever comes second waits for the first one's token
        let mut kept = match what {
            For::Resources => self.0.token.lock().await,
            For::Secrets => self.0.secrets_token.lock().await,
        };
        let is_spent = |kept: &Kept| spent.is_some_and(|s| s.expose_secret() == kept.token.expose_secret());
        if let Some(kept) = kept.as_ref().filter(|kept| kept.until > Instant::now() && !is_spent(kept)) {
            return Ok(kept.token.clone());
        }
        let answer = self.sign_in(what, client_id, secret).await?;
        let lasts = Duration::from_secs(answer.expires_in);
        // of a token that hardly lasts, half the time is better than none
        let used = lasts.saturating_sub(self.0.options.limits.token_margin).max(lasts / 2);
        let token = SecretString::from(answer.access_token);
        *kept = Some(Kept { token: token.clone(), until: Instant::now() + used });
        Ok(token)
    }

    async fn sign_in(&self, what: For, client_id: &str, secret: &SecretString) -> Result<TokenAnswer, Error> {
        let metadata = self.metadata().await?;
        let tenant = self.0.options.tenant.clone().unwrap_or(metadata.authentication.tenant);
        let audience = match what {
            For::Resources => metadata.authentication.audiences.into_iter().next().unwrap_or_default(),
            For::Secrets => VAULTS.to_owned(),
        };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret.expose_secret()),
            ("scope", &format!("{}/.default", audience.trim_end_matches('/'))),
        ];
        let path = format!("/{}/oauth2/v2.0/token", crate::send::encoded(&tenant));
        let answer = self.repeat(&Method::POST, &path, |request| request.form(&form), None).await?;
        if answer.status < 400 {
            return answer.json();
        }
        Err(refusal(client_id, &answer))
    }
}

fn refusal(client_id: &str, answer: &Answer) -> Error {
    let subject = format!("signing in as {client_id}");
    match serde_json::from_slice::<TokenError>(&answer.body) {
        Ok(said) if answer.status < 500 && answer.status != 429 => {
            Error::new(Kind::Unauthenticated, subject, said.error_description)
                .with_correlation(answer.correlation.clone())
        }
        _ => Error::of_answer(answer.status, answer.correlation.clone(), &subject, &answer.body),
    }
}
