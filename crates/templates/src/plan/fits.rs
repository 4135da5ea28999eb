//! Whether values are what types and their constraints say.

use crate::template::{Additional, Definitions, Shape, ValueKind};
use crate::{Error, ErrorKind, Position, Value};

/// Whose value it is.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) at: Position,
    /// Its values are not to be shown.
    pub(super) secure: bool,
}

/// Holds the value of a parameter against its shape.
///
/// # Errors
/// `Parameter` in Azure's words; the value is in them only if it is no secret.
pub(super) fn check(
    value: &Value,
    shape: &Shape,
    definitions: &Definitions,
    subject: &Subject<'_>,
) -> Result<(), Error> {
    let checking = Checking { definitions, subject };
    checking.value(value, shape)
}

/// Whether a value is of the type of a shape, or null where that may be.
pub(super) fn is_of_type(value: &Value, shape: &Shape, definitions: &Definitions) -> Result<bool, Error> {
    let kind = definitions.follow(shape)?.kind;
    let is_null = value.is_null() && definitions.nullable(shape);
    Ok(is_null || kind.is_none_or(|kind| kind.fits(value)))
}

struct Checking<'a> {
    definitions: &'a Definitions,
    subject: &'a Subject<'a>,
}

impl Checking<'_> {
    /// The value is finite, so this ends even where definitions go in circles.
    fn value(&self, value: &Value, shape: &Shape) -> Result<(), Error> {
        if value.is_null() && self.definitions.nullable(shape) {
            return Ok(());
        }
        // what is said beside a `$ref` holds as well as what the definition says
        let whole = self.definitions.follow(shape)?;
        if let Some(kind) = whole.kind.filter(|kind| !kind.fits(value)) {
            return Err(self.refuse(format!(
                "The provided value for the template parameter '{}' is not valid. Expected a value of type '{}', but received a value of type '{}'. Please see https://aka.ms/arm-create-parameter-file for usage details.",
                self.subject.name,
                kind.expected(),
                value.kind()
            )));
        }
        for shape in distinct(shape, whole) {
            self.constraints(value, shape, whole.kind)?;
        }
        self.inside(value, whole)
    }

    fn constraints(&self, value: &Value, shape: &Shape, kind: Option<ValueKind>) -> Result<(), Error> {
        if let Some(allowed) = &shape.allowed
            && !is_allowed(value, allowed)
        {
            return Err(self.not_allowed(value, allowed, kind));
        }
        if let Some(number) = value.as_int() {
            self.range("The value", number, shape.value_min, shape.value_max)?;
        }
        let length = match value {
            // Azure counts UTF-16 units, as .NET does
            Value::Text(text) => text.encode_utf16().count(),
            Value::Array(items) => items.len(),
            _ => return Ok(()),
        };
        self.range(
            "Length of the value",
            i64::try_from(length).unwrap_or(i64::MAX),
            shape.length_min,
            shape.length_max,
        )
    }

    fn range(&self, of: &str, is: i64, min: Option<i64>, max: Option<i64>) -> Result<(), Error> {
        let (bound, words) = match (min, max) {
            (Some(min), _) if is < min => (min, "greater than or equal to"),
            (_, Some(max)) if is > max => (max, "less than or equal to"),
            _ => return Ok(()),
        };
        Err(self.refuse(format!(
            "The provided value for the template parameter '{}' at line '{}' and column '{}' is not valid. {of} should be {words} '{bound}'. Please see https://aka.ms/arm-syntax-parameters for usage details.",
            self.subject.name, self.subject.at.line, self.subject.at.column
        )))
    }

    fn not_allowed(&self, value: &Value, allowed: &[Value], kind: Option<ValueKind>) -> Error {
        let secure = self.subject.secure || kind.is_some_and(ValueKind::is_secure);
        let shown = if secure { "***".to_owned() } else { show(value) };
        let allowed: Vec<String> = allowed.iter().map(show).collect();
        let allowed = if secure { "***".to_owned() } else { allowed.join(",") };
        self.refuse(format!(
            "The provided value '{shown}' for the template parameter '{}' at line '{}' and column '{}' is not valid. The parameter value is not part of the allowed value(s): '{allowed}'.",
            self.subject.name, self.subject.at.line, self.subject.at.column
        ))
    }

    fn inside(&self, value: &Value, shape: &Shape) -> Result<(), Error> {
        match value {
            Value::Object(members) => {
                for (name, of) in &shape.properties {
                    match members.get(name) {
                        Some(value) => self.value(value, of).map_err(|error| error.within(name))?,
                        None if self.definitions.nullable(of) => {}
                        None => return Err(self.member(name, "is missing")),
                    }
                }
                let is_named =
                    |name: &str| shape.properties.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
                for (name, value) in members.iter().filter(|(name, _)| !is_named(name)) {
                    match &shape.additional {
                        Additional::Any => {}
                        Additional::None => return Err(self.member(name, "is none that the type has")),
                        Additional::Of(shape) => {
                            self.value(value, shape).map_err(|error| error.within(name))?;
                        }
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let Some(of) = shape.first_items.get(index).or(shape.items.as_deref()) else { continue };
                    self.value(item, of).map_err(|error| error.within(&format!("[{index}]")))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn member(&self, member: &str, what: &str) -> Error {
        self.refuse(format!(
            "The provided value for the template parameter '{}' is not valid. The property '{member}' {what}.",
            self.subject.name
        ))
    }

    fn refuse(&self, text: String) -> Error {
        Error::new(ErrorKind::Parameter, text).or_at(self.subject.at)
    }
}

fn distinct<'a>(shape: &'a Shape, whole: &'a Shape) -> impl Iterator<Item = &'a Shape> {
    let second = (!std::ptr::eq(shape, whole)).then_some(whole);
    std::iter::once(shape).chain(second)
}

/// An array fits as a whole, or with each of its items.
fn is_allowed(value: &Value, allowed: &[Value]) -> bool {
    let one = |value: &Value| allowed.iter().any(|allowed| same(value, allowed));
    one(value) || value.as_array().is_some_and(|items| items.iter().all(one))
}

/// Strings are the same in whatever case, as everywhere in the language.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Text(a), Value::Text(b)) => crate::same_name(a, b),
        _ => one == other,
    }
}

fn show(value: &Value) -> String {
    value.as_text().map_or_else(|| value.to_json().to_string(), str::to_owned)
}
