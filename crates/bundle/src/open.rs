//! The reader: bytes in, wishes for bytes out.

use std::collections::BTreeMap;

use bytes::Bytes;
use transload_oci::Digest;

use crate::index::Root;
use crate::transfer_manifest::TransferManifest;

/// Where some content lies in a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// A bundle whose front was read: what is in it and where.
#[derive(Debug, Clone)]
pub struct OpenBundle {
    /// Length of the file in bytes.
    pub len: u64,
    /// Where every blob's content lies.
    pub catalog: BTreeMap<Digest, Extent>,
    /// The descriptors of `index.json`, without the transfer manifest.
    pub roots: Vec<Root>,
    /// The transfer manifest; `None` in a layout that another tool wrote.
    pub transfer: Option<TransferManifest>,
    /// Length of the head in bytes; `None` in a tar that is not laid out as this tool does.
    pub head_len: Option<u64>,
    kept: Kept,
}

/// Content that was read on the way.
#[derive(Debug, Clone, Default)]
struct Kept(BTreeMap<Digest, Bytes>);

impl OpenBundle {
    /// Content that was read on opening and has the digest that names it.
    pub fn cached(&self, digest: &Digest) -> Option<Bytes> {
        self.kept.0.get(digest).filter(|bytes| Digest::of(digest.algorithm(), bytes) == *digest).cloned()
    }
}
