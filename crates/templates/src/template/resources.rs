//! The section `resources`: an array of resources, or with language version 2.0 an object of them by symbolic names.

use super::{Template, section};
use crate::plan::DEPLOYMENTS;
use crate::{Error, Limits, Member, Node, NodeValue, Position};

/// Members of a resource that say how it is deployed, and are no part of what is sent.
const CONTROLS: [&str; 14] = [
    "type",
    "name",
    "apiVersion",
    "condition",
    "copy",
    "dependsOn",
    "scope",
    "resources",
    "existing",
    "comments",
    "metadata",
    "resourceGroup",
    "subscriptionId",
    "asserts",
];

/// Members that make a resource one of an extension.
const EXTENSIONS: [&str; 2] = ["import", "extension"];

/// Members of a resource that are sent for it, whatever its type is.
const SENT: [&str; 14] = [
    "location",
    "tags",
    "identity",
    "sku",
    "kind",
    "plan",
    "zones",
    "extendedLocation",
    "placement",
    "managedBy",
    "managedByExtended",
    "scale",
    "eTag",
    "properties",
];

/// A resource as it is written; a loop is still one.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) at: Position,
    /// From the template: `resources[0]`.
    pub(crate) path: String,
    pub(crate) symbol: Option<String>,
    pub(crate) kind: Node,
    pub(crate) name: Node,
    pub(crate) api_version: Option<Node>,
    pub(crate) condition: Option<Node>,
    pub(crate) scope: Option<Node>,
    pub(crate) depends_on: Option<Node>,
    pub(crate) existing: bool,
    /// The group and the subscription that it names for itself.
    pub(crate) group: Option<Node>,
    pub(crate) subscription: Option<Node>,
    pub(crate) copy: Option<ResourceLoop>,
    /// Its members without those that say how it is deployed.
    pub(crate) body: Node,
    pub(crate) nested: Option<Nested>,
    pub(crate) children: Vec<Resource>,
}

/// The loop that makes several resources of one.
#[derive(Debug, Clone)]
pub(crate) struct ResourceLoop {
    pub(crate) name: String,
    pub(crate) count: Node,
    /// How many at a time, where not all at once.
    pub(crate) batch: Option<Node>,
}

/// What makes a resource of type `Microsoft.Resources/deployments` a deployment.
#[derive(Debug, Clone)]
pub(crate) struct Nested {
    /// The template as it was read. Of one that is evaluated in the outer scope, expressions are the outer template's.
    pub(crate) template: Box<Template>,
    pub(crate) parameters: Option<Node>,
    pub(crate) mode: Option<Node>,
    /// Expressions are evaluated in the nested template's own scope.
    pub(crate) inner: bool,
}

pub(super) fn read(
    root: &Node,
    symbolic: bool,
    limits: &Limits,
    depth: usize,
) -> Result<Vec<Resource>, Error> {
    section::required(root, "resources", "the template")?;
    let mut reading = Reading { limits, nested: depth, count: 0, symbolic };
    reading.section(root, 0).map_err(|error| error.within("resources")).map(|mut resources| {
        root_paths(&mut resources, "resources");
        resources
    })
}

/// What is being read, through all resources that lie in each other.
struct Reading<'l> {
    limits: &'l Limits,
    nested: usize,
    count: usize,
    symbolic: bool,
}

impl Reading<'_> {
    /// The resources of a template or of a resource. Paths begin at the section.
    fn section(&mut self, owner: &Node, depth: usize) -> Result<Vec<Resource>, Error> {
        let Some(section) = section::member(owner, "resources") else { return Ok(Vec::new()) };
        section::deep(depth, self.limits, section)?;
        if self.symbolic
            && let Some(entries) = section.as_object()
        {
            return entries.iter().map(|entry| self.symbolic(entry, depth)).collect();
        }
        let items = section::array(section, "The member 'resources'")?;
        items
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let path = format!("[{index}]");
                self.resource(node, &path, None, depth).map_err(|error| error.within(&path))
            })
            .collect()
    }

    fn symbolic(&mut self, entry: &Member, depth: usize) -> Result<Resource, Error> {
        self.resource(&entry.value, &entry.key, Some(entry.key.clone()), depth)
            .map_err(|error| error.within(&entry.key))
    }

    fn resource(
        &mut self,
        node: &Node,
        path: &str,
        symbol: Option<String>,
        depth: usize,
    ) -> Result<Resource, Error> {
        let members = section::object(node, "The template resource")?;
        self.count += 1;
        section::at_most(self.count, self.limits.resources_max, "resources", node)?;
        refuse_extensions(node)?;
        section::only(members, CONTROLS.iter().chain(&SENT).chain(&EXTENSIONS), "TemplateResource")?;
        Ok(Resource {
            at: node.at,
            path: path.to_owned(),
            symbol,
            kind: name_like(node, "type")?,
            name: name_like(node, "name")?,
            api_version: section::member(node, "apiVersion").cloned(),
            condition: section::member(node, "condition").cloned(),
            scope: section::member(node, "scope").cloned(),
            depends_on: section::member(node, "dependsOn").cloned(),
            existing: section::boolean(node, "existing")?.unwrap_or(false),
            group: section::member(node, "resourceGroup").cloned(),
            subscription: section::member(node, "subscriptionId").cloned(),
            copy: copy(node)?,
            nested: self.nested(node)?,
            body: body(node.at, members),
            children: self.section(node, depth + 1).map_err(|error| error.within("resources"))?,
        })
    }

    /// The deployment that a resource of that type is, if it is of that type and not only referred to.
    fn nested(&self, node: &Node) -> Result<Option<Nested>, Error> {
        let kind = node.get("type").and_then(Node::as_text).unwrap_or_default();
        let existing = section::boolean(node, "existing")?.unwrap_or(false);
        if !kind.trim_end_matches('/').eq_ignore_ascii_case(DEPLOYMENTS) || existing {
            return Ok(None);
        }
        let properties = section::required(node, "properties", "the nested deployment")?;
        let within = |error: Error| error.within("properties");
        section::object(properties, "The member 'properties'").map_err(within)?;
        refuse_links(properties).map_err(within)?;
        let depth = self.nested + 1;
        if depth > self.limits.nested_depth_max {
            let text =
                format!("More than {} deployments are nested in each other.", self.limits.nested_depth_max);
            return Err(within(Error::limit(text).or_at(properties.at)));
        }
        let template = section::required(properties, "template", "the nested deployment").map_err(within)?;
        let read = Template::read_nested(template, self.limits, depth);
        Ok(Some(Nested {
            template: Box::new(read.map_err(|error| within(error.within("template")))?),
            parameters: section::member(properties, "parameters").cloned(),
            mode: section::member(properties, "mode").cloned(),
            inner: is_inner(properties).map_err(within)?,
        }))
    }
}

fn refuse_extensions(node: &Node) -> Result<(), Error> {
    for unsupported in EXTENSIONS {
        if section::member(node, unsupported).is_some() {
            let text = format!(
                "The template resource is of an extension ('{unsupported}'), of which this server has none."
            );
            return Err(section::refuse(node, unsupported, text));
        }
    }
    Ok(())
}

/// Puts the way from the template before the paths of resources and of what lies in them.
fn root_paths(resources: &mut [Resource], before: &str) {
    for resource in resources {
        let separator = if resource.path.starts_with('[') { "" } else { "." };
        resource.path = format!("{before}{separator}{}", resource.path);
        let children = format!("{}.resources", resource.path);
        root_paths(&mut resource.children, &children);
    }
}

/// A member that has to be a string that is not empty; what it evaluates to is checked later.
fn name_like(node: &Node, name: &str) -> Result<Node, Error> {
    let value = section::required(node, name, "the template resource")?;
    match value.as_text() {
        Some(text) if !text.trim().is_empty() => Ok(value.clone()),
        _ => {
            let text = format!(
                "The template resource '' at line '{}' and column '{}' is not valid. The {name} property cannot be null or empty.",
                node.at.line, node.at.column
            );
            Err(section::refuse(node, name, text))
        }
    }
}

fn copy(node: &Node) -> Result<Option<ResourceLoop>, Error> {
    let Some(copy) = section::member(node, "copy") else { return Ok(None) };
    let read = || {
        section::object(copy, "The member 'copy' of a template resource")?;
        let serial = match section::text(copy, "mode")?.unwrap_or("parallel") {
            mode if mode.eq_ignore_ascii_case("serial") => true,
            mode if mode.eq_ignore_ascii_case("parallel") => false,
            mode => {
                let text = format!("The copy mode '{mode}' is not valid: there are 'serial' and 'parallel'.");
                return Err(section::refuse(copy, "mode", text));
            }
        };
        let one = Node { value: NodeValue::Int(1), at: copy.at };
        let batch = section::member(copy, "batchSize").cloned();
        Ok(ResourceLoop {
            name: section::required_text(copy, "name", "the copy loop")?.to_owned(),
            count: section::required(copy, "count", "the copy loop")?.clone(),
            batch: serial.then(|| batch.unwrap_or(one)),
        })
    };
    read().map(Some).map_err(|error: Error| error.within("copy"))
}

fn body(at: Position, members: &[Member]) -> Node {
    let is_control =
        |member: &&Member| !CONTROLS.iter().any(|control| control.eq_ignore_ascii_case(&member.key));
    Node { value: NodeValue::Object(members.iter().filter(is_control).cloned().collect()), at }
}

/// Templates and parameters that lie elsewhere: this server fetches nothing.
fn refuse_links(properties: &Node) -> Result<(), Error> {
    for (link, instead) in [("templateLink", "template"), ("parametersLink", "parameters")] {
        if section::member(properties, link).is_some() {
            let text = format!(
                "The nested deployment has a '{link}'. This server fetches nothing from elsewhere: put its content into '{instead}'."
            );
            return Err(section::refuse(properties, link, text));
        }
    }
    Ok(())
}

/// Whether the expressions of a nested deployment's template are its own.
pub(crate) fn is_inner(properties: &Node) -> Result<bool, Error> {
    let Some(options) = section::member(properties, "expressionEvaluationOptions") else { return Ok(false) };
    match section::text(options, "scope")? {
        Some(scope) if scope.eq_ignore_ascii_case("inner") => Ok(true),
        None => Ok(false),
        Some(scope) if ["outer", "notspecified"].contains(&scope.to_lowercase().as_str()) => Ok(false),
        Some(scope) => {
            let text = format!(
                "The expression evaluation scope '{scope}' is not valid: there are 'inner' and 'outer'."
            );
            Err(section::refuse(options, "scope", text).within("expressionEvaluationOptions"))
        }
    }
}
