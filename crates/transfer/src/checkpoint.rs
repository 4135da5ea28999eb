//! A question that somebody else answers before anything is written.

use std::fmt;

use async_trait::async_trait;
use transload_oci::Digest;

use crate::error::Error;

/// What an import or a copy is about to do, known before the target was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Tags that it will set or find set, `host/repository:tag`, each once.
    pub tags: Vec<String>,
    /// Digest of the bundle's transfer manifest, where the source is a bundle that has one.
    pub catalog_digest: Option<Digest>,
}

/// Lets a transfer pass, or ends it. Whoever coordinates several transfers reserves here what they would both write: what
/// a target has is looked at afterwards.
#[async_trait]
pub trait Checkpoint: fmt::Debug + Send + Sync {
    /// Whether to go on.
    ///
    /// # Errors
    /// What the transfer is to end with.
    async fn pass(&self, intent: &Intent) -> Result<(), Error>;
}
