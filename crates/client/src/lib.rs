//! Typed client of the REST API.
//!
//! [`Client`] signs in by client credentials, asks again when a token has ended, repeats what a busy server puts off,
//! pages through lists and polls operations. It speaks to one server only: what the server names as the next page or
//! as an operation's status is asked for at that same server, so that no token goes anywhere else.

mod access;
mod actions;
mod answer;
mod connect;
mod deployments;
mod error;
mod ids;
mod limits;
mod operation;
mod resources;
mod secrets;
mod send;
mod token;

pub use access::AuditQuery;
pub use connect::{Client, Credential, Options, Proxies};
pub use deployments::{DEPLOYMENTS, DeploymentRequest};
pub use error::{Error, Kind, Place};
pub use ids::{Direction, Versioned};
pub use limits::Limits;
pub use operation::Operation;
pub use resources::{Deleted, Put};
pub use secrets::Secrets;

pub use transload_api as api;
