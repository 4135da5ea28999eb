//! The template as it is written: its sections, each read into a form of its own. Nothing is evaluated here, so strings
//! are still expressions; what can be known without evaluating is checked.

mod outputs;
mod parameters;
mod resources;
mod section;
mod shape;
mod variables;

use indexmap::IndexMap;
use serde_json::Value as Json;

pub(crate) use outputs::{Output, OutputForm};
pub(crate) use parameters::Parameter;
pub(crate) use resources::{Nested, Resource, is_inner};
pub use shape::ValueKind;
pub(crate) use shape::{Additional, Definitions, Shape};
pub(crate) use variables::{Function, Loop, Variable, VariableForm};

use crate::{Error, Limits, Node};

/// The path of the template in a deployment's request, which errors' paths begin with.
const ROOT: &str = "properties.template";

/// A template that was read: the sections are there, members have the types that they must have, nothing is more than
/// the [limits](Limits) allow.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) root: Node,
    pub(crate) content_version: String,
    pub(crate) parameters: IndexMap<String, Parameter>,
    pub(crate) definitions: Definitions,
    pub(crate) variables: IndexMap<String, Variable>,
    pub(crate) functions: IndexMap<String, Function>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) outputs: Vec<Output>,
}

impl Template {
    /// Reads a template from its document.
    ///
    /// # Errors
    /// `InvalidTemplate` for what a template must not be, `Limit` when there is more of something than is allowed; both
    /// with line, column and path.
    pub fn read(root: &Node, limits: &Limits) -> Result<Self, Error> {
        Self::read_nested(root, limits, 0).map_err(|error| validation_failed(error.within(ROOT)))
    }

    pub(crate) fn read_nested(root: &Node, limits: &Limits, depth: usize) -> Result<Self, Error> {
        section::object(root, "The template")?;
        section::known_members(root)?;
        let symbolic = language(root)?;
        let template = Self {
            root: root.clone(),
            content_version: section::text(root, "contentVersion")?.unwrap_or("1.0.0.0").to_owned(),
            parameters: parameters::read(root, limits)?,
            definitions: shape::definitions(root)?,
            variables: variables::read(root, limits)?,
            functions: variables::functions(root)?,
            resources: resources::read(root, symbolic, limits, depth)?,
            outputs: outputs::read(root, limits)?,
        };
        Ok(template)
    }

    /// The version that the author gave it.
    pub fn content_version(&self) -> &str {
        &self.content_version
    }

    /// As JSON, expressions as they are written: what is kept for an export.
    pub fn to_json(&self) -> Json {
        self.root.to_json()
    }

    /// The parameters' names in their order, with their types and whether they have to be given.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, Option<ValueKind>, bool)> {
        self.parameters.values().map(|parameter| {
            let shape = self.definitions.follow(&parameter.shape).ok();
            let kind = shape.and_then(|shape| shape.kind);
            (parameter.name.as_str(), kind, parameter.is_required(&self.definitions))
        })
    }
}

/// The key under which things with a name are kept: case says nothing.
pub(crate) fn key(name: &str) -> String {
    name.to_lowercase()
}

/// An error of the whole, in Azure's words around its own.
pub(crate) fn validation_failed(mut error: Error) -> Error {
    const WORDS: &str = "Deployment template validation failed: '";
    if error.lookup().is_none() && !error.message.starts_with(WORDS) {
        error.message = format!("{WORDS}{}'.", error.message);
    }
    error
}

/// Whether resources have symbolic names. Other versions than 1.0 and 2.0 are refused rather than guessed at.
fn language(root: &Node) -> Result<bool, Error> {
    if let Some(schema) = section::text(root, "$schema")?
        && !schema.trim_end_matches('#').to_lowercase().ends_with("/deploymenttemplate.json")
    {
        let text = format!(
            "The template schema '{schema}' is not supported: this server deploys to resource groups, with '…/deploymentTemplate.json#'."
        );
        return Err(section::refuse(root, "$schema", text));
    }
    match section::text(root, "languageVersion")? {
        None => Ok(root.get("resources").is_some_and(|resources| resources.as_object().is_some())),
        Some("1.0") => Ok(false),
        Some("2.0") => Ok(true),
        Some(other) => {
            let text = format!(
                "The template language version '{other}' is not supported: there are '1.0' and '2.0'."
            );
            Err(section::refuse(root, "languageVersion", text))
        }
    }
}

#[cfg(test)]
mod tests;
