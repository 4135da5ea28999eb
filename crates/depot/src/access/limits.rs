//! The bounds of access.

use std::time::Duration;

/// Bounds of [`Guard`](super::Guard).
#[derive(Debug, Clone)]
pub struct AccessLimits {
    /// Largest file of passwords, rules or keys.
    pub file_bytes_max: u64,
    /// How long a file is taken to be unchanged before it is looked at again.
    pub file_look: Duration,
    /// Passwords checked at the same time. Each keeps a processor busy: that is what bcrypt is for.
    pub password_checks_max: usize,
    /// Passwords that wait to be checked. Above it the answer is 429.
    pub password_checks_waiting_max: usize,
    /// Highest cost of a bcrypt hash; each step doubles the time.
    pub password_cost_max: u32,
    /// How long a password that was good is taken without another look, unless its user's hash changes.
    pub password_kept: Duration,
    /// Most passwords that are kept so.
    pub passwords_kept_max: usize,
    /// What a token lives. What it allows cannot be taken back before.
    pub token_lifetime: Duration,
    /// What a refresh token lives. It ends earlier when its user's password changes.
    pub refresh_token_lifetime: Duration,
    /// How far clocks may be apart from each other.
    pub clock_skew: Duration,
    /// Largest body of a request for a token.
    pub token_request_bytes_max: usize,
    /// Longest wait for that body.
    pub token_request_wait: Duration,
    /// Most scopes in one request for a token.
    pub token_scopes_max: usize,
}

impl Default for AccessLimits {
    fn default() -> Self {
        Self {
            file_bytes_max: 1 << 20,
            file_look: Duration::from_secs(1),
            password_checks_max: 2,
            password_checks_waiting_max: 64,
            password_cost_max: 15,
            password_kept: Duration::from_secs(300),
            passwords_kept_max: 4096,
            token_lifetime: Duration::from_secs(300),
            refresh_token_lifetime: Duration::from_secs(30 * 86_400),
            clock_skew: Duration::from_secs(60),
            token_request_bytes_max: 64 << 10,
            token_request_wait: Duration::from_secs(10),
            token_scopes_max: 100,
        }
    }
}
