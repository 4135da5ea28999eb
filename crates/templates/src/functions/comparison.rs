//! coalesce, equals, greater, greaterOrEquals, less, lessOrEquals.

use std::cmp::Ordering;

use super::call::{ANY, Call, Function, lazy, plain};
use crate::{Error, Evaluator, Expression, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "coalesce" => lazy(1, ANY, coalesce),
        "equals" => plain(2, 2, |call| Ok(Value::Bool(call.values[0] == call.values[1]))),
        "greater" => plain(2, 2, |call| Ok(Value::Bool(order(call)?.is_gt()))),
        "greaterorequals" => plain(2, 2, |call| Ok(Value::Bool(order(call)?.is_ge()))),
        "less" => plain(2, 2, |call| Ok(Value::Bool(order(call)?.is_lt()))),
        "lessorequals" => plain(2, 2, |call| Ok(Value::Bool(order(call)?.is_le()))),
        _ => return None,
    })
}

/// The first that is not null. What stands behind it is not evaluated.
fn coalesce(_name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    for argument in arguments {
        let value = evaluator.expression(argument)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

/// How two numbers or two strings stand to each other.
fn order(call: &Call<'_>) -> Result<Ordering, Error> {
    match (&call.values[0], &call.values[1]) {
        (Value::Text(a), Value::Text(b)) => Ok(texts(a, b)),
        (a, b) => match (number(a), number(b)) {
            (Some(_), Some(_)) => Ok(numbers(a, b)),
            (None, _) => {
                Err(call.wrong(0, if b.as_text().is_some() { "String" } else { "Integer or String" }))
            }
            (_, None) => Err(call.wrong(1, "Integer")),
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn numbers(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        _ => number(a).partial_cmp(&number(b)).unwrap_or(Ordering::Equal),
    }
}

/// Strings in the order of the invariant culture, as far as the documentation shows it: by letters first, and where
/// these are the same, small letters before capital ones (`'A'` is greater than `'a'`).
fn texts(a: &str, b: &str) -> Ordering {
    let letters = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<_>>();
    letters(a).cmp(&letters(b)).then_with(|| b.cmp(a))
}
