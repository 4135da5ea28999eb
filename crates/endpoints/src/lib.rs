//! From plain parameters to an open end of a transfer: a container's URI and a credential become a
//! [`BlobStore`], a registry's name and a credential a [`Source`] or [`Target`].
//!
//! Nothing here asks a vault: who opens an end has the secret already. What is wrong with it is said in words, before
//! anything is asked of a store: a SAS token that expired or lacks a permission, a folder that the operator did not
//! allow. [`aws`], [`google`] and [`entra`] know whom a machine or a workload is, from an environment that somebody else
//! has read.

pub mod aws;
mod beneath;
mod container;
pub mod entra;
mod error;
mod exchange;
mod folders;
pub mod google;
mod keys;
mod options;
mod registry;
mod sas;

pub use container::{Access, ContainerAt, Job, OpenContainer, StoreSecret};
pub use error::{Error, ErrorKind};
pub use options::{Ambient, Limits, Options};
pub use registry::{OpenRegistry, RegistryAt, RegistryCredential};
pub use transload_blobstore::{BlobStore, StoreOptions};
pub use transload_registry::{ClientOptions, Source, Target};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use parking_lot::Mutex;

/// Opens ends, all with the same options. Clones share what they keep.
#[derive(Clone)]
pub struct Endpoints {
    options: Arc<Options>,
    /// Identities of this machine, by client id: each keeps its tokens.
    managed: Arc<Mutex<HashMap<String, Arc<dyn TokenCredential>>>>,
}

impl Endpoints {
    /// Opens ends with these options.
    pub fn new(options: Options) -> Self {
        Self { options: Arc::new(options), managed: Arc::default() }
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Who the worker is in Entra ID: the identity of this client id, or the one that the options have.
    fn entra(&self, client_id: Option<&str>, subject: &str) -> Result<Arc<dyn TokenCredential>, Error> {
        let Some(client_id) = client_id else {
            return self.options.ambient.entra.clone().ok_or_else(|| entra::missing(subject));
        };
        let mut managed = self.managed.lock();
        if let Some(known) = managed.get(client_id) {
            return Ok(Arc::clone(known));
        }
        let made = entra::managed(Some(client_id), None)?;
        if managed.len() >= self.options.limits.identities_max {
            managed.clear();
        }
        managed.insert(client_id.to_owned(), Arc::clone(&made));
        Ok(made)
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoints").field("options", &self.options).finish_non_exhaustive()
    }
}
