//! Every bound of a shelf, with its name and unit.

use std::time::Duration;

/// Bounds of what is served out of bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShelfLimits {
    /// Blobs that are read from stores at the same time; others wait.
    pub reads_at_once: usize,
    /// How long a reader waits for its turn.
    pub read_wait: Duration,
    /// Bytes of manifests that are kept once they were read and parsed.
    pub manifests_bytes_max: u64,
    /// Files and folders of one place that are looked at when the place itself is named.
    pub listed_names_max: usize,
    /// Bundles that are opened at the same time.
    pub opened_at_once: usize,
    /// Things of one kind that are told one by one when the shelf is opened; of the others only how many there are.
    pub notes_max: usize,
}

impl Default for ShelfLimits {
    fn default() -> Self {
        Self {
            reads_at_once: 64,
            read_wait: Duration::from_secs(30),
            manifests_bytes_max: 16 << 20,
            listed_names_max: 100_000,
            opened_at_once: 8,
            notes_max: 10,
        }
    }
}
