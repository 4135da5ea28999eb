//! Every bound of the client.

use std::time::Duration;

/// Bounds of a [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until a connection stands.
    pub connect_timeout: Duration,
    /// From a request's first byte to its answer's last.
    pub request_timeout: Duration,
    /// Requests for one answer, the first one counted.
    pub attempts_max: u32,
    /// Before the second request, where the server names no time; then twice as long each time.
    pub pause_first: Duration,
    /// The longest that a server may ask to wait before a request is made again, or an operation is looked at.
    pub retry_after_max: Duration,
    /// Between two looks at an operation, where the server names no time.
    pub poll_interval: Duration,
    /// Of one answer.
    pub answer_bytes_max: usize,
    /// Items of one list.
    pub items_max: usize,
    /// A token is renewed so long before it ends.
    pub token_margin: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            attempts_max: 5,
            pause_first: Duration::from_millis(250),
            retry_after_max: Duration::from_secs(60),
            poll_interval: Duration::from_secs(1),
            answer_bytes_max: 64 * 1024 * 1024,
            items_max: 1_000_000,
            token_margin: Duration::from_secs(60),
        }
    }
}
