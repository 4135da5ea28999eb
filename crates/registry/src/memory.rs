//! A registry in memory: the double that the engine is tested with. It can be told to misbehave.

mod content;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use transload_oci::{Descriptor, Digest, Manifest, Verifier};

use crate::error::{Error, ErrorKind};
use crate::seam::{BlobReader, ByteStream, Pushed, Source, Target};
use content::Content;

/// How blobs come out: in pieces, as from a network.
const PIECE_BYTES: usize = 64 << 10;

/// What a [`MemoryRegistry`] does otherwise than a good registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Switches {
    /// No referrers API: referrers are kept under the fallback tag.
    pub lacks_referrers_api: bool,
    /// No blob is mounted.
    pub declines_mounts: bool,
    /// An index is taken although manifests that it lists are not there.
    pub takes_sparse_indexes: bool,
    /// Every manifest is refused, with these words.
    pub refuses_manifests: Option<String>,
    /// Every blob is refused, with these words.
    pub refuses_blobs: Option<String>,
    /// Every operation fails with this kind.
    pub fails_with: Option<ErrorKind>,
}

/// What a [`MemoryRegistry`] was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Manifests read.
    pub manifests_read: u64,
    /// Manifests asked about without reading them.
    pub manifest_stats: u64,
    /// Manifests pushed, refused ones included.
    pub manifests_pushed: u64,
    /// Blobs asked about without reading them, before a push included.
    pub blob_stats: u64,
    /// Blobs opened for reading.
    pub blobs_read: u64,
    /// Bytes of blobs handed out.
    pub blob_bytes_read: u64,
    /// Blobs uploaded.
    pub blobs_uploaded: u64,
    /// Bytes of blobs uploaded.
    pub blob_bytes_uploaded: u64,
    /// Blobs mounted.
    pub mounts: u64,
}

/// A registry in memory. Like Debian's `docker-registry` it refuses a manifest whose children it does not have.
pub struct MemoryRegistry {
    host: String,
    content: Mutex<Content>,
    switches: Mutex<Switches>,
    counters: std::sync::Arc<Mutex<Counters>>,
}

impl MemoryRegistry {
    /// An empty one that goes by this name.
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            content: Mutex::default(),
            switches: Mutex::default(),
            counters: std::sync::Arc::default(),
        }
    }

    /// Changes how it behaves.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.switches.lock());
    }

    /// What it was asked for so far.
    pub fn counters(&self) -> Counters {
        *self.counters.lock()
    }

    /// Begins to count anew.
    pub fn reset_counters(&self) {
        *self.counters.lock() = Counters::default();
    }

    /// Puts a blob into a repository, as if it had been pushed (uncounted).
    pub fn put_blob(&self, repository: &str, media_type: &str, bytes: impl Into<Bytes>) -> Descriptor {
        let bytes = bytes.into();
        let descriptor = Descriptor::of(media_type, &bytes);
        self.content.lock().put_blob(repository, &descriptor.digest, bytes);
        descriptor
    }

    /// Puts a manifest into a repository under a tag or its digest, whatever it points at (uncounted).
    pub fn put_manifest(&self, repository: &str, reference: &str, manifest: &Manifest) {
        self.content.lock().put_manifest(repository, reference, manifest);
    }

    /// Takes a blob out of one repository.
    pub fn remove_blob(&self, repository: &str, digest: &Digest) {
        self.content.lock().remove_blob(repository, digest);
    }

    /// Turns the last byte of a blob over, in every repository that has it.
    pub fn damage_blob(&self, digest: &Digest) {
        self.content.lock().damage_blob(digest);
    }

    /// The bytes of a blob, if the repository has it (uncounted).
    pub fn blob_bytes(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.content.lock().blob(repository, digest)
    }

    /// Every tag with the digest it points at, as `repository:tag` (uncounted).
    pub fn all_tags(&self) -> Vec<(String, Digest)> {
        self.content.lock().all_tags()
    }

    fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.counters.lock());
    }

    fn check(&self, subject: &str) -> Result<(), Error> {
        match self.switches.lock().fails_with {
            None => Ok(()),
            Some(kind) => Err(Error::new(kind, subject, "this registry was told to fail")),
        }
    }

    fn subject(&self, repository: &str, reference: &str) -> String {
        let separator = if reference.contains(':') { '@' } else { ':' };
        format!("{}/{repository}{separator}{reference}", self.host)
    }

    fn missing(&self, repository: &str, reference: &str, kind: ErrorKind) -> Error {
        let subject = self.subject(repository, reference);
        if !self.content.lock().has_repository(repository) {
            return Error::new(ErrorKind::RepositoryNotFound, subject, "NAME_UNKNOWN: no such repository");
        }
        Error::new(kind, subject, "there is none")
    }
}

impl fmt::Debug for MemoryRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRegistry").field("host", &self.host).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for MemoryRegistry {
    fn host(&self) -> &str {
        &self.host
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest, Error> {
        self.check(&self.subject(repository, reference))?;
        self.count(|c| c.manifests_read += 1);
        let found = self.content.lock().manifest(repository, reference);
        found.ok_or_else(|| self.missing(repository, reference, ErrorKind::ManifestNotFound))
    }

    async fn manifest_stat(&self, repository: &str, reference: &str) -> Result<Option<Descriptor>, Error> {
        self.check(&self.subject(repository, reference))?;
        self.count(|c| c.manifest_stats += 1);
        Ok(self.content.lock().manifest(repository, reference).map(|m| m.descriptor()))
    }

    async fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        self.check(&format!("{}/{repository}", self.host))?;
        let tags = self.content.lock().tags(repository);
        tags.ok_or_else(|| {
            let subject = format!("{}/{repository}", self.host);
            Error::new(ErrorKind::RepositoryNotFound, subject, "NAME_UNKNOWN: no such repository")
        })
    }

    async fn repositories(&self, most: usize) -> Result<Vec<String>, Error> {
        self.check(&self.host)?;
        Ok(self.content.lock().repositories().into_iter().take(most).collect())
    }

    async fn referrers(&self, repository: &str, digest: &Digest) -> Result<Vec<Descriptor>, Error> {
        self.check(&self.subject(repository, &digest.to_string()))?;
        let content = self.content.lock();
        if self.switches.lock().lacks_referrers_api {
            let index = content.manifest(repository, &digest.referrers_tag());
            return Ok(index.map(|index| index.view.children.manifests.clone()).unwrap_or_default());
        }
        Ok(content.referrers(repository, digest))
    }

    async fn blob_size(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Error> {
        self.check(&self.subject(repository, &digest.to_string()))?;
        self.count(|c| c.blob_stats += 1);
        Ok(self.content.lock().blob(repository, digest).map(|bytes| bytes.len() as u64))
    }

    async fn blob(&self, repository: &str, blob: &Descriptor, offset: u64) -> Result<ByteStream, Error> {
        let reference = blob.digest.to_string();
        self.check(&self.subject(repository, &reference))?;
        let found = self.content.lock().blob(repository, &blob.digest);
        let bytes = found.ok_or_else(|| self.missing(repository, &reference, ErrorKind::BlobNotFound))?;
        if offset > bytes.len() as u64 {
            let subject = self.subject(repository, &reference);
            return Err(Error::new(ErrorKind::Failed, subject, "the offset is behind the end"));
        }
        self.count(|c| c.blobs_read += 1);
        let (rest, counters) = (bytes.slice(offset as usize..), self.counters.clone());
        let pieces = stream::unfold(rest, move |mut rest| {
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            counters.lock().blob_bytes_read += piece.len() as u64;
            async move { (!piece.is_empty()).then_some((Ok(piece), rest)) }
        });
        Ok(pieces.boxed())
    }
}

#[async_trait]
impl Target for MemoryRegistry {
    async fn mount_blob(&self, repository: &str, digest: &Digest, from: &str) -> Result<bool, Error> {
        self.check(&self.subject(repository, &digest.to_string()))?;
        if self.switches.lock().declines_mounts {
            return Ok(false);
        }
        let mounted = self.content.lock().mount_blob(repository, digest, from);
        self.count(|c| c.mounts += u64::from(mounted));
        Ok(mounted)
    }

    async fn push_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error> {
        if self.blob_size(repository, &blob.digest).await?.is_some() {
            return Ok(Pushed::Existed);
        }
        for from in mount_from {
            if self.mount_blob(repository, &blob.digest, from).await? {
                return Ok(Pushed::Mounted);
            }
        }
        let subject = self.subject(repository, &blob.digest.to_string());
        if let Some(words) = &self.switches.lock().refuses_blobs {
            return Err(Error::new(ErrorKind::BlobRefused, subject, words.clone()));
        }
        let unread = |error: Error| match error.kind() {
            ErrorKind::Reader => error,
            _ => Error::new(ErrorKind::Reader, subject.clone(), error.to_string()).with_source(error),
        };
        let mut verifier = Verifier::new(blob.digest, blob.size);
        let mismatch = |text: String| Error::new(ErrorKind::DigestMismatch, subject.clone(), text);
        let mut bytes = Vec::new();
        let mut stream = reader.open(0).await.map_err(unread)?;
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(unread)?;
            verifier.update(&chunk).map_err(|error| mismatch(error.to_string()))?;
            bytes.extend_from_slice(&chunk);
        }
        verifier.finish().map_err(|error| mismatch(error.to_string()))?;
        self.content.lock().put_blob(repository, &blob.digest, bytes.into());
        self.count(|c| {
            c.blobs_uploaded += 1;
            c.blob_bytes_uploaded += blob.size;
        });
        Ok(Pushed::Uploaded { sent: blob.size })
    }

    async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        let subject = self.subject(repository, reference);
        self.check(&subject)?;
        self.count(|c| c.manifests_pushed += 1);
        let switches = self.switches.lock().clone();
        if let Some(words) = switches.refuses_manifests {
            return Err(Error::new(ErrorKind::ManifestRefused, subject, words));
        }
        if reference.parse::<Digest>().is_ok_and(|d| Digest::of(d.algorithm(), &manifest.bytes) != d) {
            return Err(Error::new(ErrorKind::DigestMismatch, subject, "the manifest has another digest"));
        }
        let mut content = self.content.lock();
        let sparse = manifest.is_index() && switches.takes_sparse_indexes;
        if let Some(child) = content.missing_child(repository, manifest).filter(|_| !sparse) {
            let detail = format!("MANIFEST_BLOB_UNKNOWN: blob unknown to registry [{child}]");
            return Err(Error::new(ErrorKind::ManifestRefused, subject, detail));
        }
        content.put_manifest(repository, reference, manifest);
        if switches.lacks_referrers_api && manifest.view.subject.is_some() {
            content.put_fallback(repository, manifest);
        }
        Ok(())
    }
}

/// Whether a registry has to have what a manifest points at here.
fn is_needed(child: &Descriptor) -> bool {
    !child.is_foreign()
}
