//! How entries are cut into blocks.

use crate::block::{BlockPlan, Piece};
use crate::layout::Entry;
use crate::tar::RECORD_BYTES;

/// Blocks of [`BlockPolicy::blocks_max`] that [`cut`] leaves free for the head and the trailer.
pub const BLOCKS_RESERVED: usize = 64;

const MIB: u64 = 1 << 20;
/// No block is planned smaller than this: the longest header and some content have to fit.
const BLOCK_BYTES_MIN: u64 = 4096;

/// How large blocks should be and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPolicy {
    /// Length in bytes to aim at.
    pub block_bytes: u64,
    /// Smallest length in bytes that a store takes of every block but the last; 0 for any.
    pub block_bytes_min: u64,
    /// Largest length in bytes that blocks may grow to so that there are few enough.
    pub block_bytes_max: u64,
    /// Most blocks of one blob, head and trailer included.
    pub blocks_max: usize,
}

impl Default for BlockPolicy {
    /// For a store of 50,000 blocks of up to 4,000 MiB.
    fn default() -> Self {
        Self { block_bytes: 8 * MIB, block_bytes_min: 0, block_bytes_max: 4000 * MIB, blocks_max: 45_000 }
    }
}

/// Cuts the data section into blocks, in the entries' order.
///
/// Whole entries share a block while they fit [`BlockPolicy::block_bytes`]. A larger entry gets blocks that it
/// shares with no other, so that a blob that turns out bad is left out by leaving out its blocks; the first of
/// them has the header. Every cut is at a multiple of 512 bytes of the content, where a SHA-256 has a midstate.
///
/// Where there is a least length, entries stand in the order that [`arrange`] gives them: a large one is cut evenly, and
/// blocks of whole entries grow beyond the length aimed at where they would be too short.
///
/// Blocks grow in steps of 1 MiB, up to `block_bytes_max`, until there are no more than `blocks_max` less
/// [`BLOCKS_RESERVED`]. When even that is not enough, there are more: the caller compares.
pub fn cut(entries: &[Entry], policy: &BlockPolicy) -> Vec<BlockPlan> {
    let block_bytes = block_bytes(entries, policy);
    let mut blocks = Vec::new();
    let mut pack = Vec::new();
    let mut pack_bytes = 0_u64;
    let flush = |pack: &mut Vec<Piece>, blocks: &mut Vec<BlockPlan>| {
        if !pack.is_empty() {
            blocks.push(BlockPlan { pieces: std::mem::take(pack) });
        }
    };
    for entry in entries {
        let len = entry.entry_len();
        let is_full = pack_bytes.saturating_add(len) > block_bytes && pack_bytes >= policy.block_bytes_min;
        if len > block_bytes || is_full {
            flush(&mut pack, &mut blocks);
            pack_bytes = 0;
        }
        if len > block_bytes {
            let step = if policy.block_bytes_min == 0 { block_bytes } else { even(len, block_bytes) };
            blocks.extend(cut_entry(entry, step));
        } else {
            pack.push(Piece::whole(*entry));
            pack_bytes += len;
        }
    }
    // the last one joins the one before it rather than be too short
    if pack_bytes < policy.block_bytes_min
        && let Some(before) = blocks.last_mut().filter(|block| block.is_pack())
    {
        before.pieces.append(&mut pack);
    }
    flush(&mut pack, &mut blocks);
    blocks
}

/// Puts entries in an order in which no block of [`cut`] is shorter than [`BlockPolicy::block_bytes_min`]: what has
/// blocks of its own first, then what shares blocks. What shares blocks and is not even together enough for one is
/// taken out and returned: its place is the head.
pub fn arrange(entries: &mut Vec<Entry>, policy: &BlockPolicy) -> Vec<Entry> {
    if policy.block_bytes_min == 0 {
        return Vec::new();
    }
    let block_bytes = block_bytes(entries, policy);
    let (mut large, mut small): (Vec<Entry>, Vec<Entry>) =
        entries.drain(..).partition(|entry| entry.entry_len() > block_bytes);
    let small_bytes: u64 = small.iter().map(Entry::entry_len).sum();
    if small_bytes >= policy.block_bytes_min {
        large.append(&mut small);
    }
    *entries = large;
    small
}

/// The length, a multiple of 512, of pieces of equal length that are no longer than `most`.
pub fn even(len: u64, most: u64) -> u64 {
    let count = len.div_ceil(most.max(1)).max(1);
    len.div_ceil(count).next_multiple_of(RECORD_BYTES)
}

fn cut_entry(entry: &Entry, step: u64) -> impl Iterator<Item = BlockPlan> {
    let (entry, len) = (*entry, entry.entry_len());
    (0..len.div_ceil(step)).map(move |n| {
        let start = n * step;
        let range = start..start.saturating_add(step).min(len);
        BlockPlan { pieces: vec![Piece { entry, range }] }
    })
}

/// The block length that this policy comes to for these entries.
fn block_bytes(entries: &[Entry], policy: &BlockPolicy) -> u64 {
    let aligned = |bytes: u64| (bytes / RECORD_BYTES * RECORD_BYTES).max(BLOCK_BYTES_MIN);
    // pieces of even length are longer than half of a block: that must be enough
    let least = policy.block_bytes_min.saturating_mul(2) + policy.block_bytes_min / 4;
    let wished = aligned(policy.block_bytes.max(least));
    let largest = aligned(policy.block_bytes_max).max(wished);
    let count_max = policy.blocks_max.saturating_sub(BLOCKS_RESERVED).max(1) as u64;
    // no block is longer than its length, so fewer bytes than this cannot be enough
    let total = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.entry_len()));
    let least = total.div_ceil(count_max);
    let grown = least.div_ceil(MIB).saturating_mul(MIB);
    let mut bytes = if least > wished { grown.min(largest) } else { wished };
    let count = if policy.block_bytes_min == 0 { count } else { count_in_any_order };
    while bytes < largest && count(entries, bytes) > count_max {
        bytes = bytes.saturating_add(MIB).min(largest);
    }
    bytes
}

/// How many blocks [`cut`] makes at that length.
fn count(entries: &[Entry], block_bytes: u64) -> u64 {
    let mut blocks = 0_u64;
    let mut pack_bytes = 0_u64; // of the block that is being packed; none when zero
    for entry in entries {
        let len = entry.entry_len();
        if len > block_bytes {
            blocks = blocks.saturating_add(len.div_ceil(block_bytes));
            pack_bytes = 0;
        } else if pack_bytes == 0 || pack_bytes.saturating_add(len) > block_bytes {
            blocks += 1;
            pack_bytes = len;
        } else {
            pack_bytes += len;
        }
    }
    blocks
}

/// No fewer than [`cut`] makes at that length, whatever the order: [`arrange`] changes it, and must come to the same
/// length of blocks. Of two blocks of whole entries, one behind the other, one at least is half full.
fn count_in_any_order(entries: &[Entry], block_bytes: u64) -> u64 {
    let mut blocks = 1_u64;
    let mut packed_bytes = 0_u64;
    for len in entries.iter().map(Entry::entry_len) {
        if len > block_bytes {
            blocks = blocks.saturating_add(len.div_ceil(block_bytes));
        } else {
            packed_bytes += len;
        }
    }
    blocks.saturating_add((2 * packed_bytes).div_ceil(block_bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use transload_oci::{Algorithm, Digest, Hasher};

    use super::*;
    use crate::block::{block_id, block_key, block_midstate, is_block_id};

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let size = prop_oneof![
            Just(0),
            Just(1),
            Just(511),
            Just(512),
            Just(513),
            0_u64..20_000,
            0_u64..(40 << 20),
            (8_u64 << 30)..(9 << 30)
        ];
        prop::collection::vec((size, any::<bool>()), 0..60).prop_map(|parts| {
            let algorithm = |long| if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let digest = |n: usize, long| Digest::of(algorithm(long), &n.to_be_bytes());
            parts.iter().enumerate().map(|(n, (size, long))| Entry::new(digest(n, *long), *size)).collect()
        })
    }

    proptest! {
        #[test]
        fn pieces_tile_every_entry_once_in_order(
            entries in entries(),
            wished in 1_u64..(16 << 20),
            blocks_max in 0_usize..3000,
        ) {
            let policy = BlockPolicy { block_bytes: wished, block_bytes_min: 0, block_bytes_max: 4000 << 20, blocks_max };
            let blocks = cut(&entries, &policy);
            let mut pieces = blocks.iter().flat_map(|block| &block.pieces);
            for entry in &entries {
                let mut at = 0;
                while at < entry.entry_len() {
                    let piece = pieces.next().unwrap();
                    prop_assert_eq!(piece.entry, *entry);
                    prop_assert_eq!(piece.range.start, at);
                    prop_assert_eq!(piece.range.end % 512, 0);
                    prop_assert!(piece.data_range().start % 64 == 0);
                    prop_assert!(!piece.has_header() || piece.header_range() == (0..entry.header_len()));
                    prop_assert_eq!(piece.data_range().is_empty(), entry.size == 0);
                    prop_assert!(piece.padding() == 0 || piece.is_last());
                    at = piece.range.end;
                }
                prop_assert_eq!(at, entry.entry_len());
            }
            prop_assert!(pieces.next().is_none());
        }

        #[test]
        fn blocks_are_few_enough_and_large_entries_alone(entries in entries(), blocks_max in 300_usize..2000) {
            let policy = BlockPolicy { block_bytes: 8 << 20, block_bytes_min: 0, block_bytes_max: 4000 << 20, blocks_max };
            let blocks = cut(&entries, &policy);
            prop_assert!(blocks.len() <= blocks_max - BLOCKS_RESERVED);
            prop_assert_eq!(blocks.len() as u64, count(&entries, block_bytes(&entries, &policy)));
            for block in &blocks {
                prop_assert!(block.is_pack() || block.pieces.len() == 1);
                prop_assert!(block.len() <= policy.block_bytes_max);
            }
            let mut keys: Vec<_> = blocks.iter().map(BlockPlan::key).collect();
            keys.sort_unstable();
            keys.dedup();
            prop_assert_eq!(keys.len(), blocks.len());
        }

        #[test]
        fn where_blocks_have_a_least_length_all_but_the_last_have_it(
            entries in entries(),
            blocks_max in 2000_usize..10_000,
            min in 4096_u64..(5 << 20),
        ) {
            let policy = BlockPolicy { block_bytes: 8 << 20, block_bytes_min: min, block_bytes_max: 5 << 30, blocks_max };
            let mut arranged = entries.clone();
            let out = arrange(&mut arranged, &policy);
            prop_assert!(out.iter().map(Entry::entry_len).sum::<u64>() < min);
            let mut all: Vec<_> = arranged.iter().chain(&out).map(|e| (e.digest.to_string(), e.size)).collect();
            let mut given: Vec<_> = entries.iter().map(|e| (e.digest.to_string(), e.size)).collect();
            all.sort();
            given.sort();
            prop_assert_eq!(all, given);
            let blocks = cut(&arranged, &policy);
            prop_assert!(blocks.len() <= blocks_max - BLOCKS_RESERVED);
            for block in blocks.iter() {
                prop_assert!(block.len() >= min, "{} < {}", block.len(), min);
            }
            let total: u64 = arranged.iter().map(Entry::entry_len).sum();
            prop_assert_eq!(blocks.iter().map(BlockPlan::len).sum::<u64>(), total);
        }

        #[test]
        fn ids_give_back_what_went_in(key: [u8; 24], midstate: Option<[u8; 32]>, at in 0_usize..64, bit in 0_u8..8) {
            let id = block_id(&key, midstate.as_ref());
            prop_assert!(is_block_id(&id));
            prop_assert_eq!(block_key(&id), key);
            prop_assert_eq!(block_midstate(&id), midstate);
            let mut other = id;
            other[at] ^= 1 << bit;
            prop_assert!(!is_block_id(&other));
            prop_assert_eq!(block_midstate(&other), None);
        }
    }

    #[test]
    fn a_block_without_its_bad_entry_has_another_name() {
        let entries: Vec<Entry> = (0_u8..3).map(|n| Entry::new(Digest::sha256(&[n]), 100)).collect();
        let blocks = cut(&entries, &BlockPolicy::default());
        assert_eq!(blocks.len(), 1);
        let bad = entries[1].digest;
        let rest = blocks[0].without(&|digest| *digest == bad).unwrap();
        assert_eq!(rest.pieces.len(), 2);
        assert_ne!(rest.key(), blocks[0].key());
        assert_eq!(blocks[0].without(&|_| false).unwrap().key(), blocks[0].key());
        assert_eq!(blocks[0].without(&|_| true), None);
    }

    #[test]
    fn every_cut_has_a_midstate() {
        let blob: Vec<u8> = (0..20_000_u32).map(|n| (n % 251) as u8).collect();
        let entry = Entry::new(Digest::sha256(&blob), blob.len() as u64);
        let blocks = cut(
            &[entry],
            &BlockPolicy { block_bytes: 5000, block_bytes_min: 0, block_bytes_max: 5000, blocks_max: 100 },
        );
        assert!(blocks.len() > 3);
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for block in &blocks {
            let range = block.pieces[0].data_range();
            hasher.update(&blob[range.start as usize..range.end as usize]);
            if !block.pieces[0].is_last() {
                let midstate = hasher.midstate().unwrap();
                hasher = Hasher::resume(&midstate, range.end).unwrap();
            }
        }
        assert_eq!(hasher.finish(), entry.digest);
    }
}
