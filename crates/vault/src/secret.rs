//! What a secret is.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// A version of a secret, with its value.
#[derive(Clone)]
pub struct Secret {
    /// The value.
    pub value: SecretString,
    /// All that may be shown.
    pub info: SecretInfo,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A version of a secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretInfo {
    /// The vault's name as it is shown.
    pub vault: String,
    /// The secret's name as it is shown.
    pub name: String,
    /// 32 characters of `0-9a-f`.
    pub version: String,
    /// Dates, and whether it may be read.
    pub attributes: Attributes,
    /// What its owner says that the value is.
    pub content_type: Option<String>,
    /// Words of its owner.
    pub tags: BTreeMap<String, String>,
}

/// What the secret data plane calls attributes. Times are seconds since 1970, UTC: what the wire has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Whether it may be read.
    pub enabled: bool,
    /// `nbf`: not to be used before.
    pub not_before: Option<i64>,
    /// `exp`: not to be used from then on.
    pub expires: Option<i64>,
    /// When this version was made.
    pub created: i64,
    /// When anything but the value was last changed.
    pub updated: i64,
}

/// A secret to keep.
#[derive(Clone)]
pub struct NewSecret {
    /// The value.
    pub value: SecretString,
    /// What to set beside it; what is not said has its default (enabled, no dates, no tags).
    pub change: Change,
}

impl NewSecret {
    /// This value and nothing else.
    pub fn new(value: impl Into<SecretString>) -> Self {
        Self { value: value.into(), change: Change::default() }
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("change", &self.change).finish_non_exhaustive()
    }
}

/// What is to be changed; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether it may be read.
    pub enabled: Option<bool>,
    /// As in [`Attributes`].
    pub not_before: Option<i64>,
    /// As in [`Attributes`].
    pub expires: Option<i64>,
    /// As in [`SecretInfo`].
    pub content_type: Option<String>,
    /// All of its tags from now on.
    pub tags: Option<BTreeMap<String, String>>,
}

impl Change {
    /// Makes it so.
    pub(crate) fn apply(self, info: &mut SecretInfo) {
        info.attributes.enabled = self.enabled.unwrap_or(info.attributes.enabled);
        info.attributes.not_before = self.not_before.or(info.attributes.not_before);
        info.attributes.expires = self.expires.or(info.attributes.expires);
        info.content_type = self.content_type.or(info.content_type.take());
        if let Some(tags) = self.tags {
            info.tags = tags;
        }
        info.attributes.updated = now();
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
