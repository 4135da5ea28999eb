//! Blobs of a shelf: so many at a time, whole ones through their digest, and what goes wrong is told.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use transload_bundle::Extent;
use transload_oci::{Digest, Verifier};
use transload_registry::ByteStream;

use super::{Inner, ShelfLimits};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;

/// Bytes as they arrive.
pub type ShelfStream = BoxStream<'static, Result<Bytes, Error>>;

/// A blob of a shelf, not read yet.
#[derive(Debug, Clone)]
pub struct ShelfBlob {
    inner: Arc<Inner>,
    digest: Digest,
    len: u64,
}

/// Who reads, and what went wrong so far.
#[derive(Debug)]
pub(super) struct Readers {
    turns: Arc<Semaphore>,
    wait: Duration,
    /// What had other bytes than its digest says, by bundle.
    damaged: Mutex<HashSet<(usize, Digest)>>,
    /// Bundles that could not be read when they were asked last, and why: told once.
    ailing: Mutex<HashMap<usize, Code>>,
}

impl Readers {
    pub(super) fn new(limits: &ShelfLimits) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(limits.reads_at_once.max(1))),
            wait: limits.read_wait,
            damaged: Mutex::default(),
            ailing: Mutex::default(),
        }
    }

    async fn turn(&self, subject: &Digest) -> Result<OwnedSemaphorePermit, Error> {
        let turn = timeout(self.wait, Arc::clone(&self.turns).acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            let detail = "too many blobs are being read at the same time";
            Error::new(Code::StoreThrottled, subject.to_string(), detail).with_next("ask again in a moment")
        })
    }

    /// Tells that a bundle cannot be read, once until it can be or fails otherwise. Damage is told each time.
    pub(super) fn fails(&self, engine: &Engine, bundle: usize, error: &Error) {
        let damage = error.code() == Code::BundleDamaged;
        if self.ailing.lock().insert(bundle, error.code()) != Some(error.code()) || damage {
            engine.warn(format!("{error} [{}]", error.code()));
        }
    }

    /// Notes that a bundle could be read.
    pub(super) fn is_well(&self, bundle: usize) {
        self.ailing.lock().remove(&bundle);
    }
}

impl ShelfBlob {
    pub(super) fn new(inner: Arc<Inner>, digest: Digest, len: u64) -> Self {
        Self { inner, digest, len }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes `range.start..range.end`, as far as the blob goes. All of them are hashed as they pass, and the last of
    /// them come only if the digest holds; part of them cannot be. Dropping the stream ends the read.
    ///
    /// # Errors
    /// `BundleChanged` when the bundle is another by now, `StoreThrottled` when its turn does not come, and whatever the
    /// store says. The same may come in the stream, and `BundleDamaged` when the digest does not hold.
    pub async fn read(&self, range: Range<u64>) -> Result<ShelfStream, Error> {
        let range = range.start.min(self.len)..range.end.min(self.len);
        let cached = self.inner.bundles.iter().find_map(|bundle| bundle.index.cached(&self.digest));
        if let Some(bytes) = cached {
            // what is in memory has a length that fits it
            let bytes = bytes.slice(range.start as usize..range.end.max(range.start) as usize);
            return Ok(stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed());
        }
        let turn = self.inner.readers.turn(&self.digest).await?;
        let (bundle, bytes) = self.opened(&range).await?;
        Ok(self.clone().watched(bundle, bytes, range, turn))
    }

    /// Begins to read from the first bundle that can; those that were found damaged come last.
    async fn opened(&self, range: &Range<u64>) -> Result<(usize, ByteStream), Error> {
        let Inner { bundles, readers, engine, .. } = &*self.inner;
        let mut places: Vec<(usize, Extent)> = bundles
            .iter()
            .enumerate()
            .filter_map(|(index, bundle)| Some((index, *bundle.index.catalog.get(&self.digest)?)))
            .collect();
        places.sort_by_key(|(index, _)| readers.damaged.lock().contains(&(*index, self.digest)));
        let mut failed = None;
        for (index, at) in places {
            let part = Extent { offset: at.offset + range.start, len: range.end.saturating_sub(range.start) };
            match engine.request(bundles[index].read(&part, 0)).await {
                Ok(bytes) => {
                    readers.is_well(index);
                    return Ok((index, bytes));
                }
                Err(error) => {
                    readers.fails(engine, index, &error);
                    failed = Some(error);
                }
            }
        }
        let gone = || Error::new(Code::BlobNotFound, self.digest.to_string(), "no bundle here has it");
        Err(failed.unwrap_or_else(gone))
    }

    /// The bytes as they come, with an eye on what is wrong with them.
    fn watched(
        self,
        bundle: usize,
        bytes: ByteStream,
        range: Range<u64>,
        turn: OwnedSemaphorePermit,
    ) -> ShelfStream {
        let whole = range == (0..self.len);
        let verifier = whole.then(|| Verifier::new(self.digest, self.len));
        let left = range.end.saturating_sub(range.start);
        let state = (self, verifier, bytes, left, turn);
        stream::try_unfold(state, move |(blob, mut verifier, mut bytes, left, turn)| async move {
            let next = if left == 0 { Ok(None) } else { bytes.try_next().await };
            let chunk = match next.map_err(Error::from) {
                Ok(Some(chunk)) => chunk,
                Ok(None) if left == 0 => return Ok(None),
                Ok(None) => return Err(blob.told(bundle, blob.damaged(bundle, "its bytes end too early"))),
                Err(error) => return Err(blob.told(bundle, error)),
            };
            let left = left.saturating_sub(chunk.len() as u64);
            let mut held = Ok(());
            if let Some(verifier) = &mut verifier {
                held = verifier.update(&chunk);
            }
            // whoever reads counts bytes: with the last of them it would have all it asked for
            if left == 0
                && let Some(verifier) = verifier.take()
            {
                held = held.and_then(|()| verifier.finish());
            }
            match held {
                Ok(()) => Ok(Some((chunk, (blob, verifier, bytes, left, turn)))),
                Err(mismatch) => {
                    blob.inner.readers.damaged.lock().insert((bundle, blob.digest));
                    Err(blob.told(bundle, blob.damaged(bundle, &mismatch.to_string())))
                }
            }
        })
        .boxed()
    }

    fn damaged(&self, bundle: usize, reason: &str) -> Error {
        let bundle = &self.inner.bundles[bundle];
        let place = bundle.index.catalog.get(&self.digest).map(|at| format!("{}: ", bundle.place(at)));
        let subject = format!("{}@{}", bundle.location, self.digest);
        Error::new(Code::BundleDamaged, subject, format!("{}{reason}", place.unwrap_or_default()))
    }

    fn told(&self, bundle: usize, error: Error) -> Error {
        self.inner.readers.fails(&self.inner.engine, bundle, &error);
        error
    }
}
