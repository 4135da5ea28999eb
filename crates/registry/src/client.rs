//! The distribution client: one per registry.

mod base;
mod download;
mod endpoint;
mod listing;
mod manifests;
mod referrers;
mod upload;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use transload_oci::{Descriptor, Digest, Manifest};

use crate::error::Error;
use crate::options::ClientOptions;
use crate::seam::{BlobReader, ByteStream, Pushed, Source, Target};
pub(crate) use base::Base;
pub(crate) use download::{open_at, size_at};

/// A client of one registry. Clones share connections, tokens and what was learned of the registry.
#[derive(Clone)]
pub struct Client {
    base: Arc<Base>,
}

impl Client {
    /// A client of the registry at `host` (`host`, `host:port`, `[::1]:5000`; `docker.io` is Docker Hub). Nothing
    /// is asked yet.
    ///
    /// # Errors
    /// `Unreachable` when `host` is none or a proxy's address cannot be used, `Tls` when certificates cannot.
    pub fn new(host: &str, options: ClientOptions) -> Result<Self, Error> {
        Ok(Self { base: Arc::new(Base::new(host, options)?) })
    }

    /// Asks the registry whether it accepts the credential that the options give (distribution-spec, "Determining
    /// Support").
    ///
    /// # Errors
    /// `Unauthorized` when it does not, `Unsupported` when there is no registry at that address.
    pub async fn check_login(&self) -> Result<LoginCheck, Error> {
        self.base.check_login().await
    }
}

/// What a registry said to a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginCheck {
    /// It accepts the credential.
    Accepted,
    /// It asks for none, so that nobody knows.
    NotAsked,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.base.host()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for Client {
    fn host(&self) -> &str {
        self.base.host()
    }

    async fn manifest(&self, repository: &str, reference: &str) -> Result<Manifest, Error> {
        self.base.manifest(repository, reference).await
    }

    async fn manifest_stat(&self, repository: &str, reference: &str) -> Result<Option<Descriptor>, Error> {
        self.base.manifest_stat(repository, reference).await
    }

    async fn tags(&self, repository: &str) -> Result<Vec<String>, Error> {
        self.base.tags(repository).await
    }

    async fn repositories(&self, most: usize) -> Result<Vec<String>, Error> {
        self.base.repositories(most).await
    }

    async fn referrers(&self, repository: &str, digest: &Digest) -> Result<Vec<Descriptor>, Error> {
        self.base.referrers(repository, digest).await
    }

    fn has_referrers_api(&self) -> bool {
        self.base.has_referrers_api()
    }

    async fn blob_size(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Error> {
        self.base.blob_size(repository, digest).await
    }

    async fn blob(&self, repository: &str, blob: &Descriptor, offset: u64) -> Result<ByteStream, Error> {
        download::blob(self.base.clone(), repository, blob, offset).await
    }
}

#[async_trait]
impl Target for Client {
    async fn mount_blob(&self, repository: &str, digest: &Digest, from: &str) -> Result<bool, Error> {
        self.base.mount_blob(repository, digest, from).await
    }

    async fn push_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error> {
        self.base.push_blob(repository, blob, mount_from, reader).await
    }

    async fn push_missing_blob(
        &self,
        repository: &str,
        blob: &Descriptor,
        mount_from: &[String],
        reader: &dyn BlobReader,
    ) -> Result<Pushed, Error> {
        self.base.push_missing_blob(repository, blob, mount_from, reader).await
    }

    async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        manifest: &Manifest,
    ) -> Result<(), Error> {
        self.base.push_manifest(repository, reference, manifest).await
    }
}
