//! The control plane's rules and its memory: resources, runs and their state machine, deployments, identities and access, triggers,
//! the queue, and the ledger that keeps it all in SQLite or PostgreSQL.
//!
//! Nothing here speaks HTTP or moves bytes.

pub mod access;
pub mod audit;
mod container;
pub mod deployment;
mod error;
pub mod ledger;
mod limits;
mod names;
pub mod resource;
pub mod run;
mod service;
pub mod storage;

pub use access::{Caller, Grant, Principal, Role};
pub use error::{Code, Error};
pub use ledger::{Ledger, LedgerLimits};
pub use limits::Limits;
pub use service::{
    Control, ControlOptions, CredentialSpec, Deleted, DeploymentSpec, IdentitySpec, ImageSource, ImportImage,
    KeySpec, NewPrincipal, OneTimeSecret, PASSWORD_CONTEXT, PipelineSpec, PlaceSpec, PolicyChange,
    RegistrySpec, RunSpec, SecretPlace, Secrets, StoragePlaceSpec, StorageSpec, VaultSpec, WorkSpec,
};

pub use transload_resource_id::ResourceId;
