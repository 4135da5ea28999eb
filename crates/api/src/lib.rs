//! Wire types of the REST API: resource ids, resources, operations, errors. Serde only; nothing here knows a table.

pub mod id;

pub use id::ResourceId;
