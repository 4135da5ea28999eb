//! What lies outside registries, at the URLs that descriptors of foreign layers name (image-spec, "urls").

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use transload_oci::{Descriptor, Digest, Manifest};
use url::Url;

use crate::auth::Scope;
use crate::client::{Base, open_at, size_at};
use crate::credentials::Anonymous;
use crate::error::{Error, ErrorKind};
use crate::http::is_loopback;
use crate::limits::Limits;
use crate::options::ClientOptions;
use crate::seam::{ByteStream, Source};

/// A layer has several URLs, and old images name hosts that are long gone.
const RETRIES_MAX: u32 = 3;

/// The web as a source of blobs: what a registry calls a repository is a URL here. No credential is ever sent, and it
/// has neither manifests nor lists.
pub struct Web {
    options: ClientOptions,
    hosts: Mutex<HashMap<String, Arc<Base>>>,
}

impl Web {
    /// What stands for the host's name, which is no name that a registry can have.
    pub const HOST: &str = "web";

    /// The web, reached with the certificates, proxies and bounds of these options; their credentials stay out of it.
    pub fn new(options: ClientOptions) -> Self {
        let retries_max = options.limits.retries_max.min(RETRIES_MAX);
        let limits = Limits { retries_max, ..options.limits };
        let credentials = Arc::new(Anonymous);
        let options = ClientOptions { credentials, client_identity_pem: None, limits, ..options };
        Self { options, hosts: Mutex::default() }
    }

    /// A URL without what may be secret in it.
    pub fn printable(url: &str) -> String {
        match url.split_once(['?', '#']) {
            Some((shown, _)) => format!("{shown}?…"),
            None => url.to_owned(),
        }
    }

    /// A URL that may be asked, and who asks it. HTTPS, or HTTP where that needs no asking.
    fn open(&self, text: &str) -> Result<(Arc<Base>, Url), Error> {
        let refuse = |detail: &str| Error::new(ErrorKind::Unsupported, Self::printable(text), detail);
        let url = Url::parse(text).map_err(|_| refuse("this is no URL"))?;
        let plain = url.scheme() == "http" && (is_loopback(&url) || self.options.plain_http);
        if url.scheme() != "https" && !plain {
            return Err(refuse("only https:// is fetched"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("there is a user or a password in the URL"));
        }
        let host = url[url::Position::BeforeHost..url::Position::BeforePath].to_owned();
        if let Some(known) = self.hosts.lock().get(&host) {
            return Ok((Arc::clone(known), url));
        }
        let base = Arc::new(Base::new(&host, self.options.clone())?);
        self.hosts.lock().insert(host, Arc::clone(&base));
        Ok((base, url))
    }

    fn unsupported<T>() -> Result<T, Error> {
        Err(Error::new(ErrorKind::Unsupported, Self::HOST, "the web has blobs and nothing else"))
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for Web {
    fn host(&self) -> &str {
        Self::HOST
    }

    async fn manifest(&self, _repository: &str, _reference: &str) -> Result<Manifest, Error> {
        Self::unsupported()
    }

    async fn manifest_stat(&self, _repository: &str, _reference: &str) -> Result<Option<Descriptor>, Error> {
        Self::unsupported()
    }

    async fn tags(&self, _repository: &str) -> Result<Vec<String>, Error> {
        Self::unsupported()
    }

    async fn repositories(&self, _most: usize) -> Result<Vec<String>, Error> {
        Self::unsupported()
    }

    async fn referrers(&self, _repository: &str, _digest: &Digest) -> Result<Vec<Descriptor>, Error> {
        Self::unsupported()
    }

    async fn blob_size(&self, url: &str, _digest: &Digest) -> Result<Option<u64>, Error> {
        let (base, parsed) = self.open(url)?;
        size_at(&base, parsed, &Scope::default(), &Self::printable(url)).await
    }

    async fn blob(&self, url: &str, blob: &Descriptor, offset: u64) -> Result<ByteStream, Error> {
        let (base, parsed) = self.open(url)?;
        open_at(base, parsed, Scope::default(), Self::printable(url), blob.size, offset).await
    }
}
