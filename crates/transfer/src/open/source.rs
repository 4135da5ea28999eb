//! An open bundle as a registry to read from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use parking_lot::Mutex;
use transload_bundle as bundle;
use transload_oci::{Descriptor, Digest, Manifest, media_type};
use transload_registry::{self as registry, ByteStream, ErrorKind, Source};

use super::Opened;
use crate::code::Code;
use crate::error::Error;

/// Bytes that a manifest in a bundle may have.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A bundle as a registry to read from. Its repositories are those of its roots.
#[derive(Debug)]
pub(crate) struct BundleSource {
    opened: Opened,
    /// `repository` → tag → manifest.
    tags: HashMap<String, HashMap<String, Descriptor>>,
    /// subject → what is about it.
    referrers: HashMap<Digest, Vec<Descriptor>>,
    media_types: HashMap<Digest, String>,
    parsed: Mutex<HashMap<Digest, Manifest>>,
    /// Indexes of other tools' bundles that have some of their manifests only.
    sparse: HashMap<Digest, bundle::Platforms>,
}

impl BundleSource {
    /// Indexes an opened bundle; reads the manifests that are not in its head.
    pub(crate) async fn new(opened: Opened) -> Result<Self, Error> {
        let mut source = Self {
            tags: HashMap::new(),
            referrers: HashMap::new(),
            media_types: HashMap::new(),
            parsed: Mutex::default(),
            sparse: HashMap::new(),
            opened,
        };
        let index = Arc::clone(&source.opened.index);
        for root in &index.roots {
            source.media_types.insert(root.descriptor.digest, root.descriptor.media_type.clone());
            if let Some(tag) = &root.tag {
                let tags = source.tags.entry(root.repository.clone().unwrap_or_default()).or_default();
                tags.insert(tag.clone(), root.descriptor.clone());
            }
            if index.transfer.is_none() && media_type::is_index(&root.descriptor.media_type) {
                source.find_absent(&root.descriptor.digest).await;
            }
            if root.referrer {
                let manifest = source.load(&root.descriptor.digest).await?;
                source.take_referrer(&manifest);
            }
        }
        Ok(source)
    }

    /// The artifacts and referrers that the bundle's index names.
    pub(crate) fn roots(&self) -> &[bundle::Root] {
        &self.opened.index.roots
    }

    /// The order in which the bundle has its contents, where it cannot be read in any other without reading it again.
    pub(crate) fn order(&self) -> Option<HashMap<Digest, u64>> {
        let places = self.opened.index.catalog.iter().map(|(digest, at)| (*digest, at.offset));
        self.opened.is_packed().then(|| places.collect())
    }

    /// Foreign layers that were left behind when the bundle was made.
    pub(crate) fn foreign_layers_omitted(&self) -> HashSet<Digest> {
        let layers = self.opened.index.transfer.iter().flat_map(|transfer| &transfer.foreign_layers);
        layers.filter(|layer| !layer.carried).map(|layer| layer.digest).collect()
    }

    /// What the transfer manifest says of the platforms of an artifact.
    pub(crate) fn platforms_of(&self, digest: &Digest) -> Option<&bundle::Platforms> {
        let Some(transfer) = self.opened.index.transfer.as_ref() else { return self.sparse.get(digest) };
        let of = transfer.artifacts.iter().find(|artifact| artifact.digest.as_ref() == Some(digest));
        of.map(|artifact| &artifact.platforms)
    }

    /// What of an index another tool left out: docker saves the platforms that it has, with the index as it is.
    async fn find_absent(&mut self, index: &Digest) {
        // what is wrong with a manifest is told by the walk
        let Ok(manifest) = self.load(index).await else { return };
        let children = manifest.view.children.manifests.iter();
        let (here, absent): (Vec<Digest>, Vec<Digest>) = children
            .map(|child| child.digest)
            .partition(|digest| self.opened.index.size_of(digest).is_some());
        if !here.is_empty() && !absent.is_empty() {
            let platforms = bundle::Platforms { dropped_manifests: absent, ..bundle::Platforms::default() };
            self.sparse.insert(*index, platforms);
        }
    }

    fn take_referrer(&mut self, manifest: &Manifest) {
        let Some(subject) = &manifest.view.subject else { return };
        let mut descriptor = manifest.descriptor();
        descriptor.artifact_type.clone_from(&manifest.view.artifact_type);
        let list = self.referrers.entry(subject.digest).or_default();
        if !list.contains(&descriptor) {
            list.push(descriptor);
        }
    }

    async fn load(&self, digest: &Digest) -> Result<Manifest, Error> {
        if let Some(manifest) = self.parsed.lock().get(digest) {
            return Ok(manifest.clone());
        }
        let subject = || format!("{}@{digest}", self.opened.location);
        let bytes = self.opened.content(digest, MANIFEST_BYTES_MAX).await?.ok_or_else(|| {
            Error::new(Code::ManifestNotFound, subject(), "the bundle does not have this manifest")
        })?;
        let media_type = self.media_types.get(digest).map(String::as_str);
        let manifest = Manifest::parse(media_type, Some(digest), bytes)
            .map_err(|error| Error::new(Code::BundleDamaged, subject(), error.to_string()))?;
        self.parsed.lock().insert(*digest, manifest.clone());
        Ok(manifest)
    }

    fn digest_of(&self, repository: &str, reference: &str) -> Option<Digest> {
        match reference.parse() {
            Ok(digest) => Some(digest),
            Err(_) => Some(self.tags.get(repository)?.get(reference)?.digest),
        }
    }

    fn missing(&self, repository: &str, reference: &str) -> registry::Error {
        let subject = format!("{}: {repository}:{reference}", self.opened.location);
        registry::Error::new(ErrorKind::ManifestNotFound, subject, "the bundle does not have it")
    }
}

#[async_trait]
impl Source for BundleSource {
    fn host(&self) -> &str {
        &self.opened.location
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest, registry::Error> {
        let digest =
            self.digest_of(repository, reference).ok_or_else(|| self.missing(repository, reference))?;
        self.load(&digest).await.map_err(Error::into_reader)
    }

    async fn manifest_stat(
        &self,
        repository: &str,
        reference: &str,
    ) -> Result<Option<Descriptor>, registry::Error> {
        let Some(digest) = self.digest_of(repository, reference) else { return Ok(None) };
        let Some(size) = self.opened.index.size_of(&digest) else { return Ok(None) };
        let said = self.media_types.get(&digest).cloned();
        let media_type = said.unwrap_or_else(|| media_type::OCI_MANIFEST.to_owned());
        Ok(Some(Descriptor::new(media_type, digest, size)))
    }

    async fn tags(&self, repository: &str) -> Result<Vec<String>, registry::Error> {
        let tags = self.tags.get(repository).ok_or_else(|| {
            let subject = format!("{}: {repository}", self.opened.location);
            registry::Error::new(ErrorKind::RepositoryNotFound, subject, "the bundle has no such repository")
        })?;
        let mut tags: Vec<String> = tags.keys().cloned().collect();
        tags.sort_unstable();
        Ok(tags)
    }

    async fn repositories(&self, most: usize) -> Result<Vec<String>, registry::Error> {
        let mut names: Vec<String> = self.tags.keys().cloned().collect();
        names.sort_unstable();
        names.truncate(most);
        Ok(names)
    }

    async fn referrers(
        &self,
        _repository: &str,
        digest: &Digest,
    ) -> Result<Vec<Descriptor>, registry::Error> {
        Ok(self.referrers.get(digest).cloned().unwrap_or_default())
    }

    async fn blob_size(&self, _repository: &str, digest: &Digest) -> Result<Option<u64>, registry::Error> {
        Ok(self.opened.index.size_of(digest))
    }

    async fn blob(
        &self,
        _repository: &str,
        blob: &Descriptor,
        offset: u64,
    ) -> Result<ByteStream, registry::Error> {
        if let Some(bytes) = self.opened.index.cached(&blob.digest) {
            let rest = bytes.slice(bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX))..);
            return Ok(futures_util::stream::once(async { Ok(rest) }).boxed());
        }
        let Some(extent) = self.opened.index.catalog.get(&blob.digest) else {
            let subject = format!("{}@{}", self.opened.location, blob.digest);
            return Err(registry::Error::new(
                ErrorKind::BlobNotFound,
                subject,
                "the bundle does not have it",
            ));
        };
        self.opened.read(extent, offset).await.map_err(Error::into_reader)
    }
}
