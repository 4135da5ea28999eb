//! What a deployment knows of the place where it happens.

use serde_json::Value as Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// The place, the hour and the caller of a deployment: what functions without a lookup answer from.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The subscription's id: the name alone, `00000000-…`.
    pub subscription: String,
    /// The resource group's name, as it was stored.
    pub group: String,
    /// The deployment's name.
    pub deployment: String,
    /// The deployment's mode as it was asked: `Incremental` or `Complete`.
    pub mode: String,
    /// What `subscription()` answers: `{id, subscriptionId, tenantId, displayName}`.
    pub subscription_answer: Json,
    /// What `resourceGroup()` answers: `{id, name, type, location, managedBy, tags, properties}`.
    pub group_answer: Json,
    /// What `tenant()` answers: `{tenantId, displayName, …}`.
    pub tenant_answer: Json,
    /// What `environment()` answers: the cloud's name and its endpoints.
    pub environment_answer: Json,
    /// What `deployer()` answers: `{objectId, tenantId, userPrincipalName}`.
    pub deployer_answer: Json,
    /// What `utcNow()` says: when the deployment was asked for.
    pub now: OffsetDateTime,
    /// What `newGuid()` derives from: a deployment that goes on after a crash gets the same.
    pub seed: Uuid,
    /// How many deployments this one is nested in.
    pub nested_in: usize,
}

impl Setting {
    /// The resource group's id.
    pub fn group_id(&self) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)
    }

    /// The deployment's own id.
    pub fn deployment_id(&self) -> String {
        format!("{}/providers/{DEPLOYMENTS}/{}", self.group_id(), self.deployment)
    }
}

/// The type of deployments, which nested ones are resources of.
pub(crate) const DEPLOYMENTS: &str = "Microsoft.Resources/deployments";
