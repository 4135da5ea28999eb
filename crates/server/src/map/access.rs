//! Principals, roles, the audit log.

use secrecy::ExposeSecret as _;
use transload_api::access::{self as api, AuditEntry};
use transload_control::audit::{Entry, Outcome};
use transload_control::{Grant, OneTimeSecret, Principal, ResourceId, Role};

use super::moment;
use crate::fault::Fault;

/// A principal, without anything of its secret.
pub(crate) fn principal(kept: &Principal) -> api::Principal {
    api::Principal {
        client_id: kept.client_id.to_string(),
        object_id: kept.object_id.to_string(),
        name: kept.name.clone(),
        created_at: moment(kept.created_at),
        expires_at: kept.expires_at.map(moment),
    }
}

/// A principal and its secret: the one answer that has it.
pub(crate) fn principal_secret(made: &OneTimeSecret) -> api::PrincipalSecret {
    api::PrincipalSecret {
        principal: principal(&made.principal),
        client_secret: made.secret.expose_secret().to_owned(),
    }
}

/// A role of a principal.
pub(crate) fn grant(kept: &Grant) -> api::Grant {
    api::Grant {
        principal_id: kept.principal.clone(),
        role: kept.role.name().to_owned(),
        scope: kept.scope.to_string(),
    }
}

/// A role as it is asked for; without a scope at the subscription.
pub(crate) fn grant_asked(sent: &api::Grant, subscription: &ResourceId) -> Result<Grant, Fault> {
    let principal = sent.principal_id.trim().to_ascii_lowercase();
    if principal.is_empty() {
        return Err(Fault::invalid(
            "principalId",
            "'principalId' is required: the object id of a principal.",
        ));
    }
    let role = Role::parse(sent.role.trim())
        .ok_or_else(|| Fault::invalid("role", "The role is Reader, Operator, Contributor or Owner."))?;
    let scope = match sent.scope.trim() {
        "" => subscription.clone(),
        scope => ResourceId::parse(scope).map_err(|error| Fault::invalid("scope", error.to_string()))?,
    };
    Ok(Grant { principal, role, scope })
}

/// An entry of the audit log.
pub(crate) fn audit_entry(kept: &Entry) -> AuditEntry {
    AuditEntry {
        sequence: kept.sequence,
        at: moment(kept.at),
        principal_id: kept.who.clone(),
        principal_name: kept.who_name.clone(),
        action: kept.action.clone(),
        target: kept.target.clone(),
        outcome: outcome_name(kept.outcome).to_owned(),
        code: kept.code.clone(),
        correlation_id: kept.correlation.clone(),
        address: kept.address.clone(),
        detail: kept.detail.clone(),
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "Done",
        Outcome::Denied => "Denied",
        Outcome::Failed => "Failed",
    }
}
