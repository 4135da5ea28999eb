//! Listening as clients see it: bounds, ends, TLS, logs.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod bounds;
mod drain;
mod hosts;
mod log;
mod support;
mod tls;
