//! Templates of nested deployments of which the expressions are the outer template's: they are evaluated there, and what
//! the inner deployment gets has values in their place.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use super::expand;
use super::scope::Frame;
use super::setting::DEPLOYMENTS;
use crate::error::Waiting;
use crate::template::is_inner;
use crate::{Error, Evaluator, Member, Node, NodeValue, Object, Position, Value};

/// Sections that mean nothing when expressions are the outer template's, or are no expressions.
const DROPPED: [&str; 4] = ["parameters", "variables", "functions", "definitions"];
const KEPT: [&str; 5] = ["$schema", "contentVersion", "languageVersion", "apiProfile", "metadata"];

/// The parts of such a template in which expressions are evaluated.
pub(super) fn parts(root: &Node) -> Vec<&Node> {
    let mut parts = Vec::new();
    if let Some(outputs) = root.get("outputs") {
        parts.push(outputs);
    }
    for resource in root.get("resources").map(items).unwrap_or_default() {
        resource_parts(resource, &mut parts);
    }
    parts
}

fn resource_parts<'n>(resource: &'n Node, parts: &mut Vec<&'n Node>) {
    let template = own_template(resource);
    for member in resource.as_object().unwrap_or_default() {
        match template {
            Some(template) if member.key.eq_ignore_ascii_case("properties") => {
                let properties = member.value.as_object().unwrap_or_default().iter();
                parts.extend(
                    properties
                        .map(|property| &property.value)
                        .filter(|value| !std::ptr::eq(*value, template)),
                );
            }
            _ => parts.push(&member.value),
        }
    }
}

/// The template of a resource that is a deployment with a scope of its own: nobody's but its own expressions are in it.
fn own_template(resource: &Node) -> Option<&Node> {
    let kind = resource.get("type").and_then(Node::as_text)?;
    let properties = resource
        .get("properties")
        .filter(|_| kind.trim_end_matches('/').eq_ignore_ascii_case(DEPLOYMENTS))?;
    is_inner(properties).unwrap_or(false).then(|| properties.get("template")).flatten()
}

/// The resources of a section, whether it is an array or an object by symbolic names.
fn items(section: &Node) -> Vec<&Node> {
    match &section.value {
        NodeValue::Array(items) => items.iter().collect(),
        NodeValue::Object(members) => members.iter().map(|member| &member.value).collect(),
        _ => Vec::new(),
    }
}

/// A template of values, and the parameters that carry those of them that are secrets.
pub(super) struct Evaluated {
    pub(super) template: Node,
    pub(super) parameters: Object,
}

/// Evaluates such a template. The evaluator's scope is the frame, which is that of the deployment's resource.
pub(super) fn evaluate(
    frame: &Frame<'_>,
    evaluator: &Evaluator<'_>,
    root: &Node,
) -> Result<Evaluated, Error> {
    let mut making = Making { secrets: Vec::new(), loops: IndexMap::new() };
    let (mut members, mut waiting) = (Vec::new(), Waiting::default());
    for member in root.as_object().unwrap_or_default() {
        let is_in = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(&member.key));
        let value = if is_in(&KEPT) {
            Ok(member.value.clone())
        } else if is_in(&DROPPED) {
            continue;
        } else if member.key.eq_ignore_ascii_case("resources") {
            making.resources(frame, evaluator, &member.value)
        } else {
            making.node(frame, evaluator, &member.value)
        };
        let value = waiting.take(value.map_err(|error| error.within(&member.key)))?;
        members.extend(value.map(|value| Member { value, ..member.clone() }));
    }
    let mut members = waiting.done(members)?;
    let parameters = making.declare(&mut members, root.at);
    Ok(Evaluated { template: Node { value: NodeValue::Object(members), at: root.at }, parameters })
}

struct Making {
    /// Values that must not stand in the template's text.
    secrets: Vec<Value>,
    /// Names of the rounds of loops, by the loops' names in lower case.
    loops: IndexMap<String, Vec<String>>,
}

impl Making {
    fn resources(
        &mut self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        section: &Node,
    ) -> Result<Node, Error> {
        let mut waiting = Waiting::default();
        let value = match &section.value {
            NodeValue::Array(items) => {
                let mut made = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let rounds = self.rounds(frame, evaluator, item);
                    let rounds = waiting.take(rounds.map_err(|error| error.within(&format!("[{index}]"))))?;
                    made.extend(rounds.unwrap_or_default());
                }
                NodeValue::Array(made)
            }
            NodeValue::Object(members) => {
                let mut made = Vec::new();
                for member in members {
                    let rounds = self.rounds(frame, evaluator, &member.value);
                    let rounds = waiting.take(rounds.map_err(|error| error.within(&member.key)))?;
                    let rounds = rounds.unwrap_or_default();
                    let alone = rounds.len() == 1 && member.value.get("copy").is_none();
                    made.extend(rounds.into_iter().enumerate().map(|(index, value)| {
                        let key = if alone { member.key.clone() } else { format!("{}-{index}", member.key) };
                        Member { key, value, ..member.clone() }
                    }));
                }
                NodeValue::Object(made)
            }
            _ => return self.node(frame, evaluator, section),
        };
        let mut section = waiting.done(Node { value, at: section.at })?;
        self.name_rounds(&mut section);
        Ok(section)
    }

    /// The resources that one becomes: as many as its loop has rounds.
    fn rounds(
        &mut self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        resource: &Node,
    ) -> Result<Vec<Node>, Error> {
        let Some(copy) = resource.get("copy").filter(|copy| copy.as_object().is_some()) else {
            return Ok(vec![self.resource(frame, evaluator, resource)?]);
        };
        let name = copy.get("name").and_then(Node::as_text).unwrap_or_default().to_owned();
        let none = Node { value: NodeValue::Int(0), at: copy.at };
        let count = expand::count(frame, evaluator, copy.get("count").unwrap_or(&none))?;
        let made = expand::rounds(frame, evaluator, (&name, true), count, |frame, evaluator| {
            self.resource(frame, evaluator, resource)
        })?;
        let titles = made.iter().map(|one| {
            let text = |member| one.get(member).and_then(Node::as_text).unwrap_or_default();
            format!("{}/{}", text("type").trim_end_matches('/'), text("name"))
        });
        self.loops.insert(name.to_lowercase(), titles.collect());
        Ok(made)
    }

    fn resource(
        &mut self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        resource: &Node,
    ) -> Result<Node, Error> {
        let template = own_template(resource);
        let (mut members, mut waiting) = (Vec::new(), Waiting::default());
        for member in resource.as_object().unwrap_or_default() {
            if member.key.eq_ignore_ascii_case("copy") && member.value.as_object().is_some() {
                continue;
            }
            let value = match template {
                Some(template) if member.key.eq_ignore_ascii_case("properties") => {
                    self.properties(frame, evaluator, &member.value, template)
                }
                _ => self.node(frame, evaluator, &member.value),
            };
            let value = waiting.take(value.map_err(|error| error.within(&member.key)))?;
            members.extend(value.map(|value| Member { value, ..member.clone() }));
        }
        waiting.done(Node { value: NodeValue::Object(members), at: resource.at })
    }

    /// Properties of a deployment whose template has a scope of its own: that stays as it is.
    fn properties(
        &mut self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        properties: &Node,
        template: &Node,
    ) -> Result<Node, Error> {
        let (mut members, mut waiting) = (Vec::new(), Waiting::default());
        for property in properties.as_object().unwrap_or_default() {
            let value = if std::ptr::eq(&property.value, template) {
                Some(template.clone())
            } else {
                waiting.take(self.node(frame, evaluator, &property.value))?
            };
            members.extend(value.map(|value| Member { value, ..property.clone() }));
        }
        waiting.done(Node { value: NodeValue::Object(members), at: properties.at })
    }

    /// A part, evaluated string by string, so that a secret is put aside by itself.
    fn node(&mut self, frame: &Frame<'_>, evaluator: &Evaluator<'_>, node: &Node) -> Result<Node, Error> {
        let value = match &node.value {
            NodeValue::Array(items) => {
                let _level = evaluator.deeper(1)?;
                evaluator.hold_node()?;
                let (mut made, mut waiting) = (Vec::new(), Waiting::default());
                for (index, item) in items.iter().enumerate() {
                    let item = self.node(frame, evaluator, item);
                    made.extend(waiting.take(item.map_err(|error| error.within(&format!("[{index}]"))))?);
                }
                NodeValue::Array(waiting.done(made)?)
            }
            NodeValue::Object(members) => NodeValue::Object(self.members(frame, evaluator, members)?),
            _ => {
                let (value, secret) = frame.context.watched(|| evaluator.node(node));
                return Ok(self.written(value?, secret, node.at));
            }
        };
        Ok(Node { value, at: node.at })
    }

    fn members(
        &mut self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        members: &[Member],
    ) -> Result<Vec<Member>, Error> {
        let _level = evaluator.deeper(1)?;
        evaluator.hold_node()?;
        let (mut made, mut waiting) = (Vec::new(), Waiting::default());
        for member in members {
            let within = |error: Error| error.within(&member.key);
            let Some(loops) = expand::loops(member).map_err(within)? else {
                let key = expand::key(evaluator, member).map_err(within)?;
                let value = waiting.take(self.node(frame, evaluator, &member.value).map_err(within))?;
                made.extend(value.map(|value| Member { key: escaped(key), key_at: member.key_at, value }));
                continue;
            };
            for each in &loops {
                let (items, secret) = frame.context.watched(|| expand::array(frame, evaluator, each));
                let Some(items) = waiting.take(items.map_err(within))? else { continue };
                let value = self.written(items, secret, member.key_at);
                made.push(Member { key: escaped(each.name.clone()), key_at: member.key_at, value });
            }
        }
        waiting.done(made)
    }

    /// A value as it is written in a template; one that is a secret becomes a parameter.
    fn written(&mut self, value: Value, secret: bool, at: Position) -> Node {
        if !secret {
            return literal(&value, at);
        }
        let name = parameter_name(self.secrets.len());
        let member = if value.as_text().is_some() { "" } else { ".value" };
        self.secrets.push(value);
        Node { value: NodeValue::Text(format!("[parameters('{name}'){member}]")), at }
    }

    /// Declares the parameters that carry secrets, and gives their values.
    fn declare(self, members: &mut Vec<Member>, at: Position) -> Object {
        let mut given = Object::new();
        if self.secrets.is_empty() {
            return given;
        }
        let mut declared = Map::new();
        for (index, secret) in self.secrets.into_iter().enumerate() {
            let is_text = secret.as_text().is_some();
            let kind = if is_text { "securestring" } else { "secureObject" };
            let value = if is_text { secret } else { of_value(secret) };
            declared.insert(parameter_name(index), json!({"type": kind}));
            given.insert(parameter_name(index), of_value(value));
        }
        let value = Node::from_json(&Json::Object(declared));
        members.push(Member { key: "parameters".to_owned(), key_at: at, value });
        given
    }

    /// In `dependsOn`, the name of a loop that was run stands for its rounds.
    fn name_rounds(&self, section: &mut Node) {
        let resources: Vec<&mut Node> = match &mut section.value {
            NodeValue::Array(items) => items.iter_mut().collect(),
            NodeValue::Object(members) => members.iter_mut().map(|member| &mut member.value).collect(),
            _ => Vec::new(),
        };
        for resource in resources {
            let NodeValue::Object(members) = &mut resource.value else { continue };
            for member in members.iter_mut().filter(|member| member.key.eq_ignore_ascii_case("dependsOn")) {
                let NodeValue::Array(items) = &mut member.value.value else { continue };
                *items = items.drain(..).flat_map(|item| self.rounds_of(item)).collect();
            }
        }
    }

    fn rounds_of(&self, item: Node) -> Vec<Node> {
        let titles = item.as_text().and_then(|name| self.loops.get(&name.to_lowercase()));
        match titles {
            None => vec![item],
            Some(titles) => titles
                .iter()
                .map(|title| Node { value: NodeValue::Text(title.clone()), at: item.at })
                .collect(),
        }
    }
}

/// `{"value": …}`
fn of_value(value: Value) -> Value {
    Value::Object([("value".to_owned(), value)].into_iter().collect())
}

fn parameter_name(index: usize) -> String {
    format!("outerSecret{index}")
}

/// A value as a template has to write it so that it is not taken for an expression.
fn literal(value: &Value, at: Position) -> Node {
    let value = match value {
        Value::Null => NodeValue::Null,
        Value::Bool(truth) => NodeValue::Bool(*truth),
        Value::Int(number) => NodeValue::Int(*number),
        Value::Float(number) => NodeValue::Float(*number),
        Value::Text(text) => NodeValue::Text(escaped(text.clone())),
        Value::Array(items) => NodeValue::Array(items.iter().map(|item| literal(item, at)).collect()),
        Value::Object(members) => {
            let member = |(key, value): (&str, &Value)| Member {
                key: escaped(key.to_owned()),
                key_at: at,
                value: literal(value, at),
            };
            NodeValue::Object(members.iter().map(member).collect())
        }
    };
    Node { value, at }
}

fn escaped(text: String) -> String {
    if text.starts_with('[') && text.ends_with(']') { format!("[{text}") } else { text }
}
