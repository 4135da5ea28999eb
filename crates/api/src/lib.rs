//! Wire types of the REST API: resources, operations, errors, tokens, secrets, events. Serde only; nothing here knows a
//! table.
//!
//! Shapes are those that the resource manager's clients send and expect; what is ours alone stands in members called
//! `transload`. Whatever a client does not know it ignores, and so does this: members that are not listed are dropped.
//! Templates send every member, with `""`, `[]` and `{}` for what is not meant; [`lenient`] reads those as absent.

pub mod access;
pub mod cloud;
pub mod deployment;
pub mod envelope;
pub mod error;
pub mod event;
pub mod group;
pub mod identity;
pub mod image;
pub mod lenient;
pub mod operation;
pub mod pipeline;
pub mod registry;
pub mod run;
pub mod secret;
pub mod storage;
pub mod token;
pub mod vault;

pub use deployment::Deployment;
pub use envelope::{GenericResource, Listed, SystemData};
pub use error::{AdditionalInfo, ErrorAnswer, ErrorBody};
pub use group::Group;
pub use identity::{ResourceIdentity, UserAssignedIdentity};
pub use image::ImportImage;
pub use operation::OperationStatus;
pub use pipeline::Pipeline;
pub use registry::Registry;
pub use run::PipelineRun;
pub use storage::StorageAccount;
pub use vault::Vault;

pub use transload_resource_id::{ID_CHARS_MAX, IdError, ResourceId};

/// Words of a resource's owner.
pub type Tags = std::collections::BTreeMap<String, String>;

/// Members that are given back as they were sent.
pub type Members = serde_json::Map<String, serde_json::Value>;
