//! What values may be: the types of parameters, outputs and functions' parameters, with the constraints on them and the
//! named definitions of language version 2.0.

use std::fmt;

use indexmap::IndexMap;

use super::{key, section};
use crate::{Error, Node, Value};

/// How many `$ref`s may lead from one to the next before the end is given up.
const REFERENCES_MAX: usize = 32;

/// A type of Azure's template language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// `string`
    String,
    /// `securestring`: never shown.
    SecureString,
    /// `int`
    Int,
    /// `bool`
    Bool,
    /// `object`
    Object,
    /// `secureObject`: never shown.
    SecureObject,
    /// `array`
    Array,
}

impl ValueKind {
    const ALL: [Self; 7] = [
        Self::String,
        Self::SecureString,
        Self::Int,
        Self::Bool,
        Self::Object,
        Self::SecureObject,
        Self::Array,
    ];

    /// As Azure writes it in answers: `String`, `SecureString`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::SecureString => "SecureString",
            Self::Int => "Int",
            Self::Bool => "Bool",
            Self::Object => "Object",
            Self::SecureObject => "SecureObject",
            Self::Array => "Array",
        }
    }

    /// Whether values of this type are secrets.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::SecureString | Self::SecureObject)
    }

    /// As Azure's messages name what is expected.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::String | Self::SecureString => "String, Uri",
            Self::Int => "Integer",
            Self::Bool => "Boolean",
            Self::Object | Self::SecureObject => "Object",
            Self::Array => "Array",
        }
    }

    /// Whether a value is of this type. Nothing is converted.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match self {
            Self::String | Self::SecureString => value.as_text().is_some(),
            Self::Int => value.as_int().is_some(),
            Self::Bool => value.as_bool().is_some(),
            Self::Object | Self::SecureObject => value.as_object().is_some(),
            Self::Array => value.as_array().is_some(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for ValueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A type with its constraints.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The type; none where only a definition is named.
    pub(crate) kind: Option<ValueKind>,
    /// The definition that says the rest.
    pub(crate) definition: Option<String>,
    pub(crate) nullable: bool,
    pub(crate) allowed: Option<Vec<Value>>,
    pub(crate) value_min: Option<i64>,
    pub(crate) value_max: Option<i64>,
    pub(crate) length_min: Option<i64>,
    pub(crate) length_max: Option<i64>,
    pub(crate) properties: Vec<(String, Shape)>,
    pub(crate) additional: Additional,
    pub(crate) items: Option<Box<Shape>>,
    pub(crate) first_items: Vec<Shape>,
}

/// What members an object may have besides those that its shape names.
#[derive(Debug, Clone)]
pub(crate) enum Additional {
    Any,
    None,
    Of(Box<Shape>),
}

impl Shape {
    /// Reads `{"type": …, …}` or `{"$ref": "#/definitions/…"}`.
    pub(super) fn read(node: &Node, what: &str) -> Result<Self, Error> {
        section::object(node, what)?;
        if section::member(node, "discriminator").is_some() {
            let text =
                format!("{what} has a 'discriminator', which this server does not support: name one type.");
            return Err(section::refuse(node, "discriminator", text));
        }
        let shape = Self {
            kind: kind(node, what)?,
            definition: definition(node)?,
            nullable: section::boolean(node, "nullable")?.unwrap_or(false),
            allowed: allowed(node)?,
            value_min: section::int(node, "minValue")?,
            value_max: section::int(node, "maxValue")?,
            length_min: section::int(node, "minLength")?,
            length_max: section::int(node, "maxLength")?,
            properties: properties(node, what)?,
            additional: additional(node, what)?,
            items: section::member(node, "items")
                .map(|items| Self::read(items, what).map(Box::new))
                .transpose()?,
            first_items: first_items(node, what)?,
        };
        if shape.kind.is_none() && shape.definition.is_none() {
            let text = format!(
                "{what} has no 'type'. Give one of '{}'.",
                ValueKind::ALL.map(ValueKind::as_str).join(", ")
            );
            return Err(Error::template(text).or_at(node.at));
        }
        Ok(shape)
    }
}

fn kind(node: &Node, what: &str) -> Result<Option<ValueKind>, Error> {
    let Some(text) = section::text(node, "type")? else { return Ok(None) };
    if let Some(kind) = ValueKind::parse(text) {
        return Ok(Some(kind));
    }
    let kinds = ValueKind::ALL.map(ValueKind::as_str).join(", ");
    Err(section::refuse(
        node,
        "type",
        format!("{what} has the type '{text}', which there is not. There are '{kinds}'."),
    ))
}

fn definition(node: &Node) -> Result<Option<String>, Error> {
    const BEFORE: &str = "#/definitions/";
    let Some(text) = section::text(node, "$ref")? else { return Ok(None) };
    match text.strip_prefix(BEFORE).filter(|name| !name.is_empty()) {
        Some(name) => Ok(Some(key(name))),
        None => {
            let text = format!("The reference '{text}' names no definition: it begins with '{BEFORE}'.");
            Err(section::refuse(node, "$ref", text))
        }
    }
}

fn allowed(node: &Node) -> Result<Option<Vec<Value>>, Error> {
    let Some(values) = section::member(node, "allowedValues") else { return Ok(None) };
    let values = section::array(values, "The member 'allowedValues'")
        .map_err(|error| error.within("allowedValues"))?;
    Ok(Some(values.iter().map(|value| Value::from_json(&value.to_json())).collect()))
}

fn properties(node: &Node, what: &str) -> Result<Vec<(String, Shape)>, Error> {
    let one = |entry: &crate::Member| {
        let shape = Shape::read(&entry.value, what).map_err(|error| error.within(&entry.key))?;
        Ok((entry.key.clone(), shape))
    };
    let read: Result<_, Error> = section::entries(node, "properties")?.iter().map(one).collect();
    read.map_err(|error| error.within("properties"))
}

fn additional(node: &Node, what: &str) -> Result<Additional, Error> {
    let Some(value) = section::member(node, "additionalProperties") else {
        let sealed = section::boolean(node, "sealed")?.unwrap_or(false);
        return Ok(if sealed { Additional::None } else { Additional::Any });
    };
    Ok(match value.as_bool() {
        Some(true) => Additional::Any,
        Some(false) => Additional::None,
        None => Additional::Of(Box::new(Shape::read(value, what)?)),
    })
}

fn first_items(node: &Node, what: &str) -> Result<Vec<Shape>, Error> {
    let Some(items) = section::member(node, "prefixItems") else { return Ok(Vec::new()) };
    section::array(items, "The member 'prefixItems'")?.iter().map(|item| Shape::read(item, what)).collect()
}

/// The definitions of a template, by their [keys](key).
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions(IndexMap<String, Shape>);

impl Definitions {
    /// The shape that a shape is in the end. What the first one says of `nullable` is said for all: see
    /// [`nullable`](Self::nullable).
    pub(crate) fn follow<'a>(&'a self, shape: &'a Shape) -> Result<&'a Shape, Error> {
        let mut shape = shape;
        for _ in 0..REFERENCES_MAX {
            let Some(name) = &shape.definition else { return Ok(shape) };
            let next = self.0.get(name);
            shape =
                next.ok_or_else(|| Error::template(format!("The type definition '{name}' is not found.")))?;
        }
        Err(Error::template("The type definitions refer to each other in a circle."))
    }

    /// Whether null fits: a shape says so, or one that it refers to.
    pub(crate) fn nullable(&self, shape: &Shape) -> bool {
        let mut shape = Some(shape);
        for _ in 0..REFERENCES_MAX {
            match shape {
                Some(one) if one.nullable => return true,
                Some(one) => shape = one.definition.as_ref().and_then(|name| self.0.get(name)),
                None => return false,
            }
        }
        false
    }
}

/// Reads the section `definitions`; every `$ref` in the template is followed when a value is held against it.
pub(super) fn definitions(root: &Node) -> Result<Definitions, Error> {
    let mut read = IndexMap::new();
    for entry in section::entries(root, "definitions")? {
        let within = |error: Error| error.within(&entry.key).within("definitions");
        let shape =
            Shape::read(&entry.value, &format!("The type definition '{}'", entry.key)).map_err(within)?;
        if read.insert(key(&entry.key), shape).is_some() {
            return Err(section::twice(entry, "type definition").within("definitions"));
        }
    }
    Ok(Definitions(read))
}
