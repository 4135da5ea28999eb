//! Blocks: the pieces of entries that are staged together, and the ids they are staged under.
//!
//! A block is named by its content and not by its place, so what a dead run staged is found again by the next
//! run's plan, whatever was added to it or left out of it since.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use transload_oci::{Digest, Midstate};

use crate::layout::Entry;

/// What a block contains, in 24 bytes: a truncated SHA-256 over a version tag and the digest, size and range
/// of every piece.
pub type BlockKey = [u8; 24];

/// A stretch of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The entry.
    pub entry: Entry,
    /// Which of the entry's bytes: header, content and padding counted together.
    pub range: Range<u64>,
}

impl Piece {
    /// The whole entry.
    pub fn whole(entry: Entry) -> Self {
        Self { entry, range: 0..entry.entry_len() }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is the whole entry.
    pub fn is_whole(&self) -> bool {
        self.range == (0..self.entry.entry_len())
    }

    /// Whether the entry's header is in it. (Headers are never cut.)
    pub fn has_header(&self) -> bool {
        self.range.start == 0
    }

    /// Whether the last byte of the entry is in it.
    pub fn is_last(&self) -> bool {
        self.range.end == self.entry.entry_len()
    }

    /// Which bytes of the entry's header are in it: all of them or, as an empty range, none.
    pub fn header_range(&self) -> Range<u64> {
        let header_len = self.entry.header_len();
        self.range.start.min(header_len)..self.range.end.min(header_len)
    }

    /// Which bytes of the blob are in it.
    pub fn data_range(&self) -> Range<u64> {
        let within = |at: u64| at.saturating_sub(self.entry.header_len()).min(self.entry.size);
        within(self.range.start)..within(self.range.end)
    }

    /// How many zeroes of padding end it.
    pub fn padding(&self) -> u64 {
        let header = self.header_range();
        let data = self.data_range();
        self.len() - (header.end - header.start) - (data.end - data.start)
    }
}

/// What one block will contain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BlockPlan {
    /// The pieces, one behind the other.
    pub pieces: Vec<Piece>,
}

impl BlockPlan {
    /// Length in bytes; a multiple of 512.
    pub fn len(&self) -> u64 {
        self.pieces.iter().map(Piece::len).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its name.
    pub fn key(&self) -> BlockKey {
        let mut hasher = Sha256::new();
        hasher.update(b"transload block 1\n");
        for piece in &self.pieces {
            let Piece { entry, range } = piece;
            hasher.update(entry.digest.algorithm().as_str());
            hasher.update(entry.digest.hash());
            for number in [entry.size, range.start, range.end] {
                hasher.update(number.to_be_bytes());
            }
        }
        truncated(hasher)
    }

    /// The same without the entries that `dropped` names. `None` when nothing is left.
    pub fn without(&self, dropped: &dyn Fn(&Digest) -> bool) -> Option<BlockPlan> {
        let pieces: Vec<Piece> =
            self.pieces.iter().filter(|piece| !dropped(&piece.entry.digest)).cloned().collect();
        (!pieces.is_empty()).then_some(BlockPlan { pieces })
    }

    /// Whether it consists of whole entries only.
    pub fn is_pack(&self) -> bool {
        self.pieces.iter().all(Piece::is_whole)
    }
}

/// The name of a block whose bytes are at hand: head and trailer.
pub fn bytes_key(bytes: &[u8]) -> BlockKey {
    let mut hasher = Sha256::new();
    hasher.update(b"transload bytes 1\n");
    hasher.update(bytes);
    truncated(hasher)
}

fn truncated(hasher: Sha256) -> BlockKey {
    first(&hasher.finalize())
}

/// The first `N` bytes of a longer slice.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = *byte);
    out
}

const ID_VERSION: u8 = 1;
const HAS_MIDSTATE: u8 = 1;

/// The id a block is staged under: its key, the SHA-256 state of its blob behind the block's last byte (so that
/// a later run goes on verifying the blob from there), then version, flags and a check over all of it.
///
/// All ids are 64 bytes long, which block stores demand.
pub fn block_id(key: &BlockKey, midstate: Option<&Midstate>) -> [u8; 64] {
    let mut id = [0; 64];
    id[..24].copy_from_slice(key);
    if let Some(midstate) = midstate {
        id[24..56].copy_from_slice(midstate);
    }
    id[56] = ID_VERSION;
    id[57] = if midstate.is_some() { HAS_MIDSTATE } else { 0 };
    let check = id_check(&id);
    id[58..].copy_from_slice(&check);
    id
}

/// Whether this is an id that [`block_id`] made: somebody else's blocks in the same blob are not ours to use.
pub fn is_block_id(id: &[u8; 64]) -> bool {
    id[56] == ID_VERSION && id[58..] == id_check(id)
}

/// The key in an id.
pub fn block_key(id: &[u8; 64]) -> BlockKey {
    first(id)
}

/// The SHA-256 state in an id; `None` when there is none or the id is not one of ours.
pub fn block_midstate(id: &[u8; 64]) -> Option<Midstate> {
    (is_block_id(id) && id[57] == HAS_MIDSTATE).then(|| first(&id[24..56]))
}

fn id_check(id: &[u8; 64]) -> [u8; 6] {
    first(&Sha256::digest(&id[..58]))
}
