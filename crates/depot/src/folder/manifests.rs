//! Manifests, tags and referrers.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use transload_oci::{Algorithm, Descriptor, Digest, Manifest};

use super::durable::{names, there};
use super::paths::{ALGORITHMS, Repository};
use super::{Folder, Inner, failed};
use crate::contents::{Fault, FaultKind, Reference};

/// What a manifest takes in memory besides its bytes, roughly: its parsed view repeats parts of them.
const VIEW_BYTES: u64 = 1024;

/// Weighs manifests by the memory that they take.
#[derive(Debug, Clone)]
pub(super) struct Weight;

impl Weighter<Digest, Arc<Manifest>> for Weight {
    fn weight(&self, _: &Digest, manifest: &Arc<Manifest>) -> u64 {
        VIEW_BYTES + 2 * manifest.size()
    }
}

/// A cache of manifests by digest that takes at most so much memory.
pub(super) fn cache(bytes_max: u64) -> Cache<Digest, Arc<Manifest>, Weight> {
    let entries = usize::try_from(bytes_max / (4 * VIEW_BYTES)).unwrap_or(usize::MAX);
    Cache::with_weighter(entries, bytes_max, Weight)
}

impl Folder {
    /// Adds a manifest, under these tags.
    ///
    /// # Errors
    /// `ChildUnknown` when the repository lacks a blob that it points at.
    pub(crate) async fn put_manifest(
        &self,
        repository: &str,
        tags: &[String],
        manifest: Manifest,
    ) -> Result<(), Fault> {
        let (repository, tags) = (repository.to_owned(), tags.to_vec());
        self.run(move |inner| inner.put_manifest(&repository, &tags, manifest)).await
    }

    /// Removes a tag, or a manifest and every tag that points at it.
    ///
    /// # Errors
    /// `NameUnknown`, `ManifestUnknown`, `Failed`.
    pub async fn delete_manifest(&self, repository: &str, reference: &Reference) -> Result<(), Fault> {
        let (repository, reference) = (repository.to_owned(), reference.clone());
        self.run(move |inner| inner.delete_manifest(&repository, &reference)).await
    }
}

impl Inner {
    pub(super) fn manifest(&self, repository: &str, reference: &Reference) -> Result<Arc<Manifest>, Fault> {
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => self.tagged(repository, tag)?,
        };
        let manifest = digest.map(|digest| self.revision(repository, &digest)).transpose()?.flatten();
        manifest.ok_or_else(|| {
            if self.has_repository(repository) {
                Fault::no_manifest(repository, reference)
            } else {
                Fault::no_repository(repository)
            }
        })
    }

    /// What a tag points at.
    pub(super) fn tagged(&self, repository: &str, tag: &str) -> Result<Option<Digest>, Fault> {
        let link = self.paths.repository(repository).current(tag);
        let Some(text) = there(fs::read_to_string(&link)).map_err(failed(&link))? else { return Ok(None) };
        let digest = text.trim().parse().ok();
        if digest.is_none() {
            tracing::warn!(path = %link.display(), "a tag's file does not hold a digest");
        }
        Ok(digest)
    }

    /// A manifest of the repository, checked against its digest when it is read from the disk.
    pub(super) fn revision(&self, repository: &str, digest: &Digest) -> Result<Option<Arc<Manifest>>, Fault> {
        let paths = self.paths.repository(repository);
        if !paths.revision(digest).exists() {
            return Ok(None);
        }
        let path = self.paths.data(digest);
        let said = there(fs::read_to_string(paths.media_type(digest))).map_err(failed(&path))?;
        // what is kept in memory is what the document says of itself, which is the same in every repository
        if said.is_none()
            && let Some(manifest) = self.manifests.get(digest)
        {
            return Ok(Some(manifest));
        }
        let Some(bytes) = there(fs::read(&path)).map_err(failed(&path))? else { return Ok(None) };
        let manifest =
            Manifest::parse(said.as_deref(), Some(digest), Bytes::from(bytes)).map_err(|error| {
                tracing::error!(path = %path.display(), %error, "a manifest is damaged");
                let text = format!("the manifest {digest} is damaged on the registry's disk: {error}");
                Fault::new(FaultKind::Failed, text)
            })?;
        let manifest = Arc::new(manifest);
        if said.is_none() {
            self.manifests.insert(*digest, Arc::clone(&manifest));
        }
        Ok(Some(manifest))
    }

    fn put_manifest(&self, repository: &str, tags: &[String], manifest: Manifest) -> Result<(), Fault> {
        let pointing = self.sweep.pointing();
        let _adding = self.adding(repository);
        if let Some(missing) = self.missing_blob(repository, &manifest) {
            let text = format!(
                "the repository {repository} does not have the blob {missing}, which the manifest points at; \
                 push the blob first"
            );
            return Err(Fault::new(FaultKind::ChildUnknown, text));
        }
        let digest = manifest.digest;
        let children = manifest.view.children.blobs.iter().chain(&manifest.view.children.manifests);
        children.for_each(|child| pointing.note(&child.digest));
        pointing.note(&digest);
        let new = !self.has_repository(repository);
        let written = self.write_manifest(repository, &manifest);
        let speaks_for_itself = written.map_err(failed(self.paths.repository(repository).at()))?;
        if speaks_for_itself {
            self.manifests.insert(digest, Arc::new(manifest));
        }
        for tag in tags {
            let current = self.paths.repository(repository).current(tag);
            let known = current.exists();
            let written = self.durable.replace(&current, digest.to_string().as_bytes());
            written.map_err(failed(&current))?;
            if !known {
                self.lists.tags_changed(repository);
            }
        }
        if new {
            // nobody else has filled it
            let marker = self.paths.repository(repository).all_referrers();
            self.durable.point(&marker, b"1").map_err(failed(&marker))?;
            self.lists.repositories_changed();
        }
        Ok(())
    }

    /// In this order: the bytes, then whatever points at them. Says whether the media type follows from the bytes.
    fn write_manifest(&self, repository: &str, manifest: &Manifest) -> std::io::Result<bool> {
        let (paths, digest) = (self.paths.repository(repository), &manifest.digest);
        let link = digest.to_string();
        let data = self.paths.data(digest);
        self.durable.write_once(&data, &manifest.bytes)?;
        if let Some(subject) = &manifest.view.subject {
            self.durable.point(&paths.referrer(&subject.digest, digest), link.as_bytes())?;
        }
        let alone = Manifest::parse(None, Some(digest), manifest.bytes.clone());
        let speaks_for_itself = alone.is_ok_and(|alone| alone.media_type == manifest.media_type);
        if speaks_for_itself {
            // it may have been pushed as another type before
            self.durable.remove(&paths.media_type(digest))?;
        } else {
            self.durable.replace(&paths.media_type(digest), manifest.media_type.as_bytes())?;
        }
        self.durable.point(&paths.revision(digest), link.as_bytes())?;
        self.durable.settle(&data)?;
        Ok(speaks_for_itself)
    }

    /// The first blob a manifest points at that the repository lacks. Foreign layers may be elsewhere. The manifests of an
    /// index are not asked for: an index may be sparse.
    fn missing_blob(&self, repository: &str, manifest: &Manifest) -> Option<Digest> {
        let mut blobs = manifest.view.children.blobs.iter();
        blobs.find(|d| !self.has_blob(repository, &d.digest) && !d.is_foreign()).map(|d| d.digest)
    }

    fn delete_manifest(&self, repository: &str, reference: &Reference) -> Result<(), Fault> {
        let _change = self.change(repository);
        let removed = match reference {
            Reference::Tag(tag) => self.delete_tag(repository, tag)?,
            Reference::Digest(digest) => self.delete_revision(repository, digest)?,
        };
        if removed {
            Ok(())
        } else if self.has_repository(repository) {
            Err(Fault::no_manifest(repository, reference))
        } else {
            Err(Fault::no_repository(repository))
        }
    }

    fn delete_tag(&self, repository: &str, tag: &str) -> Result<bool, Fault> {
        let folder = self.paths.repository(repository).tag(tag);
        // the pointer first: a folder without one is no tag
        let current = self.paths.repository(repository).current(tag);
        let removed = self.durable.remove(&current).map_err(failed(&current))?;
        self.durable.remove_folder(&folder).map_err(failed(&folder))?;
        self.lists.tags_changed(repository);
        Ok(removed)
    }

    /// In this order: whatever points at the manifest, then the repository's word that it has it.
    pub(super) fn delete_revision(&self, repository: &str, digest: &Digest) -> Result<bool, Fault> {
        let paths = self.paths.repository(repository);
        let link = paths.revision(digest);
        if !link.exists() {
            return Ok(false);
        }
        for tag in self.all_tags(repository)?.iter() {
            if self.tagged(repository, tag)? == Some(*digest) {
                self.delete_tag(repository, tag)?;
            }
        }
        // one that cannot be read can be removed all the same
        if let Ok(Some(manifest)) = self.revision(repository, digest)
            && let Some(subject) = &manifest.view.subject
        {
            let referrer = paths.referrer(&subject.digest, digest);
            self.remove_link(&referrer)?;
        }
        self.remove_link(&link)?;
        Ok(true)
    }

    /// Removes a link with the folder that is its own.
    pub(super) fn remove_link(&self, link: &std::path::Path) -> Result<bool, Fault> {
        let removed = self.durable.remove(link).map_err(failed(link))?;
        if let Some(folder) = link.parent() {
            self.durable.remove_folder(folder).map_err(failed(folder))?;
        }
        Ok(removed)
    }

    pub(super) fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Descriptor>, Fault> {
        let paths = self.paths.repository(repository);
        if !paths.all_referrers().exists() && self.has_repository(repository) {
            self.find_referrers(repository)?;
        }
        let mut list = Vec::new();
        for digest in digests(&paths.referrers(subject))? {
            if let Some(manifest) = self.revision(repository, &digest)? {
                list.push(describe(&manifest));
            }
        }
        Ok(list)
    }

    /// Notes the referrers of a repository that another registry has filled.
    pub(super) fn find_referrers(&self, repository: &str) -> Result<(), Fault> {
        let _change = self.change(repository);
        let paths = self.paths.repository(repository);
        for digest in self.revisions(&paths)? {
            let manifest = self.revision(repository, &digest).ok().flatten();
            if let Some(subject) = manifest.and_then(|manifest| manifest.view.subject.clone()) {
                let link = paths.referrer(&subject.digest, &digest);
                self.durable.point(&link, digest.to_string().as_bytes()).map_err(failed(&link))?;
            }
        }
        let marker = paths.all_referrers();
        self.durable.point(&marker, b"1").map_err(failed(&marker))
    }

    /// The manifests of a repository.
    pub(super) fn revisions(&self, paths: &Repository) -> Result<Vec<Digest>, Fault> {
        digests(&paths.revisions())
    }
}

fn describe(manifest: &Manifest) -> Descriptor {
    let mut descriptor = manifest.descriptor();
    descriptor.artifact_type.clone_from(&manifest.view.artifact_type);
    descriptor.annotations.clone_from(&manifest.view.annotations);
    descriptor
}

/// The digests that are linked in a folder, in order: `<algorithm>/<hex>/link`.
pub(super) fn digests(folder: &std::path::Path) -> Result<Vec<Digest>, Fault> {
    let mut digests = Vec::new();
    for algorithm in ALGORITHMS {
        let folder = folder.join(algorithm.as_str());
        for name in names(&folder).map_err(failed(&folder))? {
            if folder.join(&name).join("link").exists()
                && let Some(digest) = digest(algorithm, &name)
            {
                digests.push(digest);
            }
        }
    }
    Ok(digests)
}

/// A digest by its hash.
pub(super) fn digest(algorithm: Algorithm, hex: &str) -> Option<Digest> {
    format!("{}:{hex}", algorithm.as_str()).parse().ok()
}
