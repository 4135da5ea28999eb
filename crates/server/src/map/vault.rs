//! Vaults, their policies, and identities.

use serde_json::Value;
use transload_api as api;
use transload_api::vault::{
    AccessPolicy, AccessPolicyChange, AccessPolicyProperties, Permissions, VaultProperties,
};
use transload_control::VaultSpec;
use transload_control::resource::{self, Body, Stored, kind};

use super::{Place, other, some, system_data};
use crate::fault::Fault;

/// A vault.
pub(crate) fn vault(stored: &Stored, place: Place<'_>) -> Result<api::Vault, Fault> {
    let Body::Vault(body) = &stored.body else { return Err(other(stored)) };
    let mut extra = body.extra.clone();
    // clients read these without looking whether they are there
    extra.entry("sku").or_insert_with(|| serde_json::json!({"family": "A", "name": "standard"}));
    // whatever was asked for: policies always count here, and what is deleted is gone. az sets no policies where it reads
    // anything else
    extra.insert("enableRbacAuthorization".to_owned(), Value::Bool(false));
    extra.insert("enableSoftDelete".to_owned(), Value::Bool(false));
    for unkept in ["softDeleteRetentionInDays", "enablePurgeProtection"] {
        extra.remove(unkept);
    }
    Ok(api::Vault {
        kind: Some(kind::VAULT.to_owned()),
        id: Some(stored.id.to_string()),
        name: Some(stored.id.name().to_owned()),
        location: body.location.clone(),
        tags: some(&body.tags),
        system_data: Some(system_data(&stored.stamps)),
        properties: VaultProperties {
            tenant_id: Some(place.tenant.to_owned()),
            access_policies: body.policies.iter().map(policy).collect(),
            vault_uri: Some(vault_uri(stored.id.name(), place)),
            provisioning_state: Some("Succeeded".to_owned()),
            extra,
        },
    })
}

/// URI of a vault's data plane; templates put names right behind it, so it ends with a slash (contract, § 6).
pub(super) fn vault_uri(name: &str, place: Place<'_>) -> String {
    format!("https://{}{}/", name.to_ascii_lowercase(), place.vault_suffix)
}

/// A vault as it is asked for; whether policies are said, those that were sent do not tell.
pub(crate) fn vault_asked(sent: api::Vault, says_policies: bool, place: Place<'_>) -> VaultSpec {
    let location = if sent.location.trim().is_empty() { place.location.to_owned() } else { sent.location };
    VaultSpec {
        location,
        tags: sent.tags.unwrap_or_default(),
        policies: says_policies.then(|| policies_asked(sent.properties.access_policies)),
        extra: sent.properties.extra,
    }
}

fn policy(kept: &resource::AccessPolicy) -> AccessPolicy {
    AccessPolicy {
        tenant_id: kept.tenant_id.clone(),
        object_id: kept.object_id.clone(),
        permissions: Permissions { secrets: kept.secrets.clone(), other: kept.other.clone() },
    }
}

/// Policies as they are asked for.
pub(crate) fn policies_asked(sent: Vec<AccessPolicy>) -> Vec<resource::AccessPolicy> {
    let asked = |sent: AccessPolicy| resource::AccessPolicy {
        tenant_id: sent.tenant_id,
        object_id: sent.object_id.trim().to_ascii_lowercase(),
        secrets: sent.permissions.secrets.iter().map(|one| one.trim().to_ascii_lowercase()).collect(),
        other: sent.permissions.other,
    };
    sent.into_iter().map(asked).collect()
}

/// The answer to a change of policies: all that the vault has now.
pub(crate) fn policies(stored: &Stored, name: &str) -> Result<AccessPolicyChange, Fault> {
    let Body::Vault(body) = &stored.body else { return Err(other(stored)) };
    Ok(AccessPolicyChange {
        id: Some(format!("{}/accessPolicies/{name}", stored.id)),
        name: Some(name.to_owned()),
        kind: Some("Microsoft.KeyVault/vaults/accessPolicies".to_owned()),
        properties: AccessPolicyProperties { access_policies: body.policies.iter().map(policy).collect() },
    })
}

/// A user-assigned identity.
pub(crate) fn user_identity(stored: &Stored, place: Place<'_>) -> Result<api::UserAssignedIdentity, Fault> {
    let Body::UserIdentity(body) = &stored.body else { return Err(other(stored)) };
    Ok(api::UserAssignedIdentity {
        kind: Some(kind::USER_IDENTITY.to_owned()),
        id: Some(stored.id.to_string()),
        name: Some(stored.id.name().to_owned()),
        location: body.location.clone(),
        tags: some(&body.tags),
        properties: Some(api::identity::UserAssignedProperties {
            principal_id: body.principal_id.to_string(),
            client_id: body.client_id.to_string(),
            tenant_id: place.tenant.to_owned(),
        }),
        system_data: Some(system_data(&stored.stamps)),
    })
}
