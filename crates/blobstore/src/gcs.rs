//! Objects in a bucket of Google Cloud Storage: blocks are objects of their own, composed into one at the commit.
//!
//! A multipart upload would need no objects of its own, but its completion has no condition, and a bundle must not
//! replace another unasked. Composing has one. A block's object is named by the block's id, so the bucket's own list
//! says what an earlier run staged. Requests are our own, for their error codes; `object_store` gets the tokens.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::gcp::GcpCredentialProvider;
use reqwest::Method;

use crate::error::{Error, ErrorKind};
use crate::names::check_name;
use crate::open::StoreOptions;
use crate::ranged::{Got, Ranged, check_start};
use crate::retry::{Failure, RetryLimits, retry};
use crate::s3::check_endpoint;
use crate::store::{BlobStat, BlobStore, BlockLimits, BlockOrder, ByteStream, Stage, StageOptions};
use crate::wire::Wire;

mod ask;
mod compose;
mod fail;
mod identity;
mod lists;
mod stage;

pub use identity::GcsIdentity;

use ask::{Ask, Object};

/// Where Google's own buckets are.
const ENDPOINT: &str = "https://storage.googleapis.com";
/// Largest block, in bytes; objects may be a thousand times as large.
const BLOCK_BYTES_MAX: u64 = 5 << 30;
/// Most blocks of a blob: three rounds of composing.
const BLOCKS_MAX: usize = 10_000;

/// Where buckets are.
#[derive(Debug, Clone, Default)]
pub struct GcsOptions {
    /// URL of a store that is not Google's: an emulator, a private endpoint.
    pub endpoint: Option<String>,
    /// Whether an endpoint may be plain HTTP though it is not on this machine. Tokens never go there.
    pub plain_http: bool,
}

/// A bucket.
#[derive(Clone)]
pub struct GcsStore {
    inner: Arc<Inner>,
}

struct Inner {
    bucket: String,
    /// Without `/` at its end.
    endpoint: String,
    identity: GcsIdentity,
    /// `None` for requests without a token.
    credentials: Option<GcpCredentialProvider>,
    wire: Arc<Wire>,
    retry: RetryLimits,
}

impl GcsStore {
    /// The bucket of this name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// `LocationInvalid` for an endpoint that cannot be used, `Unauthenticated` for a credential that cannot.
    pub fn new(bucket: &str, identity: GcsIdentity, options: &StoreOptions) -> Result<Self, Error> {
        let endpoint = options.gcs.endpoint.as_deref().unwrap_or(ENDPOINT);
        check_endpoint(endpoint, options.gcs.plain_http)?;
        if !identity.is_anonymous() && check_endpoint(endpoint, false).is_err() {
            let detail = "tokens are sent by HTTPS only, and the endpoint is plain HTTP";
            return Err(Error::new(ErrorKind::Unauthenticated, format!("gs://{bucket}"), detail)
                .with_hint("use the https URL, or give --anonymous"));
        }
        let wire = Arc::new(Wire::new(options)?);
        let credentials = identity.provider(&format!("gs://{bucket}"), options, &wire)?;
        Ok(Self {
            inner: Arc::new(Inner {
                bucket: bucket.to_owned(),
                endpoint: endpoint.trim_end_matches('/').to_owned(),
                identity,
                credentials,
                wire,
                retry: options.retry.clone(),
            }),
        })
    }

    /// The object, which must be there and, with an etag, be that one.
    async fn found(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        match self.inner.object(name).await? {
            None => Err(Error::new(ErrorKind::NotFound, self.describe(name), "there is no such object")),
            Some(there) if etag.is_some() && etag != Some(&*there.generation) => {
                let detail = "the object is another than the one first seen";
                Err(Error::new(ErrorKind::Changed, self.describe(name), detail))
            }
            Some(_) => Ok(()),
        }
    }
}

impl Inner {
    fn describe(&self, name: &str) -> String {
        if name.is_empty() { format!("gs://{}", self.bucket) } else { format!("gs://{}/{name}", self.bucket) }
    }

    /// What is under the name; `None` when there is nothing.
    async fn object(&self, name: &str) -> Result<Option<Object>, Error> {
        let ask = &Ask::object(Method::GET, name);
        match retry(&self.retry, |_| self.ask_json::<Object>(ask)).await {
            Ok(object) => Ok(Some(object)),
            Err(e) if e.kind() == ErrorKind::NotFound => self.check_bucket().await.map(|()| None),
            Err(e) => Err(e),
        }
    }

    /// The service may say the same of an object and of a bucket that are absent.
    async fn check_bucket(&self) -> Result<(), Error> {
        match self.ask(&Ask::list().query("maxResults", "1")).await {
            Err(f) if f.error.kind() == ErrorKind::ContainerNotFound => Err(f.error),
            // whoever may not list the bucket may still read what is in it
            _ => Ok(()),
        }
    }

    /// Removes an object; with a generation only that one.
    async fn delete(&self, name: &str, generation: Option<&str>) -> Result<(), Failure> {
        let ask = Ask::object(Method::DELETE, name);
        let ask = match generation {
            Some(generation) => ask.query("ifGenerationMatch", generation),
            None => ask,
        };
        self.ask(&ask).await.map(|_| ())
    }
}

#[async_trait]
impl Ranged for Inner {
    fn place_of(&self, name: &str) -> String {
        self.describe(name)
    }

    fn limits_of_retry(&self) -> &RetryLimits {
        &self.retry
    }

    async fn get(&self, name: &str, range: &Range<u64>, etag: Option<&str>) -> Result<Got, Failure> {
        let ask = Ask::object(Method::GET, name).query("alt", "media");
        let ask = ask.header("range", &format!("bytes={}-{}", range.start, range.end - 1));
        let ask = match etag {
            Some(etag) => ask.query("ifGenerationMatch", etag),
            None => ask,
        };
        let answer = self.ask(&ask).await?;
        let text = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok());
        check_start(self.describe(name), answer.status().as_u16(), text("content-range"), range)?;
        let generation = text("x-goog-generation").map(str::to_owned);
        if etag.is_some() && generation.is_some() && generation.as_deref() != etag {
            let detail = "the object is another than the one first seen";
            return Err(Error::new(ErrorKind::Changed, self.describe(name), detail).into());
        }
        let subject = self.describe(name);
        let body = self.wire.body(answer);
        let body = body.map(move |piece| piece.map_err(|e| crate::wire::unanswered(&subject, &e).error));
        Ok(Got { body: body.boxed(), etag: generation })
    }
}

impl fmt::Debug for GcsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GcsStore")
            .field("bucket", &self.bucket)
            .field("endpoint", &self.endpoint)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for GcsStore {
    fn describe(&self, name: &str) -> String {
        self.inner.describe(name)
    }

    fn limits(&self) -> BlockLimits {
        BlockLimits {
            order: BlockOrder::AtCommit,
            block_bytes_min: 0,
            block_bytes_max: BLOCK_BYTES_MAX,
            blocks_max: BLOCKS_MAX,
        }
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        check_name(name)?;
        Ok(self.inner.object(name).await?.map(Object::into_stat))
    }

    async fn read(&self, name: &str, range: Range<u64>, etag: Option<&str>) -> Result<ByteStream, Error> {
        check_name(name)?;
        if !range.is_empty() {
            return crate::ranged::read(Arc::clone(&self.inner), name, range, etag).await;
        }
        // there is no GET of nothing
        self.found(name, etag).await?;
        Ok(stream::empty().boxed())
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
        let objects = lists::objects(Arc::clone(&self.inner), prefix).await?;
        let blobs = objects.filter_map(async |object| match object {
            Ok(object) if stage::blob_of(&object.name).is_some() => None,
            Ok(object) => Some(Ok(object.into_stat())),
            Err(e) => Some(Err(e)),
        });
        Ok(blobs.boxed())
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<BlobStat>, Error> {
        let mut objects = lists::objects(Arc::clone(&self.inner), prefix).await?;
        let mut found: Vec<BlobStat> = Vec::new();
        while let Some(object) = objects.try_next().await? {
            let Some(blob) = stage::blob_of(&object.name).map(str::to_owned) else { continue };
            let mut stat = object.into_stat();
            match found.last_mut() {
                Some(last) if last.name == blob => {
                    last.size += stat.size;
                    last.modified = last.modified.max(stat.modified);
                }
                _ => {
                    (stat.name, stat.etag) = (blob, None);
                    found.push(stat);
                }
            }
        }
        Ok(found)
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        check_name(name)?;
        self.found(name, etag).await?;
        let inner = &self.inner;
        retry(&inner.retry, |attempt| async move {
            match inner.delete(name, etag).await {
                // an earlier attempt was carried out without its answer reaching us
                Err(f) if attempt > 1 && f.error.kind() == ErrorKind::NotFound => Ok(()),
                result => result,
            }
        })
        .await
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        check_name(name)?;
        Ok(Box::new(stage::GcsStage::open(Arc::clone(&self.inner), name, options).await?))
    }
}
