//! What a template wants to know of the world.

use crate::Value;

/// A question that an expression asks of what is deployed. Whoever deploys finds the answer and evaluates again.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// `reference()`: the state of a resource.
    Reference {
        /// The resource's whole id.
        id: String,
        /// The version that the template asked with; none where the resource is the template's own.
        api_version: Option<String>,
        /// Whether the whole resource is meant, and not only its `properties`.
        full: bool,
    },
    /// `list…()`: an action on a resource that answers with values.
    List {
        /// The function's name as it was written: `listKeys`.
        function: String,
        /// The resource's whole id.
        id: String,
        /// The version that the template asked with.
        api_version: String,
        /// What is sent along.
        body: Option<Value>,
    },
}

impl Lookup {
    /// Whether it takes next to no memory.
    pub(crate) fn is_small(&self) -> bool {
        /// Bytes of an id and a version, of which both are shorter in earnest.
        const BYTES_MAX: usize = 4096;
        match self {
            Self::Reference { id, api_version, .. } => {
                id.len() + api_version.as_ref().map_or(0, String::len) <= BYTES_MAX
            }
            Self::List { id, api_version, body, .. } => {
                body.is_none() && id.len() + api_version.len() <= BYTES_MAX
            }
        }
    }
}
