//! Every bound of the engine, with its name and unit.

use serde::Serialize;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Bounds of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Blobs that move at the same time.
    pub blobs_at_once: usize,
    /// Small requests (manifests, HEADs) under way at the same time.
    pub requests_at_once: usize,
    /// Bytes that may wait in block buffers, filled and being filled. Rounded up to two blocks.
    pub memory_bytes_max: u64,
    /// Length that blocks aim at.
    pub block_bytes: u64,
    /// Blobs below this length stand in the head of a bundle.
    pub small_blob_bytes: u64,
    /// Bytes of such blobs that the head takes at most; the others go to the data section.
    pub head_small_bytes_max: u64,
    /// How deep indexes may be nested, and referrers may refer to referrers.
    pub depth_max: usize,
    /// Manifests that one artifact may reach.
    pub manifests_max: usize,
    /// Names that are asked of a catalog when a repository is missing and the nearest is looked for.
    pub catalog_names_max: usize,
    /// Files that a listing of a place looks at.
    pub listed_names_max: usize,
    /// Names that a catalog may have for patterns of repositories to be held against.
    pub catalog_repositories_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blobs_at_once: 4,
            requests_at_once: 24,
            memory_bytes_max: 64 * MIB,
            block_bytes: 8 * MIB,
            small_blob_bytes: 64 * KIB,
            head_small_bytes_max: 16 * MIB,
            depth_max: 8,
            manifests_max: 20_000,
            catalog_names_max: 5_000,
            listed_names_max: 100_000,
            catalog_repositories_max: 200_000,
        }
    }
}
