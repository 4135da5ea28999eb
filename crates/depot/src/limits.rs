//! Every bound of the depot.

use std::time::Duration;

/// Bounds. The defaults suit a registry on the machine of the person who uses it.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest blob.
    pub blob_bytes_max: u64,
    /// Largest manifest.
    pub manifest_bytes_max: usize,
    /// What is read of the body of a request that is refused, so that the answer arrives.
    pub refused_body_bytes_max: u64,
    /// The longest wait for it.
    pub refused_body_wait: Duration,
    /// Memory for manifests that were read, all together.
    pub manifest_cache_bytes_max: u64,
    /// Names of repositories or tags whose order is kept in memory, all together.
    pub listed_names_max: usize,
    /// Upload sessions open at a time. Above it the one that was idle longest is dropped.
    pub uploads_max: usize,
    /// Most names in one page of tags or repositories; the rest is behind a `Link`.
    pub page_entries_max: usize,
    /// Connections served at a time, on all addresses of a server; others wait.
    pub connections_max: usize,
    /// Requests that run at a time; others are asked to come again (503).
    pub requests_max: usize,
    /// What a connection holds of what comes, and again of what goes; at least the longest head, and 8 KiB.
    pub connection_buffer_bytes_max: usize,
    /// Longest head of a request.
    pub head_bytes_max: usize,
    /// Longest pause within a request's body.
    pub body_idle: Duration,
    /// Longest wait for the head of a request, also between two requests.
    pub head_wait: Duration,
    /// Longest time a TLS handshake takes.
    pub handshake_wait: Duration,
    /// Longest time in which the reader of an answer takes nothing of it.
    pub write_idle: Duration,
    /// How often the certificate is looked at: whether its files have changed, whether it has to be renewed.
    pub certificate_reread: Duration,
    /// What requests that run get when the server is shut down.
    pub shutdown_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            blob_bytes_max: 1 << 40,
            manifest_bytes_max: 4 << 20,
            refused_body_bytes_max: 256 << 20,
            refused_body_wait: Duration::from_secs(1),
            manifest_cache_bytes_max: 16 << 20,
            listed_names_max: 200_000,
            uploads_max: 1024,
            page_entries_max: 10_000,
            connections_max: 1024,
            requests_max: 512,
            connection_buffer_bytes_max: 64 << 10,
            head_bytes_max: 64 << 10,
            body_idle: Duration::from_secs(60),
            head_wait: Duration::from_secs(120),
            handshake_wait: Duration::from_secs(10),
            write_idle: Duration::from_secs(120),
            certificate_reread: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// For a listener that shows figures to a few programs.
    pub(crate) fn for_metrics() -> Self {
        Self {
            connections_max: 32,
            requests_max: 32,
            head_wait: Duration::from_secs(60),
            write_idle: Duration::from_secs(10),
            ..Self::default()
        }
    }
}
