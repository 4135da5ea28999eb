//! Storage accounts: somewhere else, and known here by name.

use serde::{Deserialize, Serialize};

use crate::registry::Sku;
use crate::{Members, ResourceIdentity, SystemData, Tags, lenient};

/// A storage account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageAccount {
    /// `Microsoft.Storage/storageAccounts`; not read.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its id; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is said to be.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// The tier; a word that is given back, `Standard_LRS` where none was sent.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// The kind; a word that is given back, `StorageV2` where none was sent.
    #[serde(rename = "kind", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub account_kind: Option<String>,
    /// Who it is towards vaults, where its key is read with an identity of its own.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub identity: Option<ResourceIdentity>,
    /// The rest.
    #[serde(deserialize_with = "lenient::or_default")]
    pub properties: StorageProperties,
    /// Who made it, and when; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_data: Option<SystemData>,
}

/// What a storage account is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageProperties {
    /// When it was registered; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// `Succeeded`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioning_state: Option<String>,
    /// Where it is said to be; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_location: Option<String>,
    /// `available`; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_of_primary: Option<String>,
    /// Under which names clients of this cloud reach it; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_endpoints: Option<StorageEndpoints>,
    /// What no other implementation has: where it is. A new account has to say it.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub transload: Option<ExternalStorage>,
    /// Members that mean nothing here.
    #[serde(flatten)]
    pub extra: Members,
}

/// Names under which clients reach a storage account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StorageEndpoints {
    /// `https://ACCOUNT.blob.<suffix>/`, with a slash at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob: Option<String>,
}

/// Where a storage account is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalStorage {
    /// `http(s)://host[:port]`, or with `/account` behind it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// URI of the secret that holds the account's key. Without one nobody is given keys.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub key_secret_uri: Option<String>,
    /// Id of a user-assigned identity that reads the secret; without one the account's own does.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Keys of a storage account: the answer to whoever may have them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageKeys {
    /// `key1` and `key2`, with one value.
    pub keys: Vec<StorageKey>,
}

/// A key of a storage account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageKey {
    /// `key1` or `key2`.
    pub key_name: String,
    /// The key: a secret.
    pub value: String,
    /// `FULL`.
    pub permissions: String,
}

impl std::fmt::Debug for StorageKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.keys).finish()
    }
}

impl std::fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StorageKey({})", self.key_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_az_sends_and_reads_is_told_apart() {
        let sent = serde_json::json!({"sku": {"name": "Standard_RAGRS"}, "kind": "BlobStorage", "location": "westus",
            "properties": {"encryption": {"services": {}}, "accessTier": "Hot"}});
        let read: StorageAccount = serde_json::from_value(sent).unwrap();
        assert_eq!((read.kind, read.account_kind.as_deref()), (None, Some("BlobStorage")));
        assert_eq!(read.properties.transload, None);
        assert_eq!(read.properties.extra["accessTier"], "Hot");
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = StorageKey { key_name: "key1".into(), value: "geheim".into(), permissions: "FULL".into() };
        assert!(!format!("{:?}", StorageKeys { keys: vec![key] }).contains("geheim"));
    }
}
