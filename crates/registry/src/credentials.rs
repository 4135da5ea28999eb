//! Where credentials come from.

mod docker;
mod helper;
mod keep;
mod names;

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::Error;

pub use docker::DockerConfig;
pub use keep::Kept;

/// What a registry is shown. Its secrets cannot be printed.
#[derive(Clone, Debug)]
pub enum Credential {
    /// User and password (or an access token used as one).
    Basic {
        /// User.
        user: String,
        /// Password.
        secret: SecretString,
    },
    /// A refresh token, to be changed into access tokens (`docker login` with Azure or Docker Hub leaves these).
    IdentityToken(SecretString),
    /// An access token that the registry takes as it is.
    Bearer(SecretString),
    /// A token of Entra ID, for Azure's registries: exchanged for a refresh token at `/oauth2/exchange` beside the token
    /// service, which has to be the registry itself.
    Entra(SecretString),
}

impl Credential {
    /// User and password.
    pub fn basic(user: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::Basic { user: user.into(), secret: SecretString::from(secret.into()) }
    }

    /// A refresh token.
    pub fn identity_token(token: impl Into<String>) -> Self {
        Self::IdentityToken(SecretString::from(token.into()))
    }

    /// An access token.
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::Bearer(SecretString::from(token.into()))
    }
}

/// Says whose it is, never the secret.
impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { user, .. } => write!(f, "user '{user}'"),
            Self::IdentityToken(_) => f.write_str("an identity token"),
            Self::Bearer(_) => f.write_str("an access token"),
            Self::Entra(_) => f.write_str("a token of Entra ID"),
        }
    }
}

/// A credential and where it was found, for error messages (`/home/x/.docker/config.json`).
#[derive(Clone, Debug)]
pub struct Found {
    /// The credential.
    pub credential: Credential,
    /// Where it was found.
    pub origin: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.credential, self.origin)
    }
}

/// A place that has credentials.
#[async_trait]
pub trait CredentialProvider: Send + Sync + 'static {
    /// The credential for a registry (as people write it, `docker.io` for Docker Hub), and for one repository of
    /// it where the place tells repositories apart. `None` when there is none.
    ///
    /// # Errors
    /// `CredentialInvalid` when there is one that cannot be used.
    async fn credential(&self, host: &str, repository: Option<&str>) -> Result<Option<Found>, Error>;

    /// Where was looked, for the message that nothing was found ("in /a and /b"). Empty when nowhere.
    fn places(&self) -> String {
        String::new()
    }
}

/// No credential at all.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous;

#[async_trait]
impl CredentialProvider for Anonymous {
    async fn credential(&self, _: &str, _: Option<&str>) -> Result<Option<Found>, Error> {
        Ok(None)
    }
}

/// One credential, for every registry it is asked about.
#[derive(Debug, Clone)]
pub struct Static(Found);

impl Static {
    /// `origin` says where it came from ("--source-user", "secret 'acr-push'").
    pub fn new(credential: Credential, origin: impl Into<String>) -> Self {
        Self(Found { credential, origin: origin.into() })
    }
}

#[async_trait]
impl CredentialProvider for Static {
    async fn credential(&self, _: &str, _: Option<&str>) -> Result<Option<Found>, Error> {
        Ok(Some(self.0.clone()))
    }

    fn places(&self) -> String {
        self.0.origin.clone()
    }
}
