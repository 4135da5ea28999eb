//! Strings: endsWith, indexOf, join, lastIndexOf, padLeft, replace, split, startsWith, string, substring, toLower,
//! toUpper, trim. Places and lengths are counted in characters.

use super::call::{Call, Function, plain};
use super::written::{plain_text, written};
use crate::{Error, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "startswith" => {
            plain(2, 2, |call| Ok(Value::Bool(folded(call.text(0)?).starts_with(&folded(call.text(1)?)))))
        }
        "endswith" => {
            plain(2, 2, |call| Ok(Value::Bool(folded(call.text(0)?).ends_with(&folded(call.text(1)?)))))
        }
        "indexof" => plain(2, 2, |call| {
            index(
                call,
                |text, wanted| text.find(wanted),
                |items, item| items.iter().position(|other| other == item),
            )
        }),
        "lastindexof" => plain(2, 2, |call| {
            index(
                call,
                |text, wanted| text.rfind(wanted),
                |items, item| items.iter().rposition(|other| other == item),
            )
        }),
        "join" => plain(2, 2, join),
        "padleft" => plain(2, 3, pad_left),
        "replace" => plain(3, 3, replace),
        "split" => plain(2, 2, split),
        "string" => plain(1, 1, |call| Ok(Value::Text(written(&call.values[0])))),
        "substring" => plain(1, 3, substring),
        "tolower" => plain(1, 1, |call| Ok(Value::Text(lowered(call.text(0)?)))),
        "toupper" => plain(1, 1, |call| Ok(Value::Text(folded(call.text(0)?)))),
        "trim" => plain(1, 1, |call| Ok(call.text(0)?.trim().into())),
        _ => return None,
    })
}

/// A character as a capital one, if that is one character.
fn upper(char: char) -> char {
    single(char, char.to_uppercase())
}

/// A character as a small one, if that is one character.
fn lower(char: char) -> char {
    single(char, char.to_lowercase())
}

fn single(char: char, mut other: impl ExactSizeIterator<Item = char>) -> char {
    if other.len() == 1 { other.next().unwrap_or(char) } else { char }
}

/// A string in capitals, character by character: what comparisons without regard to case are made with.
fn folded(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_uppercase() } else { text.chars().map(upper).collect() }
}

fn lowered(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.chars().map(lower).collect() }
}

/// Where a string is in a string, without regard to case, or an item in an array, with regard to it; -1 if nowhere.
fn index(
    call: &Call<'_>,
    in_text: fn(&str, &str) -> Option<usize>,
    in_array: fn(&[Value], &Value) -> Option<usize>,
) -> Result<Value, Error> {
    let place = match &call.values[0] {
        Value::Array(items) => in_array(items, &call.values[1]),
        Value::Text(text) => {
            let text = folded(text);
            in_text(&text, &folded(call.text(1)?)).map(|byte| text[..byte].chars().count())
        }
        _ => return Err(call.wrong(0, "String or Array")),
    };
    Ok(Value::Int(place.map_or(-1, |place| place as i64)))
}

fn join(call: &mut Call<'_>) -> Result<Value, Error> {
    let (items, delimiter) = (call.array(0)?, call.text(1)?);
    let texts = items.iter().map(written).collect::<Vec<_>>();
    let delimiters = delimiter.len().saturating_mul(texts.len());
    call.bounded(texts.iter().map(String::len).sum::<usize>().saturating_add(delimiters))?;
    Ok(Value::Text(texts.join(delimiter)))
}

fn pad_left(call: &mut Call<'_>) -> Result<Value, Error> {
    let Some(text) = plain_text(&call.values[0]) else {
        return Err(call.wrong(0, "String or Integer"));
    };
    let Ok(length) = usize::try_from(call.int(1)?) else {
        return Err(call.fault("the length is negative"));
    };
    let with = if call.values.len() > 2 { call.text(2)? } else { " " };
    let mut chars = with.chars();
    let (Some(with), None) = (chars.next(), chars.next()) else {
        return Err(call.fault("the padding has to be a single character"));
    };
    call.bounded(length.saturating_mul(with.len_utf8()))?;
    let missing = length.saturating_sub(text.chars().count());
    Ok(Value::Text(std::iter::repeat_n(with, missing).chain(text.chars()).collect()))
}

fn replace(call: &mut Call<'_>) -> Result<Value, Error> {
    let (text, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
    if old.is_empty() {
        return Err(call.fault("the string that is to be replaced is empty"));
    }
    call.bounded(text.matches(old).count().saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Value::Text(text.replace(old, new)))
}

/// At one string, or at any of an array of strings: at the first that comes, and of those at one place at the first of the
/// array.
fn split(call: &mut Call<'_>) -> Result<Value, Error> {
    let text = call.text(0)?;
    let delimiters = match &call.values[1] {
        Value::Text(delimiter) => vec![delimiter.as_str()],
        Value::Array(items) => {
            let texts = items.iter().map(Value::as_text).collect::<Option<Vec<_>>>();
            texts.ok_or_else(|| call.wrong(1, "String or Array of String"))?
        }
        _ => return Err(call.wrong(1, "String or Array of String")),
    };
    let delimiters = delimiters.into_iter().filter(|delimiter| !delimiter.is_empty()).collect::<Vec<_>>();
    call.work(text.len().saturating_mul(delimiters.len()))?;
    let mut pieces = Vec::new();
    let (mut from, mut place) = (0, 0);
    while let Some(char) = text[place..].chars().next() {
        match delimiters.iter().find(|delimiter| text[place..].starts_with(**delimiter)) {
            Some(delimiter) => {
                pieces.push(&text[from..place]);
                place += delimiter.len();
                from = place;
            }
            None => place += char.len_utf8(),
        }
    }
    pieces.push(&text[from..]);
    call.bounded(pieces.len().saturating_mul(size_of::<Value>()).saturating_add(text.len()))?;
    Ok(Value::Array(pieces.into_iter().map(Value::from).collect()))
}

fn substring(call: &mut Call<'_>) -> Result<Value, Error> {
    let text = call.text(0)?;
    let whole = text.chars().count() as i64;
    let start = if call.values.len() > 1 { call.int(1)? } else { 0 };
    let length = if call.values.len() > 2 { call.int(2)? } else { whole.saturating_sub(start) };
    if start < 0 || length < 0 || start.saturating_add(length) > whole {
        return Err(call.fault(&format!(
            "The index and length parameters must refer to a location within the string. The index parameter: '{start}', the length parameter: '{length}', the length of the string parameter: '{whole}'"
        )));
    }
    Ok(Value::Text(text.chars().skip(start as usize).take(length as usize).collect()))
}
