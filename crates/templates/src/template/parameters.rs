//! The section `parameters`.

use indexmap::IndexMap;

use super::{Definitions, Shape, key, section};
use crate::{Error, Limits, Node, Position};

/// A parameter as it is declared.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    /// Where its name stands.
    pub(crate) at: Position,
    pub(crate) shape: Shape,
    pub(crate) default: Option<Node>,
}

impl Parameter {
    pub(crate) fn is_required(&self, definitions: &Definitions) -> bool {
        self.default.is_none() && !definitions.nullable(&self.shape)
    }
}

pub(super) fn read(root: &Node, limits: &Limits) -> Result<IndexMap<String, Parameter>, Error> {
    section::bounded(root, "parameters", limits.parameters_max)?;
    let mut read = IndexMap::new();
    for entry in section::entries(root, "parameters")? {
        let what = format!("The template parameter '{}'", entry.key);
        let shape = Shape::read(&entry.value, &what)
            .map_err(|error| error.or_at(entry.key_at).within(&entry.key).within("parameters"))?;
        let parameter = Parameter {
            name: entry.key.clone(),
            at: entry.key_at,
            shape,
            default: section::member(&entry.value, "defaultValue").cloned(),
        };
        if read.insert(key(&entry.key), parameter).is_some() {
            return Err(section::twice(entry, "template parameter").within("parameters"));
        }
    }
    Ok(read)
}
