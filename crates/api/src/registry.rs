//! Registries: hosted by this server, or anywhere else.

use serde::{Deserialize, Serialize};

use crate::{Members, ResourceIdentity, SystemData, Tags, lenient};

/// A registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Registry {
    /// `Microsoft.ContainerRegistry/registries`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its id; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is said to be.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// The tier; a word that is given back, `Premium` where none was sent.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// Who it is towards vaults, where its credential is read with an identity of its own.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub identity: Option<ResourceIdentity>,
    /// The rest.
    #[serde(deserialize_with = "lenient::or_default")]
    pub properties: RegistryProperties,
    /// Who made it, and when; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_data: Option<SystemData>,
}

/// A tier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sku {
    /// `Premium`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The same; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// What a registry is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegistryProperties {
    /// `host[:port]` under which clients reach it; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_server: Option<String>,
    /// When it was made; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_date: Option<String>,
    /// `Succeeded`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// Whether there is a user `admin`: `false`, whatever was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_user_enabled: Option<bool>,
    /// What may be.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// What no other implementation has: of a registry somewhere else, where that is. Without it the registry is hosted.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub transload: Option<ExternalRegistry>,
    /// Members that mean nothing here.
    #[serde(flatten)]
    pub extra: Members,
}

/// What may be with a registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policies {
    /// `disabled`: no export pipeline may be.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub export_policy: Option<Status>,
    /// Policies that mean nothing here.
    #[serde(flatten)]
    pub extra: Members,
}

/// `enabled` or `disabled`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The word.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Where a registry is that this server does not have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalRegistry {
    /// `host[:port][/prefix]`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub login_server: Option<String>,
    /// Whether it is spoken to without TLS.
    #[serde(deserialize_with = "lenient::or_default")]
    pub plain_http: bool,
    /// Who we are there; without one nobody.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub credential: Option<ExternalCredential>,
}

/// Who we are at a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalCredential {
    /// `Anonymous`, `Secret` or `WorkloadIdentity`.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of `Secret`: the user; without one the secret is `user:password`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Of `Secret`: URI of the secret.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub secret_uri: Option<String>,
    /// Of `Secret`: id of a user-assigned identity that reads the secret; without one the registry's own does.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Is this name free?
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NameCheck {
    /// The name.
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The type that it would be of.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Whether a name is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NameAnswer {
    /// Whether.
    pub name_available: bool,
    /// `AlreadyExists` or `Invalid` (of vaults `AccountNameInvalid`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
