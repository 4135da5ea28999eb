//! Reading a range, taken up again where it breaks.

use std::ops::Range;
use std::sync::Arc;

use azure_core::http::{AsyncResponseBody, Context, Method, PipelineStreamOptions, Request};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::Inner;
use super::fail::header;
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::sas::Action;
use crate::store::ByteStream;

/// A range that is being read.
struct Reading {
    store: Arc<Inner>,
    name: String,
    range: Range<u64>,
    /// The blob that is read: given by the caller, or the first answer's.
    etag: Option<String>,
    body: Option<AsyncResponseBody>,
    /// How often it broke since the last byte.
    broken: u32,
}

/// Asks for the range and hands its bytes over as they come. The first answer is awaited, so what is wrong shows here.
pub(super) async fn read(
    store: Arc<Inner>,
    name: &str,
    range: Range<u64>,
    etag: Option<&str>,
) -> Result<ByteStream, Error> {
    let mut reading =
        Reading { store, name: name.to_owned(), range, etag: etag.map(str::to_owned), body: None, broken: 0 };
    match reading.connect().await {
        Err(e) if e.kind() == ErrorKind::Truncated => return Ok(stream::iter([Err(e)]).boxed()),
        result => result?,
    }
    let pieces = stream::unfold(Some(reading), async |reading| {
        let mut reading = reading?;
        match reading.next().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
            Err(e) => Some((Err(e), None)),
        }
    });
    Ok(pieces.boxed())
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if self.range.is_empty() {
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                self.connect().await?;
                continue;
            };
            let error = match body.next().await {
                Some(Ok(piece)) if piece.is_empty() => continue,
                Some(Ok(mut piece)) => {
                    piece.truncate((self.range.end - self.range.start).min(piece.len() as u64) as usize);
                    self.range.start += piece.len() as u64;
                    self.broken = 0;
                    return Ok(Some(piece));
                }
                Some(Err(e)) => self.store.failure(&self.name, Action::Read, &e).error,
                // the answer was shorter than the range: the blob's end, or a cut that looks like one
                None => self.ended(),
            };
            self.body = None;
            self.broken += 1;
            if self.broken >= self.store.retry.attempts_max {
                return Err(error);
            }
            tracing::debug!(%error, offset = self.range.start, "a read broke, going on from there");
            tokio::time::sleep(self.store.retry.delay(self.broken)).await;
        }
    }

    fn ended(&self) -> Error {
        let detail = format!("the blob ended before byte {}", self.range.start);
        Error::new(ErrorKind::Truncated, self.store.describe(&self.name), detail)
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let (store, name, range, etag) = (&*self.store, &*self.name, &self.range, self.etag.as_deref());
        let (body, found) = retry(&store.retry, |_| request(store, name, range, etag)).await?;
        self.body = Some(body);
        self.etag = self.etag.take().or(found);
        Ok(())
    }
}

/// One ranged GET, answered by its body and the blob's etag. The SDK's own download is not used: it cuts ranges into
/// parts that it holds in memory.
async fn request(
    store: &Inner,
    name: &str,
    range: &Range<u64>,
    etag: Option<&str>,
) -> Result<(AsyncResponseBody, Option<String>), Failure> {
    let mut request = Request::new(store.url(name)?, Method::Get);
    request.insert_header("x-ms-version", super::SERVICE_VERSION);
    request.insert_header("x-ms-range", format!("bytes={}-{}", range.start, range.end - 1));
    if let Some(etag) = etag {
        request.insert_header("if-match", etag.to_owned());
    }
    let answer = store
        .pipeline
        .stream(&Context::new(), &mut request, None::<PipelineStreamOptions>)
        .await
        .map_err(|e| store.failure(name, Action::Read, &e))?;
    let (status, headers, body) = answer.deconstruct();
    let from = header(&headers, "content-range")
        .and_then(|r| r.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok())
        .unwrap_or(0);
    if from != range.start {
        let detail = format!(
            "the server answered {} with bytes from {from} on where bytes from {} on were asked for",
            u16::from(status),
            range.start
        );
        return Err(Error::new(ErrorKind::Failed, store.describe(name), detail).into());
    }
    Ok((body, header(&headers, "etag")))
}
