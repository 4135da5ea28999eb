//! and, bool, false, if, not, or, true, xor.

use super::call::{ANY, Call, Function, fault, lazy, plain, wrong_kind};
use crate::{Error, Evaluator, Expression, Value};

/// What Azure says of a string that is neither.
const NOT_CONVERTED: &str =
    "was invoked with a parameter that is not valid. The value cannot be converted to the target type.";

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "and" => lazy(2, ANY, and),
        "or" => lazy(2, ANY, or),
        "if" => lazy(3, 3, chosen),
        "not" => plain(1, 1, |call| Ok(Value::Bool(!call.bool(0)?))),
        "xor" => plain(2, 2, |call| Ok(Value::Bool(call.bool(0)? != call.bool(1)?))),
        "true" => plain(0, 0, |_| Ok(Value::Bool(true))),
        "false" => plain(0, 0, |_| Ok(Value::Bool(false))),
        "bool" => plain(1, 1, bool),
        _ => return None,
    })
}

/// Whether all are true. What stands behind one that is false is not evaluated.
fn and(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    until(false, name, arguments, evaluator)
}

/// Whether one is true. What stands behind it is not evaluated.
fn or(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    until(true, name, arguments, evaluator)
}

fn until(end: bool, name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    for (place, argument) in arguments.iter().enumerate() {
        let value = evaluator.expression(argument)?;
        match value.as_bool() {
            Some(value) if value == end => return Ok(Value::Bool(end)),
            Some(_) => {}
            None => return Err(wrong_kind(name, place, "Boolean", &value).or_at(argument.at)),
        }
    }
    Ok(Value::Bool(!end))
}

/// `if`: only the branch that is chosen is evaluated.
fn chosen(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let [condition, yes, no] = arguments else {
        return Err(fault(name, "a condition and two values are wanted"));
    };
    let value = evaluator.expression(condition)?;
    let Some(is) = value.as_bool() else {
        return Err(wrong_kind(name, 0, "Boolean", &value).or_at(condition.at));
    };
    evaluator.expression(if is { yes } else { no })
}

/// From a boolean, from `'true'` and `'false'`, from a number that is zero or not.
fn bool(call: &mut Call<'_>) -> Result<Value, Error> {
    Ok(Value::Bool(match &call.values[0] {
        Value::Bool(value) => *value,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(call.says(NOT_CONVERTED)),
        },
        _ => return Err(call.wrong(0, "String, Integer or Boolean")),
    }))
}
