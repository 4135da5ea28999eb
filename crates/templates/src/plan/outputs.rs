//! Outputs of a deployment.

use super::scope::{Frame, Place};
use super::world::World;
use super::{Plan, expand, fits};
use crate::evaluate::all;
use crate::template::{Output, OutputForm, ValueKind};
use crate::{Error, ErrorKind, Evaluator, Value};

/// A parameter or an output with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name as the template writes it.
    pub name: String,
    /// Its type.
    pub kind: ValueKind,
    /// Its value; none where that is a secret, or was made of one.
    pub value: Option<Value>,
    /// Of an output that was made of a secret though its type is of none: its value, for the template that refers to it. It
    /// must not be shown.
    pub withheld: Option<Value>,
}

impl Plan {
    /// The outputs in the template's order; those with a false condition are left out.
    ///
    /// # Errors
    /// `Pending` while the world lacks an answer; otherwise what evaluation says, and types that do not fit.
    pub fn outputs(&self, world: &World) -> Result<Vec<Named>, Error> {
        let context = self.context(world);
        let frame = Frame { context: &context, place: Place::Late, round: None };
        let evaluator = Evaluator::new(&frame, &self.limits);
        let made = all(self.template.outputs.iter().map(|output| self.output(&frame, &evaluator, output)));
        Ok(made.map_err(|error| error.without(&self.secrets()))?.into_iter().flatten().collect())
    }

    /// An output, if its condition is true.
    pub(super) fn output(
        &self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        output: &Output,
    ) -> Result<Option<Named>, Error> {
        let path = format!("properties.template.outputs.{}", output.name);
        self.evaluated(frame, evaluator, output)
            .map_err(|error| of_output(error.or_at(output.at), &output.name).rooted(&path))
    }

    fn evaluated(
        &self,
        frame: &Frame<'_>,
        evaluator: &Evaluator<'_>,
        output: &Output,
    ) -> Result<Option<Named>, Error> {
        if !condition(frame, evaluator, output)? {
            return Ok(None);
        }
        let (value, secret) = frame.context.watched(|| of_form(frame, evaluator, output));
        let value = value?;
        let definitions = &self.template.definitions;
        let shape = definitions.follow(&output.shape)?;
        let kind = shape.kind.unwrap_or(ValueKind::Object);
        if !fits::is_of_type(&value, &output.shape, definitions)? {
            return Err(Error::template(format!(
                "Template output JToken type is not valid. Expected '{}'. Actual '{}'. Please see https://aka.ms/arm-syntax-outputs for usage details.",
                kind.expected(),
                value.kind()
            )));
        }
        // whatever its type says: what a secret went into is one. A truth carries none
        let (value, withheld) = match (kind.is_secure(), secret && value.as_bool().is_none()) {
            (true, _) => (None, None),
            (false, true) => (None, Some(value)),
            (false, false) => (Some(value), None),
        };
        Ok(Some(Named { name: output.name.clone(), kind, value, withheld }))
    }
}

/// The value of an output, of each round if it is a loop.
fn of_form(frame: &Frame<'_>, evaluator: &Evaluator<'_>, output: &Output) -> Result<Value, Error> {
    match &output.form {
        OutputForm::Value(node) => {
            expand::value(frame, evaluator, node).map_err(|error| error.within("value"))
        }
        OutputForm::Loop { count, input } => {
            let count = expand::count(frame, evaluator, count)
                .map_err(|error| error.within("count").within("copy"))?;
            let rounds = expand::rounds(frame, evaluator, (&output.name, true), count, |frame, evaluator| {
                expand::value(frame, evaluator, input)
            });
            Ok(Value::Array(rounds.map_err(|error| error.within("input").within("copy"))?))
        }
    }
}

/// Whether an output is there. Azure lets conditions of outputs ask nothing of the world.
fn condition(frame: &Frame<'_>, evaluator: &Evaluator<'_>, output: &Output) -> Result<bool, Error> {
    let Some(node) = &output.condition else { return Ok(true) };
    let early = frame.at(Place::Early);
    let value = evaluator.within(&early).node(node).map_err(|error| error.within("condition"))?;
    value.as_bool().ok_or_else(|| {
        let text =
            format!("The condition has to be of type 'Boolean', and it is of type '{}'.", value.kind());
        Error::template(text).or_at(node.at).within("condition")
    })
}

fn of_output(mut error: Error, name: &str) -> Error {
    if matches!(error.kind, ErrorKind::Expression | ErrorKind::InvalidTemplate)
        && !error.message.starts_with("The template output")
    {
        error.message = format!("The template output '{name}' is not valid: {}", error.message);
    }
    error
}
