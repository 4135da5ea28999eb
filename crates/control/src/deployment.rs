//! Deployments: what was asked for, how far it is, how it ended, and what was done with each resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use crate::access::{Caller, Role};

/// A deployment as the ledger has it. One that is put again under its name is another, with an operation of its own. Its
/// template and parameters are not in it: they may be large, and are sealed ([`DeploymentText`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: ResourceId,
    /// Names this deployment, also among those that had its id before; clients poll it.
    pub operation: Uuid,
    /// Deployments that it is nested in: 0 for one that a client asked for.
    pub depth: u32,
    /// Where it stands.
    pub state: DeploymentState,
    /// Whether it is to be stopped: nothing new is begun.
    pub stopping: bool,
    /// What is known of it.
    pub record: DeploymentRecord,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// Where a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeploymentState {
    /// Nobody has begun it.
    Accepted,
    /// It is being done.
    Running,
    /// All of it is there.
    Succeeded,
    /// Something of it could not be done.
    Failed,
    /// It was stopped.
    Canceled,
}

impl DeploymentState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Running, Self::Succeeded, Self::Failed, Self::Canceled];

    /// Whether nothing follows by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// Its name on the wire and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }

    /// The state of that name, in whatever case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(name))
    }
}

/// What happens to resources of the group that the template does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeploymentMode {
    /// They stay.
    #[default]
    Incremental,
    /// They are removed when all else is done.
    Complete,
}

impl DeploymentMode {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Incremental => "Incremental",
            Self::Complete => "Complete",
        }
    }
}

/// What is known of a deployment. No secret is in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentRecord {
    /// What happens to what the template does not name.
    pub mode: DeploymentMode,
    /// Given back where it was sent.
    pub location: Option<String>,
    /// Words of its owner.
    pub tags: BTreeMap<String, String>,
    /// Who asked for it: each of its resources is made as that.
    pub caller: DeploymentCaller,
    /// Equal for equal templates.
    pub template_hash: String,
    /// The deployment that it is nested in, and which of that name.
    pub parent: Option<(ResourceId, Uuid)>,
    /// Whether the template has values of the deployment that it is nested in: such a one is not exported.
    pub evaluated: bool,
    /// `{name: {type, value}}`, secure ones without value.
    pub parameters: Map<String, Value>,
    /// `{name: {type, value}}`, secure ones without value.
    pub outputs: Option<Map<String, Value>>,
    /// Ids of what is there because of it, in the order in which it is shown.
    pub output_resources: Vec<String>,
    /// Namespaces and types, as the wire has them.
    pub providers: Value,
    /// Which resource waits for which, as the wire has it.
    pub dependencies: Value,
    /// Why it failed, as the wire has it.
    pub error: Option<Value>,
}

/// Who asked for a deployment, to act as that later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentCaller {
    /// As in [`Caller`].
    pub principal: String,
    /// As in [`Caller`].
    pub name: String,
    /// As in [`Caller`].
    pub grants: Vec<(Role, ResourceId)>,
    /// As in [`Caller`].
    pub correlation: String,
    /// As in [`Caller`].
    pub address: Option<String>,
}

impl From<&Caller> for DeploymentCaller {
    fn from(caller: &Caller) -> Self {
        let Caller { principal, name, grants, correlation, address } = caller.clone();
        Self { principal, name, grants, correlation, address }
    }
}

impl From<&DeploymentCaller> for Caller {
    fn from(kept: &DeploymentCaller) -> Self {
        let DeploymentCaller { principal, name, grants, correlation, address } = kept.clone();
        Self { principal, name, grants, correlation, address }
    }
}

/// What is sealed of a deployment: it may have secrets in it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentText {
    /// Until it has ended: the request as it was sent, with parameters.
    pub request: Option<String>,
    /// Until it has ended: values of the deployment that it is nested in which must not be shown.
    pub hidden: Vec<String>,
    /// Until it has ended: those of them that may stand in its template or its parameters without being told from others.
    pub unmarked: Vec<String>,
    /// Until it has ended: names of parameters of which that deployment has made their values.
    pub secret_parameters: Vec<String>,
    /// When it has ended: outputs that were made of secrets, for the template that refers to them: values by name. They are
    /// not shown.
    pub outputs: Map<String, Value>,
    /// When it has ended: the template, for those who ask for it. Parameters are forgotten.
    pub template: Value,
}

impl std::fmt::Debug for DeploymentText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeploymentText(…)")
    }
}

/// What a deployment does with one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentStep {
    /// Its name: the same for the same resource of the same deployment.
    pub id: String,
    /// What is done: `Create`, `Delete`, `EvaluateDeploymentOutput`.
    pub action: String,
    /// The resource.
    pub target: Option<ResourceId>,
    /// What the template calls it, where it has names for its resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbolic_name: Option<String>,
    /// Of a nested deployment that succeeded, ids of what is there because of it: its own record may be gone when that is
    /// asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Vec<String>>,
    /// Where it stands.
    pub state: DeploymentState,
    /// Of the answer: 201.
    pub status: Option<u16>,
    /// Of a failure the error, as the wire has it. No secret is in it.
    pub error: Option<Value>,
    /// When it was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
}
