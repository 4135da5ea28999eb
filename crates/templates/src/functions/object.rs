//! Objects: createObject, items, null, objectKeys, shallowMerge.

use super::call::{ANY, Call, Function, plain};
use super::merge;
use crate::{Error, Object, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "createobject" => plain(0, ANY, create),
        "items" => plain(1, 1, items),
        "null" => plain(0, 0, |_| Ok(Value::Null)),
        "objectkeys" => plain(1, 1, keys),
        "shallowmerge" => plain(1, 1, shallow_merge),
        _ => return None,
    })
}

fn create(call: &mut Call<'_>) -> Result<Value, Error> {
    if !call.values.len().is_multiple_of(2) {
        return Err(call.fault("an even number of arguments is wanted: a name and a value for each member"));
    }
    let mut object = Object::new();
    for place in (0..call.values.len()).step_by(2) {
        let name = call.text(place)?.to_owned();
        let value = call.take(place + 1);
        if object.insert(name, value).is_some() {
            return Err(call.fault("a name is there twice"));
        }
    }
    Ok(Value::Object(object))
}

/// An object's members as objects of `key` and `value`, sorted by name as Azure sorts them.
fn items(call: &mut Call<'_>) -> Result<Value, Error> {
    let pair = |(name, value): (&str, &Value)| {
        let pair = [("key".to_owned(), Value::from(name)), ("value".to_owned(), value.clone())];
        Value::Object(pair.into_iter().collect())
    };
    Ok(Value::Array(sorted(call.object(0)?).into_iter().map(pair).collect()))
}

/// An object's names, sorted.
fn keys(call: &mut Call<'_>) -> Result<Value, Error> {
    Ok(Value::Array(sorted(call.object(0)?).into_iter().map(|(name, _)| name.into()).collect()))
}

fn sorted(object: &Object) -> Vec<(&str, &Value)> {
    let mut members = object.iter().collect::<Vec<_>>();
    members.sort_by_cached_key(|(name, _)| (merge::key(name), (*name).to_owned()));
    members
}

/// One object of the members of an array of objects, later ones before earlier ones.
fn shallow_merge(call: &mut Call<'_>) -> Result<Value, Error> {
    call.array(0)?;
    let mut objects = Vec::new();
    if let Value::Array(items) = call.take(0) {
        for item in items {
            match item {
                Value::Object(members) => objects.push(members),
                _ => return Err(call.fault("every item has to be of type 'Object'")),
            }
        }
    }
    Ok(Value::Object(merge::shallow(objects)))
}
