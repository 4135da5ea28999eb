//! Values that must not be shown: those of secure parameters and of secrets.

use std::fmt;

use serde_json::Value as Json;
use transload_api::ErrorBody;
use transload_templates::{Error, Value};

use crate::fault::Fault;

/// What stands where one of them stood.
const BLOT: &str = "*****";
/// A shorter value is only blotted out where it is the whole text: otherwise it would hide half of everything.
const PART_CHARS_MIN: usize = 4;
/// So much of a longer one's beginning is looked for as well.
const HEAD_CHARS: usize = 16;
/// A shorter text in an action's answer is a name or a word (`key1`, `FULL`), and no key.
const KEY_CHARS_MIN: usize = 8;

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
        collect(value, &mut self.0);
        self.sort();
    }

    /// Every text of what an action answered that may be a key.
    pub(crate) fn add_keys(&mut self, answer: &Json) {
        let mut found = Vec::new();
        collect(answer, &mut found);
        self.0.extend(found.into_iter().filter(|text| text.chars().count() >= KEY_CHARS_MIN));
        self.sort();
    }

    /// Those of another as well.
    pub(crate) fn join(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
        self.sort();
    }

    /// The longest first, one may be a part of another, and each once.
    fn sort(&mut self) {
        self.0.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.0.dedup();
    }

    /// Whether one of them stands in a value.
    pub(crate) fn touch(&self, value: &Value) -> bool {
        let in_text = |text: &str| {
            let is_in = |secret: &String| {
                text == secret.as_str()
                    || (secret.chars().count() >= PART_CHARS_MIN && text.contains(secret.as_str()))
            };
            self.0.iter().any(is_in)
        };
        match value {
            Value::Text(text) => in_text(text),
            Value::Int(number) => self.0.contains(&number.to_string()),
            Value::Array(items) => items.iter().any(|item| self.touch(item)),
            Value::Object(members) => members.iter().any(|(name, value)| in_text(name) || self.touch(value)),
            _ => false,
        }
    }

    /// A fault of a template without them.
    pub(crate) fn error(&self, mut error: Error) -> Error {
        error.message = self.text(&error.message);
        error.path = error.path.map(|path| self.text(&path));
        error
    }

    /// A refusal without them.
    pub(crate) fn fault(&self, mut fault: Fault) -> Fault {
        fault.message = self.text(&fault.message);
        fault.target = fault.target.map(|target| self.text(&target));
        if let Some(more) = &mut fault.more {
            more.details = more.details.drain(..).map(|body| self.body(body)).collect();
            for info in &mut more.additional_info {
                info.info = self.json(info.info.take());
            }
        }
        fault
    }

    /// An error's body without them.
    pub(crate) fn body(&self, body: ErrorBody) -> ErrorBody {
        let ErrorBody { code, message, target, details, mut additional_info } = body;
        for info in &mut additional_info {
            info.info = self.json(info.info.take());
        }
        ErrorBody {
            code,
            message: self.text(&message),
            target: target.map(|target| self.text(&target)),
            details: details.into_iter().map(|body| self.body(body)).collect(),
            additional_info,
        }
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
            text = without_beginning(text, secret);
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

/// A text without the beginning of a secret: messages show the first characters of what is long.
fn without_beginning(text: String, secret: &str) -> String {
    let Some((end, _)) = secret.char_indices().nth(HEAD_CHARS) else { return text };
    let Some(at) = text.find(&secret[..end]) else { return text };
    let same = text[at..].chars().zip(secret.chars()).take_while(|(one, other)| one == other);
    let rest = &text[at + same.map(|(c, _)| c.len_utf8()).sum::<usize>()..];
    let is_cut = rest.is_empty() || rest.starts_with(['…', '\'', '"']);
    if is_cut { format!("{}{BLOT}{rest}", &text[..at]) } else { text }
}

/// The texts and numbers of a value.
fn collect(value: &Json, into: &mut Vec<String>) {
    match value {
        Json::String(text) if !text.is_empty() => into.push(text.clone()),
        Json::Number(number) => into.push(number.to_string()),
        Json::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Json::Object(members) => members.values().for_each(|value| collect(value, into)),
        _ => {}
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
        assert!(blots.touch(&Value::from("a-hunter2-b")) && !blots.touch(&Value::from("hunter")));
    }

    #[test]
    fn the_beginning_of_a_long_secret_is_blotted_out_and_words_of_answers_are_not() {
        let mut blots = Blots::of(vec!["0123456789".repeat(30)]);
        let cut = format!("'ab{}…' is no name", "0123456789".repeat(7));
        assert_eq!(blots.text(&cut), "'ab*****…' is no name");
        blots.add_keys(
            &json!({"keys": [{"keyName": "key1", "permissions": "FULL", "value": "c2VjcmV0a2V5"}]}),
        );
        assert_eq!(blots.text("key1 of FULL is c2VjcmV0a2V5"), "key1 of FULL is *****");
    }

    #[test]
    fn no_part_of_a_refusal_shows_them() {
        let blots = Blots::of(vec!["hunter2".to_owned()]);
        let body = |text: &str| ErrorBody {
            message: text.to_owned(),
            target: Some(text.to_owned()),
            ..ErrorBody::default()
        };
        let more = crate::fault::More { details: vec![body("x/hunter2")], additional_info: Vec::new() };
        let fault = Fault::bad("X", "hunter2!").about("/a/hunter2").with(more);
        assert!(!format!("{:?}", blots.fault(fault)).contains("hunter2"));
        let error = Error::template("hunter2").within("hunter2");
        assert!(!format!("{:?}", blots.error(error)).contains("hunter2"));
    }
}
