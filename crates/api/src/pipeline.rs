//! Export and import pipelines.

use serde::{Deserialize, Serialize};

use crate::{ResourceIdentity, SystemData, Tags, lenient};

/// An export pipeline (it has a `target`) or an import pipeline (it has a `source`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pipeline {
    /// `Microsoft.ContainerRegistry/registries/exportPipelines` or `…/importPipelines`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Who it is towards vaults and stores; without one it is system-assigned.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub identity: Option<ResourceIdentity>,
    /// Its id; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Given back where it was sent.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Never any: words of its owner have their place at the registry.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Who made it, and when; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_data: Option<SystemData>,
    /// The rest.
    #[serde(deserialize_with = "lenient::or_default")]
    pub properties: PipelineProperties,
}

/// What a pipeline does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineProperties {
    /// Of an import pipeline: where bundles come from.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub source: Option<ContainerProperties>,
    /// Of an export pipeline: where bundles go.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub target: Option<ContainerProperties>,
    /// Of an import pipeline: whether it imports by itself.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// `OverwriteBlobs`, `OverwriteTags`, `DeleteSourceBlobOnSuccess`, `ContinueOnErrors`, in whatever case.
    #[serde(deserialize_with = "lenient::texts", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// `Succeeded`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
}

/// A container of bundles. In responses of runs the URI has the blob's name behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerProperties {
    /// `AzureStorageBlobContainer` (of runs `AzureStorageBlob`), the default.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// `https://…`, `s3://…`, `gs://…`, `file://…`, with no token in it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// URI of the secret with the SAS token.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub key_vault_uri: Option<String>,
    /// `SasToken`, the default, or `ManagedIdentity`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub storage_access_mode: Option<String>,
}

/// When a pipeline works by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trigger {
    /// When a bundle arrives. It is said with its status or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_trigger: Option<SourceTrigger>,
}

/// Whether arriving bundles are imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceTrigger {
    /// `Enabled` or `Disabled`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
