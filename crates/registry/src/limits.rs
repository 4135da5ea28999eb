//! Every bound of the client, by name.

use std::time::Duration;

/// Bounds of a [`Client`](crate::Client). The defaults suit the registries in use today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest manifest that is read, in bytes (distribution-spec asks registries to take at least 4 MiB).
    pub manifest_bytes_max: usize,
    /// Largest page of a listing (tags, catalog, referrers), in bytes.
    pub list_bytes_max: usize,
    /// Most names or descriptors that one listing may give over all its pages.
    pub list_names_max: usize,
    /// Names asked for per page of a listing.
    pub list_page_size: usize,
    /// Largest answer of a token service, in bytes.
    pub token_bytes_max: usize,
    /// How much of an error's body is read, in bytes.
    pub error_body_bytes_max: usize,
    /// How much of a registry's message is shown, in characters.
    pub error_text_chars_max: usize,
    /// Redirects followed for one request.
    pub redirects_max: usize,
    /// Attempts after the first, of one request, or of a blob without any progress between them.
    pub retries_max: u32,
    /// Upper end of the first pause; it doubles from there (the pause itself is random below that).
    pub retry_delay_min: Duration,
    /// Upper end of any pause that the registry did not ask for.
    pub retry_delay_max: Duration,
    /// Longest that one request may wait in all because a registry asks for it (`Retry-After`, quota headers).
    pub retry_after_max: Duration,
    /// Requests under way at once to one host, uploads and downloads included; `None` for any number. What moves
    /// bytes holds its place until it ends, so that no more blobs than this may be opened at a time.
    pub requests_per_host_max: Option<usize>,
    /// Time for name, connection and TLS handshake.
    pub connect_timeout: Duration,
    /// A connection on which nothing has moved for so long counts as cut.
    pub read_idle_timeout: Duration,
    /// How long a registry may think about a blob whose last byte it has.
    pub commit_timeout: Duration,
    /// Size of a chunk where a registry takes a blob only in chunks, in bytes.
    pub chunk_bytes: u64,
    /// Size below which a chunk is not halved any more, in bytes.
    pub chunk_bytes_min: u64,
    /// Idle connections kept per host.
    pub idle_connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes_max: 4 << 20,
            list_bytes_max: 16 << 20,
            list_names_max: 1_000_000,
            list_page_size: 1000,
            token_bytes_max: 256 << 10,
            error_body_bytes_max: 16 << 10,
            error_text_chars_max: 600,
            redirects_max: 5,
            retries_max: 6,
            retry_delay_min: Duration::from_millis(200),
            retry_delay_max: Duration::from_secs(20),
            retry_after_max: Duration::from_secs(300),
            requests_per_host_max: None,
            connect_timeout: Duration::from_secs(15),
            read_idle_timeout: Duration::from_secs(60),
            commit_timeout: Duration::from_secs(300),
            chunk_bytes: 16 << 20,
            chunk_bytes_min: 64 << 10,
            idle_connections_max: 64,
        }
    }
}
