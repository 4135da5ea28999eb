//! Values that must not be shown: those of secure parameters and of secrets.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value as Json;
use transload_api::ErrorBody;
use transload_templates::{Error, Value};

use crate::fault::Fault;

/// What stands where one of them stood.
const BLOT: &str = "*****";
/// A shorter value is only blotted out where it is the whole text: otherwise it would hide half of everything.
const PART_CHARS_MIN: usize = 4;
/// So much of a longer one's beginning is looked for as well: messages show the first characters of what is long.
pub(crate) const HEAD_CHARS: usize = 16;
/// So much of a message is looked through for beginnings.
const HEADS_BYTES_MAX: usize = 4096;
/// A shorter text in an action's answer is a name or a word (`key1`, `FULL`), and no key.
const KEY_CHARS_MIN: usize = 8;

/// Values that must not be shown. Cheap to copy: what was added together stays together and is shared.
#[derive(Clone, Default)]
pub(crate) struct Blots(Vec<Arc<Layer>>);

/// What must not be shown of a deployment besides its own secrets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hidden {
    /// Values that no message may tell.
    pub(crate) values: Blots,
    /// Those of them that may stand in the template or in parameters without being told from others: outputs of other
    /// deployments that were made of secrets.
    pub(crate) unmarked: Blots,
    /// Names of parameters that were made of secrets.
    pub(crate) parameters: Vec<String>,
}

/// Values that were added together, sorted, each once.
struct Layer {
    values: Vec<String>,
    /// Finds those of them that may be parts of texts; made when it is first wanted.
    parts: OnceLock<Option<AhoCorasick>>,
}

impl fmt::Debug for Blots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blots({})", self.0.iter().map(|layer| layer.values.len()).sum::<usize>())
    }
}

impl Layer {
    fn of(mut values: Vec<String>) -> Self {
        values.retain(|value| !value.is_empty());
        values.sort_unstable();
        values.dedup();
        Self { values, parts: OnceLock::new() }
    }

    fn has(&self, text: &str) -> bool {
        self.values.binary_search_by(|value| value.as_str().cmp(text)).is_ok()
    }

    /// One pass over a text finds all of them, however many there are. It is none where there is nothing to find, or more
    /// than can be looked for: [`Limits`](transload_templates::Limits) keep that from happening.
    fn parts(&self) -> Option<&AhoCorasick> {
        let made = self.parts.get_or_init(|| {
            let parts = self.values.iter().filter(|value| value.chars().nth(PART_CHARS_MIN - 1).is_some());
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA));
            builder.build(parts).ok().filter(|parts| parts.patterns_len() > 0)
        });
        made.as_ref()
    }

    fn text(&self, text: String) -> String {
        if self.has(&text) {
            return BLOT.to_owned();
        }
        let Some(parts) = self.parts().filter(|parts| parts.is_match(&text)) else { return text };
        let mut without = String::with_capacity(text.len());
        parts.replace_all_with(&text, &mut without, |_, _, without| {
            without.push_str(BLOT);
            true
        });
        without
    }

    /// A text without the beginnings of long ones that were cut off.
    fn heads(&self, text: String) -> String {
        let places = text.char_indices().map(|(at, _)| at).take_while(|at| *at < HEADS_BYTES_MAX);
        let cut = places.filter_map(|at| Some((at, at + self.cut(&text[at..])?))).next();
        match cut {
            Some((from, to)) => format!("{}{BLOT}{}", &text[..from], &text[to..]),
            None => text,
        }
    }

    /// How much of a text's beginning is the beginning of one that is cut off there.
    fn cut(&self, text: &str) -> Option<usize> {
        // the one that has most in common with it is its neighbour
        let at = self.values.partition_point(|value| value.as_str() < text);
        let near = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|at| self.values.get(at));
        let common = |value: &String| {
            let same = || value.chars().zip(text.chars()).take_while(|(one, other)| one == other);
            let long = same().nth(HEAD_CHARS - 1).is_some();
            long.then(|| same().map(|(c, _)| c.len_utf8()).sum::<usize>())
        };
        let most = near.filter_map(common).max()?;
        let rest = &text[most..];
        (rest.is_empty() || rest.starts_with(['…', '\'', '"'])).then_some(most)
    }
}

impl Blots {
    /// These.
    pub(crate) fn of(values: Vec<String>) -> Self {
        let mut blots = Self::default();
        blots.push(values);
        blots
    }

    /// All of them, to be sealed.
    pub(crate) fn values(&self) -> Vec<String> {
        let mut values: Vec<String> = self.0.iter().flat_map(|layer| layer.values.iter().cloned()).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Every text of what an action answered that may be a key.
    pub(crate) fn add_keys(&mut self, answer: &Json) {
        let mut found = Vec::new();
        collect(&Value::from_json(answer), &mut found);
        found.retain(|text| text.chars().nth(KEY_CHARS_MIN - 1).is_some());
        self.push(found);
    }

    /// Every text and number of these values.
    pub(crate) fn add<'v>(&mut self, values: impl IntoIterator<Item = &'v Json>) {
        let mut found = Vec::new();
        for value in values {
            collect(&Value::from_json(value), &mut found);
        }
        self.push(found);
    }

    /// Those of another as well.
    pub(crate) fn join(&mut self, other: &Self) {
        for layer in &other.0 {
            if !self.0.iter().any(|own| Arc::ptr_eq(own, layer)) {
                self.0.push(Arc::clone(layer));
            }
        }
    }

    fn push(&mut self, values: Vec<String>) {
        let layer = Layer::of(values);
        if !layer.values.is_empty() {
            self.0.push(Arc::new(layer));
        }
    }

    /// Makes what finds them: where nobody waits for the thread.
    pub(crate) fn ready(&self) {
        for layer in &self.0 {
            layer.parts();
        }
    }

    fn in_text(&self, text: &str) -> bool {
        self.0.iter().any(|layer| layer.has(text) || layer.parts().is_some_and(|parts| parts.is_match(text)))
    }

    /// Whether one of them stands in a value.
    pub(crate) fn touch(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => self.in_text(text),
            Value::Int(number) => self.is_one(&number.to_string()),
            Value::Array(items) => items.iter().any(|item| self.touch(item)),
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.in_text(name) || self.touch(value))
            }
            _ => false,
        }
    }

    fn is_one(&self, text: &str) -> bool {
        self.0.iter().any(|layer| layer.has(text))
    }

    /// A text without them.
    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, layer| layer.text(text))
    }

    /// A message without them, and without what it shows of their beginnings.
    fn message(&self, text: &str) -> String {
        self.0.iter().fold(self.text(text), |text, layer| layer.heads(text))
    }

    /// A fault of a template without them.
    pub(crate) fn error(&self, mut error: Error) -> Error {
        error.message = self.message(&error.message);
        error.path = error.path.map(|path| self.message(&path));
        error
    }

    /// A refusal without them.
    pub(crate) fn fault(&self, mut fault: Fault) -> Fault {
        fault.message = self.message(&fault.message);
        fault.target = fault.target.map(|target| self.message(&target));
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
            message: self.message(&message),
            target: target.map(|target| self.message(&target)),
            details: details.into_iter().map(|body| self.body(body)).collect(),
            additional_info,
        }
    }

    /// A value without them.
    pub(crate) fn json(&self, value: Json) -> Json {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Json::String(text) => Json::String(self.text(&text)),
            Json::Number(number) if self.is_one(&number.to_string()) => Json::String(BLOT.to_owned()),
            Json::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Json::Object(members) => {
                members.into_iter().map(|(name, value)| (self.text(&name), self.json(value))).collect()
            }
            other => other,
        }
    }
}

/// The texts and numbers of a value.
pub(crate) fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Text(text) => into.push(text.clone()),
        Value::Int(number) => into.push(number.to_string()),
        Value::Float(number) => into.push(Json::from(*number).to_string()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(members) => members.iter().for_each(|(_, value)| collect(value, into)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_blotted_out_wherever_they_stand() {
        let mut found = Vec::new();
        collect(&Value::from_json(&json!({"a": ["hunter2", 4711], "b": "x"})), &mut found);
        let blots = Blots::of(found);
        let shown = blots.json(json!({"p": "?sig=hunter2", "n": 4711, "x": "x", "xy": "xy", "t": true}));
        assert_eq!(shown, json!({"p": "?sig=*****", "n": "*****", "*****": "*****", "xy": "xy", "t": true}));
        assert_eq!(blots.text("the value hunter2 cannot be"), "the value ***** cannot be");
        assert!(blots.touch(&Value::from("a-hunter2-b")) && !blots.touch(&Value::from("hunter")));
    }

    #[test]
    fn the_beginning_of_a_long_secret_is_blotted_out_and_words_of_answers_are_not() {
        let mut blots = Blots::of(vec!["0123456789".repeat(30)]);
        let cut = format!("'ab{}…' is no name", "0123456789".repeat(7));
        assert_eq!(blots.message(&cut), "'ab*****…' is no name");
        blots.add_keys(
            &json!({"keys": [{"keyName": "key1", "permissions": "FULL", "value": "c2VjcmV0a2V5"}]}),
        );
        assert_eq!(blots.text("key1 of FULL is c2VjcmV0a2V5"), "key1 of FULL is *****");
    }

    #[test]
    fn of_several_the_longest_goes_and_layers_are_shared() {
        let mut blots = Blots::of(vec!["secret".to_owned(), "secret-two".to_owned(), "abc".to_owned()]);
        blots.join(&blots.clone());
        blots.join(&Blots::of(vec!["other-one".to_owned()]));
        assert_eq!(format!("{blots:?}"), "Blots(4)");
        assert_eq!(blots.text("secret-two secret other-one abc"), "***** ***** ***** abc");
        assert_eq!(blots.text("abc"), BLOT);
        assert_eq!(blots.values().len(), 4);
    }

    #[test]
    fn many_secrets_are_looked_for_at_once() {
        // each of them with each text would be a thousand million comparisons
        let blots = Blots::of((0..30_000).map(|at| format!("{at:020}")).collect());
        let texts: Vec<String> = (0..30_000).map(|at| format!("x{:020}", at * 2)).collect();
        let blotted = texts.iter().filter(|text| blots.text(text).contains(BLOT)).count();
        assert_eq!(blotted, 15_000);
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
