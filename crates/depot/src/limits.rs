//! Every bound of the depot.

use std::time::Duration;

/// Bounds. The defaults suit a registry on the machine of the person who uses it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest blob.
    pub blob_bytes_max: u64,
    /// Largest manifest.
    pub manifest_bytes_max: usize,
    /// Memory for manifests that were read, all together.
    pub manifest_cache_bytes_max: u64,
    /// Names of repositories or tags whose order is kept in memory, all together.
    pub listed_names_max: usize,
    /// Upload sessions open at a time. Above it the one that was idle longest is dropped.
    pub uploads_max: usize,
    /// Most names in one page of tags or repositories; the rest is behind a `Link`.
    pub page_entries_max: usize,
    /// Connections served at a time; others wait.
    pub connections_max: usize,
    /// Longest pause within a request's body.
    pub body_idle: Duration,
    /// Longest wait for the head of a request, also between two requests.
    pub head_wait: Duration,
    /// What requests that run get when the server is shut down.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blob_bytes_max: 1 << 40,
            manifest_bytes_max: 4 << 20,
            manifest_cache_bytes_max: 16 << 20,
            listed_names_max: 200_000,
            uploads_max: 1024,
            page_entries_max: 10_000,
            connections_max: 1024,
            body_idle: Duration::from_secs(60),
            head_wait: Duration::from_secs(120),
            shutdown_grace: Duration::from_secs(1),
        }
    }
}
