//! Values that must not be shown: those of secure parameters and of secrets.

use std::fmt;

use serde_json::Value as Json;

/// What stands where one of them stood.
const BLOT: &str = "*****";
/// A shorter value is only blotted out where it is the whole text: otherwise it would hide half of everything.
const PART_CHARS_MIN: usize = 4;

/// Values that must not be shown.
#[derive(Clone, Default)]
pub(crate) struct Blots(Vec<String>);

impl fmt::Debug for Blots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blots({})", self.0.len())
    }
}

impl Blots {
    /// These.
    pub(crate) fn of(values: Vec<String>) -> Self {
        Self(values)
    }

    /// All of them, to be sealed.
    pub(crate) fn values(&self) -> Vec<String> {
        self.0.clone()
    }

    /// Every text and number of a value.
    pub(crate) fn add(&mut self, value: &Json) {
        match value {
            Json::String(text) if !text.is_empty() => self.0.push(text.clone()),
            Json::Number(number) => self.0.push(number.to_string()),
            Json::Array(items) => items.iter().for_each(|item| self.add(item)),
            Json::Object(members) => members.values().for_each(|value| self.add(value)),
            _ => {}
        }
        // the longest first: one may be a part of another
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// Those of another as well.
    pub(crate) fn join(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// A text without them.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text == *secret {
                return BLOT.to_owned();
            }
            if secret.chars().count() >= PART_CHARS_MIN && text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), BLOT);
            }
        }
        text
    }

    /// A value without them.
    pub(crate) fn json(&self, value: Json) -> Json {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Json::String(text) => Json::String(self.text(&text)),
            Json::Number(number) if self.0.contains(&number.to_string()) => Json::String(BLOT.to_owned()),
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(members) => {
                members.into_iter().map(|(name, value)| (self.text(&name), self.json(value))).collect()
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_blotted_out_wherever_they_stand() {
        let mut blots = Blots::default();
        blots.add(&json!({"a": ["hunter2", 4711], "b": "x"}));
        let shown = blots.json(json!({"p": "?sig=hunter2", "n": 4711, "x": "x", "xy": "xy", "t": true}));
        assert_eq!(shown, json!({"p": "?sig=*****", "n": "*****", "*****": "*****", "xy": "xy", "t": true}));
        assert_eq!(blots.text("the value hunter2 cannot be"), "the value ***** cannot be");
    }
}
