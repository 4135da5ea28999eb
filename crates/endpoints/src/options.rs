//! What ends are opened with. Nothing here is read from the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use transload_blobstore::{GcsIdentity, S3Identity, StoreOptions};
use transload_registry::ClientOptions;

/// Options of [`Endpoints`](crate::Endpoints).
#[derive(Debug, Clone)]
pub struct Options {
    /// How stores are reached: certificates, proxies, patience, and where buckets are when a secret does not say.
    pub stores: StoreOptions,
    /// How registries are reached. Credentials, plain HTTP and addresses come with each registry.
    pub registries: ClientOptions,
    /// Folders whose files and folders may be containers, at any depth. None by default.
    pub folders: Vec<PathBuf>,
    /// Who the worker is where it is to be itself.
    pub ambient: Ambient,
    /// What the hosts of Azure's registries end with. A token of Entra ID is shown to no other: whoever has it could be
    /// us at a registry of Azure's.
    pub acr_suffixes: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stores: StoreOptions::default(),
            registries: ClientOptions::default(),
            folders: Vec::new(),
            ambient: Ambient::default(),
            acr_suffixes: ["azurecr.io", "azurecr.cn", "azurecr.us"].map(str::to_owned).to_vec(),
            limits: Limits::default(),
        }
    }
}

/// Who the worker is.
#[derive(Clone, Default)]
pub struct Ambient {
    /// In Entra ID; see [`entra`](crate::entra).
    pub entra: Option<Arc<dyn TokenCredential>>,
    /// At S3; see [`aws`](crate::aws).
    pub s3: Option<S3Identity>,
    /// At Google Cloud Storage; see [`google`](crate::google).
    pub gcs: Option<GcsIdentity>,
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient")
            .field("entra", &self.entra.is_some())
            .field("s3", &self.s3)
            .field("gcs", &self.gcs)
            .finish()
    }
}

/// Every bound of this crate.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long before its end a SAS token is warned of.
    pub sas_warning: Duration,
    /// Most identities of the machine that are kept with their tokens.
    pub identities_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sas_warning: Duration::from_secs(24 * 60 * 60), identities_max: 64 }
    }
}
