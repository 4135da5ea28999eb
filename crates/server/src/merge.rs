//! A PATCH over what is there (RFC 7396).

use serde_json::Value;

/// Members of the change win, `null` removes, objects are merged. The change has no more depth than JSON that was read.
pub(crate) fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (name, value) in change {
                if value.is_null() {
                    into.remove(&name);
                } else {
                    merge(into.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (into, change) => *into = change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_changes_what_it_names() {
        let mut value = json!({"tags": {"a": "1", "b": "2"}, "sku": {"name": "Premium"}, "list": [1]});
        merge(&mut value, json!({"tags": {"a": null, "c": "3"}, "list": [2, 3]}));
        assert_eq!(value, json!({"tags": {"b": "2", "c": "3"}, "sku": {"name": "Premium"}, "list": [2, 3]}));
    }
}
