//! Values as text.

use crate::Value;

/// A value as `string()` writes it: strings as they are, booleans as `True` and `False`, null as nothing, the rest as
/// JSON without blanks, members in their order.
pub(crate) fn written(value: &Value) -> String {
    plain_text(value).unwrap_or_else(|| json_text(value))
}

/// A value as JSON without blanks, members in their order.
pub(crate) fn json_text(value: &Value) -> String {
    let mut json = String::new();
    write_json(value, &mut json);
    json
}

/// The same of a value that is no array and no object.
pub(crate) fn plain_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

fn write_json(value: &Value, json: &mut String) {
    match value {
        Value::Null => json.push_str("null"),
        Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => json.push_str(&number.to_string()),
        Value::Float(number) => json.push_str(&serde_json::Value::from(*number).to_string()),
        Value::Text(text) => write_text(text, json),
        Value::Array(items) => {
            json.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    json.push(',');
                }
                write_json(item, json);
            }
            json.push(']');
        }
        Value::Object(members) => {
            json.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                if place > 0 {
                    json.push(',');
                }
                write_text(name, json);
                json.push(':');
                write_json(value, json);
            }
            json.push('}');
        }
    }
}

fn write_text(text: &str, json: &mut String) {
    json.push_str(&serde_json::Value::from(text).to_string());
}

/// A text that is the same for values that are the same, whatever the order of members, and another one for others.
pub(crate) fn fingerprint(value: &Value) -> String {
    let mut print = String::new();
    write_sorted(value, &mut print);
    print
}

fn write_sorted(value: &Value, print: &mut String) {
    match value {
        Value::Array(items) => {
            print.push('[');
            for item in items {
                write_sorted(item, print);
                print.push(',');
            }
            print.push(']');
        }
        Value::Object(members) => {
            let mut members = members.iter().collect::<Vec<_>>();
            members.sort_by_key(|(name, _)| *name);
            print.push('{');
            for (name, value) in members {
                write_text(name, print);
                print.push(':');
                write_sorted(value, print);
                print.push(',');
            }
            print.push('}');
        }
        // `1` and `1.0` differ here, as they do to Azure
        other => write_json(other, print),
    }
}
