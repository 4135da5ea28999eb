//! Arrays: array, createArray, flatten, indexFromEnd, range, tryGet, tryIndexFromEnd.

use super::call::{ANY, Call, Function, plain};
use crate::{Error, Value};

/// The most items that `range` makes, as Azure has it.
const RANGE_MAX: i64 = 10_000;
/// What the last number of a range may be at most, as Azure has it.
const RANGE_END_MAX: i64 = 2_147_483_647;

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "array" => plain(1, 1, array),
        "createarray" => plain(0, ANY, |call| Ok(Value::Array(std::mem::take(&mut call.values)))),
        "flatten" => plain(1, 1, flatten),
        "indexfromend" => plain(2, 2, |call| from_end(call, false)),
        "tryindexfromend" => plain(2, 2, |call| from_end(call, true)),
        "range" => plain(2, 2, range),
        "tryget" => plain(2, ANY, try_get),
        _ => return None,
    })
}

/// The value as an array of one; an array stays what it is.
fn array(call: &mut Call<'_>) -> Result<Value, Error> {
    Ok(match call.take(0) {
        Value::Array(items) => Value::Array(items),
        other => Value::Array(vec![other]),
    })
}

/// One array of the items of arrays.
fn flatten(call: &mut Call<'_>) -> Result<Value, Error> {
    let mut flat = Vec::new();
    for item in call.array(0)? {
        match item {
            Value::Array(items) => flat.extend_from_slice(items),
            _ => return Err(call.fault("every item has to be of type 'Array'")),
        }
    }
    Ok(Value::Array(flat))
}

fn range(call: &mut Call<'_>) -> Result<Value, Error> {
    let (start, count) = (call.int(0)?, call.int(1)?);
    if !(0..=RANGE_MAX).contains(&count) {
        return Err(call.fault(&format!("the count has to be between 0 and {RANGE_MAX}")));
    }
    match start.checked_add(count) {
        Some(end) if end <= RANGE_END_MAX => Ok(Value::Array((start..end).map(Value::Int).collect())),
        _ => Err(call.fault(&format!("start and count together may be {RANGE_END_MAX} at most"))),
    }
}

/// The item so many places before the end, the last one being 1.
fn from_end(call: &Call<'_>, or_null: bool) -> Result<Value, Error> {
    let items = match &call.values[0] {
        Value::Null if or_null => return Ok(Value::Null),
        _ => call.array(0)?,
    };
    let back = usize::try_from(call.int(1)?).ok().filter(|back| *back > 0);
    match back.and_then(|back| items.len().checked_sub(back)) {
        Some(place) => Ok(items[place].clone()),
        None if or_null => Ok(Value::Null),
        None => Err(call.fault(&format!(
            "the index from the end is out of bounds of an array of {} item(s)",
            items.len()
        ))),
    }
}

/// What is at a path of names and places; null where nothing is.
fn try_get(call: &mut Call<'_>) -> Result<Value, Error> {
    let mut found = Some(&call.values[0]);
    for place in 1..call.values.len() {
        found = match (found, &call.values[place]) {
            (None | Some(Value::Null), _) => None,
            (Some(Value::Object(members)), Value::Text(name)) => members.get(name),
            (Some(Value::Array(items)), Value::Int(index)) => {
                usize::try_from(*index).ok().and_then(|index| items.get(index))
            }
            (Some(Value::Object(_)), _) => return Err(call.wrong(place, "String")),
            (Some(Value::Array(_)), _) => return Err(call.wrong(place, "Integer")),
            (Some(_), _) => return Err(call.fault("only objects and arrays have something to get")),
        };
    }
    Ok(found.cloned().unwrap_or(Value::Null))
}
