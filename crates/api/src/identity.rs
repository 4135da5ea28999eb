//! Identities of resources, and identities that are resources.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{SystemData, Tags, lenient};

/// Who a resource is: of itself, or by identities of the user.
///
/// Clients send the type as `SystemAssigned`, `UserAssigned`, `SystemAssigned, UserAssigned` or `None`; it comes back
/// with a small first letter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceIdentity {
    /// Of a system-assigned one: names it in access policies. Not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// Of a system-assigned one. Not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Its type.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Ids of identities, each exactly as it was sent.
    #[serde(deserialize_with = "lenient::or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub user_assigned_identities: BTreeMap<String, Option<AssignedIdentity>>,
}

/// One of the user's identities of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AssignedIdentity {
    /// Names it in access policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_id: Option<String>,
    /// Its client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// An identity that many resources may have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserAssignedIdentity {
    /// `Microsoft.ManagedIdentity/userAssignedIdentities`; not read.
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
    /// Its ids; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<UserAssignedProperties>,
    /// Who made it, and when; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_data: Option<SystemData>,
}

/// The ids of a user-assigned identity. They never change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserAssignedProperties {
    /// Names it in access policies.
    pub principal_id: String,
    /// Its client id.
    pub client_id: String,
    /// The tenant.
    pub tenant_id: String,
}
