//! A bundle that is compressed as a whole. It is read front to back: once to know what is in it, once more for the
//! contents, in the order they come in. Nothing is unpacked to a disk.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use tokio_util::io::{ReaderStream, StreamReader};
use transload_bundle::{self as bundle, Compression, OpenBundle, StreamOpener};
use transload_registry::{self as registry, ByteStream};

use super::pieces::Pieces;
use crate::code::Code;
use crate::error::Error;
use crate::unpack;

/// What is decompressed at once.
const CHUNK_BYTES: usize = 128 << 10;
/// A stream may grow to this length whatever it is made of,
const GROWTH_FREE_BYTES: u64 = 1 << 30;
/// and to so many times what it is made of. gzip cannot do more; zstd can, but not with anything anybody ships.
const GROWTH_MAX: u64 = 1_100;
/// What is read behind the tar's end, to see whether the compressed stream ends well.
const BEHIND_BYTES_MAX: u64 = 1 << 20;
/// Streams that are kept where they stand, for who reads on from there.
const CURSORS_MAX: usize = 2;

/// A compressed bundle.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    wrapped: Wrapped,
    cursors: Arc<Mutex<Vec<Cursor>>>,
}

/// Where it is, and what it is compressed with.
#[derive(Debug, Clone)]
struct Wrapped {
    pieces: Pieces,
    compression: Compression,
    location: Arc<str>,
}

/// A stream that has come to some byte of what is inside.
struct Cursor {
    at: u64,
    /// What was decompressed and not read yet.
    rest: Bytes,
    stream: ByteStream,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Reads it once, to know what is in it and where.
pub(super) async fn open(
    pieces: Pieces,
    compression: Compression,
    location: &str,
    limits: bundle::Limits,
) -> Result<(OpenBundle, Packed), Error> {
    let wrapped = Wrapped { pieces, compression, location: location.into() };
    let fail = |error: bundle::Error| {
        let outer = compression.as_str();
        let error = Error::from_bundle(&error, location);
        let detail = format!("inside the {outer}: {}", error.detail());
        let next = error.next_step().to_owned();
        wrapped.pieces.blame(Error::new(error.code(), error.subject(), detail).with_next(next))
    };
    let mut opener = StreamOpener::new(limits);
    let mut stream = wrapped.unpacked().await?;
    let mut behind = 0_u64;
    while let Some(chunk) = stream.try_next().await? {
        if opener.is_over() {
            behind = behind.saturating_add(chunk.len() as u64);
            if behind > BEHIND_BYTES_MAX {
                break;
            }
        }
        opener.feed(chunk).map_err(fail)?;
    }
    let index = opener.finish().map_err(fail)?;
    Ok((index, Packed { wrapped, cursors: Arc::default() }))
}

impl Packed {
    pub(super) fn pieces(&self) -> &Pieces {
        &self.wrapped.pieces
    }

    pub(super) fn compression(&self) -> Compression {
        self.wrapped.compression
    }

    /// Bytes of what is inside. Cheap when they stand behind what was read last, else all before them is
    /// decompressed again.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<ByteStream, Error> {
        let kept = self.take(range.start);
        let mut cursor = match kept {
            Some(cursor) => cursor,
            None => Cursor { at: 0, rest: Bytes::new(), stream: self.wrapped.unpacked().await? },
        };
        while cursor.at < range.start {
            let most = range.start - cursor.at;
            if cursor.next(most).await.map_err(from_reader)?.is_none() {
                return Err(self.wrapped.changed());
            }
        }
        let packed = self.clone();
        let left = range.end.saturating_sub(range.start);
        let state = (packed, Some(cursor), left);
        let bytes = stream::try_unfold(state, |(packed, cursor, left)| async move {
            let Some(mut cursor) = cursor.filter(|_| left > 0) else { return Ok(None) };
            let Some(bytes) = cursor.next(left).await? else {
                return Err(packed.wrapped.changed().into_reader());
            };
            let left = left - bytes.len() as u64;
            // whoever reads may not ask again once it has all its bytes
            let cursor = if left == 0 { packed.put(cursor) } else { Some(cursor) };
            Ok(Some((bytes, (packed, cursor, left))))
        });
        Ok(bytes.boxed())
    }

    /// The stream that has come nearest to a byte and not beyond it.
    fn take(&self, at: u64) -> Option<Cursor> {
        let mut cursors = self.cursors.lock();
        let near = cursors.iter().enumerate().filter(|(_, cursor)| cursor.at <= at);
        let index = near.max_by_key(|(_, cursor)| cursor.at)?.0;
        Some(cursors.swap_remove(index))
    }

    fn put(&self, cursor: Cursor) -> Option<Cursor> {
        let mut cursors = self.cursors.lock();
        cursors.push(cursor);
        if cursors.len() > CURSORS_MAX {
            // the one that has come furthest serves the fewest
            cursors.sort_by_key(|cursor| cursor.at);
            cursors.pop();
        }
        None
    }
}

impl Wrapped {
    fn changed(&self) -> Error {
        let detail = "there is less in it than there was a moment ago";
        Error::new(Code::BundleChanged, &*self.location, detail)
    }

    /// What is inside, from its first byte on.
    async fn unpacked(&self) -> Result<ByteStream, Error> {
        let packed = self.pieces.read(0..self.pieces.len()).await?;
        let eaten = Arc::new(AtomicU64::new(0));
        let counted = {
            let eaten = Arc::clone(&eaten);
            packed.map(move |chunk| {
                let chunk = chunk.map_err(|error| std::io::Error::other(Error::from(error)))?;
                eaten.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                Ok::<Bytes, std::io::Error>(chunk)
            })
        };
        let reader = StreamReader::new(counted);
        let decoder = unpack::unpacked(self.compression, reader);
        let chunks = ReaderStream::with_capacity(decoder, CHUNK_BYTES);
        let (wrapped, mut grown) = (self.clone(), 0_u64);
        let checked = chunks.map(move |chunk| {
            let eaten = eaten.load(Ordering::Relaxed);
            let chunk = chunk.map_err(|error| wrapped.broken(error, eaten).into_reader())?;
            grown = grown.saturating_add(chunk.len() as u64);
            if grown > GROWTH_FREE_BYTES.saturating_add(eaten.saturating_mul(GROWTH_MAX)) {
                return Err(wrapped.bomb(grown, eaten).into_reader());
            }
            Ok(chunk)
        });
        Ok(checked.boxed())
    }

    /// Says which of the two broke: the reading, or what it is compressed with.
    fn broken(&self, error: std::io::Error, eaten: u64) -> Error {
        let outer = self.compression.as_str();
        let ended = error.kind() == std::io::ErrorKind::UnexpectedEof;
        let error = match error.downcast::<Error>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        let detail = if ended {
            format!("the {outer} stream around it is cut off: the file ends at byte {eaten}")
        } else {
            format!("the {outer} stream around it is damaged near byte {eaten}: {error}")
        };
        self.pieces.blame(Error::new(Code::BundleDamaged, &*self.location, detail))
    }

    fn bomb(&self, grown: u64, eaten: u64) -> Error {
        let outer = self.compression.as_str();
        let detail = format!("{eaten} bytes of {outer} have become more than {grown} bytes already");
        Error::new(Code::LimitExceeded, &*self.location, detail)
            .with_next("if you trust it, decompress it yourself and name the tar")
    }
}

impl Cursor {
    /// The next bytes, `most` of them at most; `None` at the end.
    async fn next(&mut self, most: u64) -> Result<Option<Bytes>, registry::Error> {
        while self.rest.is_empty() {
            match self.stream.try_next().await? {
                Some(chunk) => self.rest = chunk,
                None => return Ok(None),
            }
        }
        let len = usize::try_from(most).unwrap_or(usize::MAX).min(self.rest.len());
        self.at += len as u64;
        Ok(Some(self.rest.split_to(len)))
    }
}

fn from_reader(error: registry::Error) -> Error {
    error.into()
}
