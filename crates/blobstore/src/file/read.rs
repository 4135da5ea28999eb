//! Reading a range of a file, fast: one thread reads ahead into fresh buffers, and hands them over.

use std::fs::File;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use rustix::buffer::spare_capacity;
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, pread};
use tokio::sync::mpsc;

use super::os;
use crate::error::{Error, ErrorKind};
use crate::store::ByteStream;

/// Size of a piece, in bytes: large enough to make the thread's hop cheap, small enough to stay in a core's cache.
const CHUNK_BYTES: u64 = 512 * 1024;
/// How many pieces wait for their reader, at most.
const CHUNKS_AHEAD: usize = 2;

/// A range whose first piece is read.
pub(super) struct Opened {
    first: Result<Bytes, Error>,
    rest: Option<Reader>,
}

struct Reader {
    file: File,
    shown: String,
    range: Range<u64>,
    etag: Option<String>,
}

/// Checks the etag and reads the first piece; to be called where it may block.
pub(super) fn start(
    file: File,
    shown: String,
    range: Range<u64>,
    etag: Option<String>,
) -> Result<Opened, Error> {
    let mut reader = Reader { file, shown, range, etag };
    reader.check_etag()?;
    let first = reader.next_piece();
    let rest = (first.is_ok() && !reader.range.is_empty()).then_some(reader);
    Ok(Opened { first, rest })
}

impl Opened {
    /// The pieces. Small ranges, and the first piece of any, need no further thread.
    pub(super) fn stream(self) -> ByteStream {
        let first = stream::iter(Some(self.first).filter(|f| !matches!(f, Ok(b) if b.is_empty())));
        let Some(mut reader) = self.rest else {
            return first.boxed();
        };
        let (send, receive) = mpsc::channel(CHUNKS_AHEAD);
        tokio::task::spawn_blocking(move || {
            reader.advise();
            while !reader.range.is_empty() {
                let piece = reader.next_piece();
                let ended = piece.is_err();
                // nobody listens any more: the stream was dropped
                if send.blocking_send(piece).is_err() || ended {
                    return;
                }
            }
        });
        let rest = stream::unfold(receive, async |mut receive| Some((receive.recv().await?, receive)));
        first.chain(rest).boxed()
    }
}

impl Reader {
    fn next_piece(&mut self) -> Result<Bytes, Error> {
        let wanted = self.range.end.saturating_sub(self.range.start).min(CHUNK_BYTES) as usize;
        let mut piece = Vec::with_capacity(wanted);
        while piece.len() < wanted {
            let at = self.range.start + piece.len() as u64;
            match pread(&self.file, spare_capacity(&mut piece), at) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(os::error(&self.shown, "read it", &e.into())),
            }
        }
        if piece.is_empty() && wanted > 0 {
            return Err(self.truncated());
        }
        self.range.start += piece.len() as u64;
        if self.range.is_empty() {
            self.check_etag()?;
        }
        Ok(Bytes::from(piece))
    }

    fn truncated(&self) -> Error {
        let size = self.file.metadata().map_or(0, |m| m.len());
        let detail = format!("the file ends at {size} bytes, and byte {} was to be read", self.range.start);
        Error::new(ErrorKind::Truncated, self.shown.as_str(), detail)
    }

    /// Before the first byte and behind the last one: what was read in between is of one file.
    fn check_etag(&self) -> Result<(), Error> {
        let Some(etag) = &self.etag else { return Ok(()) };
        let meta = self.file.metadata().map_err(|e| os::error(&self.shown, "look at it", &e))?;
        if os::etag(&meta) == *etag {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Changed,
            self.shown.as_str(),
            "the file is another than the one first seen",
        ))
    }

    fn advise(&self) {
        let len = std::num::NonZero::new(self.range.end.saturating_sub(self.range.start));
        // only a hint to the system: a file that takes none is read all the same
        let _ = fadvise(&self.file, self.range.start, len, Advice::Sequential);
    }
}
