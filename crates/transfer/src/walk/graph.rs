//! The graph of one artifact and the order in which its manifests travel.

use std::collections::{HashMap, HashSet};

use transload_oci::{Descriptor, Digest, Manifest, Platform, media_type};

use crate::report::ReferrerReport;

/// The graph while it grows.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: HashMap<Digest, Manifest>,
    pub(super) asked: HashSet<Digest>,
    pub(super) referrers: HashMap<Digest, Vec<(Descriptor, Option<String>)>>,
    /// Children of indexes that travel whole, and those of which only the manifest does.
    pub(super) kept: HashSet<Digest>,
    pub(super) dropped: HashSet<Digest>,
    /// Platforms of the ones and of the others.
    pub(super) platforms: Vec<Platform>,
    pub(super) platforms_dropped: Vec<Platform>,
}

impl Graph {
    /// Whether a manifest travels with what it points at. What is kept for one platform and dropped for another is kept.
    pub(super) fn keeps(&self, digest: &Digest) -> bool {
        self.kept.contains(digest) || !self.dropped.contains(digest)
    }

    /// Children before parents, each manifest's referrers behind it.
    pub(super) fn order(&self, root: &Digest) -> Vec<Digest> {
        let mut order = Vec::new();
        self.visit(root, &mut HashSet::new(), &mut order);
        order
    }

    fn visit(&self, digest: &Digest, seen: &mut HashSet<Digest>, order: &mut Vec<Digest>) {
        let Some(manifest) = self.nodes.get(digest) else { return };
        if !seen.insert(*digest) {
            return;
        }
        for child in &manifest.view.children.manifests {
            self.visit(&child.digest, seen, order);
        }
        order.push(*digest);
        for (referrer, _) in self.referrers.get(digest).into_iter().flatten() {
            self.visit(&referrer.digest, seen, order);
        }
    }

    pub(super) fn referrer_reports(&self, order: &[Digest]) -> Vec<ReferrerReport> {
        let mut reports: Vec<ReferrerReport> = Vec::new();
        for subject in order {
            for (descriptor, tag) in self.referrers.get(subject).into_iter().flatten() {
                let Some(manifest) = self.nodes.get(&descriptor.digest) else { continue };
                let report = ReferrerReport {
                    digest: descriptor.digest,
                    artifact_type: manifest.view.artifact_type.clone(),
                    tag: tag.clone(),
                    subject: Some(*subject),
                    descriptor: Some(manifest.descriptor()),
                };
                if !reports.contains(&report) {
                    reports.push(report);
                }
            }
        }
        reports
    }
}

/// Whether a child of an index is a manifest; an index may also list plain blobs.
pub(crate) fn is_manifest(child: &Descriptor) -> bool {
    child.media_type.is_empty() || media_type::is_manifest(&child.media_type)
}

/// The blobs that a manifest names: config, layers, and what an index lists that is no manifest.
pub(crate) fn blobs_of(manifest: &Manifest) -> impl Iterator<Item = &Descriptor> {
    let children = &manifest.view.children;
    children.blobs.iter().chain(children.manifests.iter().filter(|child| !is_manifest(child)))
}
