//! Contexts: control planes that a person knows by name, and who they are there.
//!
//! `contexts.json` in the person's folder for configuration says where a server is and where its secret lies; the secret
//! itself is in a file of its own, or in a variable, or in a file that somebody else keeps. Both files are readable by
//! their owner alone.

mod handed;
mod store;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use handed::Handed;
pub(crate) use store::Store;

/// A control plane, and who we are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// Its URL.
    pub(crate) server: String,
    /// Authorities that are trusted besides the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
    /// The tenant; the server knows it otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// Who we are. With a token nobody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// Where the secret, or a token, is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretPlace>,
    /// The resource group when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// The registry when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) registry: Option<String>,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SecretPlace {
    /// A file that we wrote, and that goes with the context.
    Kept(PathBuf),
    /// A file of the person's.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// A file with a token.
    TokenFile(PathBuf),
    /// An environment variable with a token.
    TokenEnv(String),
}

impl SecretPlace {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Kept(path) | Self::File(path) => path.display().to_string(),
            Self::Env(name) => format!("${name}"),
            Self::TokenFile(path) => format!("token in {}", path.display()),
            Self::TokenEnv(name) => format!("token in ${name}"),
        }
    }
}
