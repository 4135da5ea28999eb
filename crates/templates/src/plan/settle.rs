//! Values of parameters: what was given, else the default, held against what the parameter may be.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use indexmap::IndexMap;
use time::OffsetDateTime;
use uuid::Uuid;

use super::setting::Setting;
use super::{fits, functions, place};
use crate::template::{Parameter, Template, ValueKind, key};
use crate::{Error, ErrorKind, Evaluator, Limits, Scope, Value, format_time};

/// A value that was given for a parameter.
#[derive(Clone)]
pub enum ParameterGiven {
    /// From the request.
    Value(Value),
    /// From a vault: never shown, whatever the parameter's type says.
    Secret(Value),
}

impl ParameterGiven {
    fn value(&self) -> &Value {
        match self {
            Self::Value(value) | Self::Secret(value) => value,
        }
    }
}

/// Shows which of the two it is.
impl fmt::Debug for ParameterGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value(_) => "Value",
            Self::Secret(_) => "Secret",
        })
    }
}

/// A parameter that has its value.
#[derive(Debug, Clone)]
pub(super) struct Settled {
    pub(super) name: String,
    pub(super) kind: ValueKind,
    pub(super) secure: bool,
    pub(super) value: Value,
}

/// All parameters of a template, by their [keys](key).
pub(super) type Parameters = IndexMap<String, Settled>;

/// Settles every parameter.
///
/// # Errors
/// `Parameter` for values that do not fit, are missing, or belong to no parameter; what evaluating defaults says.
pub(super) fn parameters(
    template: &Template,
    given: &BTreeMap<String, ParameterGiven>,
    setting: &Setting,
    limits: &Limits,
) -> Result<Parameters, Error> {
    refuse_unknown(template, given)?;
    refuse_twice(given)?;
    let settling = Settling::new(template, given, setting);
    let evaluator = Evaluator::new(&settling, limits);
    for parameter in template.parameters.values() {
        settling.settle(parameter, &evaluator)?;
    }
    Ok(settling.done())
}

/// Those parameters that can be settled, even where another cannot.
pub(super) fn settled(
    template: &Template,
    given: &BTreeMap<String, ParameterGiven>,
    setting: &Setting,
    limits: &Limits,
) -> Parameters {
    let settling = Settling::new(template, given, setting);
    let evaluator = Evaluator::new(&settling, limits);
    let can = template.parameters.values().map(|parameter| settling.settle(parameter, &evaluator));
    can.for_each(drop);
    settling.done()
}

fn refuse_unknown(template: &Template, given: &BTreeMap<String, ParameterGiven>) -> Result<(), Error> {
    let is_unknown = |name: &&String| !template.parameters.contains_key(&key(name));
    let unknown: Vec<&str> = given.keys().filter(is_unknown).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = template.parameters.values().map(|parameter| parameter.name.as_str()).collect();
    Err(Error::new(
        ErrorKind::Parameter,
        format!(
            "The following parameters were supplied, but do not correspond to any parameters defined in the template: '{}'. The parameters defined in the template are: '{}'. Please see https://aka.ms/arm-pass-parameter-values for usage details.",
            unknown.join(", "),
            known.join(", ")
        ),
    ))
}

/// Names that differ only in case are one parameter's.
fn refuse_twice(given: &BTreeMap<String, ParameterGiven>) -> Result<(), Error> {
    let mut seen = HashMap::new();
    for name in given.keys() {
        if let Some(other) = seen.insert(key(name), name) {
            let text = format!("The parameter '{name}' is supplied twice: '{other}' is the same name.");
            return Err(Error::new(ErrorKind::Parameter, text));
        }
    }
    Ok(())
}

/// Parameters being settled: a default may ask for another parameter.
struct Settling<'a> {
    template: &'a Template,
    setting: &'a Setting,
    given: HashMap<String, &'a ParameterGiven>,
    done: RefCell<HashMap<String, Settled>>,
    under_way: RefCell<Vec<String>>,
    /// A default asked for a secure parameter.
    secret: Cell<bool>,
    guids: Cell<u32>,
}

impl<'a> Settling<'a> {
    fn new(
        template: &'a Template,
        given: &'a BTreeMap<String, ParameterGiven>,
        setting: &'a Setting,
    ) -> Self {
        Self {
            template,
            setting,
            given: given.iter().map(|(name, value)| (key(name), value)).collect(),
            done: RefCell::default(),
            under_way: RefCell::default(),
            secret: Cell::new(false),
            guids: Cell::new(0),
        }
    }

    /// What is settled, in the template's order: defaults settle out of order, and what is shown follows the template.
    fn done(&self) -> Parameters {
        let mut done = self.done.take();
        let keys = self.template.parameters.keys();
        keys.filter_map(|key| done.remove(key).map(|value| (key.clone(), value))).collect()
    }

    fn settle(&self, parameter: &Parameter, evaluator: &Evaluator<'_>) -> Result<(), Error> {
        let key = key(&parameter.name);
        if self.done.borrow().contains_key(&key) {
            return Ok(());
        }
        let at = |error: Error| error.or_at(parameter.at).within(&parameter.name).within("parameters");
        let shape = self.template.definitions.follow(&parameter.shape).map_err(at)?;
        let kind = shape.kind.unwrap_or(ValueKind::Object);
        let given = self.given.get(&key);
        let (value, secret) = match given {
            Some(given) => (given.value().clone(), matches!(given, ParameterGiven::Secret(_))),
            None => self.default(parameter, evaluator).map_err(at)?,
        };
        let secure = kind.is_secure() || secret;
        let subject = fits::Subject { name: &parameter.name, at: parameter.at, secure };
        fits::check(&value, &parameter.shape, &self.template.definitions, &subject).map_err(at)?;
        let settled = Settled { name: parameter.name.clone(), kind, secure, value };
        self.done.borrow_mut().insert(key, settled);
        Ok(())
    }

    /// The value of a default, and whether a secret went into it.
    fn default(&self, parameter: &Parameter, evaluator: &Evaluator<'_>) -> Result<(Value, bool), Error> {
        let Some(default) = &parameter.default else {
            if !parameter.is_required(&self.template.definitions) {
                return Ok((Value::Null, false));
            }
            return Err(Error::new(
                ErrorKind::Parameter,
                format!(
                    "The value for the template parameter '{}' at line '{}' and column '{}' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details.",
                    parameter.name, parameter.at.line, parameter.at.column
                ),
            ));
        };
        let _levels = evaluator.deeper(super::scope::LEVELS)?;
        self.enter(&parameter.name)?;
        let before = self.secret.replace(false);
        let value = evaluator.passing(|| evaluator.within(self).node(default));
        let secret = self.secret.replace(before);
        self.under_way.borrow_mut().pop();
        let value = value.and_then(|value| evaluator.keep(&value).map(|()| value));
        value.map(|value| (value, secret)).map_err(|mut error| {
            if error.kind == ErrorKind::Expression && !error.message.starts_with("The template parameter") {
                error.message =
                    format!("The template parameter '{}' is not valid: {}", parameter.name, error.message);
            }
            error.within("defaultValue")
        })
    }

    fn enter(&self, name: &str) -> Result<(), Error> {
        let mut under_way = self.under_way.borrow_mut();
        if let Some(first) = under_way.iter().position(|other| other.eq_ignore_ascii_case(name)) {
            let circle = under_way[first..]
                .iter()
                .map(String::as_str)
                .chain([name])
                .collect::<Vec<_>>()
                .join("' -> '");
            return Err(Error::template(format!(
                "Circular dependency detected on template parameter: '{circle}'."
            )));
        }
        under_way.push(name.to_owned());
        Ok(())
    }

    fn parameter(&self, arguments: &[Value], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
        let [Value::Text(name)] = arguments else {
            return Err(place::invalid("parameters", "it takes the name of a parameter"));
        };
        let found = self.template.parameters.get(&key(name));
        let parameter = found.ok_or_else(|| not_found("parameter", name))?;
        self.settle(parameter, evaluator)?;
        let done = self.done.borrow();
        let settled = done.get(&key(name)).ok_or_else(|| not_found("parameter", name))?;
        self.secret.set(self.secret.get() || settled.secure);
        Ok(settled.value.clone())
    }

    /// A GUID that is another one at each call and the same when all is done again.
    fn guid(&self) -> Value {
        let number = self.guids.get();
        self.guids.set(number + 1);
        let name = self.under_way.borrow().last().map(|name| key(name)).unwrap_or_default();
        Value::Text(Uuid::new_v5(&self.setting.seed, format!("{name}#{number}").as_bytes()).to_string())
    }
}

impl Scope for Settling<'_> {
    fn call(
        &self,
        name: &str,
        arguments: &[Value],
        evaluator: &Evaluator<'_>,
    ) -> Option<Result<Value, Error>> {
        let lower = name.to_ascii_lowercase();
        Some(match lower.as_str() {
            "parameters" => self.parameter(arguments, evaluator),
            "newguid" if arguments.is_empty() => Ok(self.guid()),
            "newguid" => Err(place::invalid("newGuid", "it takes no arguments")),
            "utcnow" => now(self.setting.now, arguments),
            "deployment" if arguments.is_empty() => {
                Ok(super::scope::deployment(self.setting, self.template, &serde_json::Map::new()))
            }
            _ if self.template.functions.contains_key(&key(name)) => {
                let function = &self.template.functions[&key(name)];
                functions::call(self.template, self.setting, function, arguments, evaluator)
            }
            _ => match place::call(self.setting, &lower, arguments) {
                Some(answer) => answer,
                None if super::scope::is_known(self.template, name) => Err(super::scope::not_expected(name)),
                None => return None,
            },
        })
    }
}

/// `utcNow([format])`
fn now(now: OffsetDateTime, arguments: &[Value]) -> Result<Value, Error> {
    match arguments {
        [] => format_time(now, "yyyyMMddTHHmmssZ"),
        [Value::Text(format)] => format_time(now, format),
        _ => return Err(place::invalid("utcNow", "it takes a format at most")),
    }
    .map(Value::Text)
}

/// The fault of a name that names nothing.
pub(super) fn not_found(what: &str, name: &str) -> Error {
    Error::expression(format!(
        "The template {what} '{name}' is not found. Please see https://aka.ms/arm-syntax-{what}s for usage details."
    ))
}
