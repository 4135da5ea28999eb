//! Objects laid over each other. Names are the same whatever their case.

use std::collections::HashMap;

use crate::{Object, Value};

/// What a name is looked up by.
pub(super) fn key(name: &str) -> String {
    name.chars().flat_map(char::to_uppercase).collect()
}

/// An object's values by their keys.
pub(super) fn index(object: &Object) -> HashMap<String, &Value> {
    object.iter().map(|(name, value)| (key(name), value)).collect()
}

/// Members of all; of a name that several have, the last one's value. Where both are objects, these are merged too.
pub(super) fn deep(objects: Vec<Object>) -> Object {
    lay(objects, &|under, over| match (under, over) {
        (Value::Object(under), Value::Object(over)) => Value::Object(deep(vec![under, over])),
        (_, over) => over,
    })
}

/// The same, but objects in objects are taken whole.
pub(super) fn shallow(objects: Vec<Object>) -> Object {
    lay(objects, &|_, over| over)
}

fn lay(objects: Vec<Object>, both: &dyn Fn(Value, Value) -> Value) -> Object {
    let mut members: Vec<(String, Value)> = Vec::new();
    let mut places = HashMap::new();
    for (name, value) in objects.into_iter().flatten() {
        let place = *places.entry(key(&name)).or_insert(members.len());
        match members.get_mut(place) {
            Some((_, under)) => *under = both(std::mem::replace(under, Value::Null), value),
            None => members.push((name, value)),
        }
    }
    members.into_iter().collect()
}
