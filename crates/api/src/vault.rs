//! Vaults of secrets, and who may do what with those.

use serde::{Deserialize, Serialize};

use crate::{Members, SystemData, Tags, lenient};

/// A vault.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vault {
    /// `Microsoft.KeyVault/vaults`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its id; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is said to be.
    #[serde(deserialize_with = "lenient::or_default")]
    pub location: String,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Who made it, and when; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_data: Option<SystemData>,
    /// The rest.
    #[serde(deserialize_with = "lenient::or_default")]
    pub properties: VaultProperties,
}

/// What a vault is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VaultProperties {
    /// The tenant; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Who may do what with its secrets. Always a list, never `null`.
    #[serde(deserialize_with = "lenient::list")]
    pub access_policies: Vec<AccessPolicy>,
    /// URI of its secret data plane, with a slash at the end; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_uri: Option<String>,
    /// `Succeeded`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// Members that mean nothing here (`sku`, `enableSoftDelete`, …).
    #[serde(flatten)]
    pub extra: Members,
}

/// What a principal may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessPolicy {
    /// The tenant.
    #[serde(deserialize_with = "lenient::or_default")]
    pub tenant_id: String,
    /// The principal.
    #[serde(deserialize_with = "lenient::or_default")]
    pub object_id: String,
    /// What it may.
    #[serde(deserialize_with = "lenient::or_default")]
    pub permissions: Permissions,
}

/// What may be done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Permissions {
    /// With secrets: `get`, `list`, `set`, `delete`, …, `all`.
    #[serde(deserialize_with = "lenient::texts", skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// With keys, certificates, storage: kept and given back.
    #[serde(flatten)]
    pub other: Members,
}

/// The body of `accessPolicies/add`, `replace` and `remove`, and of their answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessPolicyChange {
    /// Its id; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `add`, `replace` or `remove`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Microsoft.KeyVault/vaults/accessPolicies`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The policies.
    #[serde(deserialize_with = "lenient::or_default")]
    pub properties: AccessPolicyProperties,
}

/// Policies to change; of an answer all of the vault's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessPolicyProperties {
    /// The policies.
    #[serde(deserialize_with = "lenient::list")]
    pub access_policies: Vec<AccessPolicy>,
}
