//! A blob's file as a stream.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use rustix::io::{ReadWriteFlags, preadv2};
use transload_oci::Digest;

use super::durable::there;
use super::failed;
use crate::contents::{Blob, BlobStream, Fault, FaultKind};

/// What is read at once of what lies in memory: for every connection that pulls, one or two of these are on their way.
const READY_BYTES: usize = 64 * 1024;
/// What is read at once from a disk, on another thread.
const READ_BYTES: usize = 256 * 1024;

/// A blob that was looked up.
#[derive(Debug)]
pub(super) struct BlobFile {
    pub(super) digest: Digest,
    pub(super) path: PathBuf,
    pub(super) len: u64,
}

#[async_trait]
impl Blob for BlobFile {
    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, range: Range<u64>) -> Result<BlobStream, Fault> {
        let path = self.path.clone();
        let file = blocking(move || there(File::open(path))).await.map_err(failed(&self.path))?;
        let gone = || {
            let text = format!("the blob {} was removed just now; push it again", self.digest);
            Fault::new(FaultKind::BlobUnknown, text)
        };
        Ok(stream(Arc::new(file.ok_or_else(gone)?), range).boxed())
    }
}

fn stream(
    file: Arc<File>,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(range.start, move |at| {
        let file = Arc::clone(&file);
        async move {
            if at >= range.end {
                return Ok(None);
            }
            let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let bytes = match read_ready(&file, at, left.min(READY_BYTES)) {
                Some(bytes) => bytes,
                None => blocking(move || read(&file, at, left.min(READ_BYTES))).await?,
            };
            let next = at + bytes.len() as u64;
            Ok(Some((bytes, next)))
        }
    })
}

/// What lies in memory already, read without waiting for a disk; most of what is pulled is pulled again. `None` where
/// nothing does, or the file system cannot say.
fn read_ready(file: &File, at: u64, len: usize) -> Option<Bytes> {
    let mut buffer = vec![0; len];
    let read = preadv2(file, &mut [IoSliceMut::new(&mut buffer)], at, ReadWriteFlags::NOWAIT).ok()?;
    buffer.truncate(read);
    (read > 0).then(|| Bytes::from(buffer))
}

fn read(file: &File, at: u64, len: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; len];
    file.read_exact_at(&mut buffer, at)?;
    Ok(Bytes::from(buffer))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
