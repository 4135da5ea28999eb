//! The client against real registries, against registries that misbehave, and against another client.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auth;
mod conformance;
mod downloads;
mod limits;
mod listings;
mod peer;
mod receiver;
mod scripted;
mod support;
mod tls;
mod uploads;
mod web;
