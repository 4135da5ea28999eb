//! The depot beside Debian's `docker-registry`: one sequence of requests to both, and one folder for both.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod compare;
mod contents;
mod differences;
mod script;
mod shared;
mod side;
