//! add, div, float, int, max, min, mod, mul, sub.

use super::call::{ANY, Call, Function, plain};
use crate::{Error, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "add" => plain(2, 2, |call| checked(call, i64::checked_add)),
        "sub" => plain(2, 2, |call| checked(call, i64::checked_sub)),
        "mul" => plain(2, 2, |call| checked(call, i64::checked_mul)),
        "div" => plain(2, 2, |call| divided(call, i64::checked_div)),
        "mod" => plain(2, 2, |call| divided(call, i64::checked_rem)),
        "int" => plain(1, 1, int),
        "float" => plain(1, 1, float),
        "min" => plain(1, ANY, |call| Ok(Value::Int(integers(call)?.into_iter().min().unwrap_or_default()))),
        "max" => plain(1, ANY, |call| Ok(Value::Int(integers(call)?.into_iter().max().unwrap_or_default()))),
        _ => return None,
    })
}

fn checked(call: &Call<'_>, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Error> {
    let overflow = || call.fault("the result is no integer of 64 bits");
    Ok(Value::Int(operation(call.int(0)?, call.int(1)?).ok_or_else(overflow)?))
}

fn divided(call: &Call<'_>, operation: fn(i64, i64) -> Option<i64>) -> Result<Value, Error> {
    if call.int(1)? == 0 {
        return Err(call.fault("the second argument is zero, and nothing can be divided by zero"));
    }
    checked(call, operation)
}

fn int(call: &mut Call<'_>) -> Result<Value, Error> {
    match &call.values[0] {
        Value::Int(number) => Ok(Value::Int(*number)),
        Value::Text(text) => {
            let no_number = |_| {
                call.says("cannot convert provided value to integer value. Please see https://aka.ms/arm-function-int for usage details.")
            };
            Ok(Value::Int(text.trim().parse().map_err(no_number)?))
        }
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e18 => {
            Ok(Value::Int(*number as i64))
        }
        _ => Err(call.wrong(0, "String or Integer")),
    }
}

fn float(call: &mut Call<'_>) -> Result<Value, Error> {
    let number = match &call.values[0] {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Text(text) => match text.trim().parse::<f64>() {
            Ok(number) => number,
            Err(_) => return Err(call.fault("the string is no number")),
        },
        _ => return Err(call.wrong(0, "String or Integer")),
    };
    if number.is_finite() { Ok(Value::Float(number)) } else { Err(call.fault("the number is out of range")) }
}

/// The integers of one array, or of the arguments; at least one.
fn integers(call: &Call<'_>) -> Result<Vec<i64>, Error> {
    let items = match call.values.as_slice() {
        [Value::Array(items)] => items.as_slice(),
        values => values,
    };
    if items.is_empty() {
        return Err(call.fault("the array is empty"));
    }
    let wrong = || call.fault("all values have to be of type 'Integer'");
    items.iter().map(|item| item.as_int().ok_or_else(wrong)).collect()
}
