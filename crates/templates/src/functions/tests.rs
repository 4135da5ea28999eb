//! Every function by a table: an expression, and what it is (as JSON) or what is said.

mod collections;
mod dates;
mod lambdas;
mod numbers;
mod objects;
mod strings;

use serde_json::Value as Json;

use crate::{Error, Evaluator, Limits, Position, Scope, Value};

/// A scope that knows nothing but values to ask for: `parameters('name')`.
pub(crate) struct Given(pub(crate) Json);

impl Scope for Given {
    fn call(
        &self,
        name: &str,
        arguments: &[Value],
        _evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>> {
        let [Value::Text(wanted)] = arguments else {
            return None;
        };
        let value =
            || self.0.get(wanted).map(Value::from_json).ok_or_else(|| Error::expression("no such parameter"));
        name.eq_ignore_ascii_case("parameters").then(value)
    }
}

pub(crate) fn evaluate(expression: &str) -> Result<Json, String> {
    evaluate_with(expression, &Json::Null)
}

pub(crate) fn evaluate_with(expression: &str, given: &Json) -> Result<Json, String> {
    let (scope, limits) = (Given(given.clone()), Limits::default());
    let value = Evaluator::new(&scope, &limits).text(&format!("[{expression}]"), Position::default());
    value.map(|value| value.to_json()).map_err(|error| error.message)
}

/// Holds a table: expressions and what they are.
pub(crate) fn are(table: &[(&str, Json)]) {
    for (expression, wanted) in table {
        assert_eq!(evaluate(expression).as_ref(), Ok(wanted), "{expression}");
    }
}

/// Holds a table: expressions and what is said of them, in part.
pub(crate) fn fail(table: &[(&str, &str)]) {
    for (expression, wanted) in table {
        match evaluate(expression) {
            Ok(value) => panic!("{expression} is {value}"),
            Err(message) => assert!(message.contains(wanted), "{expression}: {message}"),
        }
    }
}

/// The first table of functions in the documents names functions that there are, all of them.
#[test]
fn the_documents_name_every_function() {
    let page = include_str!("../../../../docs/TEMPLATES.md");
    let (_, rest) = page.split_once("## Functions").expect("a chapter of functions");
    // the first table: what is behind it is the scope's
    let is_row = |line: &&str| line.starts_with("| ");
    let rows = rest
        .lines()
        .skip_while(|line| !is_row(line))
        .take_while(|line| line.starts_with('|'))
        .collect::<String>();
    let mut named = rows.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    named.sort_unstable();
    named.dedup();
    for name in &named {
        assert!(super::find(name).is_some(), "{name} is no function");
    }
    for name in crate::evaluate::tests::NAMES {
        assert!(named.contains(name), "{name} is not in the table");
    }
}
