//! `importImage`: an image from any registry straight into one of ours (`az acr import`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lenient;

/// What to copy, and under which names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportImage {
    /// From where.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub source: Option<ImportSource>,
    /// `repository:tag` to set; without a tag `latest`. With none and no untagged ones the source's own name.
    #[serde(deserialize_with = "lenient::texts", skip_serializing_if = "Vec::is_empty")]
    pub target_tags: Vec<String>,
    /// Repositories to fill without a tag.
    #[serde(deserialize_with = "lenient::texts", skip_serializing_if = "Vec::is_empty")]
    pub untagged_target_repositories: Vec<String>,
    /// `Force` moves tags that are there; `NoForce`, the default, refuses.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Where an image is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportSource {
    /// A registry resource; wins over `registryUri`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// `host[:port]` of any registry.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub registry_uri: Option<String>,
    /// Who we are there.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub credentials: Option<ImportCredentials>,
    /// `repository[:tag|@digest]`.
    #[serde(deserialize_with = "lenient::or_default")]
    pub source_image: String,
}

/// User and password of a source.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImportCredentials {
    /// The user; without one the password is a token.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password. A secret: it is never shown again.
    #[serde(deserialize_with = "lenient::or_default")]
    pub password: String,
}

impl fmt::Debug for ImportCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportCredentials").field("username", &self.username).finish_non_exhaustive()
    }
}
