//! Between the control plane's domain and the wire. Nothing else knows both.

mod access;
mod pipeline;
mod registry;
mod run;
mod secret;
mod storage;
mod vault;

use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use transload_api as api;
use transload_control::ResourceId;
use transload_control::resource::{Body, Stamps, Stored, kind};

use crate::fault::Fault;

pub(crate) use access::{audit_entry, grant, grant_asked, principal, principal_secret};
pub(crate) use pipeline::{pipeline, pipeline_asked};
pub(crate) use registry::{import_asked, registry, registry_asked};
pub(crate) use run::{LogPage, log_line, log_mark, operation, run, run_asked, say_asked_again};
pub(crate) use secret::{deleted_secret, secret, secret_asked, secret_change, secret_item};
pub(crate) use storage::{storage, storage_asked, storage_keys};
pub(crate) use vault::{policies, policies_asked, user_identity, vault, vault_asked};

/// What the wire needs to know besides the resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The tenant.
    pub(crate) tenant: &'a str,
    /// What follows a vault's name in its host.
    pub(crate) vault_suffix: &'a str,
    /// What follows `ACCOUNT.blob` in a storage account's host.
    pub(crate) storage_suffix: &'a str,
    /// Where things are whose location nobody said.
    pub(crate) location: &'a str,
}

/// RFC 3339 with seven digits of fraction and the offset in digits: what every client reads (contract, § 2).
const MOMENT: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]+00:00");

/// A time on the wire.
pub(crate) fn moment(at: OffsetDateTime) -> String {
    // the format has only parts that a time has
    at.to_offset(time::UtcOffset::UTC).format(MOMENT).unwrap_or_default()
}

/// Who made and changed something.
fn system_data(stamps: &Stamps) -> api::SystemData {
    let kind = "Application".to_owned();
    api::SystemData {
        created_by: stamps.created_by.clone(),
        created_by_type: kind.clone(),
        created_at: moment(stamps.created_at),
        last_modified_by: stamps.changed_by.clone(),
        last_modified_by_type: kind,
        last_modified_at: moment(stamps.changed_at),
    }
}

fn some<T: Default + PartialEq + Clone>(value: &T) -> Option<T> {
    Some(value.clone()).filter(|value| *value != T::default())
}

/// `Namespace/type` in the case in which it is documented, whatever was sent.
pub(crate) fn kind_of(id: &ResourceId) -> String {
    const KNOWN: &[&str] = &[
        kind::GROUP,
        kind::REGISTRY,
        kind::EXPORT_PIPELINE,
        kind::IMPORT_PIPELINE,
        kind::PIPELINE_RUN,
        kind::VAULT,
        kind::USER_IDENTITY,
        kind::DEPLOYMENT,
        kind::SECRET,
        "Microsoft.KeyVault/vaults/accessPolicies",
        kind::STORAGE_ACCOUNT,
    ];
    let sent = id.kind();
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(&sent));
    known.map_or(sent, |known| (*known).to_owned())
}

/// A resource group.
pub(crate) fn group(stored: &Stored) -> Result<api::Group, Fault> {
    let Body::Group(body) = &stored.body else { return Err(other(stored)) };
    Ok(api::Group {
        id: Some(stored.id.to_string()),
        name: Some(stored.id.name().to_owned()),
        kind: Some(kind::GROUP.to_owned()),
        location: body.location.clone(),
        tags: some(&body.tags),
        properties: Some(api::group::GroupProperties { provisioning_state: "Succeeded".to_owned() }),
    })
}

/// A resource as lists across types show it, with the members that `$expand` (in lower case) names besides.
pub(crate) fn generic(stored: &Stored, place: Place<'_>, expanded: &str) -> api::GenericResource {
    let (location, tags) = match &stored.body {
        Body::Group(body) => (Some(body.location.clone()), some(&body.tags)),
        Body::Registry(body) => (body.location.clone(), some(&body.tags)),
        Body::Pipeline(body) => (body.location.clone(), None),
        Body::Vault(body) => (Some(body.location.clone()), some(&body.tags)),
        Body::UserIdentity(body) => (Some(body.location.clone()), some(&body.tags)),
        Body::StorageAccount(body) => (body.location.clone(), some(&body.tags)),
        _ => (None, None),
    };
    api::GenericResource {
        id: stored.id.to_string(),
        name: stored.id.name().to_owned(),
        kind: kind_of(&stored.id),
        location: location.unwrap_or_else(|| place.location.to_owned()),
        tags,
        sku: sku(stored),
        account_kind: match &stored.body {
            Body::StorageAccount(body) => Some(body.account_kind.clone()),
            _ => None,
        },
        created_time: expanded.contains("createdtime").then(|| moment(stored.stamps.created_at)),
        changed_time: expanded.contains("changedtime").then(|| moment(stored.stamps.changed_at)),
        provisioning_state: expanded.contains("provisioningstate").then(|| "Succeeded".to_owned()),
    }
}

fn sku(stored: &Stored) -> Option<api::registry::Sku> {
    let (name, tier) = match &stored.body {
        Body::Registry(body) => (body.sku.clone(), body.sku.clone()),
        Body::StorageAccount(body) => (body.sku.clone(), storage::tier(&body.sku).to_owned()),
        _ => return None,
    };
    Some(api::registry::Sku { name: Some(name), tier: Some(tier) })
}

/// What is kept under an id is of another type than its id says: a damaged ledger.
fn other(stored: &Stored) -> Fault {
    Fault::new(
        http::StatusCode::INTERNAL_SERVER_ERROR,
        "LedgerDamaged",
        format!("What the ledger has under '{}' is of another type. Restore it from a backup.", stored.id),
    )
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn times_have_seven_digits_and_an_offset() {
        assert_eq!(moment(datetime!(2026-01-02 03:04:05.000_000_7 UTC)), "2026-01-02T03:04:05.0000007+00:00");
        assert_eq!(moment(datetime!(2026-01-02 03:04:05 +1)), "2026-01-02T02:04:05.0000000+00:00");
    }

    #[test]
    fn types_are_shown_as_they_are_documented() {
        let id = ResourceId::parse(
            "/subscriptions/s/resourcegroups/r/providers/microsoft.containerregistry/Registries/a/exportpipelines/p",
        )
        .unwrap();
        assert_eq!(kind_of(&id), kind::EXPORT_PIPELINE);
    }
}
