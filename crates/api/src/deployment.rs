//! Deployments of templates: records, what they did, validation, what-if.
//!
//! What clients send is no JSON (contract, § 0.1) and is read by the crate `templates`; these are the answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ErrorBody, Tags};

/// A deployment; also the answer to `validate`, which may have an error instead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// Its own name.
    pub name: String,
    /// `Microsoft.Resources/deployments`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it was said to be, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// What it is and what came of it.
    pub properties: DeploymentProperties,
    /// Of a template that cannot be deployed, why; of a PUT, why it was not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// What a deployment is and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentProperties {
    /// Equal for equal templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_hash: Option<String>,
    /// `{name: {type, value}}`; secure ones have no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Map<String, Value>>,
    /// `Incremental` or `Complete`.
    pub mode: String,
    /// `Accepted`, `Running`, `Succeeded`, `Failed`, `Canceled`.
    pub provisioning_state: String,
    /// When it last changed (RFC 3339 with seven digits of fraction).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// How long it took, as ISO 8601 has it: `PT2.5S`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// What log lines and audit entries of it carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Namespaces and types of its resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<Vec<DeploymentProvider>>,
    /// Which resource waited for which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<Vec<DeploymentDependency>>,
    /// `{name: {type, value}}`; secure ones have no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Map<String, Value>>,
    /// What it made, in the order that `docs/API.md` tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_resources: Option<Vec<ResourceReference>>,
    /// What it would make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated_resources: Option<Vec<ResourceReference>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// A resource by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceReference {
    /// Its id.
    #[serde(default)]
    pub id: String,
}

/// A namespace whose types a template deploys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentProvider {
    /// The namespace.
    pub namespace: String,
    /// Its types.
    pub resource_types: Vec<DeploymentType>,
}

/// A type that a template deploys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentType {
    /// Its name behind the namespace.
    pub resource_type: String,
    /// Where its resources are said to be; `null` for what has no place.
    pub locations: Vec<Option<String>>,
}

/// A resource and what it waited for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentDependency {
    /// What it waited for.
    pub depends_on: Vec<DeploymentNode>,
    /// The resource.
    #[serde(flatten)]
    pub node: DeploymentNode,
}

/// A resource of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentNode {
    /// Its id.
    pub id: String,
    /// Its full type.
    pub resource_type: String,
    /// Its name, `parent/child`.
    pub resource_name: String,
    /// Of an operation: what the template calls it, where it has names for its resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbolic_name: Option<String>,
}

/// What a deployment did with one resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentOperation {
    /// Its id as a path.
    pub id: String,
    /// Its id.
    pub operation_id: String,
    /// What was done and what came of it.
    pub properties: DeploymentOperationProperties,
}

/// What was done with a resource and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentOperationProperties {
    /// `Create`, `Read`, `Delete` or `EvaluateDeploymentOutput`.
    pub provisioning_operation: String,
    /// `Running`, `Succeeded`, `Failed`, `Canceled`.
    pub provisioning_state: String,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// How long it took, as ISO 8601 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Names this try in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// The word for the status of the answer: `OK`, `Created`, `Conflict`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// Of a failure `{"error": …}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<Value>,
    /// The resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_resource: Option<DeploymentNode>,
}

/// The answer to `exportTemplate`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportedTemplate {
    /// The template.
    #[serde(default)]
    pub template: Value,
    /// What could not be exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// The answer to `whatIf`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhatIf {
    /// `Succeeded` or `Failed`.
    pub status: String,
    /// What would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<WhatIfProperties>,
    /// Of a template that cannot be deployed, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}

/// What would change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhatIfProperties {
    /// One for each resource of the template and of the group.
    pub changes: Vec<WhatIfChange>,
}

/// What would happen to a resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WhatIfChange {
    /// Its id.
    pub resource_id: String,
    /// `Create`, `Delete`, `Ignore`, `Deploy`, `NoChange`, `Modify`, `Unsupported`.
    pub change_type: String,
    /// Of `Unsupported`, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported_reason: Option<String>,
    /// As it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// As it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What would be different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Vec<PropertyChange>>,
}

/// A member that would be different.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PropertyChange {
    /// Which: `properties.target.uri`; of an item of a list its number.
    pub path: String,
    /// `Create`, `Delete`, `Modify`, `Array`, `NoEffect`.
    pub property_change_type: String,
    /// As it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// As it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Of a list, its items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children: Option<Vec<PropertyChange>>,
}
