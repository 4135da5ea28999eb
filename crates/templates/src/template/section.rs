//! Members of the document's objects, with the errors that those who read them share.

use crate::{Error, Limits, Member, Node};

/// What a template may have at its top.
const MEMBERS: [&str; 11] = [
    "$schema",
    "contentVersion",
    "languageVersion",
    "apiProfile",
    "metadata",
    "definitions",
    "parameters",
    "variables",
    "functions",
    "resources",
    "outputs",
];

/// A member that is there and not null.
pub(super) fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    node.get(name).filter(|value| !value.is_null())
}

/// The members of an object; `what` begins the sentence of the error.
pub(super) fn object<'n>(node: &'n Node, what: &str) -> Result<&'n [Member], Error> {
    node.as_object().ok_or_else(|| unexpected(node, what, "Object"))
}

/// The items of an array.
pub(super) fn array<'n>(node: &'n Node, what: &str) -> Result<&'n [Node], Error> {
    node.as_array().ok_or_else(|| unexpected(node, what, "Array"))
}

/// The string of a member, if the member is there.
pub(super) fn text<'n>(node: &'n Node, name: &str) -> Result<Option<&'n str>, Error> {
    let Some(value) = member(node, name) else { return Ok(None) };
    match value.as_text() {
        Some(text) => Ok(Some(text)),
        None => Err(unexpected(value, &format!("The member '{name}'"), "String").within(name)),
    }
}

/// The string of a member that has to be there.
pub(super) fn required_text<'n>(node: &'n Node, name: &str, what: &str) -> Result<&'n str, Error> {
    match text(node, name)? {
        Some(text) => Ok(text),
        None => Err(missing(node, name, what)),
    }
}

/// A member that has to be there.
pub(super) fn required<'n>(node: &'n Node, name: &str, what: &str) -> Result<&'n Node, Error> {
    member(node, name).ok_or_else(|| missing(node, name, what))
}

/// The whole number of a member, if the member is there.
pub(super) fn int(node: &Node, name: &str) -> Result<Option<i64>, Error> {
    let Some(value) = member(node, name) else { return Ok(None) };
    match value.as_int() {
        Some(number) => Ok(Some(number)),
        None => Err(unexpected(value, &format!("The member '{name}'"), "Integer").within(name)),
    }
}

/// The truth of a member, if the member is there.
pub(super) fn boolean(node: &Node, name: &str) -> Result<Option<bool>, Error> {
    let Some(value) = member(node, name) else { return Ok(None) };
    match value.as_bool() {
        Some(truth) => Ok(Some(truth)),
        None => Err(unexpected(value, &format!("The member '{name}'"), "Boolean").within(name)),
    }
}

/// The named things of a section, in their order; none where the section is not there.
pub(super) fn entries<'n>(root: &'n Node, name: &str) -> Result<&'n [Member], Error> {
    match member(root, name) {
        None => Ok(&[]),
        Some(section) => object(section, &format!("The member '{name}'")).map_err(|error| error.within(name)),
    }
}

/// Holds a number of things against its bound.
pub(super) fn at_most(count: usize, max: usize, what: &str, at: &Node) -> Result<(), Error> {
    if count <= max {
        return Ok(());
    }
    let text = format!("The number of template {what} limit exceeded. Limit: {max} and actual: {count}.");
    Err(Error::limit(text).or_at(at.at))
}

/// The bound of a section that is an object.
pub(super) fn bounded(root: &Node, name: &str, max: usize) -> Result<(), Error> {
    let count = entries(root, name)?.len();
    let at = member(root, name).unwrap_or(root);
    at_most(count, max, name, at).map_err(|error| error.within(name))
}

/// A thing of which there can be only one by a name, case or not.
pub(super) fn twice(entry: &Member, what: &str) -> Error {
    let text =
        format!("The {what} '{}' is there twice: names that differ only in case are the same.", entry.key);
    Error::template(text).or_at(entry.key_at).within(&entry.key)
}

/// An error at a member.
pub(super) fn refuse(node: &Node, name: &str, text: impl Into<String>) -> Error {
    let at = node.get(name).unwrap_or(node).at;
    Error::template(text).or_at(at).within(name)
}

/// Refuses members that no template has.
pub(super) fn known_members(root: &Node) -> Result<(), Error> {
    only(object(root, "The template")?, MEMBERS.iter(), "Template")
}

/// Refuses members of other names than these: they are misspelt more often than not.
pub(super) fn only<'k>(
    members: &[Member],
    known: impl Iterator<Item = &'k &'k str> + Clone,
    what: &str,
) -> Result<(), Error> {
    let is_known = |name: &str| known.clone().any(|known| known.eq_ignore_ascii_case(name));
    let Some(entry) = members.iter().find(|entry| !is_known(&entry.key)) else { return Ok(()) };
    let known: Vec<&str> = known.copied().collect();
    let text = format!(
        "Could not find member '{}' on object of type '{what}'. There are: '{}'.",
        entry.key,
        known.join(", ")
    );
    Err(Error::template(text).or_at(entry.key_at).within(&entry.key))
}

/// The error of a member that has to be there.
pub(super) fn missing(node: &Node, name: &str, what: &str) -> Error {
    Error::template(format!("Required property '{name}' not found in {what}.")).or_at(node.at)
}

fn unexpected(node: &Node, what: &str, expected: &str) -> Error {
    let text = format!("{what} is of type '{}', but has to be of type '{expected}'.", node.kind());
    Error::template(text).or_at(node.at)
}

/// How deep things that lie in each other are read: as deep as documents may be.
pub(super) fn deep(depth: usize, limits: &Limits, at: &Node) -> Result<(), Error> {
    if depth <= limits.document_depth_max {
        return Ok(());
    }
    let text = format!("More than {} resources lie in each other.", limits.document_depth_max);
    Err(Error::limit(text).or_at(at.at))
}
