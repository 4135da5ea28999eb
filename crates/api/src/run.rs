//! Runs of pipelines.

use serde::{Deserialize, Serialize};

use crate::pipeline::ContainerProperties;
use crate::{SystemData, Tags, lenient};

/// A run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRun {
    /// `Microsoft.ContainerRegistry/registries/pipelineRuns`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
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
    pub properties: RunProperties,
}

/// What is asked for, and how far it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunProperties {
    /// `Creating`, `Updating`, `Deleting`, `Succeeded`, `Failed`, `Canceled`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// Another value makes an equal request run again.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub force_update_tag: Option<String>,
    /// What is asked for.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub request: Option<RunRequest>,
    /// How far it is; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<RunResponse>,
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunRequest {
    /// The pipeline's id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub pipeline_resource_id: Option<String>,
    /// Of an export: references; a repository alone means its `latest`.
    #[serde(deserialize_with = "lenient::texts", skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// Of an import: the blob.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub source: Option<Blob>,
    /// Of an export: the blob.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub target: Option<Blob>,
    /// Of an import: what the digest of the bundle's catalog has to be.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub catalog_digest: Option<String>,
}

/// A blob in the pipeline's container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Blob {
    /// `AzureStorageBlob`.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name beneath the container's URI.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunResponse {
    /// `Running`, `Succeeded`, `Failed`, `Canceled`.
    pub status: String,
    /// Of an import: references that are in the registry. Of an export: those in the bundle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub imported_artifacts: Vec<String>,
    /// How far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// When a worker took it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_time: Option<String>,
    /// Of an import: the blob that is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<ContainerProperties>,
    /// Of an export: the blob that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<ContainerProperties>,
    /// Digest of the bundle's catalog.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog_digest: Option<String>,
    /// What started it, where nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<RunTrigger>,
    /// Why it failed, and which artifacts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_run_error_message: Option<String>,
    /// What no other implementation has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transload: Option<RunDetails>,
}

/// How far; a text of digits, 0 to 100.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Progress {
    /// The digits.
    pub percentage: String,
}

/// What started a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunTrigger {
    /// A bundle that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_trigger: Option<RunSourceTrigger>,
}

/// A bundle that arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSourceTrigger {
    /// When it was seen.
    pub timestamp: String,
}

/// More of a run than other implementations tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunDetails {
    /// Names its operation.
    pub operation_id: String,
    /// `Queued`, `Running`, `Canceling`, `Succeeded`, `Failed`, `Canceled`.
    pub state: String,
    /// What logs, audit entries and errors of it carry.
    pub correlation_id: String,
    /// Counts how often it was asked for, from 1.
    pub generation: i64,
    /// How often a worker took it.
    pub attempts: u32,
    /// Bytes moved so far.
    pub bytes_moved: u64,
    /// Of how many.
    pub bytes_total: u64,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// Code of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Artifacts that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_artifacts: Vec<FailedArtifact>,
    /// What a person should know that is no failure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// An artifact that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailedArtifact {
    /// Its reference.
    pub artifact: String,
    /// A word of the table in `docs/ERRORS.md`.
    pub code: String,
    /// Why.
    pub message: String,
}

/// A line of a run's log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogLine {
    /// Its number; grows.
    pub sequence: i64,
    /// When.
    pub at: String,
    /// Of which generation of the run.
    pub generation: i64,
    /// For people; of events their kind.
    pub message: String,
    /// The event, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<serde_json::Value>,
}
