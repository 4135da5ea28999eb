//! Entries of the data section: every offset is known before a byte moves.

use transload_oci::Digest;

use crate::tar::{padded, write};

/// Length of what ends a bundle: two records of zeroes.
pub const TRAILER_LEN: u64 = 1024;

/// One blob as a tar entry `blobs/<algorithm>/<hex>`: header, content, zeroes up to a multiple of 512.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Digest of the content.
    pub digest: Digest,
    /// Length of the content in bytes.
    pub size: u64,
}

/// An entry and where its header begins, in bytes from the start of the data section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Placed {
    /// The entry.
    pub entry: Entry,
    /// Offset of its header, relative to the start of the data section; a multiple of 512.
    pub offset: u64,
}

impl Entry {
    /// An entry for `size` bytes named by `digest`.
    pub fn new(digest: Digest, size: u64) -> Self {
        Self { digest, size }
    }

    /// Length in bytes of what stands in front of the content: 512, and for SHA-512 names, which do not fit a
    /// ustar header, 1536 (a GNU `L` record, its content, the header).
    pub fn header_len(&self) -> u64 {
        let name_bytes = "blobs/sha256/".len() + 2 * self.digest.algorithm().hash_len();
        write::file_header_len(name_bytes)
    }

    /// Length in bytes of header, content and padding; a multiple of 512.
    pub fn entry_len(&self) -> u64 {
        self.header_len().saturating_add(padded(self.size))
    }

    /// The header: [`header_len`](Self::header_len) bytes.
    pub fn header(&self) -> Vec<u8> {
        write::file_header(&self.digest.layout_path(), self.size)
    }

    /// A header of the same length that names the content `.void/<hex>`: it takes the place of the header of a
    /// blob that turned out bad after its bytes were placed. Readers of image layouts pass over it.
    pub fn void_header(&self) -> Vec<u8> {
        write::file_header(&format!(".void/{}", self.digest.hex()), self.size)
    }
}

/// Puts entries one behind the other. Gives their places and the length of the data section in bytes.
pub fn place(entries: &[Entry]) -> (Vec<Placed>, u64) {
    let mut offset = 0_u64;
    let mut placed = Vec::with_capacity(entries.len());
    for entry in entries {
        placed.push(Placed { entry: *entry, offset });
        offset = offset.saturating_add(entry.entry_len());
    }
    (placed, offset)
}
