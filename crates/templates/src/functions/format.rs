//! `format`: .NET's composite formats, `Hello {0}, {1:N0} of {2,-10}`.

mod custom;
mod number;

use super::call::{ANY, Call, Function, plain};
use super::written::written;
use crate::{Error, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    (name == "format").then(|| plain(1, ANY, format))
}

/// What .NET says of a format string that it cannot read, and of one that names an argument that is not there.
const NOT_CORRECT: &str = "Input string was not in a correct format.";
const OUT_OF_RANGE: &str =
    "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.";

/// A fault of the format string, in Azure's words.
fn invalid(call: &Call<'_>, what: &str) -> Error {
    Error::expression(format!(
        "Unable to evaluate language function '{}': the format is invalid: '{what}'. Please see https://aka.ms/arm-function-format for usage details.",
        call.name
    ))
}

fn format(call: &mut Call<'_>) -> Result<Value, Error> {
    let text = call.text(0)?;
    let mut formatted = String::new();
    let mut rest = text;
    while let Some(place) = rest.find(['{', '}']) {
        formatted.push_str(&rest[..place]);
        let sign = &rest[place..=place];
        rest = &rest[place + 1..];
        if let Some(behind) = rest.strip_prefix(sign) {
            // a sign that is there twice is meant
            formatted.push_str(sign);
            rest = behind;
        } else {
            let end = if sign == "{" { rest.find('}') } else { None };
            let Some(end) = end else {
                return Err(invalid(call, NOT_CORRECT));
            };
            formatted.push_str(&item(call, &rest[..end])?);
            rest = &rest[end + 1..];
        }
        call.bounded(formatted.len())?;
    }
    formatted.push_str(rest);
    Ok(Value::Text(formatted))
}

/// What stands in braces: `index[,alignment][:format]`.
fn item(call: &Call<'_>, item: &str) -> Result<String, Error> {
    let not_correct = || invalid(call, NOT_CORRECT);
    let (place, format) = item.split_once(':').map_or((item, None), |(place, format)| (place, Some(format)));
    let (index, alignment) =
        place.split_once(',').map_or((place, None), |(index, width)| (index, Some(width)));
    let index: usize = index.trim().parse().map_err(|_| not_correct())?;
    let alignment: i64 = alignment.map_or(Ok(0), |width| width.trim().parse()).map_err(|_| not_correct())?;
    let Some(value) = index.checked_add(1).and_then(|place| call.values.get(place)) else {
        return Err(invalid(call, OUT_OF_RANGE));
    };
    let text = match (value, format.filter(|format| !format.is_empty())) {
        (Value::Int(_) | Value::Float(_), Some(format)) => {
            number::format(value, format).map_err(|what| invalid(call, &what))?
        }
        // other values have no formats, and .NET says nothing to one
        _ => written(value),
    };
    aligned(call, text, alignment)
}

/// A text with blanks to a width: before it, or behind it if that is negative.
fn aligned(call: &Call<'_>, text: String, alignment: i64) -> Result<String, Error> {
    let width = usize::try_from(alignment.unsigned_abs()).unwrap_or(usize::MAX);
    call.bounded(width)?;
    let blanks = " ".repeat(width.saturating_sub(text.chars().count()));
    Ok(if alignment < 0 { text + &blanks } else { blanks + &text })
}
