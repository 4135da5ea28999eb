//! What whoever composes a program has to give a worker: secrets, and the way into registries of our own.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use transload_control::resource::{Identity, Registry};
use transload_control::run::RunError;
use transload_control::{Error, ResourceId};
use transload_endpoints::RegistryAt;

/// A refusal that ends an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the run's record says: no secret is in it.
    pub error: RunError,
    /// Whether the same may go well a little later.
    pub transient: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let transient = error.is_transient();
        Self { error: RunError { code: error.code.to_string(), message: error.message }, transient }
    }
}

/// A secret that a run needs.
#[derive(Debug, Clone)]
pub struct SecretRequest<'a> {
    /// Where it is.
    pub uri: &'a str,
    /// Who reads it: its principals need `get`.
    pub identity: &'a Identity,
    /// The pipeline or registry that has this identity.
    pub reader: &'a ResourceId,
    /// What the audit log's entry carries.
    pub correlation: &'a str,
}

/// Where secrets come from. Who may read what is decided there, and written down.
#[async_trait]
pub trait Secrets: fmt::Debug + Send + Sync {
    /// The value of a secret.
    ///
    /// # Errors
    /// A [`Refusal`] that says exactly who may not read what, or what is missing.
    async fn secret(&self, request: &SecretRequest<'_>) -> Result<SecretString, Refusal>;

    /// The password that came with a request to import an image, and that was sealed since.
    ///
    /// # Errors
    /// A [`Refusal`] when it cannot be opened.
    async fn password(&self, sealed: &str) -> Result<SecretString, Refusal>;
}

/// The way into registries that this installation hosts.
#[async_trait]
pub trait Hosted: fmt::Debug + Send + Sync {
    /// Where a hosted registry is for the worker, and who the worker is there. Asked for every run: the answer may hold a
    /// token that ends.
    ///
    /// # Errors
    /// What the run is to fail with.
    async fn reach(&self, id: &ResourceId, registry: &Registry) -> Result<RegistryAt, Refusal>;
}
