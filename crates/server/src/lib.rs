//! The HTTP face of the control plane: resources as the resource manager's clients want them, tokens, the secret data
//! plane, events, and a few routes of our own.
//!
//! [`Server`] is a [`Router`](axum::Router); it does not listen. Every request goes the same way (`face.rs`): it gets its
//! ids, its route out of the one [table](ROUTES), its caller, and an answer. Nothing here moves bytes or knows a table:
//! `map` stands between the wire (`transload_api`) and the domain (`transload_control`).

mod answer;
mod auth;
mod call;
mod canonical;
mod cloud;
mod deployments;
mod dispatch;
mod endpoint;
mod events;
mod face;
mod fault;
mod graph;
mod limits;
mod links;
mod manage;
mod map;
mod member;
mod merge;
mod metrics;
mod options;
mod own;
mod query;
mod registries;
mod routes;
mod sign_in;
mod token;
mod unknown;
mod vaults;
mod version;

pub use auth::{Authenticator, Origin, RegistryToken};
pub use call::Peer;
pub use face::Server;
pub use limits::Limits;
pub use options::ServerOptions;
pub use routes::{Face, ROUTES, Route};
pub use token::{Audience, ClaimRole, OuterIssuer};
