//! Reading a range over the network, taken up again where it breaks.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, RetryLimits, retry};
use crate::store::ByteStream;

/// A store that answers one ranged request at a time.
#[async_trait]
pub(crate) trait Ranged: Send + Sync + 'static {
    /// Where a blob is, for people.
    fn place_of(&self, name: &str) -> String;

    /// How often to try.
    fn limits_of_retry(&self) -> &RetryLimits;

    /// Asks for a range, which is not empty; with an etag only of that blob.
    async fn get(&self, name: &str, range: &Range<u64>, etag: Option<&str>) -> Result<Got, Failure>;
}

/// The answer to a ranged request.
pub(crate) struct Got {
    /// The bytes, from the range's first one on.
    pub(crate) body: BoxStream<'static, Result<Bytes, Error>>,
    /// What was read.
    pub(crate) etag: Option<String>,
}

/// A range that is being read.
struct Reading<S> {
    store: Arc<S>,
    name: String,
    range: Range<u64>,
    /// The blob that is read: given by the caller, or the first answer's.
    etag: Option<String>,
    body: Option<BoxStream<'static, Result<Bytes, Error>>>,
    /// How often it broke since the last byte.
    broken: u32,
}

/// Asks for the range and hands its bytes over as they come. The first answer is awaited, so what is wrong shows here.
pub(crate) async fn read<S: Ranged>(
    store: Arc<S>,
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

impl<S: Ranged> Reading<S> {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if self.range.is_empty() {
                return Ok(None);
            }
            let Some(body) = &mut self.body else {
                self.connect().await?;
                continue;
            };
            let error = match body.try_next().await {
                Ok(Some(piece)) if piece.is_empty() => continue,
                Ok(Some(mut piece)) => {
                    piece.truncate((self.range.end - self.range.start).min(piece.len() as u64) as usize);
                    self.range.start += piece.len() as u64;
                    self.broken = 0;
                    return Ok(Some(piece));
                }
                Err(e) => e,
                // the answer was shorter than the range: the blob's end, or a cut that looks like one
                Ok(None) => self.ended(),
            };
            self.body = None;
            self.broken += 1;
            if self.broken >= self.store.limits_of_retry().attempts_max {
                return Err(error);
            }
            tracing::debug!(%error, offset = self.range.start, "a read broke, going on from there");
            tokio::time::sleep(self.store.limits_of_retry().delay(self.broken)).await;
        }
    }

    fn ended(&self) -> Error {
        let detail = format!("the blob ended before byte {}", self.range.start);
        Error::new(ErrorKind::Truncated, self.store.place_of(&self.name), detail)
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let (store, name, range, etag) = (&*self.store, &*self.name, &self.range, self.etag.as_deref());
        let got = retry(store.limits_of_retry(), |_| store.get(name, range, etag)).await?;
        self.body = Some(got.body);
        self.etag = self.etag.take().or(got.etag);
        Ok(())
    }
}

/// Refuses an answer whose `Content-Range` begins elsewhere than asked for.
pub(crate) fn check_start(
    subject: String,
    status: u16,
    content_range: Option<&str>,
    range: &Range<u64>,
) -> Result<(), Error> {
    let from = content_range
        .and_then(|r| r.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok())
        .unwrap_or(0);
    if from == range.start {
        return Ok(());
    }
    let detail = format!(
        "the server answered {status} with bytes from {from} on where bytes from {} on were asked for",
        range.start
    );
    Err(Error::new(ErrorKind::Failed, subject, detail))
}
