//! The scope of a template's expressions: its parameters, variables and functions, the loops around, and the place where
//! all of it happens.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::planned::Resources;
use super::setting::Setting;
use super::settle::{Parameters, not_found};
use super::world::World;
use super::{expand, functions, place, runtime};
use crate::template::{Template, VariableForm, key};
use crate::{Error, ErrorKind, Evaluator, Scope, Value};

/// Levels that a variable, a default or a function of the template takes: it costs the stack of so many.
pub(super) const LEVELS: usize = 6;

/// Where an expression stands: not every function may stand everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A variable: nothing that asks the world.
    Variable,
    /// What has to be known before anything is deployed: names, types, conditions, counts of loops, locations.
    Early,
    /// What is sent for a resource, and outputs.
    Late,
}

/// Everything that expressions of one template may ask, for one evaluation.
pub(super) struct Context<'a> {
    pub(super) template: &'a Template,
    pub(super) setting: &'a Setting,
    pub(super) parameters: &'a Parameters,
    /// What is known of the world, and the resources that `reference('name')` may mean. None while those are planned.
    pub(super) known: Option<(&'a World, &'a Resources)>,
    variables: RefCell<HashMap<String, (Value, bool)>>,
    under_way: RefCell<Vec<String>>,
    secret: Cell<bool>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        template: &'a Template,
        setting: &'a Setting,
        parameters: &'a Parameters,
        known: Option<(&'a World, &'a Resources)>,
    ) -> Self {
        Self {
            template,
            setting,
            parameters,
            known,
            variables: RefCell::default(),
            under_way: RefCell::default(),
            secret: Cell::new(false),
        }
    }

    /// Runs something and says whether a secret went into what came of it.
    pub(super) fn watched<T>(&self, run: impl FnOnce() -> T) -> (T, bool) {
        let before = self.secret.replace(false);
        let made = run();
        let secret = self.secret.get();
        self.secret.set(before || secret);
        (made, secret)
    }

    /// A secret was seen: what is made of it is one as well.
    pub(super) fn saw_secret(&self, secret: bool) {
        self.secret.set(self.secret.get() || secret);
    }

    fn parameter(&self, arguments: &[Value]) -> Result<Value, Error> {
        let name = only_text("parameters", arguments)?;
        let settled = self.parameters.get(&key(name)).ok_or_else(|| not_found("parameter", name))?;
        self.saw_secret(settled.secure);
        Ok(settled.value.clone())
    }

    fn variable(&self, arguments: &[Value], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
        let name = only_text("variables", arguments)?;
        let variable = self.template.variables.get(&key(name)).ok_or_else(|| not_found("variable", name))?;
        if let Some((value, secret)) = self.variables.borrow().get(&key(name)) {
            self.saw_secret(*secret);
            return Ok(value.clone());
        }
        let _levels = evaluator.deeper(LEVELS)?;
        self.enter(&variable.name)?;
        let frame = Frame { context: self, place: Place::Variable, round: None };
        let inner = evaluator.within(&frame);
        let (value, secret) = self.watched(|| match &variable.form {
            VariableForm::Value(node) => expand::value(&frame, &inner, node),
            VariableForm::Loop(each) => expand::array(&frame, &inner, each),
        });
        self.under_way.borrow_mut().pop();
        let value = value.map_err(|error| {
            let path = format!("properties.template.variables.{}", variable.name);
            of_variable(error.or_at(variable.at), &variable.name).rooted(&path)
        })?;
        evaluator.keep(&value)?;
        self.variables.borrow_mut().insert(key(name), (value.clone(), secret));
        Ok(value)
    }

    fn enter(&self, name: &str) -> Result<(), Error> {
        let mut under_way = self.under_way.borrow_mut();
        if let Some(first) = under_way.iter().position(|other| other.eq_ignore_ascii_case(name)) {
            let circle: Vec<&str> = under_way[first..].iter().map(String::as_str).chain([name]).collect();
            let text =
                format!("Circular dependency detected on template variable: '{}'.", circle.join("' -> '"));
            return Err(Error::template(text));
        }
        under_way.push(name.to_owned());
        Ok(())
    }

    /// What `deployment()` answers. Secure parameters are not in it.
    fn deployment(&self) -> Value {
        let shown = self.parameters.values().filter(|parameter| !parameter.secure);
        let parameters = shown.map(|one| (one.name.clone(), json!({"value": one.value.to_json()}))).collect();
        deployment(self.setting, self.template, &parameters)
    }
}

/// What `deployment()` answers, with the parameters that may be shown.
pub(super) fn deployment(
    setting: &Setting,
    template: &Template,
    parameters: &serde_json::Map<String, Json>,
) -> Value {
    Value::from_json(&json!({
        "name": setting.deployment,
        "properties": {
            "template": template.to_json(),
            "parameters": parameters,
            "mode": setting.mode,
            "provisioningState": "Accepted",
        },
    }))
}

/// A round of a loop, with the loops around it.
pub(super) struct Round<'a> {
    pub(super) name: &'a str,
    pub(super) index: i64,
    /// Whether `copyIndex()` without a name means it: loops of resources and outputs, not those of properties.
    pub(super) main: bool,
    pub(super) outer: Option<&'a Round<'a>>,
}

/// The scope at a place: the context, and the loops around.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) place: Place,
    pub(super) round: Option<&'a Round<'a>>,
}

impl<'a> Frame<'a> {
    /// The same inside a round of a loop.
    pub(super) fn within<'b>(&self, round: &'b Round<'b>) -> Frame<'b>
    where
        'a: 'b,
    {
        Frame { context: self.context, place: self.place, round: Some(round) }
    }

    /// The same for another place.
    pub(super) fn at(&self, place: Place) -> Self {
        Self { place, ..*self }
    }

    /// `copyIndex([loop], [offset])`
    fn copy_index(&self, arguments: &[Value]) -> Result<Value, Error> {
        let (name, offset) = match arguments {
            [] => (None, 0),
            [Value::Int(offset)] => (None, *offset),
            [Value::Text(name)] => (Some(name.as_str()), 0),
            [Value::Text(name), Value::Int(offset)] => (Some(name.as_str()), *offset),
            _ => return Err(place::invalid("copyIndex", "it takes the name of a loop and an offset")),
        };
        let round = self.round_of(name).ok_or_else(|| no_round(name))?;
        let index = round.index.checked_add(offset);
        index.map(Value::Int).ok_or_else(|| place::invalid("copyIndex", "the offset is too large"))
    }

    fn round_of(&self, name: Option<&str>) -> Option<&'a Round<'a>> {
        let rounds = || std::iter::successors(self.round, |round| round.outer);
        match name {
            Some(name) => rounds().find(|round| crate::same_name(round.name, name)),
            None => rounds().find(|round| round.main).or(self.round),
        }
    }
}

impl Scope for Frame<'_> {
    fn call(
        &self,
        name: &str,
        arguments: &[Value],
        evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>> {
        let lower = name.to_ascii_lowercase();
        Some(match lower.as_str() {
            "parameters" => self.context.parameter(arguments),
            "variables" => self.context.variable(arguments, evaluator),
            "copyindex" => self.copy_index(arguments),
            "deployment" if arguments.is_empty() => Ok(self.context.deployment()),
            "deployment" => Err(place::invalid("deployment", "it takes no arguments")),
            "utcnow" | "newguid" => Err(only_defaults(name)),
            _ if runtime::is_function(name) => runtime::call(self, name, arguments),
            _ => match self.context.template.functions.get(&key(name)) {
                Some(function) => {
                    let (template, setting) = (self.context.template, self.context.setting);
                    functions::call(template, setting, function, arguments, evaluator)
                }
                None => return place::call(self.context.setting, &lower, arguments),
            },
        })
    }
}

/// Whether a name is that of a function which a scope knows somewhere.
pub(super) fn is_known(template: &Template, name: &str) -> bool {
    const NAMES: [&str; 6] = ["parameters", "variables", "copyIndex", "deployment", "utcNow", "newGuid"];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
        || place::is_function(name)
        || runtime::is_function(name)
        || template.functions.contains_key(&key(name))
}

/// The fault of a function that may not stand where it stands.
pub(super) fn not_expected(name: &str) -> Error {
    Error::expression(format!(
        "The template function '{name}' is not expected at this location. Please see https://aka.ms/arm-functions for usage details."
    ))
}

/// The fault of a function that only defaults of parameters may call.
pub(super) fn only_defaults(name: &str) -> Error {
    let mut error = not_expected(name);
    error.message.push_str(" It may stand in default values of parameters only.");
    error
}

fn no_round(name: Option<&str>) -> Error {
    let mut error = not_expected("copyIndex");
    error.message.push_str(&match name {
        Some(name) => format!(" There is no loop '{name}' around it."),
        None => " There is no loop around it.".to_owned(),
    });
    error
}

/// The only argument, which has to be a name.
pub(super) fn only_text<'v>(function: &str, arguments: &'v [Value]) -> Result<&'v str, Error> {
    match arguments {
        [Value::Text(text)] => Ok(text),
        _ => Err(place::invalid(function, "it takes one name")),
    }
}

/// Names the variable in an error of its value, once.
pub(super) fn of_variable(mut error: Error, name: &str) -> Error {
    if error.kind == ErrorKind::Expression && !error.message.starts_with("The template variable") {
        error.message = format!("The template variable '{name}' is not valid: {}", error.message);
    }
    error
}
