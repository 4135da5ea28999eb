//! As much of tar as an image layout needs: headers written one way, and read in all the ways others write them.

pub(crate) mod entry;
pub(crate) mod read;
pub(crate) mod write;

/// Everything in a tar is in records of this many bytes.
pub(crate) const RECORD_BYTES: u64 = 512;

/// `len` rounded up to whole records. Stops at the largest number rather than wrapping.
pub(crate) fn padded(len: u64) -> u64 {
    len.div_ceil(RECORD_BYTES).saturating_mul(RECORD_BYTES)
}
