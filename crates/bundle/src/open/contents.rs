//! Where the contents of what was found are had from: a file that can be read anywhere, or what was kept of a stream.

use bytes::Bytes;
use transload_oci::{Algorithm, Digest, Hasher};

use super::Extent;
use super::window::Window;
use crate::compression::Compression;
use crate::error::Error;

/// How much of a layer is hashed at once.
const HASHED_BYTES: u64 = 8 << 20;

/// A layer of a docker-archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    /// How it is compressed; `None` for a plain tar.
    pub(super) compression: Option<Compression>,
    /// Digest of its bytes, known for compressed ones.
    pub(super) digest: Option<Digest>,
}

/// Gives contents, or says that they have to be read first.
pub(super) trait Contents {
    /// The bytes of a place, if they are at hand.
    fn peek(&self, at: Extent) -> Option<&[u8]>;

    /// The bytes of a place, all of them. `None` when they have to be read first.
    fn bytes(&mut self, at: Extent) -> Result<Option<Bytes>, Error>;

    /// How a layer is packed. `None` when it has to be read first.
    fn layer(&mut self, at: Extent) -> Result<Option<Packed>, Error>;
}

/// A file that can be read anywhere, through its window.
pub(super) struct Readable<'a> {
    pub(super) window: &'a mut Window,
    pub(super) hashing: &'a mut Option<Hashing>,
}

/// A layer that is being hashed.
pub(super) struct Hashing {
    compression: Compression,
    next: u64,
    hasher: Hasher,
}

impl std::fmt::Debug for Hashing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hashing").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Contents for Readable<'_> {
    fn peek(&self, at: Extent) -> Option<&[u8]> {
        self.window.peek(&at.range())
    }

    fn bytes(&mut self, at: Extent) -> Result<Option<Bytes>, Error> {
        if at.len == 0 {
            return Ok(Some(Bytes::new()));
        }
        Ok(self.window.get(at.range(), 0).map(Bytes::copy_from_slice))
    }

    fn layer(&mut self, at: Extent) -> Result<Option<Packed>, Error> {
        if at.len == 0 {
            return Ok(Some(Packed { compression: None, digest: None }));
        }
        if self.hashing.is_none() {
            let first = at.offset..at.offset + at.len.min(Compression::MAGIC_BYTES as u64);
            let Some(magic) = self.window.get(first, 0) else { return Ok(None) };
            let Some(compression) = Compression::of(magic) else {
                return Ok(Some(Packed { compression: None, digest: None }));
            };
            *self.hashing =
                Some(Hashing { compression, next: at.offset, hasher: Hasher::new(Algorithm::Sha256) });
        }
        while let Some(hashing) = self.hashing.as_mut().filter(|hashing| hashing.next < at.range().end) {
            let end = at.range().end.min(hashing.next.saturating_add(HASHED_BYTES));
            let Some(bytes) = self.window.get(hashing.next..end, 0) else { return Ok(None) };
            hashing.hasher.update(bytes);
            hashing.next = end;
        }
        Ok(self.hashing.take().map(|hashing| Packed {
            compression: Some(hashing.compression),
            digest: Some(hashing.hasher.finish()),
        }))
    }
}
