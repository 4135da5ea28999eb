//! Real peers, a fault proxy, sample artifacts and process helpers for the tests of every crate.
//!
//! Used from `tests/` folders only. Everything here is blocking on the outside (the fault proxy runs a runtime of
//! its own), so it serves plain tests and asynchronous ones alike. What goes wrong here panics with a text that
//! says what to do: a missing program is a failed test, never a skipped one.

pub mod cli;
pub mod fault;
pub mod hog;
#[cfg(feature = "images")]
pub mod images;
pub mod peers;
pub mod site;
