//! Members of objects and items of arrays: `.name`, `[index]`.

use super::Evaluator;
use crate::error::shown;
use crate::{Error, Value};

/// How many members are looked through in one step.
const MEMBERS_OF_A_STEP: u64 = 32;

/// The member of a value. `is_written` says whether the name stands in the template: only then may a message show it.
pub(super) fn property(
    of: Value,
    name: &str,
    safe: bool,
    is_written: bool,
    evaluator: &Evaluator<'_>,
) -> Result<Value, Error> {
    let shown = if is_written { shown(name) } else { "…".to_owned() };
    let object = match of {
        Value::Object(object) => object,
        Value::Null if safe => return Ok(Value::Null),
        other => return Err(not_selectable(&shown, &other)),
    };
    if object.get_exact(name).is_none() {
        evaluator.spend(object.len() as u64 / MEMBERS_OF_A_STEP)?;
    }
    match object.get(name) {
        Some(value) => Ok(value.clone()),
        None if safe => Ok(Value::Null),
        None => {
            let names = available(object.names());
            Err(Error::expression(format!(
                "The language expression property '{shown}' doesn't exist, available properties are '{names}'."
            )))
        }
    }
}

/// The item of an array, or the member of an object.
pub(super) fn index(
    of: Value,
    index: &Value,
    safe: bool,
    is_written: bool,
    evaluator: &Evaluator<'_>,
) -> Result<Value, Error> {
    match (of, index) {
        (Value::Array(mut items), Value::Int(place)) => {
            let found = usize::try_from(*place).ok().filter(|place| *place < items.len());
            match found {
                Some(place) => Ok(items.swap_remove(place)),
                None if safe => Ok(Value::Null),
                None => Err(Error::expression(format!(
                    "The language expression property array index '{place}' is out of bounds."
                ))),
            }
        }
        (Value::Array(_), other) => Err(Error::expression(format!(
            "The language expression property can't be evaluated: the index of an array has to be an integer, and this one is of type '{}'.",
            other.kind()
        ))),
        (of, Value::Text(name)) => property(of, name, safe, is_written, evaluator),
        (Value::Null, _) if safe => Ok(Value::Null),
        (of, _) => Err(not_selectable("…", &of)),
    }
}

fn not_selectable(name: &str, of: &Value) -> Error {
    let kind = of.kind();
    Error::expression(format!(
        "The language expression property '{name}' can't be evaluated: it is selected from a value of type '{kind}'."
    ))
}

/// Names for a message, not too many.
fn available<'a>(names: impl Iterator<Item = &'a str>) -> String {
    /// How many characters of names a message shows.
    const SHOWN_CHARS_MAX: usize = 400;
    let mut shown = String::new();
    for name in names {
        if !shown.is_empty() {
            shown.push_str(", ");
        }
        if shown.len() + name.len() > SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        shown.push_str(name);
    }
    shown
}
