//! A blob's file as a stream.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use transload_oci::Digest;

use super::durable::there;
use super::failed;
use crate::contents::{Blob, BlobStream, Fault, FaultKind};

/// What is read at once.
const READ_BYTES: usize = 128 * 1024;

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
            let len = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(READ_BYTES);
            let bytes = blocking(move || {
                let mut buffer = vec![0; len];
                file.read_exact_at(&mut buffer, at)?;
                Ok(Bytes::from(buffer))
            })
            .await?;
            Ok(Some((bytes, at + len as u64)))
        }
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
