//! What a repository's names lead to: what is asked for in it and not among this is not there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use transload_oci::{Descriptor, Digest, Manifest};

use super::names::Named;
use super::{Inner, Repository};
use crate::code::Code;
use crate::error::Error;
use crate::walk::{blobs_of, is_manifest};

/// Manifests that are read at the same time.
const READ_AT_ONCE: usize = 16;
/// After so many manifests others get their turn.
const TURN: usize = 64;

/// Everything that can be reached from a repository's roots.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Manifests by the media type under which they are named, as far as they are in some bundle.
    pub(super) manifests: HashMap<Digest, Arc<str>>,
    /// What manifests name as blobs, whether it is there or not.
    pub(super) blobs: HashSet<Digest>,
    /// A subject's referrers, as the referrers API describes them.
    referrers: HashMap<Digest, Vec<Descriptor>>,
}

impl Reach {
    /// Walks a repository. What cannot be read for good (damage) is left out of it; what may be readable later ends the
    /// walk.
    pub(super) async fn of(inner: &Inner, repository: &Repository) -> Result<Self, Error> {
        let floating = inner.floating().await?;
        let mut reach = Self::default();
        let mut todo: Vec<Named> = repository.roots.clone();
        let mut reading = FuturesUnordered::new();
        let mut taken = 0_usize;
        loop {
            while reading.len() < READ_AT_ONCE {
                let Some(named) = todo.pop() else { break };
                let fresh = !reach.manifests.contains_key(&named.digest);
                if fresh && inner.has(&named.digest) {
                    reach.manifests.insert(named.digest, Arc::clone(&named.media_type));
                    reading.push(async move { (named.digest, inner.load(&named).await) });
                }
            }
            let Some((digest, loaded)) = reading.next().await else { break };
            match loaded {
                Ok(manifest) => reach.take(&manifest, &mut todo),
                Err(error) if is_for_good(error.code()) => {}
                Err(error) => return Err(error),
            }
            todo.extend(floating.get(&digest).into_iter().flatten().cloned());
            taken += 1;
            if taken.is_multiple_of(TURN) {
                tokio::task::yield_now().await;
            }
        }
        for referrers in reach.referrers.values_mut() {
            referrers.sort_by_key(|descriptor| descriptor.digest);
        }
        Ok(reach)
    }

    fn take(&mut self, manifest: &Manifest, todo: &mut Vec<Named>) {
        self.blobs.extend(blobs_of(manifest).map(|blob| blob.digest));
        let children = manifest.view.children.manifests.iter().filter(|child| is_manifest(child));
        todo.extend(
            children
                .map(|child| Named { digest: child.digest, media_type: child.media_type.as_str().into() }),
        );
        if let Some(subject) = &manifest.view.subject {
            let mut descriptor = manifest.descriptor();
            descriptor.artifact_type.clone_from(&manifest.view.artifact_type);
            descriptor.annotations.clone_from(&manifest.view.annotations);
            self.referrers.entry(subject.digest).or_default().push(descriptor);
        }
    }

    /// What is about a manifest.
    pub(super) fn referrers(&self, subject: &Digest) -> Vec<Descriptor> {
        self.referrers.get(subject).cloned().unwrap_or_default()
    }
}

/// Whether a manifest that failed so will fail so again.
pub(super) fn is_for_good(code: Code) -> bool {
    matches!(code, Code::BundleDamaged | Code::LimitExceeded | Code::ManifestNotFound)
}
