//! Which bytes of a blob have been written, whatever block wrote them.

use std::collections::BTreeMap;

use crate::store::{Block, BlockId};

/// Stretches that do not touch one another: start → end.
#[derive(Debug, Default)]
pub(crate) struct Extents(BTreeMap<u64, u64>);

impl Extents {
    /// Notes that `start..end` is written.
    pub(crate) fn insert(&mut self, mut start: u64, mut end: u64) {
        while let Some((&from, &to)) = self.0.range(..=end).next_back().filter(|(_, to)| **to >= start) {
            start = start.min(from);
            end = end.max(to);
            self.0.remove(&from);
        }
        if start < end {
            self.0.insert(start, end);
        }
    }

    fn covers(&self, start: u64, end: u64) -> bool {
        start == end || self.0.range(..=start).next_back().is_some_and(|(_, to)| *to >= end)
    }

    /// The length of the blob that these blocks make, or the offset of the first that does not follow on the one
    /// before it or is not written.
    pub(crate) fn check(&self, blocks: &[Block]) -> Result<u64, u64> {
        let mut end = 0;
        for block in blocks {
            let next = end + block.len;
            if block.offset != end || !(block.id == BlockId::HOLE || self.covers(end, next)) {
                return Err(block.offset);
            }
            end = next;
        }
        Ok(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(offset: u64, len: u64) -> Block {
        Block { id: BlockId([1; 64]), offset, len, index: 0 }
    }

    #[test]
    fn stretches_grow_together() {
        let mut extents = Extents::default();
        extents.insert(10, 20);
        extents.insert(30, 40);
        assert_eq!(extents.check(&[block(0, 10)]), Err(0));
        extents.insert(0, 10);
        extents.insert(15, 35);
        assert_eq!(extents.0, BTreeMap::from([(0, 40)]));
        assert_eq!(extents.check(&[block(0, 5), block(5, 35)]), Ok(40));
        assert_eq!(extents.check(&[block(0, 5), block(6, 3)]), Err(6));
        assert_eq!(extents.check(&[block(0, 41)]), Err(0));
    }

    #[test]
    fn a_hole_needs_no_bytes() {
        let mut extents = Extents::default();
        extents.insert(0, 8);
        let hole = Block { id: BlockId::HOLE, offset: 8, len: 100, index: 1 };
        assert_eq!(extents.check(&[block(0, 8), hole]), Ok(108));
    }
}
