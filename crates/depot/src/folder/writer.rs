//! The bytes of an upload on their way to the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::BytesMut;
use transload_oci::{Algorithm, Digest, Hasher};

use super::durable::Durable;

/// What is read at once when bytes are hashed anew.
const READ_BYTES: usize = 256 * 1024;

/// Takes the bytes of an upload and hashes them. Its methods block.
pub(crate) struct Writer {
    path: PathBuf,
    /// Open while a request writes: a session that waits holds no file handle.
    file: Option<File>,
    hasher: Hasher,
    algorithm: Algorithm,
    /// Shared, so that others may see how far it is.
    len: Arc<AtomicU64>,
}

/// Why bytes were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// No room on the disk.
    #[error(
        "there is no room left on the registry's disk; what was received is kept, and the upload can go on once there is"
    )]
    Full,
    /// The digest is another one.
    #[error("the digest of what was sent is {0}")]
    Digest(Box<Digest>),
    /// The disk fails.
    #[error("the registry's disk fails: {0}")]
    Io(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Io(error) }
    }
}

/// Whether an error says that there is no room.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

impl Writer {
    /// Begins the file `path`, hashing with this algorithm.
    pub(super) fn create(path: PathBuf, algorithm: Algorithm) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let hasher = Hasher::new(algorithm);
        Ok(Self { path, file: Some(file), hasher, algorithm, len: Arc::default() })
    }

    /// Goes on with a file that an earlier process began: reads and hashes what is there.
    pub(super) fn resume(path: PathBuf) -> io::Result<Self> {
        let algorithm = Algorithm::Sha256;
        let (hasher, len) = hash(&path, algorithm)?;
        Ok(Self { path, file: None, hasher, algorithm, len: Arc::new(AtomicU64::new(len)) })
    }

    /// Bytes taken so far, as they are taken.
    pub(crate) fn len(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.len)
    }

    /// Takes more bytes, and gives back the emptied buffer. After an error nothing of these bytes is kept, and what was
    /// there before is.
    pub(crate) fn write(&mut self, mut block: BytesMut) -> Result<BytesMut, WriteError> {
        let len = self.len.load(Ordering::Relaxed);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().append(true).open(&self.path)?),
        };
        if let Err(error) = file.write_all(&block) {
            // the part that was written would stand between what is known and what comes next
            file.set_len(len)?;
            return Err(error.into());
        }
        self.hasher.update(&block);
        self.len.store(len + block.len() as u64, Ordering::Relaxed);
        block.clear();
        Ok(block)
    }

    /// Lets go of the file until more is written.
    pub(crate) fn rest(&mut self) {
        self.file = None;
    }

    /// Ends the file, if its digest is this one: its bytes are durable, and it lies where the caller takes it from.
    pub(super) fn finish(mut self, expected: &Digest, durable: Durable) -> Result<PathBuf, WriteError> {
        let actual = if expected.algorithm() == self.algorithm {
            self.hasher.finish()
        } else {
            // named only now, when the bytes have passed
            hash(&self.path, expected.algorithm())?.0.finish()
        };
        if actual != *expected {
            return Err(WriteError::Digest(Box::new(actual)));
        }
        if durable == Durable::Synced {
            let file = self.file.take();
            durable.sync(&file.map_or_else(|| OpenOptions::new().append(true).open(&self.path), Ok)?)?;
        }
        Ok(self.path)
    }
}

/// Hashes a file; gives its length, too.
pub(super) fn hash(path: &Path, algorithm: Algorithm) -> io::Result<(Hasher, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; READ_BYTES];
    let mut len = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher, len));
        }
        hasher.update(&buffer[..read]);
        len += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(folder: &Path, algorithm: Algorithm) -> Writer {
        let mut writer = Writer::create(folder.join("data"), algorithm).unwrap();
        writer.write(b"hello".as_slice().into()).unwrap();
        writer.rest();
        writer.write(b" world".as_slice().into()).unwrap();
        writer
    }

    #[test]
    fn bytes_are_held_against_a_digest_of_either_kind() {
        for begun in [Algorithm::Sha256, Algorithm::Sha512] {
            for wanted in [Algorithm::Sha256, Algorithm::Sha512] {
                let folder = tempfile::tempdir().unwrap();
                let digest = Digest::of(wanted, b"hello world");
                let path = writer(folder.path(), begun).finish(&digest, Durable::Synced).unwrap();
                assert_eq!(std::fs::read(path).unwrap(), b"hello world");
            }
        }
    }

    #[test]
    fn other_bytes_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let finished =
            writer(folder.path(), Algorithm::Sha256).finish(&Digest::sha256(b"hello"), Durable::Unsynced);
        assert!(matches!(finished, Err(WriteError::Digest(_))));
    }

    #[test]
    fn a_file_of_an_earlier_process_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        drop(writer(folder.path(), Algorithm::Sha256));
        let mut resumed = Writer::resume(path).unwrap();
        assert_eq!(resumed.len().load(Ordering::Relaxed), 11);
        resumed.write(b"!".as_slice().into()).unwrap();
        let digest = Digest::sha256(b"hello world!");
        assert!(resumed.finish(&digest, Durable::Synced).is_ok());
    }
}
