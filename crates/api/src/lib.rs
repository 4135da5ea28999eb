//! Wire types of the REST API: resources, operations, errors. Serde only; nothing here knows a table.

pub use transload_resource_id::ResourceId;
