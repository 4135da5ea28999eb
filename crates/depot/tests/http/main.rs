//! The depot as its clients see it.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod access;
mod blobs;
mod check;
mod clients;
mod gc;
mod guard;
mod manifests;
mod support;
