//! Blobs in an Azure container: block blobs, staged block by block and committed by a list.
//!
//! Requests are made by Microsoft's SDK, which is told not to retry, over an HTTP client of this crate's whose errors never
//! hold a URL (a SAS token is part of it). Retries, the reading of ranges and the meaning of failures are ours.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::headers::Headers;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{ClientOptions, Etag, Pipeline, RetryOptions, Transport, Url};
use azure_core::time::parse_rfc7231;
use azure_storage_blob::models::BlobClientDeleteOptions;
use azure_storage_blob::{BlobClient, BlobClientOptions, BlobContainerClient, BlobContainerClientOptions};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use time::OffsetDateTime;

use crate::error::{Error, ErrorKind};
use crate::location::ContainerUrl;
use crate::names::check_name;
use crate::open::{Credential, StoreOptions};
use crate::retry::{Failure, RetryLimits, retry};
use crate::sas::{Action, Need, Signed};
use crate::store::{
    BlobStat, BlobStore, BlockLimits, BlockOrder, ByteStream, CopyPlace, CopySource, Stage, StageOptions,
};
use crate::wire::Wire;

mod codes;
mod fail;
mod lists;
mod pipe;
mod read;
mod stage;

/// Version of the service's interface that ranged reads ask for; any later one answers the same.
const SERVICE_VERSION: &str = "2023-11-03";
/// What an Entra ID token must be for.
const SCOPE: &str = "https://storage.azure.com/.default";

/// A container.
#[derive(Clone)]
pub struct AzureStore {
    inner: Arc<Inner>,
}

struct Inner {
    container: ContainerUrl,
    credential: Credential,
    options: ClientOptions,
    pipeline: Pipeline,
    retry: RetryLimits,
}

impl AzureStore {
    /// The container at this URL. Nothing is asked of it yet.
    ///
    /// # Errors
    /// `LocationInvalid` for options that cannot be used; `Unauthenticated` for an Entra ID credential without HTTPS,
    /// over which its tokens must not go.
    pub fn new(
        container: ContainerUrl,
        credential: Credential,
        options: &StoreOptions,
    ) -> Result<Self, Error> {
        let transport = Transport::new(Arc::new(pipe::Pipe(Wire::new(options)?)));
        let options_of_sdk = ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(transport),
            ..ClientOptions::default()
        };
        let mut policies: Vec<Arc<dyn Policy>> = Vec::new();
        if let Credential::Entra(tokens) = &credential {
            if !container.is_https() {
                let detail = "Entra ID tokens are sent by HTTPS only, and the URL is http";
                return Err(Error::new(ErrorKind::Unauthenticated, container.describe(""), detail)
                    .with_hint("use the https URL, or a SAS token"));
            }
            policies.push(Arc::new(BearerTokenAuthorizationPolicy::new(Arc::clone(tokens), [SCOPE])));
        }
        let (name, version) = (option_env!("CARGO_PKG_NAME"), option_env!("CARGO_PKG_VERSION"));
        let pipeline = Pipeline::new(name, version, options_of_sdk.clone(), Vec::new(), policies, None);
        let retry = options.retry.clone();
        Ok(Self {
            inner: Arc::new(Inner { container, credential, options: options_of_sdk, pipeline, retry }),
        })
    }
}

impl Inner {
    fn describe(&self, name: &str) -> String {
        self.container.describe(name)
    }

    /// The URL to ask with: a secret when the credential is a SAS token, or makes one.
    fn url(&self, name: &str, action: Action) -> Result<Url, Error> {
        let made;
        let query = match &self.credential {
            Credential::Sas(sas) => Some(sas.expose()),
            Credential::AccountKey(key) => {
                made = key.token(&self.signed(name, action), OffsetDateTime::now_utc());
                Some(made.as_str())
            }
            Credential::None | Credential::Entra(_) | Credential::S3(_) | Credential::Gcs(_) => None,
        };
        self.container.url(name, query)
    }

    fn signed<'a>(&'a self, blob: &'a str, action: Action) -> Signed<'a> {
        Signed {
            account: self.container.account().unwrap_or_default(),
            container: self.container.container(),
            blob,
            action,
            https: self.container.is_https(),
        }
    }

    fn tokens(&self) -> Option<Arc<dyn azure_core::credentials::TokenCredential>> {
        match &self.credential {
            Credential::Entra(tokens) => Some(Arc::clone(tokens)),
            Credential::None
            | Credential::Sas(_)
            | Credential::AccountKey(_)
            | Credential::S3(_)
            | Credential::Gcs(_) => None,
        }
    }

    /// A client for one action; its token, if it has one, is made here and soon ends.
    fn blob(&self, name: &str, action: Action) -> Result<BlobClient, Error> {
        let options = BlobClientOptions { client_options: self.options.clone(), ..Default::default() };
        BlobClient::new(self.url(name, action)?, self.tokens(), Some(options)).map_err(|_| self.unusable())
    }

    fn container(&self) -> Result<BlobContainerClient, Error> {
        let options =
            BlobContainerClientOptions { client_options: self.options.clone(), ..Default::default() };
        BlobContainerClient::new(self.url("", Action::List)?, self.tokens(), Some(options))
            .map_err(|_| self.unusable())
    }

    /// The SDK's own words would show the URL.
    fn unusable(&self) -> Error {
        Error::new(ErrorKind::LocationInvalid, self.describe(""), "the URL cannot be used")
    }

    fn failure(&self, name: &str, action: Action, error: &azure_core::Error) -> Failure {
        let subject = self.describe(name);
        let https = self.container.is_https();
        let asked = fail::Asked { subject: &subject, action, https, credential: &self.credential };
        fail::failure(&asked, error)
    }

    /// Refuses before the first request what the SAS token shows to be refused for certain.
    fn check_first(&self, name: &str, actions: &[Action]) -> Result<(), Error> {
        let Credential::Sas(sas) = &self.credential else { return Ok(()) };
        let need = Need { actions, https: self.container.is_https() };
        match sas.check(&need, OffsetDateTime::now_utc()).into_iter().find(|f| f.is_certain()) {
            Some(found) => {
                Err(Error::new(found.kind(), self.describe(name), found.to_string()).with_hint(found.hint()))
            }
            None => Ok(()),
        }
    }

    /// Whether the credential shows that it lacks this letter. Tokens that only write are good for a first run.
    fn may_read(&self) -> bool {
        self.check_first("", &[Action::Read]).is_ok()
    }

    fn may_delete(&self) -> bool {
        self.check_first("", &[Action::Delete]).is_ok()
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        let client = self.blob(name, Action::Read)?;
        let client = &client;
        let answer = retry(&self.retry, |_| async move {
            client.get_properties(None).await.map_err(|e| self.failure(name, Action::Read, &e))
        });
        match answer.await {
            Ok(answer) => {
                let size = fail::header(answer.headers(), "content-length").and_then(|l| l.parse().ok());
                Ok(Some(stat_of(name, size.unwrap_or(0), answer.headers())))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl fmt::Debug for AzureStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureStore")
            .field("container", &self.container)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for AzureStore {
    fn describe(&self, name: &str) -> String {
        self.inner.describe(name)
    }

    /// <https://learn.microsoft.com/azure/storage/blobs/scalability-targets>: 50,000 blocks of up to 4,000 MiB.
    fn limits(&self) -> BlockLimits {
        BlockLimits {
            order: BlockOrder::AtCommit,
            block_bytes_min: 0,
            block_bytes_max: 4_000 << 20,
            blocks_max: 45_000,
        }
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        check_name(name)?;
        self.inner.check_first(name, &[Action::Read])?;
        self.inner.stat(name).await
    }

    async fn read(&self, name: &str, range: Range<u64>, etag: Option<&str>) -> Result<ByteStream, Error> {
        check_name(name)?;
        self.inner.check_first(name, &[Action::Read])?;
        if !range.is_empty() {
            return crate::ranged::read(Arc::clone(&self.inner), name, range, etag).await;
        }
        // there is no GET of nothing
        match self.inner.stat(name).await? {
            None => Err(Error::new(ErrorKind::NotFound, self.describe(name), "there is no such blob")),
            Some(there) if etag.is_some() && there.etag.as_deref() != etag => {
                let detail = "the blob is another than the one first seen";
                Err(Error::new(ErrorKind::Changed, self.describe(name), detail))
            }
            Some(_) => Ok(stream::empty().boxed()),
        }
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
        lists::blobs(Arc::clone(&self.inner), prefix).await
    }

    /// Only with a SAS token or the key: a source is read with what its URL holds.
    fn copy_source(&self, name: &str, etag: Option<&str>) -> Option<CopySource> {
        let tokens = matches!(self.inner.credential, Credential::Sas(_) | Credential::AccountKey(_));
        let url = self.inner.url(name, Action::Read).ok().filter(|_| tokens && check_name(name).is_ok())?;
        let place = CopyPlace::Azure(String::from(url).into());
        Some(CopySource { place, etag: etag.map(str::to_owned) })
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        check_name(name)?;
        let inner = &self.inner;
        inner.check_first(name, &[Action::Delete])?;
        let client = inner.blob(name, Action::Delete)?;
        let client = &client;
        retry(&inner.retry, |attempt| async move {
            let options = BlobClientDeleteOptions { if_match: etag.map(Etag::from), ..Default::default() };
            let deleted = client.delete(Some(options)).await;
            match deleted.map_err(|e| inner.failure(name, Action::Delete, &e)) {
                // an earlier attempt was carried out without its answer reaching us
                Err(f) if attempt > 1 && f.error.kind() == ErrorKind::NotFound => Ok(()),
                result => result.map(|_| ()),
            }
        })
        .await
    }

    fn check_delete(&self, name: &str) -> Result<(), Error> {
        self.inner.check_first(name, &[Action::Delete])
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        check_name(name)?;
        Ok(Box::new(stage::AzureStage::open(Arc::clone(&self.inner), name, options).await?))
    }
}

fn stat_of(name: &str, size: u64, headers: &Headers) -> BlobStat {
    let modified = fail::header(headers, "last-modified").and_then(|t| parse_rfc7231(&t).ok());
    BlobStat {
        name: name.to_owned(),
        size,
        etag: fail::header(headers, "etag").map(|e| quoted(&e)),
        modified: modified.map(OffsetDateTime::unix_timestamp),
    }
}

/// The service writes etags with quotes in headers and without them in lists.
fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.starts_with("W/") { etag.to_owned() } else { format!("\"{etag}\"") }
}
