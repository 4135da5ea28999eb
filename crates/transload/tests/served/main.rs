//! The built program's served path against real clients, registries and stores.
//!
//! Azure's unmodified clients drive it, processes are killed in the middle of what they do, and planted secrets are
//! searched for. Programs that are missing fail the tests; `dev/peers` installs them.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod support;

mod az;
mod az_setup;
mod az_storage;
mod connect;
mod crash;
mod deployments;
mod description;
mod hosted;
mod leaks;
mod options;
mod papers;
mod roles;
mod sdk;
mod secrets;
mod storage;
mod workers;
