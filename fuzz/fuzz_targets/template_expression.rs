//! Any expression is evaluated or refused, within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transload_templates::{Error, Evaluator, Limits, Position, Scope, Value};

/// Knows parameters of each kind, and nothing else.
struct Given;

impl Scope for Given {
    fn call(
        &self,
        name: &str,
        arguments: &[Value],
        evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>> {
        if !name.eq_ignore_ascii_case("parameters") {
            return None;
        }
        Some(evaluator.text(
            match arguments.first()?.as_text()? {
                "a" => "[createArray('a', 1, null(), true())]",
                "o" => "[createObject('a', 1, 'B', createObject('c', 'd'))]",
                "n" => "[9223372036854775807]",
                "p" => "[parameters('p')]",
                _ => "text, of a (parameter) with {0} \u{e4}",
            },
            Position::default(),
        ))
    }
}

fuzz_target!(|text: &str| {
    let limits =
        Limits { steps_max: 20_000, value_bytes_max: 64 << 10, work_bytes_max: 1 << 20, ..Limits::default() };
    let evaluator = Evaluator::new(&Given, &limits);
    if let Ok(value) = evaluator.text(&format!("[{text}]"), Position::default()) {
        assert!(value.weight(limits.value_depth_max).is_some_and(|weight| weight <= limits.value_bytes_max));
    }
});
