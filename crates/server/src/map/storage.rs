//! Storage accounts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use transload_api as api;
use transload_api::registry::Sku;
use transload_api::storage::{ExternalStorage, StorageEndpoints, StorageKey, StorageKeys, StorageProperties};
use transload_control::resource::{AccountKey, Body, Identity, StorageAccount, Stored, kind};
use transload_control::{Code, IdentitySpec, KeySpec, StoragePlaceSpec, StorageSpec};

use super::pipeline::{identity, identity_asked};
use super::{Place, moment, other, some, system_data};
use crate::fault::Fault;

/// A storage account.
pub(crate) fn storage(stored: &Stored, place: Place<'_>) -> Result<api::StorageAccount, Fault> {
    let Body::StorageAccount(body) = &stored.body else { return Err(other(stored)) };
    let location = body.location.clone().unwrap_or_else(|| place.location.to_owned());
    let mut extra = body.extra.clone();
    // clients that change an account read this without looking whether it is there
    extra.entry("encryption").or_insert_with(|| serde_json::json!({"keySource": "Microsoft.Storage"}));
    let blob = format!("https://{}.blob{}/", stored.id.name().to_ascii_lowercase(), place.storage_suffix);
    Ok(api::StorageAccount {
        kind: Some(kind::STORAGE_ACCOUNT.to_owned()),
        id: Some(stored.id.to_string()),
        name: Some(stored.id.name().to_owned()),
        location: Some(location.clone()),
        tags: some(&body.tags),
        sku: Some(Sku { name: Some(body.sku.clone()), tier: Some(tier(&body.sku).to_owned()) }),
        account_kind: Some(body.account_kind.clone()),
        identity: body.key.as_ref().and_then(|key| identity(&key.identity, place)),
        properties: StorageProperties {
            creation_time: Some(moment(stored.stamps.created_at)),
            provisioning_state: Some("Succeeded".to_owned()),
            primary_location: Some(location),
            status_of_primary: Some("available".to_owned()),
            primary_endpoints: Some(StorageEndpoints { blob: Some(blob) }),
            transload: Some(external(body)),
            extra,
        },
        system_data: Some(system_data(&stored.stamps)),
    })
}

/// The tier of a `sku`.
pub(super) fn tier(sku: &str) -> &'static str {
    if sku.to_ascii_lowercase().starts_with("premium") { "Premium" } else { "Standard" }
}

fn external(body: &StorageAccount) -> ExternalStorage {
    let identity = match &body.key {
        Some(AccountKey { identity: Identity::User { identities }, .. }) => {
            identities.first().map(|one| one.id.clone())
        }
        _ => None,
    };
    ExternalStorage {
        endpoint: Some(body.endpoint.clone()),
        key_secret_uri: body.key.as_ref().map(|key| key.secret_uri.clone()),
        identity,
    }
}

/// A storage account as it is asked for.
pub(crate) fn storage_asked(sent: api::StorageAccount) -> Result<StorageSpec, Fault> {
    let StorageProperties { transload, mut extra, .. } = sent.properties;
    // clients put back what they were shown
    for shown in ["secondaryEndpoints", "secondaryLocation", "statusOfSecondary"] {
        extra.remove(shown);
    }
    Ok(StorageSpec {
        location: sent.location,
        tags: sent.tags.unwrap_or_default(),
        sku: sent.sku.and_then(|sku| sku.name),
        account_kind: sent.account_kind,
        extra,
        place: transload.map(|external| place_asked(external, sent.identity)).transpose()?,
    })
}

fn place_asked(sent: ExternalStorage, own: Option<api::ResourceIdentity>) -> Result<StoragePlaceSpec, Fault> {
    let Some(endpoint) = sent.endpoint else {
        let member = "properties.transload.endpoint";
        let text = format!(
            "'{member}' is required: where the account's blobs are, such as https://account.blob.core.windows.net."
        );
        return Err(Fault::invalid(member, text));
    };
    let identity = match sent.identity {
        Some(id) => IdentitySpec::User(vec![id]),
        None => identity_asked(own)?,
    };
    let key = sent.key_secret_uri.map(|secret_uri| KeySpec { secret_uri, identity });
    Ok(StoragePlaceSpec { endpoint, key })
}

/// Every account has two keys, and clients take the second without looking. Here one is known, and is both.
const KEY_NAMES: [&str; 2] = ["key1", "key2"];

/// The answer to whoever may have the key. Clients sign with it, and die of what is no base64.
pub(crate) fn storage_keys(key: &SecretString, account: &str) -> Result<StorageKeys, Fault> {
    let value = key.expose_secret().trim();
    if value.is_empty() || BASE64_STANDARD.decode(value).is_err() {
        return Err(transload_control::Error::new(
            Code::Conflict,
            format!(
                "The secret that is to hold the key of storage account '{account}' holds no key: a key is base64, as `az storage \
                 account keys list` shows it. Put the key there with `az keyvault secret set`."
            ),
        )
        .into());
    }
    let key = |name: &str| StorageKey {
        key_name: name.to_owned(),
        value: value.to_owned(),
        permissions: "FULL".to_owned(),
    };
    Ok(StorageKeys { keys: KEY_NAMES.map(key).into() })
}
