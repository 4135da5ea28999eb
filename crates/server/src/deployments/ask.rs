//! What is sent to deploy, to validate or to ask what if. It is no JSON: the template stands in it as its file has it
//! (contract, § 0.1).

use std::collections::BTreeMap;
use std::fmt;

use transload_api::Tags;
use transload_control::deployment::DeploymentMode;
use transload_templates::{Error, NestedDeployment, Node, Position, Value, same_name};

use crate::fault::Fault;
use crate::options::ServerOptions;

/// A request that was read.
pub(crate) struct Asked {
    pub(crate) template: Node,
    /// Where the text begins in the request that a person wrote as the template.
    first: Position,
    /// As they were sent, members in their order: `{value}` or `{reference}`.
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) mode: DeploymentMode,
    pub(crate) location: Option<String>,
    pub(crate) tags: Tags,
    /// Of a question what if: whether only ids are wanted.
    pub(crate) ids_only: bool,
}

/// Parameters may be secrets: they are not shown.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Why a request was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is nothing that a template could be found in.
    Fault(Fault),
    /// What stands in it as the template is none.
    Template(Error),
}

impl Asked {
    /// Reads a request.
    ///
    /// # Errors
    /// A request without a template, with one that is elsewhere, or with members that cannot be.
    pub(crate) fn read(body: &str, options: &ServerOptions) -> Result<Self, Unread> {
        let root = Node::parse(body, &options.templates).map_err(Unread::Template)?;
        Self::of(&root).map_err(Unread::Fault)
    }

    /// What a plan says of a deployment that is nested in what was `outer` asked for.
    pub(crate) fn nested(nested: &NestedDeployment, outer: &Self) -> Self {
        Self {
            first: outer.first,
            template: nested.template.clone(),
            parameters: nested.parameters.clone().into_iter().collect(),
            mode: DeploymentMode::Incremental,
            location: nested.location.clone(),
            tags: Tags::new(),
            ids_only: false,
        }
    }

    fn of(root: &Node) -> Result<Self, Fault> {
        let properties = root.get("properties").filter(|found| found.as_object().is_some());
        let properties = properties.ok_or_else(|| content("'properties' is required: an object."))?;
        let template = said(properties, "template").cloned();
        let template = match (template, said(properties, "templateLink")) {
            (Some(template), _) => template,
            (None, Some(_)) => return Err(elsewhere("templateLink", "--template-file")),
            (None, None) => return Err(content("'properties.template' is required: the template itself.")),
        };
        if said(properties, "parametersLink").is_some() {
            return Err(elsewhere("parametersLink", "--parameters @file"));
        }
        if said(properties, "onErrorDeployment").is_some() {
            let text = "A deployment that is done when this one fails ('onErrorDeployment') is not supported: deploy that one \
                        yourself.";
            return Err(Fault::invalid("properties.onErrorDeployment", text));
        }
        let what_if = said(properties, "whatIfSettings").and_then(|settings| settings.get("resultFormat"));
        Ok(Self {
            first: template.at,
            template,
            parameters: parameters(properties)?,
            mode: mode(properties)?,
            location: said(root, "location").and_then(Node::as_text).map(str::to_owned),
            tags: tags(root)?,
            ids_only: what_if.and_then(Node::as_text).is_some_and(|form| same_name(form, "ResourceIdOnly")),
        })
    }

    /// Where in the template's own text something is that stands there in the request's.
    pub(crate) fn place(&self, at: Position) -> Position {
        let first = self.first;
        let column =
            if at.line == first.line { at.column.saturating_sub(first.column) + 1 } else { at.column };
        Position { line: at.line.saturating_sub(first.line) + 1, column }
    }
}

/// A member that is more than `null`.
fn said<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    node.get(name).filter(|found| !found.is_null())
}

fn parameters(properties: &Node) -> Result<BTreeMap<String, Value>, Fault> {
    let Some(sent) = said(properties, "parameters") else { return Ok(BTreeMap::new()) };
    let sent = match sent.get("parameters").filter(|_| sent.get("$schema").is_some()) {
        // a whole parameter file
        Some(inner) => inner,
        None => sent,
    };
    let members = sent.as_object().ok_or_else(|| content("'properties.parameters' is an object."))?;
    let mut parameters = BTreeMap::new();
    for member in members {
        let given = &member.value;
        if given.get("value").is_none() && given.get("reference").is_none() {
            let name = &member.key;
            let text =
                format!("The parameter '{name}' has neither 'value' nor 'reference': give it one of them.");
            return Err(content(text).about(format!("properties.parameters.{name}")));
        }
        parameters.insert(member.key.clone(), given.clone().into_value());
    }
    Ok(parameters)
}

fn mode(properties: &Node) -> Result<DeploymentMode, Fault> {
    let sent = said(properties, "mode").and_then(Node::as_text).unwrap_or_default();
    [DeploymentMode::Incremental, DeploymentMode::Complete]
        .into_iter()
        .find(|mode| same_name(mode.name(), sent))
        .ok_or_else(|| Fault::invalid("properties.mode", "'mode' is Incremental or Complete."))
}

fn tags(root: &Node) -> Result<Tags, Fault> {
    let Some(tags) = said(root, "tags") else { return Ok(Tags::new()) };
    serde_json::from_value(tags.to_json()).map_err(|_| Fault::invalid("tags", "Tags are texts."))
}

fn content(text: impl Into<String>) -> Fault {
    let text = format!("The request content was invalid and could not be deserialized: {}", text.into());
    Fault::bad("InvalidRequestContent", text)
}

fn elsewhere(member: &str, instead: &str) -> Fault {
    let text = format!(
        "'{member}' is not supported: this server fetches nothing for a deployment. Send what it leads to with the request \
         itself ({instead})."
    );
    Fault::bad("InvalidContentLink", text).about(format!("properties.{member}"))
}

#[cfg(test)]
mod tests {
    use transload_templates::Limits;

    use super::*;

    fn read(body: &str) -> Result<Asked, String> {
        let root = Node::parse(body, &Limits::default()).map_err(|error| error.to_string())?;
        Asked::of(&root).map_err(|fault| fault.message)
    }

    #[test]
    fn the_form_that_az_sends_is_read() {
        let body = "{\"properties\":{\"parameters\":{\"a\":{\"value\":\"x\"}},\"mode\":\"incremental\", template:{ // words\n\
                    /* more */ \"resources\": [] }}}";
        let asked = read(body).unwrap();
        assert_eq!(asked.mode, DeploymentMode::Incremental);
        assert_eq!(asked.parameters["a"].json_text(), r#"{"value":"x"}"#);
        let inner = asked.template.get("resources").unwrap().at;
        assert_eq!(asked.place(inner).line, 2);
        assert_eq!(asked.place(asked.template.at), Position { line: 1, column: 1 });
    }

    #[test]
    fn what_cannot_be_deployed_is_said() {
        for (body, words) in [
            ("{}", "'properties' is required"),
            (r#"{"properties":{"mode":"Complete"}}"#, "'properties.template' is required"),
            (
                r#"{"properties":{"mode":"Complete","templateLink":{"uri":"x"}}}"#,
                "'templateLink' is not supported",
            ),
            (r#"{"properties":{"template":{}}}"#, "'mode' is Incremental or Complete"),
            (
                r#"{"properties":{"mode":"Complete","template":{},"parameters":{"a":"x"}}}"#,
                "The parameter 'a'",
            ),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(words), "{body}: {error}");
        }
    }
}
