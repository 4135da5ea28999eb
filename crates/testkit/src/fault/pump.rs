//! Passing a body on, in the shape that the rules give it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};

use super::wire::Body;

/// Most that is passed on at once when nothing slows it down.
const PIECE_BYTES_MAX: usize = 256 * 1024;
/// Pieces a second under a throttle: enough to look like a stream.
const PIECES_PER_SECOND: u64 = 50;
/// "For ever": far longer than any test.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// What happens to a body in one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub(super) cut_after: Option<u64>,
    pub(super) truncate_at: Option<u64>,
    pub(super) bytes_max: Option<u64>,
    pub(super) stall: Option<Stall>,
    pub(super) flip_at: Option<u64>,
    pub(super) bytes_per_second: Option<u64>,
}

/// A pause at a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stall {
    pub(super) after: u64,
    pub(super) duration: Option<Duration>,
}

impl Shape {
    pub(super) fn add(&mut self, other: &Self) {
        self.cut_after = self.cut_after.or(other.cut_after);
        self.truncate_at = self.truncate_at.or(other.truncate_at);
        self.bytes_max = self.bytes_max.or(other.bytes_max);
        self.stall = self.stall.or(other.stall);
        self.flip_at = self.flip_at.or(other.flip_at);
        self.bytes_per_second = self.bytes_per_second.or(other.bytes_per_second);
    }

    /// How many bytes from `position` on may be passed before something is due.
    fn until_event(&self, position: u64) -> u64 {
        [self.cut_after, self.truncate_at, self.stall.map(|stall| stall.after)]
            .into_iter()
            .flatten()
            .filter(|&event| event > position)
            .map(|event| event - position)
            .chain(self.bytes_per_second.map(|rate| (rate / PIECES_PER_SECOND).max(1)))
            .min()
            .unwrap_or(u64::MAX)
    }
}

/// How passing on a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pumped {
    /// All of it, or in good form all that was to pass.
    Whole,
    /// At the place where the rules cut.
    Cut,
    /// At the largest size that is let in.
    OverMax,
    /// The sender is gone.
    SourceGone,
    /// The receiver is gone.
    SinkGone,
}

/// Passes `body` from one to the other. `chunked` says how it is framed on the way out; `count` is kept up to date.
pub(super) async fn pump<R, W>(
    from: &mut BufReader<R>,
    mut body: Body,
    to: &mut W,
    chunked: bool,
    shape: &Shape,
    count: &AtomicU64,
) -> Pumped
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut position = 0;
    let mut stall = shape.stall;
    loop {
        if let Some(due) = stall.take_if(|stall| stall.after <= position) {
            tokio::time::sleep(due.duration.unwrap_or(FOR_EVER)).await;
        }
        if shape.cut_after.is_some_and(|cut| cut <= position) {
            return Pumped::Cut;
        }
        if shape.truncate_at.is_some_and(|end| end <= position) {
            return finish(to, chunked).await;
        }
        let ready = match body.ready(from).await {
            Ok(0) => return finish(to, chunked).await,
            Ok(ready) => ready.min(PIECE_BYTES_MAX),
            Err(_) => return Pumped::SourceGone,
        };
        let len = ready.min(usize::try_from(shape.until_event(position)).unwrap_or(usize::MAX));
        let end = position + len as u64;
        if shape.bytes_max.is_some_and(|max| end > max) {
            return Pumped::OverMax;
        }
        let sent =
            write(to, &from.buffer()[..len], chunked, shape.flip_at.and_then(|at| at.checked_sub(position)));
        // before it is sent: whoever has received it finds it counted
        count.fetch_add(len as u64, Ordering::Relaxed);
        if sent.await.is_err() {
            count.fetch_sub(len as u64, Ordering::Relaxed);
            return Pumped::SinkGone;
        }
        body.consume(from, len);
        position = end;
        if let Some(rate) = shape.bytes_per_second {
            tokio::time::sleep(Duration::from_secs_f64(len as f64 / rate.max(1) as f64)).await;
        }
    }
}

async fn finish<W: AsyncWrite + Unpin>(to: &mut W, chunked: bool) -> Pumped {
    let end: &[u8] = if chunked { b"0\r\n\r\n" } else { b"" };
    match to.write_all(end).await {
        Ok(()) => Pumped::Whole,
        Err(_) => Pumped::SinkGone,
    }
}

/// Writes a piece, as a chunk where asked, with the byte at `flip_at` inverted if the piece reaches that far.
async fn write<W: AsyncWrite + Unpin>(
    to: &mut W,
    piece: &[u8],
    chunked: bool,
    flip_at: Option<u64>,
) -> std::io::Result<()> {
    let flip_at = flip_at.and_then(|at| usize::try_from(at).ok()).filter(|&at| at < piece.len());
    if !chunked && flip_at.is_none() {
        return to.write_all(piece).await;
    }
    let mut bytes = if chunked { format!("{:x}\r\n", piece.len()).into_bytes() } else { Vec::new() };
    let start = bytes.len();
    bytes.extend_from_slice(piece);
    if let Some(at) = flip_at {
        bytes[start + at] ^= 0xff;
    }
    if chunked {
        bytes.extend_from_slice(b"\r\n");
    }
    to.write_all(&bytes).await
}
