//! The data plane of vaults: secrets and their versions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Tags, lenient};

/// A secret with its value.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretBundle {
    /// The value. Asking for a change does not give it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// `https://{vault}/secrets/{name}/{version}`.
    pub id: String,
    /// When it is valid.
    pub attributes: SecretAttributes,
    /// What kind of text it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// A secret without its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretItem {
    /// `https://{vault}/secrets/{name}`, of versions with `/{version}` behind it.
    pub id: String,
    /// When it is valid.
    pub attributes: SecretAttributes,
    /// What kind of text it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// When a secret is valid, and since when it is there. Seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretAttributes {
    /// Whether it may be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Not after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// When it was made; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// When it was changed; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<i64>,
    /// `Purgeable`: what is deleted is gone; not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_level: Option<String>,
}

/// Sets a secret's new version, or (without a value) changes one that is there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SecretChange {
    /// The value. Only `null` and nothing are no value: an empty text is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What kind of text it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// When it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<SecretAttributes>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// A secret that was just deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeletedSecret {
    /// Its last version's id.
    pub id: String,
    /// Its last version's attributes.
    pub attributes: SecretAttributes,
    /// What kind of text it was.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Words of its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// When; seconds since 1970.
    pub deleted_date: i64,
    /// When it is gone for good; seconds since 1970. The same: nothing is kept.
    pub scheduled_purge_date: i64,
}

impl fmt::Debug for SecretBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretBundle")
            .field("id", &self.id)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SecretChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretChange").field("attributes", &self.attributes).finish_non_exhaustive()
    }
}
