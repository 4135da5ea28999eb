//! The built program against real registries, stores and faults.
//!
//! Each test names what a person does and what they get. Programs that are missing fail the tests; see
//! `transload_testkit` for what has to be installed.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

mod support;

mod access;
mod azure;
mod ca;
mod config;
mod disk;
mod faults;
mod foreign;
mod formats;
mod gcs;
mod hostile;
mod interop;
mod job;
mod limits;
mod listing;
mod lists;
mod login;
mod long;
mod mistakes;
mod output;
mod papers;
mod partial;
mod pipe;
mod plan;
mod plane;
mod platforms;
mod quickstart;
mod registry_clients;
mod registry_crash;
mod relay;
mod resume;
mod s3;
mod sas;
mod selection;
mod served_commands;
mod serving;
mod shelf;
mod skopeo;
mod split;
mod terminal;
mod transcripts;
