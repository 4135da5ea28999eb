//! Deployments of templates: asking what one would do, having it done, and seeing what it did.
//!
//! Whoever deploys acts through this server's own routes (`inner`), as whoever asked: a resource of a template meets the
//! rules, defaults and messages that a client's own request meets. The plan comes from `transload_templates`, which is
//! pure; the ledger remembers what was asked for and what was done, so that a deployment goes on after a crash.

mod ask;
mod blot;
mod complete;
mod delta;
mod execute;
pub(crate) mod export_group;
mod inner;
mod inside;
mod job;
mod nested;
mod order;
mod policies;
pub(crate) mod preflight;
mod prepare;
pub(crate) mod routes;
mod show;
mod step;
mod submit;
mod types;
pub(crate) mod what_if;
mod words;
mod world;
