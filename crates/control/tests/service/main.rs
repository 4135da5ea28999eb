//! The rules over a ledger, where it takes a ledger that something was done to, or two at the same time, to see them.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod deployments;
mod lab;
mod registries;
mod steps;
mod storage;
mod vaults;
