//! Who may do what: principals, roles, and the scopes where they hold.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transload_resource_id::ResourceId;
use uuid::Uuid;

/// What a principal may do at a scope and beneath it. Each may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// See resources and runs.
    Reader,
    /// Start, repeat, cancel and remove runs.
    Operator,
    /// Make, change and delete resources.
    Contributor,
    /// Say who may do what, and read the audit log.
    Owner,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Operator, Self::Contributor, Self::Owner];

    /// The role of that name, in whatever case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "Reader",
            Self::Operator => "Operator",
            Self::Contributor => "Contributor",
            Self::Owner => "Owner",
        }
    }
}

/// A role of a principal at a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The principal's object id, in lower case.
    pub principal: String,
    /// What it may.
    pub role: Role,
    /// Where: a subscription, a group or a resource.
    pub scope: ResourceId,
}

/// A service principal of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// It signs in with this.
    pub client_id: Uuid,
    /// Grants and policies name it by this.
    pub object_id: Uuid,
    /// For people.
    pub name: String,
    /// SHA-256 of its secret, in hexadecimal. Secrets are made here and have 256 bits of chance, so that a slow hash would
    /// add nothing.
    pub secret_hash: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its secret ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its object id, in lower case; of an outer issuer's token the subject.
    pub principal: String,
    /// For people: what the audit log and `systemData` say.
    pub name: String,
    /// Roles that an outer issuer's token brings; those of the ledger are added.
    pub grants: Vec<(Role, ResourceId)>,
    /// What log lines, audit entries and errors of this request carry.
    pub correlation: String,
    /// Where the request came from.
    pub address: Option<String>,
}

impl Caller {
    /// This program itself, for what it does on its own account: triggers, its first start, commands on its own data.
    pub fn itself(subscription: &ResourceId, correlation: impl Into<String>) -> Self {
        Self {
            principal: "transload".to_owned(),
            name: "transload".to_owned(),
            grants: vec![(Role::Owner, subscription.clone())],
            correlation: correlation.into(),
            address: None,
        }
    }
}
