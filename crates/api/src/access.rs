//! Who may do what, and who did what: routes that are this server's own.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lenient;

/// A service principal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Principal {
    /// It signs in with this.
    pub client_id: String,
    /// Grants and access policies name it by this.
    pub object_id: String,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: String,
    /// When its secret ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// Makes a principal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NewPrincipal {
    /// For people.
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
    /// After how many seconds its secret ends; without it never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_seconds: Option<u64>,
}

/// A principal and its secret, which is shown this once.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PrincipalSecret {
    /// The principal.
    #[serde(flatten)]
    pub principal: Principal,
    /// Its secret.
    pub client_secret: String,
}

impl fmt::Debug for PrincipalSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalSecret").field("principal", &self.principal).finish_non_exhaustive()
    }
}

/// A role of a principal at a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grant {
    /// The principal's object id.
    #[serde(deserialize_with = "lenient::or_default")]
    pub principal_id: String,
    /// `Reader`, `Operator`, `Contributor` or `Owner`.
    #[serde(deserialize_with = "lenient::or_default")]
    pub role: String,
    /// A subscription, a group or a resource; without it the subscription.
    #[serde(deserialize_with = "lenient::or_default")]
    pub scope: String,
}

/// An entry of the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditEntry {
    /// Its number; grows.
    pub sequence: i64,
    /// When.
    pub at: String,
    /// Object id of who asked.
    pub principal_id: String,
    /// Its name.
    pub principal_name: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// `Done`, `Denied` or `Failed`.
    pub outcome: String,
    /// Code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The request's correlation id.
    pub correlation_id: String,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
