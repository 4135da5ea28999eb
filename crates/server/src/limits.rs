//! The bounds of the HTTP face.

/// Bounds of requests and tokens. Each is a setting of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one request's body (the resource manager's own: 4 MiB).
    pub body_bytes_max: usize,
    /// How long a token of ours is taken.
    pub token_seconds: u64,
    /// How much clocks may differ.
    pub clock_skew_seconds: u64,
    /// After how many days another key signs.
    pub token_key_days: u32,
    /// Seconds that clients are told to wait between two looks at an operation.
    pub poll_seconds: u64,
    /// Seconds that a request for lines of a log may wait for the first.
    pub log_wait_seconds_max: u64,
    /// Lines of one answer of a log.
    pub log_lines_max: usize,
    /// Events of one request.
    pub events_max: usize,
    /// Deployments that one server does at a time; of those that are nested in others as many at each depth.
    pub deployments_at_once: usize,
    /// Resources of one deployment that are made at a time.
    pub deployment_resources_at_once: usize,
    /// Without a word of its server for so long, a deployment is another's.
    pub deployment_lease_seconds: u64,
    /// How long after a word the next one is said; a server learns of a cancellation with it.
    pub deployment_beat_millis: u64,
    /// How long until a server looks for deployments that others took in.
    pub deployment_look_millis: u64,
    /// Bytes of an outer issuer's documents.
    pub issuer_document_bytes_max: usize,
    /// How long an outer issuer's answer may take.
    pub issuer_timeout_seconds: u64,
    /// How long an outer issuer's keys are taken without asking again.
    pub issuer_keys_seconds: u64,
    /// A key that is not known makes us ask an outer issuer again, but not more often than this.
    pub issuer_refresh_seconds_min: u64,
    /// Nor, after it did not answer, more often than this.
    pub issuer_retry_seconds_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 * 1024 * 1024,
            token_seconds: 3599,
            clock_skew_seconds: 120,
            token_key_days: 30,
            poll_seconds: 1,
            log_wait_seconds_max: 55,
            log_lines_max: 1000,
            events_max: 5000,
            deployments_at_once: 20,
            deployment_resources_at_once: 10,
            deployment_lease_seconds: 15,
            deployment_beat_millis: 1000,
            deployment_look_millis: 1000,
            issuer_document_bytes_max: 1024 * 1024,
            issuer_timeout_seconds: 10,
            issuer_keys_seconds: 3600,
            issuer_refresh_seconds_min: 60,
            issuer_retry_seconds_min: 5,
        }
    }
}
