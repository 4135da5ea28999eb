//! The seam: what the engine asks of a registry.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use transload_oci::{Descriptor, Digest, Manifest};

use crate::error::Error;

/// Bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// A registry to read from. `reference` is a tag or a digest in its text form.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Host and port as people write them in a reference.
    fn host(&self) -> &str;

    /// A manifest. One that was asked for by digest has been checked against it.
    ///
    /// # Errors
    /// `ManifestNotFound`, `RepositoryNotFound` (where the registry tells them apart), `Unauthorized`, `Denied`,
    /// `ManifestInvalid` (schema 1, no manifest, too large), or what the connection brings.
    async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest, Error>;

    /// Media type, digest and size of a manifest, without fetching it where the registry allows; `None` when
    /// there is none (also when the repository does not exist).
    async fn manifest_stat(&self, repository: &str, reference: &str) -> Result<Option<Descriptor>, Error>;

    /// Every tag of a repository, in the registry's order. A missing repository is `RepositoryNotFound`.
    async fn tags(&self, repository: &str) -> Result<Vec<String>, Error>;

    /// The catalog, as far as the registry gives it away; `Unsupported` or `Denied` where it does not.
    /// At most `most` names.
    async fn repositories(&self, most: usize) -> Result<Vec<String>, Error>;

    /// The manifests that name `digest` as their subject: by the referrers API, else by the fallback tag.
    /// Cosign's tags are not looked at here. Empty when there are none.
    async fn referrers(&self, repository: &str, digest: &Digest) -> Result<Vec<Descriptor>, Error>;

    /// Whether [`referrers`](Self::referrers) has an API behind it, as far as is known. Without one a manifest has
    /// referrers only if the repository has its fallback tag ([`Digest::referrers_tag`]), which a caller that has
    /// listed the tags can see for itself.
    fn has_referrers_api(&self) -> bool {
        true
    }

    /// Size of a blob in bytes; `None` when the repository does not have it.
    async fn blob_size(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Error>;

    /// A blob from byte `offset` on. A cut connection is taken up again inside, at the byte where it broke;
    /// the digest is **not** checked here.
    async fn blob(&self, repository: &str, blob: &Descriptor, offset: u64) -> Result<ByteStream, Error>;
}

/// A registry to write to.
#[async_trait]
pub trait Target: Source {
    /// Tries to mount a blob from another repository of this registry. `false` when the registry declined
    /// (an upload session it opened instead is cancelled or left to expire).
    async fn mount_blob(&self, repository: &str, digest: &Digest, from: &str) -> Result<bool, Error>;

    /// Pushes a blob: mounts it from the first of `mount_from` that works, else uploads what `reader` gives.
    /// What the registry already has is not sent (it asks by HEAD first). The last bytes are sent only once all
    /// of them match the digest: other bytes are an error of kind `DigestMismatch` and leave no blob behind.
    async fn push_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error>;

    /// The same for a blob that the caller has just asked for and that was not there: it is not asked for again.
    async fn push_missing_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error> {
        self.push_blob(repository, blob, mount_from, reader).await
    }

    /// Pushes a manifest under a tag or its own digest, byte for byte. Where it has a subject and the registry
    /// has no referrers API (no `OCI-Subject` in the answer), the fallback tag's index is brought up to date.
    ///
    /// # Errors
    /// `ManifestRefused` with the registry's own words.
    async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), Error>;
}

/// Where the bytes of a blob come from. May be asked again, from another offset, after a cut.
#[async_trait]
pub trait BlobReader: Send + Sync {
    /// The bytes from `offset` to the end.
    async fn open(&self, offset: u64) -> Result<ByteStream, Error>;
}

/// How a blob came to be in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pushed {
    /// It was there.
    Existed,
    /// Mounted from another repository.
    Mounted,
    /// Uploaded; bytes that went over the wire, those that had to be sent twice included.
    Uploaded {
        /// Bytes sent.
        sent: u64,
    },
}
