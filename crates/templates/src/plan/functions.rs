//! Functions that a template defines.

use super::scope::{LEVELS, is_known, not_expected, only_text};
use super::setting::Setting;
use super::settle::not_found;
use super::{fits, place};
use crate::template::{Function, Template, ValueKind, key};
use crate::{Error, Evaluator, Scope, Value};

/// Calls a function of the template.
///
/// # Errors
/// `Expression` for too few or too many arguments and for an output of another type; `Parameter` for arguments that do
/// not fit; what evaluating it says.
pub(super) fn call(
    template: &Template,
    setting: &Setting,
    function: &Function,
    arguments: &[Value],
    evaluator: &Evaluator<'_>,
) -> Result<Value, Error> {
    if function.parameters.len() != arguments.len() {
        return Err(Error::expression(format!(
            "Unable to evaluate template language function '{}': function requires {} argument(s) while {} were provided.",
            function.name,
            function.parameters.len(),
            arguments.len()
        )));
    }
    for ((name, shape), value) in function.parameters.iter().zip(arguments) {
        let subject = fits::Subject { name, at: function.value.at, secure: true };
        fits::check(value, shape, &template.definitions, &subject).map_err(|mut error| {
            // the call is at fault, and whoever evaluates it knows where that stands
            error.at = None;
            error
        })?;
    }
    let _levels = evaluator.deeper(LEVELS)?;
    let scope = FunctionScope { template, setting, function, arguments };
    let value = evaluator.within(&scope).node(&function.value);
    value.and_then(|value| of_output_type(value, template, function)).map_err(|error| {
        error.or_at(function.value.at).rooted(&format!("properties.template.{}", function.path))
    })
}

/// What a function made, if it is of the type that the function says.
fn of_output_type(value: Value, template: &Template, function: &Function) -> Result<Value, Error> {
    if fits::is_of_type(&value, &function.output, &template.definitions)? {
        return Ok(value);
    }
    let expected = template.definitions.follow(&function.output)?.kind.map_or("", ValueKind::expected);
    Err(Error::expression(format!(
        "The output of the template function '{}' is not valid. Expected '{expected}'. Actual '{}'.",
        function.name,
        value.kind()
    )))
}

/// The scope of a function: its own parameters, where it is, and the template's other functions.
struct FunctionScope<'a> {
    template: &'a Template,
    setting: &'a Setting,
    function: &'a Function,
    arguments: &'a [Value],
}

impl FunctionScope<'_> {
    fn parameter(&self, arguments: &[Value]) -> Result<Value, Error> {
        let name = only_text("parameters", arguments)?;
        let place = self.function.parameters.iter().position(|(own, _)| crate::same_name(own, name));
        let value = place.and_then(|place| self.arguments.get(place)).cloned();
        value.ok_or_else(|| not_found("parameter", name))
    }
}

impl Scope for FunctionScope<'_> {
    fn call(
        &self,
        name: &str,
        arguments: &[Value],
        evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>> {
        let lower = name.to_ascii_lowercase();
        if lower == "parameters" {
            return Some(self.parameter(arguments));
        }
        if let Some(function) = self.template.functions.get(&key(name)) {
            return Some(call(self.template, self.setting, function, arguments, evaluator));
        }
        match place::call(self.setting, &lower, arguments) {
            None if is_known(self.template, name) => Some(Err(not_expected(name))),
            answer => answer,
        }
    }
}
