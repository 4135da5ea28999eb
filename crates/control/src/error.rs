//! What the control plane refuses, and why. Codes are those that the resource manager's clients know.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The codes of refusals. The table of statuses and meanings is in `docs/ERRORS.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The resource is not there.
    ResourceNotFound,
    /// What it would be beneath is not there.
    ParentResourceNotFound,
    /// Its resource group is not there.
    ResourceGroupNotFound,
    /// The subscription is not the one of this server.
    SubscriptionNotFound,
    /// The deployment is not there.
    DeploymentNotFound,
    /// A deployment of that name is under way.
    DeploymentActive,
    /// It cannot be now: something else has what it needs.
    Conflict,
    /// Another pipeline imports from the same container and prefix.
    ContainerInUse,
    /// It is used by something that would not work without it.
    InUse,
    /// A value cannot be.
    InvalidRequest,
    /// A name does not keep to the rules.
    InvalidResourceName,
    /// More artifacts than a run may have.
    TooManyArtifacts,
    /// A container URI that this server may not use.
    ContainerNotAllowed,
    /// A container's URI names a storage account that is not registered here.
    StorageAccountNotRegistered,
    /// Who asks is not known.
    AuthenticationFailed,
    /// Who asks may not.
    AuthorizationFailed,
    /// An identity may not read the secret.
    SecretAccessDenied,
    /// The secret is not there.
    SecretNotFound,
    /// The secret is switched off or not valid now.
    SecretDisabled,
    /// The vault's key is another than its secrets were sealed with, or they are damaged.
    VaultDamaged,
    /// A bound was reached: ask again later.
    TooManyRequests,
    /// The ledger cannot be reached or is damaged.
    LedgerUnavailable,
}

/// A refusal: what is wrong, with which thing, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind.
    pub code: Code,
    /// What is wrong and what to do next; no secret is in it.
    pub message: String,
    /// Which member or resource.
    pub target: Option<String>,
}

impl Error {
    /// A refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), target: None }
    }

    /// The same, of this member or resource.
    #[must_use]
    pub fn about(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Whether the same may work a moment later.
    pub fn is_transient(&self) -> bool {
        matches!(self.code, Code::LedgerUnavailable | Code::TooManyRequests)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
