//! Objects in a bucket of Amazon S3, or of a store that speaks its protocol: parts of a multipart upload, completed
//! as one object.
//!
//! Requests are our own, signed by `object_store`, which also gets and renews credentials: resume needs requests that
//! no client library has (lists of uploads and parts), and the words of a refusal need its error code. A part's
//! number is fixed when it is staged; what a part is, in the engine's terms, is kept in a small object beside the
//! blob (see [`ledger`]).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use object_store::aws::AwsCredentialProvider;
use parking_lot::RwLock;
use reqwest::Method;

use crate::error::{Error, ErrorKind};
use crate::names::check_name;
use crate::open::StoreOptions;
use crate::ranged::{Got, Ranged, check_start};
use crate::retry::{Failure, RetryLimits, retry};
use crate::store::{
    BlobStat, BlobStore, BlockLimits, BlockOrder, ByteStream, CopyPlace, CopySource, Stage, StageOptions,
};
use crate::wire::Wire;

mod ask;
mod fail;
mod identity;
mod ledger;
mod lists;
mod place;
mod stage;

pub use identity::S3Identity;
pub use place::S3Options;
pub(crate) use place::check_endpoint;

use ask::Ask;

/// Smallest part but the last, in bytes:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const PART_BYTES_MIN: u64 = 5 << 20;
/// Largest part, in bytes.
const PART_BYTES_MAX: u64 = 5 << 30;
/// Most parts of an upload; their numbers go from 1 to this.
const PARTS_MAX: usize = 10_000;

/// A bucket.
#[derive(Clone)]
pub struct S3Store {
    inner: Arc<Inner>,
}

struct Inner {
    bucket: String,
    options: S3Options,
    /// In which region requests are signed; learnt from the store where nobody named it.
    region: RwLock<String>,
    /// `None` for requests without a signature.
    credentials: Option<AwsCredentialProvider>,
    identity: S3Identity,
    wire: Arc<Wire>,
    retry: RetryLimits,
}

impl S3Store {
    /// The bucket of this name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// `LocationInvalid` for an endpoint or options that cannot be used, `Unauthenticated` for a credential that cannot.
    pub fn new(bucket: &str, identity: S3Identity, options: &StoreOptions) -> Result<Self, Error> {
        options.s3.check()?;
        let wire = Arc::new(Wire::new(options)?);
        let region = options.s3.region.clone().unwrap_or_else(|| place::REGION_FIRST.to_owned());
        let credentials = identity.provider(&region, options, &wire)?;
        Ok(Self {
            inner: Arc::new(Inner {
                bucket: bucket.to_owned(),
                options: options.s3.clone(),
                region: RwLock::new(region),
                credentials,
                identity,
                wire,
                retry: options.retry.clone(),
            }),
        })
    }
}

/// An object as `HEAD` shows it.
struct Head {
    stat: BlobStat,
    /// Which upload made it, if one of ours did.
    nonce: Option<String>,
}

impl Inner {
    fn describe(&self, name: &str) -> String {
        if name.is_empty() { format!("s3://{}", self.bucket) } else { format!("s3://{}/{name}", self.bucket) }
    }

    /// What is under the name; `None` when there is nothing.
    async fn head(&self, name: &str) -> Result<Option<Head>, Error> {
        let answer = retry(&self.retry, |_| async move {
            match self.ask(&Ask::new(Method::HEAD, name)).await {
                // an answer to HEAD has no words: the same question by GET does
                Err(f) if matches!(f.error.kind(), ErrorKind::NotFound) || f.again => Err(f),
                Err(f) => Err(self.explained(name).await.unwrap_or(f)),
                Ok(answer) => Ok(answer),
            }
        });
        match answer.await {
            Ok(answer) => Ok(Some(head_of(name, answer.headers()))),
            Err(e) if e.kind() == ErrorKind::NotFound => self.check_bucket().await.map(|()| None),
            Err(e) => Err(e),
        }
    }

    async fn explained(&self, name: &str) -> Option<Failure> {
        let ask = Ask::new(Method::GET, name).header("range", "bytes=0-0");
        self.ask(&ask).await.err()
    }

    /// `HEAD` says the same of an object and of a bucket that are absent.
    async fn check_bucket(&self) -> Result<(), Error> {
        match self.ask(&Ask::new(Method::HEAD, "")).await {
            Err(f) if f.error.kind() == ErrorKind::NotFound => Err(fail::no_bucket(self.describe(""))),
            // whoever may not look at the bucket may still read what is in it
            _ => Ok(()),
        }
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Failure> {
        let ask = Ask::new(Method::DELETE, name);
        let ask = match etag {
            Some(etag) => ask.header("if-match", etag),
            None => ask,
        };
        self.ask(&ask).await.map(|_| ())
    }
}

fn head_of(name: &str, headers: &reqwest::header::HeaderMap) -> Head {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    Head {
        stat: BlobStat {
            name: name.to_owned(),
            size: text("content-length").and_then(|l| l.parse().ok()).unwrap_or(0),
            etag: text("etag").map(quoted),
            modified: text("last-modified").and_then(lists::seconds_of_http_date),
        },
        nonce: text(stage::NONCE_HEADER).map(str::to_owned),
    }
}

/// Some stores write etags without quotes in some places.
fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.starts_with("W/") { etag.to_owned() } else { format!("\"{etag}\"") }
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
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let ask = Ask::new(Method::GET, name).header("range", &bytes);
        let ask = match etag {
            Some(etag) => ask.header("if-match", etag),
            None => ask,
        };
        let answer = self.ask(&ask).await?;
        let text = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok());
        check_start(self.describe(name), answer.status().as_u16(), text("content-range"), range)?;
        let etag = text("etag").map(quoted);
        let subject = self.describe(name);
        let body = self
            .wire
            .body(answer)
            .map(move |piece| piece.map_err(|e| crate::wire::unanswered(&subject, &e).error));
        Ok(Got { body: body.boxed(), etag })
    }
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store")
            .field("bucket", &self.bucket)
            .field("options", &self.options)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for S3Store {
    fn describe(&self, name: &str) -> String {
        self.inner.describe(name)
    }

    fn limits(&self) -> BlockLimits {
        BlockLimits {
            order: BlockOrder::Numbered,
            block_bytes_min: PART_BYTES_MIN,
            block_bytes_max: PART_BYTES_MAX,
            blocks_max: PARTS_MAX,
        }
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        check_name(name)?;
        Ok(self.inner.head(name).await?.map(|head| head.stat))
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
        lists::objects(Arc::clone(&self.inner), prefix).await
    }

    async fn unfinished(&self, prefix: &str) -> Result<Vec<BlobStat>, Error> {
        lists::unfinished(Arc::clone(&self.inner), prefix).await
    }

    fn copy_source(&self, name: &str, etag: Option<&str>) -> Option<CopySource> {
        let inner = &self.inner;
        let (endpoint, bucket) = (inner.options.endpoint.clone(), inner.bucket.clone());
        let place = CopyPlace::S3 { endpoint, bucket, name: name.to_owned() };
        Some(CopySource { place, etag: etag.map(str::to_owned) })
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        check_name(name)?;
        // the service says of an absent object that it is deleted
        self.found(name, etag).await?;
        let inner = &self.inner;
        retry(&inner.retry, |_| async move {
            match inner.delete(name, etag).await {
                // not every store has conditions here; the etag was looked at just now
                Err(f) if etag.is_some() && fail::lacks(&f.error) => inner.delete(name, None).await,
                result => result,
            }
        })
        .await
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        check_name(name)?;
        Ok(Box::new(stage::S3Stage::open(Arc::clone(&self.inner), name, options).await?))
    }
}

impl S3Store {
    /// The object, which must be there and, with an etag, be that one.
    async fn found(&self, name: &str, etag: Option<&str>) -> Result<BlobStat, Error> {
        match self.inner.head(name).await? {
            None => Err(Error::new(ErrorKind::NotFound, self.describe(name), "there is no such object")),
            Some(there) if etag.is_some() && there.stat.etag.as_deref() != etag => {
                let detail = "the object is another than the one first seen";
                Err(Error::new(ErrorKind::Changed, self.describe(name), detail))
            }
            Some(there) => Ok(there.stat),
        }
    }
}
