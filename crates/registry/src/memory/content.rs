//! What a registry in memory holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use serde_json::json;
use transload_oci::{Descriptor, Digest, Manifest, media_type};

use super::is_needed;

#[derive(Default)]
pub(super) struct Content {
    blobs: HashMap<Digest, Bytes>,
    repositories: BTreeMap<String, Repository>,
}

#[derive(Default)]
struct Repository {
    blobs: BTreeSet<Digest>,
    manifests: BTreeMap<Digest, Manifest>,
    tags: BTreeMap<String, Digest>,
}

impl Content {
    pub(super) fn has_repository(&self, repository: &str) -> bool {
        self.repositories.contains_key(repository)
    }

    pub(super) fn repositories(&self) -> Vec<String> {
        self.repositories.keys().cloned().collect()
    }

    pub(super) fn put_blob(&mut self, repository: &str, digest: &Digest, bytes: Bytes) {
        self.blobs.insert(*digest, bytes);
        self.repositories.entry(repository.to_owned()).or_default().blobs.insert(*digest);
    }

    pub(super) fn blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.repositories.get(repository)?.blobs.get(digest)?;
        self.blobs.get(digest).cloned()
    }

    pub(super) fn remove_blob(&mut self, repository: &str, digest: &Digest) {
        if let Some(repository) = self.repositories.get_mut(repository) {
            repository.blobs.remove(digest);
        }
    }

    pub(super) fn damage_blob(&mut self, digest: &Digest) {
        if let Some(bytes) = self.blobs.get_mut(digest) {
            let mut damaged = bytes.to_vec();
            if let Some(last) = damaged.last_mut() {
                *last = !*last;
            }
            *bytes = damaged.into();
        }
    }

    pub(super) fn mount_blob(&mut self, repository: &str, digest: &Digest, from: &str) -> bool {
        let there = self.blob(from, digest).is_some();
        if there {
            self.repositories.entry(repository.to_owned()).or_default().blobs.insert(*digest);
        }
        there
    }

    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Option<Manifest> {
        let repository = self.repositories.get(repository)?;
        let digest = match reference.parse::<Digest>() {
            Ok(digest) => digest,
            Err(_) => *repository.tags.get(reference)?,
        };
        repository.manifests.get(&digest).cloned()
    }

    pub(super) fn put_manifest(&mut self, repository: &str, reference: &str, manifest: &Manifest) {
        let repository = self.repositories.entry(repository.to_owned()).or_default();
        let digest = reference.parse::<Digest>().unwrap_or(manifest.digest);
        repository.manifests.insert(digest, Manifest { digest, ..manifest.clone() });
        if reference.parse::<Digest>().is_err() {
            repository.tags.insert(reference.to_owned(), digest);
        }
    }

    pub(super) fn tags(&self, repository: &str) -> Option<Vec<String>> {
        Some(self.repositories.get(repository)?.tags.keys().cloned().collect())
    }

    pub(super) fn all_tags(&self) -> Vec<(String, Digest)> {
        let tags = self.repositories.iter().flat_map(|(name, repository)| {
            repository.tags.iter().map(move |(tag, digest)| (format!("{name}:{tag}"), *digest))
        });
        tags.collect()
    }

    pub(super) fn referrers(&self, repository: &str, digest: &Digest) -> Vec<Descriptor> {
        let Some(repository) = self.repositories.get(repository) else { return Vec::new() };
        let about = |m: &&Manifest| m.view.subject.as_ref().is_some_and(|s| s.digest == *digest);
        repository.manifests.values().filter(about).map(referrer).collect()
    }

    /// Keeps the index under the fallback tag, as a client of a registry without the referrers API does.
    pub(super) fn put_fallback(&mut self, repository: &str, manifest: &Manifest) {
        let Some(subject) = &manifest.view.subject else { return };
        let entries: Vec<_> = self.referrers(repository, &subject.digest);
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
        let bytes = Bytes::from(index.to_string());
        if let Ok(index) = Manifest::parse(Some(media_type::OCI_INDEX), None, bytes) {
            self.put_manifest(repository, &subject.digest.referrers_tag(), &index);
        }
    }

    /// The first thing that a manifest points at and the repository does not have. A subject may be missing.
    pub(super) fn missing_child(&self, repository: &str, manifest: &Manifest) -> Option<Digest> {
        let children = &manifest.view.children;
        let has = self.repositories.get(repository);
        let blob = |d: &Digest| has.is_some_and(|r| r.blobs.contains(d));
        let document = |d: &Digest| has.is_some_and(|r| r.manifests.contains_key(d));
        let blobs = children.blobs.iter().filter(|c| is_needed(c)).map(|c| c.digest).find(|d| !blob(d));
        blobs.or_else(|| children.manifests.iter().map(|c| c.digest).find(|d| !document(d) && !blob(d)))
    }
}

fn referrer(manifest: &Manifest) -> Descriptor {
    let mut descriptor = manifest.descriptor();
    descriptor.artifact_type.clone_from(&manifest.view.artifact_type);
    descriptor.annotations.clone_from(&manifest.view.annotations);
    descriptor
}
