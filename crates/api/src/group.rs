//! Tenants, subscriptions, resource groups, providers.

use serde::{Deserialize, Serialize};

use crate::{Tags, lenient};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// `/tenants/{tenantId}`.
    pub id: String,
    /// Its id.
    pub tenant_id: String,
    /// For people.
    pub display_name: String,
    /// `Home`.
    pub tenant_category: String,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// `/subscriptions/{subscriptionId}`.
    pub id: String,
    /// Its id.
    pub subscription_id: String,
    /// The tenant that it is of.
    pub tenant_id: String,
    /// For people.
    pub display_name: String,
    /// `Enabled`.
    pub state: String,
}

/// A resource group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Group {
    /// Its id; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Microsoft.Resources/resourceGroups`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Where it is said to be.
    #[serde(deserialize_with = "lenient::or_default")]
    pub location: String,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// What else is shown; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<GroupProperties>,
}

/// What else is shown of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupProperties {
    /// `Succeeded`.
    pub provisioning_state: String,
}

/// A namespace of resource types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// `/subscriptions/{s}/providers/{namespace}`.
    pub id: String,
    /// The namespace.
    pub namespace: String,
    /// `Registered`.
    pub registration_state: String,
    /// Its types.
    pub resource_types: Vec<ProviderType>,
}

/// A type of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderType {
    /// Its name behind the namespace.
    pub resource_type: String,
    /// Versions that are known by name; every later one is taken as well.
    pub api_versions: Vec<String>,
    /// Any place will do.
    pub locations: Vec<String>,
}
