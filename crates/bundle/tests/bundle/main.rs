//! The format from outside: written and read back, and against other programs.
#![expect(clippy::unwrap_used, reason = "a test may end where it finds what it does not expect")]

mod arbitrary;
mod docker;
mod fixtures;
mod folders;
mod foreign;
mod listing;
mod round_trip;
mod skopeo;
mod stream;
mod support;
