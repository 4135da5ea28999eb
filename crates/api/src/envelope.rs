//! What every resource and every list has.

use serde::{Deserialize, Serialize};

use crate::Tags;
use crate::registry::Sku;

/// A list, or a page of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed<T> {
    /// The items, oldest first.
    pub value: Vec<T>,
    /// Where the rest is; to be asked for as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// Who made and changed a resource, and when (RFC 3339 with seven digits of fraction).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SystemData {
    /// A name.
    pub created_by: String,
    /// `Application` or `User`.
    pub created_by_type: String,
    /// When.
    pub created_at: String,
    /// A name.
    pub last_modified_by: String,
    /// `Application` or `User`.
    pub last_modified_by_type: String,
    /// When.
    pub last_modified_at: String,
}

/// A resource as lists across types show it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenericResource {
    /// Its id.
    pub id: String,
    /// Its own name.
    pub name: String,
    /// `Namespace/type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is said to be; empty where it was never said.
    #[serde(default)]
    pub location: String,
    /// Words of its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// The tier, of types that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// The kind, of storage accounts.
    #[serde(rename = "kind", default, skip_serializing_if = "Option::is_none")]
    pub account_kind: Option<String>,
    /// When it was made, where `$expand` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_time: Option<String>,
    /// When it was changed last, where `$expand` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_time: Option<String>,
    /// `Succeeded`, where `$expand` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
}
