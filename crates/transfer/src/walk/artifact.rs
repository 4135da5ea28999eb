//! One artifact as the walk found it.

use std::collections::HashSet;

use transload_oci::{Descriptor, Digest, Manifest, Platform};

use super::Walk;
use super::graph::{Graph, blobs_of};
use crate::error::Error;
use crate::report::{ArtifactReport, ArtifactStatus, ForeignReport, ReferrerReport};
use crate::select::Request;

/// One artifact: a root manifest and all it reaches.
#[derive(Debug, Clone)]
pub(crate) struct Artifact {
    pub(crate) name: String,
    pub(crate) registry: String,
    /// The registry it came from at first, as far as that is known.
    pub(crate) origin: Option<String>,
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    pub(crate) root: Option<Descriptor>,
    pub(crate) artifact_type: Option<String>,
    /// Platforms that travel whole.
    pub(crate) platforms: Vec<String>,
    pub(crate) platforms_dropped: Vec<String>,
    /// Manifests that travel without what they point at, if they are there at all.
    pub(crate) dropped: Vec<Digest>,
    /// The digest that the root had before it was written anew.
    pub(crate) original: Option<Digest>,
    pub(crate) warnings: Vec<String>,
    /// Children before parents, referrers behind their subjects.
    pub(crate) manifests: Vec<Digest>,
    pub(crate) blobs: Vec<Digest>,
    pub(crate) referrers: Vec<ReferrerReport>,
    /// Its layers that need not be in a registry.
    pub(crate) foreign: Vec<ForeignReport>,
    pub(crate) error: Option<Error>,
}

impl Artifact {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            name: request.name.clone(),
            registry: request.registry.clone(),
            origin: request.origin.clone(),
            repository: request.repository.clone(),
            tag: request.tag.clone(),
            root: None,
            artifact_type: None,
            platforms: Vec::new(),
            platforms_dropped: Vec::new(),
            dropped: Vec::new(),
            original: request.original,
            warnings: Vec::new(),
            manifests: Vec::new(),
            blobs: Vec::new(),
            referrers: Vec::new(),
            foreign: Vec::new(),
            error: None,
        }
    }

    /// Takes over what its graph has; returns the manifests in their order.
    pub(super) fn take(&mut self, root: &Manifest, graph: &Graph) -> Vec<Manifest> {
        let order = graph.order(&root.digest);
        let manifests: Vec<Manifest> = order.iter().filter_map(|d| graph.nodes.get(d)).cloned().collect();
        let texts = |platforms: &[Platform]| -> Vec<String> {
            let mut seen = HashSet::new();
            platforms.iter().map(ToString::to_string).filter(|text| seen.insert(text.clone())).collect()
        };
        let mut seen = HashSet::new();
        self.root = Some(root.descriptor());
        self.artifact_type.clone_from(&root.view.artifact_type);
        self.platforms = texts(&graph.platforms);
        self.platforms_dropped = texts(&graph.platforms_dropped);
        self.referrers = graph.referrer_reports(&order);
        // those that the source does not have either are among them
        self.dropped = graph.dropped.difference(&graph.kept).copied().collect();
        self.dropped.sort_unstable();
        self.blobs = manifests
            .iter()
            .filter(|manifest| graph.keeps(&manifest.digest))
            .flat_map(blobs_of)
            .map(|blob| blob.digest)
            .filter(|digest| seen.insert(*digest))
            .collect();
        self.manifests = order;
        manifests
    }

    pub(crate) fn report(&self, walk: &Walk, status: ArtifactStatus) -> ArtifactReport {
        ArtifactReport {
            source: self.name.clone(),
            target: None,
            digest: self.root.as_ref().map(|root| root.digest),
            media_type: self.root.as_ref().map(|root| root.media_type.clone()),
            artifact_type: self.artifact_type.clone(),
            platforms: self.platforms.clone(),
            platforms_dropped: self.platforms_dropped.clone(),
            original_digest: self.original,
            referrers: self.referrers.clone(),
            foreign_layers: self.foreign.clone(),
            bytes: walk.bytes_of(self),
            status: if self.error.is_some() { ArtifactStatus::Failed } else { status },
            error: self.error.clone(),
        }
    }

    /// `repository:tag` or `repository@digest`.
    pub(crate) fn local_name(&self) -> String {
        match (&self.tag, &self.root) {
            (Some(tag), _) => format!("{}:{tag}", self.repository),
            (None, Some(root)) => format!("{}@{}", self.repository, root.digest),
            (None, None) => self.repository.clone(),
        }
    }
}
