//! What strings, arrays and objects share: concat, contains, empty, first, intersection, last, length, skip, take, union.

use std::collections::HashSet;

use super::call::{ANY, Call, Function, plain};
use super::merge;
use super::written::{fingerprint, plain_text};
use crate::{Error, Object, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "concat" => plain(1, ANY, concat),
        "contains" => plain(2, 2, contains),
        "empty" => plain(1, 1, empty),
        "first" => plain(1, 1, |call| end(call, <[Value]>::first, |text| text.chars().next())),
        "last" => plain(1, 1, |call| end(call, <[Value]>::last, |text| text.chars().next_back())),
        "intersection" => plain(2, ANY, intersection),
        "length" => plain(1, 1, length),
        "skip" => plain(2, 2, |call| cut(call, |whole, count| count..whole)),
        "take" => plain(2, 2, |call| cut(call, |_, count| 0..count)),
        "union" => plain(2, ANY, union),
        _ => return None,
    })
}

/// One string of all, or one array; numbers and booleans count as strings.
fn concat(call: &mut Call<'_>) -> Result<Value, Error> {
    if call.values.iter().all(|value| matches!(value, Value::Array(_))) {
        let items = call.values.drain(..).flat_map(|value| match value {
            Value::Array(items) => items,
            _ => Vec::new(),
        });
        return Ok(Value::Array(items.collect()));
    }
    let mut whole = String::new();
    for (place, value) in call.values.iter().enumerate() {
        match plain_text(value) {
            Some(text) => whole.push_str(&text),
            None if matches!(value, Value::Array(_)) => {
                return Err(Error::expression(format!(
                    "The provided parameters for language function '{}' are invalid. Either all or none of the parameters must be an array. Please see https://aka.ms/arm-template-expressions/#concat for usage details.",
                    call.name
                )));
            }
            None => return Err(call.wrong(place, "String or Array")),
        }
    }
    call.bounded(whole.len())?;
    Ok(Value::Text(whole))
}

/// Whether an item is in an array, a name among an object's (whatever its case), a string in a string (its case counts).
fn contains(call: &mut Call<'_>) -> Result<Value, Error> {
    let wanted = &call.values[1];
    Ok(Value::Bool(match &call.values[0] {
        Value::Array(items) => items.contains(wanted),
        Value::Object(members) => members.get(call.text(1)?).is_some(),
        Value::Text(text) => match plain_text(wanted) {
            Some(wanted) => text.contains(&wanted),
            None => return Err(call.wrong(1, "String")),
        },
        _ => return Err(call.wrong(0, "Array, Object or String")),
    }))
}

fn empty(call: &mut Call<'_>) -> Result<Value, Error> {
    Ok(Value::Bool(match &call.values[0] {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Text(text) => text.is_empty(),
        _ => return Err(call.wrong(0, "Array, Object or String")),
    }))
}

/// The item or character at one end: null of an empty array, the empty string of an empty string.
fn end(
    call: &mut Call<'_>,
    item: fn(&[Value]) -> Option<&Value>,
    char: fn(&str) -> Option<char>,
) -> Result<Value, Error> {
    match &call.values[0] {
        Value::Array(items) => Ok(item(items).cloned().unwrap_or(Value::Null)),
        Value::Text(text) => Ok(Value::Text(char(text).map(String::from).unwrap_or_default())),
        _ => Err(call.wrong(0, "Array or String")),
    }
}

fn length(call: &mut Call<'_>) -> Result<Value, Error> {
    let length = match &call.values[0] {
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        Value::Text(text) => text.chars().count(),
        _ => return Err(call.wrong(0, "Array, Object or String")),
    };
    Ok(Value::Int(length as i64))
}

/// A part of a string or an array. Counts below zero are zero, those beyond the end are the end.
fn cut(call: &mut Call<'_>, part: fn(usize, usize) -> std::ops::Range<usize>) -> Result<Value, Error> {
    let count = usize::try_from(call.int(1)?).unwrap_or(0);
    match call.take(0) {
        Value::Array(mut items) => {
            let part = part(items.len(), count.min(items.len()));
            Ok(Value::Array(items.drain(part).collect()))
        }
        Value::Text(text) => {
            let whole = text.chars().count();
            let part = part(whole, count.min(whole));
            Ok(Value::Text(text.chars().skip(part.start).take(part.len()).collect()))
        }
        other => Err(super::call::wrong_kind(call.name, 0, "Array or String", &other)),
    }
}

/// All arguments as arrays or as objects, whichever the first one is.
enum Alike {
    Arrays(Vec<Vec<Value>>),
    Objects(Vec<Object>),
}

fn alike(call: &mut Call<'_>) -> Result<Alike, Error> {
    if matches!(call.values[0], Value::Object(_)) {
        for place in 0..call.values.len() {
            call.object(place)?;
        }
    } else {
        for place in 0..call.values.len() {
            call.array(place)?;
        }
    }
    let (mut arrays, mut objects) = (Vec::new(), Vec::new());
    for value in call.values.drain(..) {
        match value {
            Value::Array(items) => arrays.push(items),
            Value::Object(members) => objects.push(members),
            _ => {}
        }
    }
    Ok(if objects.is_empty() { Alike::Arrays(arrays) } else { Alike::Objects(objects) })
}

/// Items, or members with their values, that all have.
fn intersection(call: &mut Call<'_>) -> Result<Value, Error> {
    match alike(call)? {
        Alike::Arrays(arrays) => {
            let mut arrays = arrays.into_iter();
            let first = arrays.next().unwrap_or_default();
            let others = arrays.map(|items| prints(&items)).collect::<Vec<_>>();
            let mut seen = HashSet::new();
            let common = first.into_iter().filter(|item| {
                let print = fingerprint(item);
                others.iter().all(|other| other.contains(&print)) && seen.insert(print)
            });
            Ok(Value::Array(common.collect()))
        }
        Alike::Objects(objects) => {
            let mut objects = objects.into_iter();
            let mut common = objects.next().unwrap_or_default();
            for other in objects {
                let index = merge::index(&other);
                common = common
                    .into_iter()
                    .filter(|(name, value)| {
                        index.get(&merge::key(name)).is_some_and(|found| **found == *value)
                    })
                    .collect();
            }
            Ok(Value::Object(common))
        }
    }
}

fn prints(items: &[Value]) -> HashSet<String> {
    items.iter().map(fingerprint).collect()
}

/// Items of all, each once, in the order in which they come; members of all, later ones before earlier ones, objects
/// within them likewise.
fn union(call: &mut Call<'_>) -> Result<Value, Error> {
    match alike(call)? {
        Alike::Arrays(arrays) => {
            let mut seen = HashSet::new();
            let items = arrays.into_iter().flatten().filter(|item| seen.insert(fingerprint(item)));
            Ok(Value::Array(items.collect()))
        }
        Alike::Objects(objects) => Ok(Value::Object(merge::deep(objects))),
    }
}
