//! Opening a bundle: its head by ranged reads, and its contents as a registry to read from.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use transload_blobstore::{BlobStat, BlobStore};
use transload_bundle::{self as bundle, OpenBundle, Opener};
use transload_oci::{Descriptor, Digest, Manifest, media_type};
use transload_registry::{self as registry, ByteStream, ErrorKind, Source};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;

/// A bundle whose head has been read and checked.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) index: Arc<OpenBundle>,
    pub(crate) location: String,
    store: Arc<dyn BlobStore>,
    stat: BlobStat,
}

/// Finds a bundle, or says what there is instead.
pub(crate) async fn find(store: &Arc<dyn BlobStore>, name: &str) -> Result<BlobStat, Error> {
    match store.stat(name).await? {
        Some(stat) => Ok(stat),
        None => Err(missing(store, name).await),
    }
}

async fn missing(store: &Arc<dyn BlobStore>, name: &str) -> Error {
    const NAMES_MAX: usize = 1_000;
    let error = Error::new(Code::BundleNotFound, store.describe(name), "there is no such bundle");
    let Ok(listed) = store.list("").await else { return error };
    let names: Vec<String> =
        listed.take(NAMES_MAX).filter_map(|blob| async { Some(blob.ok()?.name) }).collect().await;
    match crate::nearest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.with_next(format!("did you mean {}?", store.describe(near))),
        None => error,
    }
}

/// Reads and checks a bundle's head.
pub(crate) async fn open(
    engine: &Engine,
    store: &Arc<dyn BlobStore>,
    stat: &BlobStat,
) -> Result<Opened, Error> {
    let location = store.describe(&stat.name);
    let mut opener = Opener::new(stat.size, bundle::Limits::default());
    while let Some(range) = opener.want() {
        let bytes = engine.request(read_all(store.as_ref(), stat, range)).await?;
        opener.feed(&bytes).map_err(|error| Error::from_bundle(&error, &location))?;
    }
    let index = opener.finish().map_err(|error| Error::from_bundle(&error, &location))?;
    Ok(Opened { index: Arc::new(index), location, store: Arc::clone(store), stat: stat.clone() })
}

async fn read_all(store: &dyn BlobStore, stat: &BlobStat, range: Range<u64>) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(range.end - range.start).unwrap_or(0));
    let mut stream = store.read(&stat.name, range, stat.etag.as_deref()).await?;
    while let Some(chunk) = stream.try_next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

impl Opened {
    /// Length of the bundle in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.stat.size
    }

    /// Etag of the bundle, for acting on this very one.
    pub(crate) fn etag(&self) -> Option<&str> {
        self.stat.etag.as_deref()
    }

    /// Bytes of the bundle, wherever they stand.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<ByteStream, Error> {
        let stream = self.store.read(&self.stat.name, range, self.stat.etag.as_deref()).await?;
        Ok(stream.map_err(|error| Error::from(error).into_reader()).boxed())
    }

    /// The content of a digest, whole, for what is small.
    pub(crate) async fn content(&self, digest: &Digest, bytes_max: u64) -> Result<Option<Bytes>, Error> {
        if let Some(bytes) = self.index.cached(digest) {
            return Ok(Some(bytes));
        }
        let Some(extent) = self.index.catalog.get(digest) else { return Ok(None) };
        if extent.len > bytes_max {
            let detail = format!(
                "{digest} is used as a manifest and is {} bytes long; the bound is {bytes_max}",
                extent.len
            );
            return Err(Error::new(Code::LimitExceeded, self.location.clone(), detail));
        }
        let range = extent.offset..extent.offset + extent.len;
        read_all(self.store.as_ref(), &self.stat, range).await.map(Some)
    }
}

/// Bytes that a manifest in a bundle may have.
const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;

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
}

impl BundleSource {
    /// Indexes an opened bundle; reads the manifests that are not in its head.
    pub(crate) async fn new(opened: Opened) -> Result<Self, Error> {
        let mut source = Self {
            tags: HashMap::new(),
            referrers: HashMap::new(),
            media_types: HashMap::new(),
            parsed: Mutex::default(),
            opened,
        };
        let index = Arc::clone(&source.opened.index);
        for root in &index.roots {
            source.media_types.insert(root.descriptor.digest, root.descriptor.media_type.clone());
            if let Some(tag) = &root.tag {
                let tags = source.tags.entry(root.repository.clone().unwrap_or_default()).or_default();
                tags.insert(tag.clone(), root.descriptor.clone());
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
        let Some(extent) = self.opened.index.catalog.get(&digest) else { return Ok(None) };
        let said = self.media_types.get(&digest).cloned();
        Ok(Some(Descriptor::new(
            said.unwrap_or_else(|| media_type::OCI_MANIFEST.to_owned()),
            digest,
            extent.len,
        )))
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
        Ok(self.opened.index.catalog.get(digest).map(|extent| extent.len))
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
        let range = extent.offset + offset.min(extent.len)..extent.offset + extent.len;
        self.opened.read(range).await.map_err(Error::into_reader)
    }
}
