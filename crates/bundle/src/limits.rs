//! Bounds on what a bundle may contain. Every bound has a name.

/// What a reader is willing to hold in memory and to walk through. A writer keeps to the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest head of a bundle of our own, in bytes. It is read into memory whole.
    pub head_bytes_max: u64,
    /// Longest `index.json`, in bytes.
    pub index_json_bytes_max: u64,
    /// Most entries of a tar, and of a catalog.
    pub entries_max: usize,
    /// Most descriptors in `index.json`.
    pub roots_max: usize,
    /// Longest manifest or index, in bytes.
    pub manifest_bytes_max: u64,
    /// Deepest nesting of indexes that is followed. (Whoever walks the manifests follows them, not the opener.)
    pub depth_max: usize,
    /// Longest transfer manifest (its JSON), in bytes.
    pub transfer_bytes_max: u64,
    /// Longest GNU or PAX record in front of an entry, in bytes.
    pub extension_bytes_max: u64,
    /// Most bytes of small blobs that are kept while the headers of a foreign tar are walked.
    pub kept_bytes_max: u64,
    /// Most bytes of JSON documents that are kept of a tar that is read front to back, and that are made for a
    /// docker-archive.
    pub documents_bytes_max: u64,
    /// Most bytes of names of files that are no blobs.
    pub names_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 512 << 20,
            index_json_bytes_max: 64 << 20,
            entries_max: 500_000,
            roots_max: 200_000,
            manifest_bytes_max: 4 << 20,
            depth_max: 16,
            transfer_bytes_max: 128 << 20,
            extension_bytes_max: 64 << 10,
            kept_bytes_max: 8 << 20,
            documents_bytes_max: 64 << 20,
            names_bytes_max: 32 << 20,
        }
    }
}
