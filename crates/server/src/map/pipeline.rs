//! Pipelines.

use std::collections::BTreeMap;

use transload_api as api;
use transload_api::identity::AssignedIdentity;
use transload_api::pipeline::{ContainerProperties, PipelineProperties, SourceTrigger, Trigger};
use transload_control::resource::{
    Body, Container, Direction, Identity, Pipeline, PipelineOption, StorageAccess, Stored, TriggerStatus,
};
use transload_control::{IdentitySpec, PipelineSpec};

use super::{Place, kind_of, other, system_data};
use crate::fault::Fault;

/// A pipeline (contract, § 2).
pub(crate) fn pipeline(stored: &Stored, place: Place<'_>) -> Result<api::Pipeline, Fault> {
    let Body::Pipeline(body) = &stored.body else { return Err(other(stored)) };
    let container = Some(container(&body.container, None));
    let (source, target) = match body.direction {
        Direction::Import => (container, None),
        Direction::Export => (None, container),
    };
    Ok(api::Pipeline {
        kind: Some(kind_of(&stored.id)),
        identity: identity(&body.identity, place),
        id: Some(stored.id.to_string()),
        name: Some(stored.id.name().to_owned()),
        location: body.location.clone(),
        tags: None,
        system_data: Some(system_data(&stored.stamps)),
        properties: PipelineProperties {
            source,
            target,
            trigger: trigger(body),
            options: body.options.iter().map(|option| option_name(*option).to_owned()).collect(),
            provisioning_state: Some("Succeeded".to_owned()),
        },
    })
}

/// A container; of a run's response the URI of its blob.
pub(super) fn container(kept: &Container, blob_uri: Option<&str>) -> ContainerProperties {
    let kind = if blob_uri.is_some() { "AzureStorageBlob" } else { kept.kind.as_str() };
    ContainerProperties {
        kind: Some(kind.to_owned()),
        uri: Some(blob_uri.unwrap_or(&kept.uri).to_owned()),
        key_vault_uri: kept.key_vault_uri.clone(),
        storage_access_mode: Some(access_name(kept.access).to_owned()),
    }
}

fn trigger(body: &Pipeline) -> Option<Trigger> {
    let status = match body.trigger? {
        TriggerStatus::Enabled => "Enabled",
        TriggerStatus::Disabled => "Disabled",
    };
    Some(Trigger { source_trigger: Some(SourceTrigger { status: Some(status.to_owned()) }) })
}

fn option_name(option: PipelineOption) -> &'static str {
    match option {
        PipelineOption::OverwriteBlobs => "OverwriteBlobs",
        PipelineOption::OverwriteTags => "OverwriteTags",
        PipelineOption::DeleteSourceBlobOnSuccess => "DeleteSourceBlobOnSuccess",
        PipelineOption::ContinueOnErrors => "ContinueOnErrors",
    }
}

fn access_name(access: StorageAccess) -> &'static str {
    match access {
        StorageAccess::SasToken => "SasToken",
        StorageAccess::ManagedIdentity => "ManagedIdentity",
    }
}

/// An identity. Its type has a small first letter, whatever was sent (contract, § 0.6).
pub(super) fn identity(kept: &Identity, place: Place<'_>) -> Option<api::ResourceIdentity> {
    match kept {
        Identity::None => None,
        Identity::System { principal_id } => Some(api::ResourceIdentity {
            principal_id: Some(principal_id.to_string()),
            tenant_id: Some(place.tenant.to_owned()),
            kind: Some("systemAssigned".to_owned()),
            user_assigned_identities: BTreeMap::new(),
        }),
        Identity::User { identities } => Some(api::ResourceIdentity {
            principal_id: None,
            tenant_id: None,
            kind: Some("userAssigned".to_owned()),
            user_assigned_identities: identities
                .iter()
                .map(|one| {
                    let assigned = AssignedIdentity {
                        principal_id: Some(one.principal_id.to_string()),
                        client_id: Some(one.client_id.to_string()),
                    };
                    (one.id.clone(), Some(assigned))
                })
                .collect(),
        }),
    }
}

/// An identity as it is asked for; nothing said is nothing.
pub(super) fn identity_asked(sent: Option<api::ResourceIdentity>) -> Result<IdentitySpec, Fault> {
    let Some(sent) = sent else { return Ok(IdentitySpec::None) };
    let ids: Vec<String> = sent.user_assigned_identities.into_keys().collect();
    let kind = sent.kind.unwrap_or_else(|| if ids.is_empty() { "None" } else { "UserAssigned" }.to_owned());
    match kind.to_ascii_lowercase().as_str() {
        "none" => Ok(IdentitySpec::None),
        "systemassigned" => Ok(IdentitySpec::System),
        "userassigned" if ids.is_empty() => Err(Fault::invalid(
            "identity",
            "An identity of type UserAssigned names at least one identity in userAssignedIdentities.",
        )),
        "userassigned" => Ok(IdentitySpec::User(ids)),
        _ => Err(Fault::invalid(
            "identity.type",
            "The type of an identity is SystemAssigned, UserAssigned or None.",
        )),
    }
}

/// The one type that there is of something, however it is written; also where nothing is said.
pub(super) fn kind_asked(sent: Option<String>, known: &str, member: &str) -> Result<String, Fault> {
    match sent {
        Some(other) if !other.trim().eq_ignore_ascii_case(known) => {
            Err(Fault::invalid(member, format!("'{member}' is {known}, whatever store it is.")))
        }
        _ => Ok(known.to_owned()),
    }
}

/// Tags of pipelines and runs would be lost: nobody is told that they were set.
pub(super) fn untagged(tags: Option<&api::Tags>) -> Result<(), Fault> {
    match tags {
        None => Ok(()),
        Some(_) => Err(Fault::invalid(
            "tags",
            "Pipelines and runs have no tags, here as in Azure. Leave 'tags' out, or set them at the registry.",
        )),
    }
}

/// A pipeline as it is asked for.
pub(crate) fn pipeline_asked(sent: api::Pipeline, direction: Direction) -> Result<PipelineSpec, Fault> {
    untagged(sent.tags.as_ref())?;
    let PipelineProperties { source, target, trigger, options, .. } = sent.properties;
    let (container, member) = match direction {
        Direction::Export => (target, "properties.target"),
        Direction::Import => (source, "properties.source"),
    };
    let Some(container) = container else {
        return Err(Fault::invalid(
            member,
            format!("'{member}' is required: the container with its type and uri."),
        ));
    };
    let Some(uri) = container.uri else {
        let member = format!("{member}.uri");
        return Err(Fault::invalid(&member, format!("'{member}' is required: the URI of the container.")));
    };
    let kind = kind_asked(container.kind, "AzureStorageBlobContainer", &format!("{member}.type"))?;
    Ok(PipelineSpec {
        direction,
        location: sent.location,
        identity: identity_asked(sent.identity)?,
        kind,
        uri,
        access: container.storage_access_mode,
        key_vault_uri: container.key_vault_uri,
        options,
        trigger: trigger_asked(trigger)?,
    })
}

fn trigger_asked(sent: Option<Trigger>) -> Result<Option<String>, Fault> {
    let Some(trigger) = sent.and_then(|sent| sent.source_trigger) else { return Ok(None) };
    let member = "properties.trigger.sourceTrigger.status";
    trigger
        .status
        .map(Some)
        .ok_or_else(|| Fault::invalid(member, format!("'{member}' is required: Enabled or Disabled.")))
}
