//! Blobs, as they come, taken up again where they broke off (distribution-spec, "Pulling blobs").

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use tokio::time::timeout;
use transload_oci::{Descriptor, Digest};
use url::Url;

use super::base::{Base, subject};
use crate::auth::Scope;
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Fault, Reply, Retry, Turn, Want, What};
use crate::seam::ByteStream;

/// A blob on its way.
struct Download {
    base: Arc<Base>,
    url: Url,
    scope: Scope,
    subject: String,
    size: u64,
    /// The byte that comes next.
    position: u64,
    /// Bytes to pass over: the registry began at the start although it was asked for a range.
    skip: u64,
    body: Option<BoxStream<'static, reqwest::Result<Bytes>>>,
    /// Our place among the requests of the host that the body comes from.
    turn: Option<Turn>,
    retry: Retry,
    retried: bool,
}

/// A blob from `offset` on.
pub(super) async fn blob(
    base: Arc<Base>,
    repository: &str,
    blob: &Descriptor,
    offset: u64,
) -> Result<ByteStream, Error> {
    let subject = subject(base.host(), repository, &blob.digest.to_string());
    let url = base.repository_url(repository, &format!("blobs/{}", blob.digest)).await?;
    open_at(base, url, Scope::pull(repository), subject, blob.size, offset).await
}

/// What a URL has, `size` bytes, from `offset` on.
pub(crate) async fn open_at(
    base: Arc<Base>,
    url: Url,
    scope: Scope,
    subject: String,
    size: u64,
    offset: u64,
) -> Result<ByteStream, Error> {
    if offset > size {
        let detail = format!("byte {offset} was asked for, and it has {size}");
        return Err(Error::new(ErrorKind::Failed, subject, detail));
    }
    if offset == size && offset > 0 {
        return Ok(stream::empty().boxed());
    }
    let mut download = Download {
        url,
        scope,
        subject,
        size,
        position: offset,
        skip: 0,
        body: None,
        turn: None,
        retry: Retry::new(base.limits()),
        retried: false,
        base,
    };
    download.open().await?;
    let step =
        |mut download: Download| async move { Ok(download.next().await?.map(|chunk| (chunk, download))) };
    Ok(stream::try_unfold(download, step).into_stream().boxed())
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let idle = self.base.limits().read_idle_timeout;
        loop {
            let Some(body) = &mut self.body else {
                self.open().await?;
                continue;
            };
            let fault = match timeout(idle, body.next()).await {
                Ok(Some(Ok(chunk))) => match self.take(chunk)? {
                    Some(chunk) => return Ok(Some(chunk)),
                    None => continue,
                },
                _ if self.position == self.size => return Ok(None),
                Ok(None) => Fault::passing(
                    ErrorKind::Unreachable,
                    format!("the answer ended after {} of {} bytes", self.position, self.size),
                ),
                Ok(Some(Err(error))) => Fault::of_transport(&error),
                Err(_) => Fault::stalled(idle),
            };
            self.body = None;
            self.turn = None;
            self.retried = true;
            self.base.http().pause(&mut self.retry, fault, &self.url, &self.subject).await?;
        }
    }

    /// What of a chunk is to be handed out.
    fn take(&mut self, mut chunk: Bytes) -> Result<Option<Bytes>, Error> {
        let skip = self.skip.min(chunk.len() as u64);
        chunk.advance(skip as usize);
        self.skip -= skip;
        if chunk.is_empty() {
            return Ok(None);
        }
        self.position += chunk.len() as u64;
        if self.position > self.size {
            return Err(self.mismatch("more"));
        }
        if self.retried {
            // Progress: the attempts are counted anew.
            self.retried = false;
            self.retry.reset(self.base.limits());
        }
        Ok(Some(chunk))
    }

    /// Asks for the blob from the next byte on. The registry is asked again each time, since the storage it
    /// redirects to is named by a URL that does not last.
    async fn open(&mut self) -> Result<(), Error> {
        // A storage that compresses on its own would make sizes and ranges meaningless.
        let mut call =
            Call::new(Method::GET, self.url.clone(), Want::Stream).header(ACCEPT_ENCODING, "identity");
        if self.position > 0 {
            call = call.header(RANGE, &format!("bytes={}-", self.position));
        }
        let reply = self.base.call(&call, &self.scope, &self.subject).await?;
        let (begin, total) = match reply.status {
            StatusCode::OK => (0, length(&reply)),
            StatusCode::PARTIAL_CONTENT => content_range(&reply).unwrap_or((self.position, None)),
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(self.mismatch("fewer")),
            _ => return Err(self.base.refusal(&reply, &self.scope, &self.subject, What::BLOB_READ)),
        };
        if let Some(total) = total.filter(|total| *total != self.size) {
            let detail = format!("the registry has {total} bytes of it, its descriptor says {}", self.size);
            return Err(Error::new(ErrorKind::DigestMismatch, self.subject.clone(), detail));
        }
        if begin > self.position {
            let detail = format!("byte {} was asked for, and the answer begins at {begin}", self.position);
            return Err(Error::new(ErrorKind::Failed, self.subject.clone(), detail));
        }
        self.skip = self.position - begin;
        self.turn = reply.turn;
        self.body = reply.response.map(|response| response.bytes_stream().boxed());
        Ok(())
    }

    fn mismatch(&self, how: &str) -> Error {
        let detail = format!("the registry has {how} than the {} bytes that its descriptor says", self.size);
        Error::new(ErrorKind::DigestMismatch, self.subject.clone(), detail)
    }
}

impl Base {
    pub(super) async fn blob_size(&self, repository: &str, digest: &Digest) -> Result<Option<u64>, Error> {
        self.blob_size_as(repository, digest, &Scope::pull(repository)).await
    }

    /// The same with another scope, for a push that goes on with the same token.
    pub(super) async fn blob_size_as(
        &self,
        repository: &str,
        digest: &Digest,
        scope: &Scope,
    ) -> Result<Option<u64>, Error> {
        let subject = subject(self.host(), repository, &digest.to_string());
        let url = self.repository_url(repository, &format!("blobs/{digest}")).await?;
        size_at(self, url, scope, &subject).await
    }
}

/// How many bytes a URL has; `None` when there is nothing.
pub(crate) async fn size_at(
    base: &Base,
    url: Url,
    scope: &Scope,
    subject: &str,
) -> Result<Option<u64>, Error> {
    let head = Call::new(Method::HEAD, url.clone(), Want::Whole(0)).header(ACCEPT_ENCODING, "identity");
    let reply = base.call(&head, scope, subject).await?;
    let elsewhere = reply.url.origin() != url.origin();
    match reply.status {
        StatusCode::NOT_FOUND => return Ok(None),
        StatusCode::OK => {
            if let Some(length) = length(&reply) {
                return Ok(Some(length));
            }
        }
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {}
        // Storage behind a redirect signs its URLs for one method, and that is GET.
        StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST if elsewhere => {}
        _ => return Err(base.refusal(&reply, scope, subject, What::BLOB_READ)),
    }
    let first = Call::new(Method::GET, url, Want::Stream).header(RANGE, "bytes=0-0");
    let reply = base.call(&first, scope, subject).await?;
    match reply.status {
        StatusCode::NOT_FOUND => Ok(None),
        StatusCode::OK => Ok(length(&reply)),
        StatusCode::PARTIAL_CONTENT => Ok(content_range(&reply).and_then(|(_, total)| total)),
        StatusCode::RANGE_NOT_SATISFIABLE => Ok(Some(0)),
        _ => Err(base.refusal(&reply, scope, subject, What::BLOB_READ)),
    }
}

fn length(reply: &Reply) -> Option<u64> {
    reply.header(&CONTENT_LENGTH)?.parse().ok()
}

/// First byte and total of `bytes FIRST-LAST/TOTAL` (RFC 9110, 14.4).
fn content_range(reply: &Reply) -> Option<(u64, Option<u64>)> {
    let (range, total) = reply.header(&CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()))
}
