//! The bytes of a blob on their way into requests: hashed as they pass, the last ones held back until all of them
//! are known to be right.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;
use transload_oci::{Descriptor, Mismatch, Verifier};

use crate::error::{Error, ErrorKind};
use crate::seam::{BlobReader, ByteStream};

/// Why there are no more bytes.
pub(super) enum Failure {
    /// They are not the blob's.
    Mismatch(String),
    /// They could not be read.
    Reader(Error),
}

/// The bytes of one blob, for as many requests as it takes.
pub(super) struct Feed {
    state: Arc<Mutex<State>>,
}

struct State {
    size: u64,
    stream: Option<ByteStream>,
    /// The byte that the stream gives next.
    position: u64,
    /// Read, and not handed out yet.
    queue: Bytes,
    /// Gone once all bytes are known to be right.
    verifier: Option<Verifier>,
    failure: Option<Failure>,
    /// Bytes handed out, again and again where they were sent again.
    sent: u64,
    /// The byte up to which any request has got.
    furthest: u64,
    moved: Instant,
    waits_for_reader: bool,
}

impl Feed {
    pub(super) fn new(blob: &Descriptor) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                size: blob.size,
                stream: None,
                position: 0,
                queue: Bytes::new(),
                verifier: Some(Verifier::new(blob.digest, blob.size)),
                failure: None,
                sent: 0,
                furthest: 0,
                moved: Instant::now(),
                waits_for_reader: false,
            })),
        }
    }

    /// Makes the next body begin at byte `offset`, which no body has gone beyond.
    pub(super) async fn seek(&self, offset: u64, reader: &dyn BlobReader) -> Result<(), Error> {
        if self.state.lock().is_at(offset) {
            return Ok(());
        }
        let stream = reader.open(offset).await?;
        let mut state = self.state.lock();
        state.stream = Some(stream);
        state.position = offset;
        state.queue = Bytes::new();
        Ok(())
    }

    /// The next `len` bytes, as the body of a request.
    pub(super) fn body(&self, len: u64) -> reqwest::Body {
        self.state.lock().moved = Instant::now();
        reqwest::Body::wrap_stream(Body { state: self.state.clone(), left: len })
    }

    /// Lets go of the stream: a body was given up somewhere in it.
    pub(super) fn interrupt(&self) {
        self.state.lock().stream = None;
    }

    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.state.lock().failure.take()
    }

    pub(super) fn sent(&self) -> u64 {
        self.state.lock().sent
    }

    pub(super) fn furthest(&self) -> u64 {
        self.state.lock().furthest
    }

    /// How long the other end has taken nothing although there was something. Waiting for the reader does not count.
    pub(super) fn idle(&self) -> Duration {
        let state = self.state.lock();
        if state.waits_for_reader { Duration::ZERO } else { state.moved.elapsed() }
    }
}

struct Body {
    state: Arc<Mutex<State>>,
    left: u64,
}

impl Stream for Body {
    type Item = io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let this = self.get_mut();
        let mut state = this.state.lock();
        state.moved = Instant::now();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        match ready!(state.poll_piece(cx, this.left)) {
            Ok(piece) => {
                this.left -= piece.len() as u64;
                Poll::Ready(Some(Ok(piece)))
            }
            Err(failure) => {
                state.failure = Some(failure);
                // What ends the request before its announced length. The cause is told by the failure.
                Poll::Ready(Some(Err(io::Error::other("the blob's bytes ended"))))
            }
        }
    }
}

impl State {
    fn is_at(&self, offset: u64) -> bool {
        self.stream.is_some() && self.position - self.queue.len() as u64 == offset
    }

    /// The next bytes, `most` at most. Those that reach the blob's end come only once the whole blob is right.
    fn poll_piece(&mut self, cx: &mut Context<'_>, most: u64) -> Poll<Result<Bytes, Failure>> {
        loop {
            let held_back = self.position >= self.size && self.verifier.is_some();
            if !self.queue.is_empty() && !held_back {
                let len = most.min(self.queue.len() as u64) as usize;
                let piece = self.queue.split_to(len);
                self.sent += len as u64;
                self.furthest = self.furthest.max(self.position - self.queue.len() as u64);
                return Poll::Ready(Ok(piece));
            }
            let chunk = match self.poll_stream(cx) {
                Poll::Pending => {
                    self.waits_for_reader = true;
                    return Poll::Pending;
                }
                Poll::Ready(chunk) => {
                    self.waits_for_reader = false;
                    self.moved = Instant::now();
                    chunk
                }
            };
            match chunk {
                Some(Ok(chunk)) => self.accept(chunk)?,
                Some(Err(error)) => return Poll::Ready(Err(Failure::Reader(error))),
                None => self.accept_end()?,
            }
        }
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        match &mut self.stream {
            Some(stream) => stream.as_mut().poll_next(cx),
            None => Poll::Ready(None),
        }
    }

    /// Hashes what of a chunk was not hashed before (it may have been read a second time) and queues it.
    fn accept(&mut self, chunk: Bytes) -> Result<(), Failure> {
        if chunk.is_empty() {
            return Ok(());
        }
        let end = self.position + chunk.len() as u64;
        match &mut self.verifier {
            Some(verifier) if end > verifier.seen() => {
                let known = verifier.seen().saturating_sub(self.position) as usize;
                verifier
                    .update(&chunk[known..])
                    .map_err(|mismatch| Failure::Mismatch(mismatch.to_string()))?;
            }
            _ if end > self.size => {
                let mismatch = Mismatch::Size { expected: self.size, actual: end, more: true };
                return Err(Failure::Mismatch(mismatch.to_string()));
            }
            _ => {}
        }
        self.position = end;
        if self.queue.is_empty() {
            self.queue = chunk;
        } else {
            // Only behind bytes that are held back, which is at the very end, if ever.
            self.queue = [std::mem::take(&mut self.queue), chunk].concat().into();
        }
        Ok(())
    }

    fn accept_end(&mut self) -> Result<(), Failure> {
        if self.position < self.size {
            let mismatch = Mismatch::Size { expected: self.size, actual: self.position, more: false };
            return Err(Failure::Mismatch(mismatch.to_string()));
        }
        match self.verifier.take() {
            Some(verifier) => verifier.finish().map_err(|mismatch| Failure::Mismatch(mismatch.to_string())),
            // Nothing is held back and nothing is queued: more was asked for than there is.
            None => Err(Failure::Reader(Error::new(ErrorKind::Reader, "", "the bytes ended early"))),
        }
    }
}
