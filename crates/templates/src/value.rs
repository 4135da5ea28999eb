//! Values that expressions have.

use std::fmt;

use indexmap::IndexMap;
use serde_json::Value as Json;

/// A value: JSON's six kinds, with integers of 64 bits apart from other numbers.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; never NaN nor infinite.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(Object),
}

/// Members in the order in which they were written. Names are found whatever their case; of two that differ in nothing
/// else, the one that is written exactly so.
#[derive(Clone, PartialEq, Default)]
pub struct Object {
    members: IndexMap<String, Value>,
}

/// Whether two names are the same to Azure, to which case says nothing.
pub fn same_name(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().flat_map(char::to_uppercase).eq(b.chars().flat_map(char::to_uppercase))
}

impl Value {
    /// From JSON. Whole numbers beyond 64 bits with a sign become floating ones.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Float(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::Array(items.iter().map(Self::from_json).collect()),
            Json::Object(members) => Self::Object(
                members.iter().map(|(name, value)| (name.clone(), Self::from_json(value))).collect(),
            ),
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(number) => Json::from(*number),
            Self::Float(number) => Json::from(*number),
            Self::Text(text) => Json::String(text.clone()),
            Self::Array(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Object(members) => {
                Json::Object(members.iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect())
            }
        }
    }

    /// As JSON's text: members in their order, no blanks.
    pub fn json_text(&self) -> String {
        crate::functions::json_text(self)
    }

    /// The kind as Azure's messages name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "Null",
            Self::Bool(_) => "Boolean",
            Self::Int(_) => "Integer",
            Self::Float(_) => "Float",
            Self::Text(_) => "String",
            Self::Array(_) => "Array",
            Self::Object(_) => "Object",
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// About how many bytes it takes: what bounds are held against. None when it is nested deeper than that.
    pub fn weight(&self, depth_max: usize) -> Option<usize> {
        /// What a value takes besides its contents.
        const EACH: usize = 32;
        let mut weight = EACH;
        match self {
            Self::Text(text) => weight += text.len(),
            Self::Array(items) => {
                let deeper = depth_max.checked_sub(1)?;
                for item in items {
                    weight += item.weight(deeper)?;
                }
            }
            Self::Object(members) => {
                let deeper = depth_max.checked_sub(1)?;
                for (name, value) in members.iter() {
                    weight += EACH + name.len() + value.weight(deeper)?;
                }
            }
            _ => {}
        }
        Some(weight)
    }
}

impl Object {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The member of this name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.get_full(name).map(|(_, value)| value)
    }

    /// The member of this name, whatever its case, with its name as it was written.
    pub fn get_full(&self, name: &str) -> Option<(&str, &Value)> {
        if let Some((name, value)) = self.members.get_key_value(name) {
            return Some((name, value));
        }
        self.iter().find(|(other, _)| same_name(other, name))
    }

    /// The member that is written exactly so.
    pub fn get_exact(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// Sets a member; gives back what it was. One that is there, written exactly so, keeps its place.
    pub fn insert(&mut self, name: impl Into<String>, value: Value) -> Option<Value> {
        self.members.insert(name.into(), value)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = indexmap::map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(members: T) -> Self {
        Self { members: members.into_iter().collect() }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<Object> for Value {
    fn from(members: Object) -> Self {
        Self::Object(members)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

/// Shows what kind it is and how large. Never what it holds: that may be a secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "String({} bytes)", text.len()),
            Self::Array(items) => write!(f, "Array({} items)", items.len()),
            Self::Object(members) => members.fmt(f),
            _ => f.write_str(self.kind()),
        }
    }
}

/// Shows the members' names only.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Object")?;
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Object {
        [("Name".to_owned(), Value::Int(1)), ("name".to_owned(), Value::Int(2))].into_iter().collect()
    }

    #[test]
    fn a_name_is_found_whatever_its_case_and_the_exact_one_first() {
        assert_eq!(object().get("name"), Some(&Value::Int(2)));
        assert_eq!(object().get("NAME"), Some(&Value::Int(1)));
        assert_eq!(object().get("other"), None);
        assert!(same_name("Straße", "STRASSE") && !same_name("a", "b"));
    }

    #[test]
    fn json_comes_back_as_it_was() {
        let json = serde_json::json!({"a": [1, -2.5, null, true, "x"], "b": {"c": {}}});
        assert_eq!(Value::from_json(&json).to_json(), json);
        assert_eq!(Value::from_json(&Json::from(u64::MAX)), Value::Float(u64::MAX as f64));
    }

    #[test]
    fn what_a_value_holds_is_not_shown() {
        let value = Value::from_json(&serde_json::json!({"password": "hunter2", "list": ["hunter2"]}));
        let shown = format!("{value:?} {:?}", Value::from("hunter2"));
        assert!(!shown.contains("hunter2") && shown.contains("password"), "{shown}");
    }
}
