//! The document: JSON as templates are written, with the place of every value.

mod read;
mod scan;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::Value as Json;

use crate::{Error, Limits, Value, same_name};

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character of the line, from 1.
    pub column: u32,
}

impl Default for Position {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

/// A value of a document, with its place.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: NodeValue,
    /// Where its first character stands.
    pub at: Position,
}

/// What a value of a document is.
#[derive(Clone, PartialEq)]
pub enum NodeValue {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string, as it reads: its escapes are undone, an expression in it is not evaluated.
    Text(String),
    /// An array.
    Array(Vec<Node>),
    /// An object: members in their order, no two with exactly the same key.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, PartialEq)]
pub struct Member {
    /// Its key as it reads.
    pub key: String,
    /// Where its key stands.
    pub key_at: Position,
    /// What it holds.
    pub value: Node,
}

impl Node {
    /// Reads a document: JSON as strict parsers take it, and besides what templates and Microsoft's clients make of it
    /// (contract § 0.1): comments `//` and `/* */`, line breaks inside strings, keys without quotes, a byte order mark.
    ///
    /// # Errors
    /// `Document` with line and column and what was expected there; `Limit` when the text is too long, too deep or too
    /// full.
    pub fn parse(text: &str, limits: &Limits) -> Result<Self, Error> {
        read::document(text, limits)
    }

    /// A document of what came as JSON already. Every place is the first one.
    pub fn from_json(json: &Json) -> Self {
        let value = match json {
            Json::Null => NodeValue::Null,
            Json::Bool(value) => NodeValue::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(number) => NodeValue::Int(number),
                None => NodeValue::Float(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => NodeValue::Text(text.clone()),
            Json::Array(items) => NodeValue::Array(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => NodeValue::Object(
                members
                    .iter()
                    .map(|(key, value)| Member {
                        key: key.clone(),
                        key_at: Position::default(),
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self { value, at: Position::default() }
    }

    /// As JSON, expressions as they are written.
    pub fn to_json(&self) -> Json {
        match &self.value {
            NodeValue::Null => Json::Null,
            NodeValue::Bool(value) => Json::Bool(*value),
            NodeValue::Int(number) => Json::from(*number),
            NodeValue::Float(number) => Json::from(*number),
            NodeValue::Text(text) => Json::String(text.clone()),
            NodeValue::Array(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Object(members) => Json::Object(
                members.iter().map(|member| (member.key.clone(), member.value.to_json())).collect(),
            ),
        }
    }

    /// As a value, expressions as they are written.
    pub fn into_value(self) -> Value {
        match self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(value) => Value::Bool(value),
            NodeValue::Int(number) => Value::Int(number),
            NodeValue::Float(number) => Value::Float(number),
            NodeValue::Text(text) => Value::Text(text),
            NodeValue::Array(items) => Value::Array(items.into_iter().map(Self::into_value).collect()),
            NodeValue::Object(members) => Value::Object(
                members.into_iter().map(|member| (member.key, member.value.into_value())).collect(),
            ),
        }
    }

    /// The value of a member, whatever the case of its key; none as well if this is no object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.value)
    }

    /// A member, whatever the case of its key; the one that is written exactly so before others.
    pub fn member(&self, key: &str) -> Option<&Member> {
        let members = self.as_object()?;
        let exact = members.iter().find(|member| member.key == key);
        exact.or_else(|| members.iter().find(|member| same_name(&member.key, key)))
    }

    /// The kind as Azure's messages name it.
    pub fn kind(&self) -> &'static str {
        match self.value {
            NodeValue::Null => "Null",
            NodeValue::Bool(_) => "Boolean",
            NodeValue::Int(_) => "Integer",
            NodeValue::Float(_) => "Float",
            NodeValue::Text(_) => "String",
            NodeValue::Array(_) => "Array",
            NodeValue::Object(_) => "Object",
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            NodeValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            NodeValue::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The truth, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            NodeValue::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match &self.value {
            NodeValue::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&[Member]> {
        match &self.value {
            NodeValue::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }
}

/// Shows kind, size and place. Never a string: a document carries values of secure parameters.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}:{}", self.value, self.at.line, self.at.column)
    }
}

/// As [`Node`]'s.
impl fmt::Debug for NodeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bool(_) => f.write_str("Boolean"),
            Self::Int(_) => f.write_str("Integer"),
            Self::Float(_) => f.write_str("Float"),
            Self::Text(text) => write!(f, "String({} bytes)", text.len()),
            Self::Array(items) => write!(f, "Array({} items)", items.len()),
            Self::Object(members) => {
                f.write_str("Object")?;
                f.debug_set().entries(members.iter().map(|member| &member.key)).finish()
            }
        }
    }
}

/// As [`Node`]'s.
impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.key, self.value)
    }
}
