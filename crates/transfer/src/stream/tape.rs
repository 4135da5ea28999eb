//! A pipe that is read once, from its first byte to its last, with the newest stretch of it still at hand.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::Mutex;
use transload_registry::ByteStream;

use crate::code::Code;
use crate::error::Error;

/// Bytes of the pipe that are kept behind its head, so that an upload that broke can be taken up again.
const RECENT_BYTES_MAX: usize = 16 << 20;
const CHUNK_BYTES: usize = 256 << 10;

/// Where bytes come from.
pub type PipeReader = Box<dyn AsyncRead + Send + Unpin>;

/// The reading end of a pipe. Offsets count from its first byte.
pub(crate) struct Tape {
    label: String,
    state: Mutex<State>,
}

struct State {
    reader: PipeReader,
    /// Offset of the next byte that the reader gives.
    head: u64,
    ended: bool,
    recent: VecDeque<Bytes>,
    recent_bytes: usize,
}

impl fmt::Debug for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Tape {
    pub(crate) fn new(label: impl Into<String>, reader: PipeReader) -> Arc<Self> {
        let state = State { reader, head: 0, ended: false, recent: VecDeque::new(), recent_bytes: 0 };
        Arc::new(Self { label: label.into(), state: Mutex::new(state) })
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Some of the bytes from `offset` on; empty at the end of the pipe. What lies before it and was not read is
    /// passed over.
    ///
    /// # Errors
    /// `PipePassed` for bytes that are gone, `StoreIo` when the pipe cannot be read.
    pub(crate) async fn some_at(&self, offset: u64) -> Result<Bytes, Error> {
        let mut state = self.state.lock().await;
        loop {
            if offset < state.head {
                return state.recent_at(offset).ok_or_else(|| self.passed(offset, state.head));
            }
            if state.ended {
                return Ok(Bytes::new());
            }
            state.advance().await.map_err(|error| unreadable(&self.label, &error))?;
        }
    }

    /// These bytes, fewer when the pipe ends before.
    pub(crate) async fn range(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let mut bytes = BytesMut::new();
        while bytes.len() < len {
            let some = self.some_at(range.start + bytes.len() as u64).await?;
            if some.is_empty() {
                break;
            }
            bytes.extend_from_slice(&some[..some.len().min(len - bytes.len())]);
        }
        Ok(bytes.freeze())
    }

    /// These bytes as a stream. A pipe that ends before is an error of the stream.
    pub(crate) fn stream(self: &Arc<Self>, range: Range<u64>) -> ByteStream {
        stream::try_unfold((Arc::clone(self), range), |(tape, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let mut some = tape.some_at(range.start).await.map_err(Error::into_reader)?;
            if some.is_empty() {
                return Err(tape.ended_at(range.start).await.into_reader());
            }
            some.truncate(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
            let rest = range.start + some.len() as u64..range.end;
            Ok(Some((some, (tape, rest))))
        })
        .boxed()
    }

    /// The error for a pipe that ends too early.
    pub(crate) async fn ended_at(&self, wanted: u64) -> Error {
        let head = self.state.lock().await.head;
        let detail = format!("it ended after {head} bytes, byte {wanted} was still to come");
        Error::new(Code::BundleDamaged, self.label.clone(), detail)
            .with_next("look at what the exporting side said, then run the whole pipe again")
    }

    fn passed(&self, offset: u64, head: u64) -> Error {
        let detail = format!("byte {offset} is asked for once more, and the pipe is {head} bytes further on");
        Error::new(Code::PipePassed, self.label.clone(), detail)
    }
}

/// The error for a pipe that cannot be read. A pipe itself breaks with errors of the system; others are of what it is
/// compressed with.
pub(super) fn unreadable(label: &str, error: &std::io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::new(Code::StoreIo, label, format!("it cannot be read: {error}"));
    }
    let detail = match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "what it is compressed with is cut off".to_owned(),
        _ => format!("what it is compressed with is damaged: {error}"),
    };
    Error::new(Code::BundleDamaged, label, detail)
        .with_next("look at what the exporting side said, then run the whole pipe again")
}

impl State {
    async fn advance(&mut self) -> std::io::Result<()> {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = self.reader.read_buf(&mut chunk).await?;
        if read == 0 {
            self.ended = true;
            return Ok(());
        }
        self.head += read as u64;
        self.recent_bytes += read;
        self.recent.push_back(chunk.freeze());
        while self.recent_bytes > RECENT_BYTES_MAX
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_bytes -= oldest.len();
        }
        Ok(())
    }

    /// The rest of the chunk that has this byte.
    fn recent_at(&self, offset: u64) -> Option<Bytes> {
        let mut end = self.head;
        for chunk in self.recent.iter().rev() {
            let start = end - chunk.len() as u64;
            if offset >= start {
                return Some(chunk.slice(usize::try_from(offset - start).ok()?..));
            }
            end = start;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    fn tape(len: usize) -> (Arc<Tape>, Vec<u8>) {
        let bytes: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        (Tape::new("standard input", Box::new(std::io::Cursor::new(bytes.clone()))), bytes)
    }

    #[tokio::test]
    async fn any_stretch_ahead_can_be_read_and_what_is_near_again() {
        let (tape, bytes) = tape(3 << 20);
        assert_eq!(tape.range(10..20).await.unwrap(), bytes[10..20]);
        let range = 1_000_000..2_500_000;
        let all: Vec<Bytes> = tape.stream(range.clone()).try_collect().await.unwrap();
        assert!(all.concat() == bytes[1_000_000..2_500_000]);
        let again: Vec<Bytes> = tape.stream(range).try_collect().await.unwrap();
        assert!(again.concat() == bytes[1_000_000..2_500_000]);
        assert_eq!(tape.range((3 << 20) - 2..u64::MAX).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_is_gone_and_what_never_came_is_told() {
        let (tape, _) = tape(RECENT_BYTES_MAX * 2);
        tape.range(RECENT_BYTES_MAX as u64 * 2 - 1..RECENT_BYTES_MAX as u64 * 2).await.unwrap();
        assert_eq!(tape.some_at(0).await.unwrap_err().code(), Code::PipePassed);
        let beyond = RECENT_BYTES_MAX as u64 * 2 - 1..RECENT_BYTES_MAX as u64 * 2 + 1;
        let error = Error::from(tape.stream(beyond).try_collect::<Vec<_>>().await.unwrap_err());
        assert_eq!(error.code(), Code::BundleDamaged);
        assert!(error.detail().contains("ended after"), "{error:?}");
    }
}
