//! The bytes of a blob, in memory or in a file.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tempfile::NamedTempFile;
use transload_oci::{Algorithm, Digest, Hasher};

use super::budget::Held;

/// What is read at once when a blob is served.
const READ_BYTES: usize = 512 * 1024;

/// Bytes that were checked and do not change any more.
#[derive(Debug)]
pub(crate) enum Content {
    /// In memory, in the blocks they were gathered in.
    Memory { blocks: Vec<Bytes>, len: u64, _held: Held },
    /// In a file. Until it has its final name the file goes with this value.
    File { path: PathBuf, len: u64, temporary: Option<NamedTempFile> },
}

/// Takes the bytes of an upload and hashes them. Its methods block.
pub(crate) struct Writer {
    hasher: Hasher,
    /// Shared, so that others may see how far it is.
    len: Arc<AtomicU64>,
    sink: Sink,
}

enum Sink {
    Memory { blocks: Vec<Bytes>, held: Held },
    File(NamedTempFile),
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// No room, in memory or on the disk.
    #[error("there is no room left")]
    Full,
    /// The digest is another one.
    #[error("the digest of what was sent is {0}")]
    Digest(Digest),
    /// The disk fails.
    #[error("the disk fails: {0}")]
    Io(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full
            }
            _ => Self::Io(error),
        }
    }
}

impl Writer {
    pub(crate) fn to_memory(held: Held) -> Self {
        Self::new(Sink::Memory { blocks: Vec::new(), held })
    }

    /// Into a temporary file in `folder`.
    pub(crate) fn to_file(folder: &Path) -> Result<Self, WriteError> {
        Ok(Self::new(Sink::File(NamedTempFile::new_in(folder)?)))
    }

    fn new(sink: Sink) -> Self {
        Self { hasher: Hasher::new(Algorithm::Sha256), len: Arc::default(), sink }
    }

    /// Bytes taken so far, as they are taken.
    pub(crate) fn len(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.len)
    }

    /// Takes more bytes, and gives back an empty buffer for the next ones. After an error the writer is of no use
    /// any more.
    pub(crate) fn write(&mut self, mut block: BytesMut) -> Result<BytesMut, WriteError> {
        let len = block.len();
        self.hasher.update(&block);
        let next = match &mut self.sink {
            Sink::Memory { blocks, held } => {
                if !held.grow(len as u64) {
                    return Err(WriteError::Full);
                }
                blocks.push(block.freeze());
                BytesMut::new()
            }
            Sink::File(file) => {
                file.write_all(&block)?;
                block.clear();
                block
            }
        };
        self.len.fetch_add(len as u64, Ordering::Relaxed);
        Ok(next)
    }

    /// Ends the blob, if its digest is this one.
    pub(crate) fn finish(self, expected: &Digest) -> Result<Content, WriteError> {
        let len = self.len.load(Ordering::Relaxed);
        let content = match self.sink {
            Sink::Memory { blocks, held } => Content::Memory { blocks, len, _held: held },
            Sink::File(file) => Content::File { path: file.path().to_owned(), len, temporary: Some(file) },
        };
        let actual = match expected.algorithm() {
            Algorithm::Sha256 => self.hasher.finish(),
            // named only now, when the bytes have passed
            other @ Algorithm::Sha512 => content.digest(other)?,
        };
        if actual == *expected { Ok(content) } else { Err(WriteError::Digest(actual)) }
    }
}

impl Content {
    /// Length in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Memory { len, .. } | Self::File { len, .. } => *len,
        }
    }

    /// Gives a file its final name, over whatever has that name.
    pub(crate) fn keep_at(&mut self, to: &Path) -> io::Result<()> {
        if let Self::File { path, temporary, .. } = self
            && let Some(file) = temporary.take()
        {
            file.persist(to).map_err(|failed| failed.error)?;
            to.clone_into(path);
        }
        Ok(())
    }

    /// Removes a kept file. Readers that have it open go on reading.
    pub(crate) fn remove(&self) {
        if let Self::File { path, temporary: None, .. } = self
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::warn!(path = %path.display(), %error, "a deleted blob's file could not be removed");
        }
    }

    /// Reads everything once more. Blocks.
    fn digest(&self, algorithm: Algorithm) -> io::Result<Digest> {
        let mut hasher = Hasher::new(algorithm);
        match self {
            Self::Memory { blocks, .. } => blocks.iter().for_each(|block| hasher.update(block)),
            Self::File { path, .. } => {
                let mut file = File::open(path)?;
                let mut buffer = vec![0; READ_BYTES];
                loop {
                    let len = file.read(&mut buffer)?;
                    if len == 0 {
                        break;
                    }
                    hasher.update(&buffer[..len]);
                }
            }
        }
        Ok(hasher.finish())
    }

    /// The bytes from `start` up to and without `end`, which lie inside.
    pub(crate) async fn read(
        &self,
        start: u64,
        end: u64,
    ) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        match self {
            Self::Memory { blocks, .. } => Ok(stream::iter(slice(blocks, start, end)).map(Ok).boxed()),
            Self::File { path, .. } => {
                let path = path.clone();
                let file = blocking(move || File::open(path)).await?;
                Ok(read_file(Arc::new(file), start, end).boxed())
            }
        }
    }
}

/// The parts of these blocks that lie between the two positions.
fn slice(blocks: &[Bytes], start: u64, end: u64) -> Vec<Bytes> {
    let mut at = 0;
    let mut parts = Vec::new();
    for block in blocks {
        let (first, last) = (at, at + block.len() as u64);
        at = last;
        if last <= start || first >= end {
            continue;
        }
        // both differences are within the block, whose length is a usize
        let from = start.saturating_sub(first) as usize;
        let to = (end.min(last) - first) as usize;
        parts.push(block.slice(from..to));
    }
    parts
}

fn read_file(
    file: Arc<File>,
    start: u64,
    end: u64,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(start, move |at| {
        let file = Arc::clone(&file);
        async move {
            if at >= end {
                return Ok(None);
            }
            let len = usize::try_from(end - at).unwrap_or(usize::MAX).min(READ_BYTES);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Budget;

    fn write(mut writer: Writer) -> Writer {
        writer.write(b"hello".as_slice().into()).unwrap();
        writer.write(b" world".as_slice().into()).unwrap();
        writer
    }

    async fn read(content: &Content, start: u64, end: u64) -> Vec<u8> {
        let parts: Vec<_> = content.read(start, end).await.unwrap().collect().await;
        parts.into_iter().flat_map(|part| part.unwrap().to_vec()).collect()
    }

    #[tokio::test]
    async fn any_range_comes_back_from_memory_and_file() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Digest::of(Algorithm::Sha512, b"hello world");
        let memory = write(Writer::to_memory(Budget::new(11).nothing()));
        let file = write(Writer::to_file(folder.path()).unwrap());
        for writer in [memory, file] {
            let content = writer.finish(&digest).unwrap();
            assert_eq!(content.len(), 11);
            for (start, end) in [(0, 11), (3, 7), (5, 6), (4, 4), (10, 11)] {
                let expected = &b"hello world"[start as usize..end as usize];
                assert_eq!(read(&content, start, end).await, expected);
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn other_bytes_and_too_many_are_refused() {
        let writer = write(Writer::to_memory(Budget::new(11).nothing()));
        assert!(matches!(writer.finish(&Digest::sha256(b"hello")), Err(WriteError::Digest(_))));
        let mut small = Writer::to_memory(Budget::new(3).nothing());
        assert!(matches!(small.write(b"four".as_slice().into()), Err(WriteError::Full)));
    }
}
