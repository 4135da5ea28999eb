//! What a selection, a bundle or a registry consists of, as a value that can be kept, compared and shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use transload_blobstore::BlobStore;
use transload_oci::{Digest, Reference, Selector};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::open::{self, BundleSource};
use crate::select::Selection;
use crate::walk::{Artifact, Sources, Walk, walk, walk_bundle};

/// Artifacts, and the lengths of what they consist of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Every artifact, in the order in which it was asked for.
    pub artifacts: Vec<Content>,
    /// Length in bytes of every manifest and blob that some artifact needs.
    pub sizes: BTreeMap<Digest, u64>,
}

/// One artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Registry it comes from; empty when it is not known.
    pub registry: String,
    /// Repository.
    pub repository: String,
    /// Tag, unless it is named by its digest alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Digest of what travels.
    pub digest: Digest,
    /// The digest that it has where it comes from, when its index is written anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_digest: Option<Digest>,
    /// Media type of the root.
    pub media_type: String,
    /// Bytes of all that it consists of.
    pub bytes: u64,
    /// Platforms that travel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Manifests that travel because this one does: signatures, SBOMs, attestations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<Digest>,
    /// Every manifest, children before parents.
    pub manifests: Vec<Digest>,
    /// Every blob.
    pub blobs: Vec<Digest>,
}

impl Content {
    /// `repository:tag` or `repository@digest`: what it is called wherever it is.
    pub fn name(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{}:{tag}", self.repository),
            None => format!("{}@{}", self.repository, self.digest),
        }
    }

    /// The reference that gets just this, whatever becomes of the tag.
    pub fn reference(&self) -> Reference {
        Reference {
            registry: Some(self.registry.clone()).filter(|registry| !registry.is_empty()),
            repository: self.repository.clone(),
            selector: Selector::Digest(self.original_digest.unwrap_or(self.digest), self.tag.clone()),
        }
    }

    fn of(artifact: &Artifact, walk: &Walk) -> Option<Self> {
        let root = artifact.root.as_ref()?;
        Some(Self {
            registry: artifact.origin.clone().unwrap_or_else(|| artifact.registry.clone()),
            repository: artifact.repository.clone(),
            tag: artifact.tag.clone(),
            digest: root.digest,
            original_digest: artifact.original,
            media_type: root.media_type.clone(),
            bytes: walk.bytes_of(artifact),
            platforms: artifact.platforms.clone(),
            referrers: artifact.referrers.iter().map(|referrer| referrer.digest).collect(),
            manifests: artifact.manifests.clone(),
            blobs: artifact.blobs.clone(),
        })
    }

    /// Everything that it needs.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.manifests.iter().chain(&self.blobs)
    }
}

impl Contents {
    /// The good artifacts of a walk.
    pub(crate) fn of(walk: &Walk) -> Self {
        let artifacts: Vec<Content> = walk.good().filter_map(|a| Content::of(a, walk)).collect();
        let needed: BTreeSet<&Digest> = artifacts.iter().flat_map(Content::digests).collect();
        let size = |digest: &Digest| {
            let manifest = walk.manifests.get(digest).map(|manifest| manifest.size());
            manifest.or_else(|| walk.blobs.get(digest).map(|blob| blob.descriptor.size))
        };
        let sizes = needed.iter().filter_map(|digest| Some((**digest, size(digest)?))).collect();
        Self { artifacts, sizes }
    }

    /// What is in a bundle.
    ///
    /// # Errors
    /// Whatever keeps the bundle from being opened, and the first artifact's failure if one is damaged.
    pub async fn of_bundle(engine: &Engine, store: &Arc<dyn BlobStore>, name: &str) -> Result<Self, Error> {
        let opened = open::bundle(engine, store, name).await?;
        let source = Arc::new(BundleSource::new(opened).await?);
        let walk = walk_bundle(engine, &source, &[], false).await?;
        first_failure(&walk, |_| false)?;
        Ok(Self::of(&walk))
    }

    /// What registries have of a selection. What they do not have is left out.
    ///
    /// # Errors
    /// Any failure but that something is not there.
    pub async fn of_registries(
        engine: &Engine,
        sources: &Sources,
        selection: &Selection,
    ) -> Result<Self, Error> {
        let walk = walk(engine, sources, selection).await?;
        first_failure(&walk, |code| {
            matches!(code, Code::TagNotFound | Code::RepositoryNotFound | Code::ManifestNotFound)
        })?;
        Ok(Self::of(&walk))
    }

    /// The same under other names: each repository's is changed.
    #[must_use]
    pub fn renamed(mut self, rename: impl Fn(&str) -> Option<String>) -> Self {
        self.artifacts.retain_mut(|artifact| match rename(&artifact.repository) {
            Some(repository) => {
                artifact.repository = repository;
                true
            }
            None => false,
        });
        self
    }
}

fn first_failure(walk: &Walk, is_borne: impl Fn(Code) -> bool) -> Result<(), Error> {
    let failures = walk.artifacts.iter().filter_map(|artifact| artifact.error.as_ref());
    failures.filter(|error| !is_borne(error.code())).map(|error| Err(error.clone())).next().unwrap_or(Ok(()))
}
