//! What `az cloud register` asks for: where the endpoints of this cloud are.

use serde::{Deserialize, Serialize};

/// The endpoints, as api-versions from 2018 on show them; those before have a list of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudMetadata {
    /// Name of the cloud.
    pub name: String,
    /// This server.
    pub portal: String,
    /// This server; no slash at the end.
    pub resource_manager: String,
    /// This server.
    pub graph: String,
    /// This server.
    pub graph_audience: String,
    /// This server.
    pub gallery: String,
    /// This server.
    pub batch: String,
    /// This server.
    pub media: String,
    /// This server.
    pub sql_management: String,
    /// Nothing.
    pub vm_image_alias_doc: String,
    /// Nothing.
    pub active_directory_data_lake: Option<String>,
    /// This server, with a slash at the end.
    pub microsoft_graph_resource_id: String,
    /// Where tokens are.
    pub authentication: CloudAuthentication,
    /// What host names of services end in.
    pub suffixes: CloudSuffixes,
    /// What other clouds do not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transload: Option<OwnMetadata>,
}

/// What other clouds do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnMetadata {
    /// A proxy on the server's own machine that leads to all of its names: `http://127.0.0.1:3128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_proxy: Option<String>,
}

/// Where tokens are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudAuthentication {
    /// This server; no slash at the end.
    pub login_endpoint: String,
    /// What tokens for this API are for; at least one.
    pub audiences: Vec<String>,
    /// The tenant.
    pub tenant: String,
    /// `AAD`.
    pub identity_provider: String,
}

/// What host names of services end in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudSuffixes {
    /// Of stores; no dot before it.
    pub storage: String,
    /// Of vaults; with a dot before it.
    pub key_vault_dns: String,
    /// Of registries; with a dot before it.
    pub acr_login_server: String,
    /// Nothing that is here.
    pub sql_server_hostname: String,
    /// Nothing that is here.
    pub azure_data_lake_store_file_system: String,
    /// Nothing that is here.
    pub azure_data_lake_analytics_catalog_and_job: String,
}
