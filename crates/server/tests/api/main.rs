//! The face as clients see it: requests in, answers out, over a real ledger.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod access;
mod bodies;
mod deployments;
mod events;
mod issuers;
mod lab;
mod protocol;
mod recorded;
mod registries;
mod resources;
mod runs;
mod secrets;
mod storage;
mod tokens;
