//! Azure's article on transferring artifacts, and what its section on troubleshooting speaks of, with an unmodified `az`.
//!
//! Programs that are missing fail the tests; `dev/peers` installs them.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod support;

mod article;
mod editions;
mod trouble;
