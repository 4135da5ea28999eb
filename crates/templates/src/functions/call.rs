//! How functions are called: their counts of arguments, the values they get, and what they say when those do not fit.

use crate::{Error, Evaluator, Expression, Object, Value};

/// A pure function.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    /// One that gets values.
    Plain(Plain),
    /// One that evaluates its arguments itself, or not at all.
    Lazy(Lazy),
}

/// A function that gets values.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    /// The fewest and the most arguments.
    pub(crate) count: (usize, usize),
    /// What it does.
    pub(crate) run: fn(&mut Call<'_>) -> Result<Value, Error>,
}

/// A function that gets expressions.
#[derive(Clone, Copy)]
pub(crate) struct Lazy {
    /// The fewest and the most arguments.
    pub(crate) count: (usize, usize),
    /// What it does.
    pub(crate) run: fn(&str, &[Expression], &Evaluator<'_>) -> Result<Value, Error>,
}

/// As many arguments as are wanted.
pub(crate) const ANY: usize = usize::MAX;

/// A function with values.
pub(crate) const fn plain(
    least: usize,
    most: usize,
    run: fn(&mut Call<'_>) -> Result<Value, Error>,
) -> Function {
    Function::Plain(Plain { count: (least, most), run })
}

/// A function with expressions.
pub(crate) const fn lazy(
    least: usize,
    most: usize,
    run: fn(&str, &[Expression], &Evaluator<'_>) -> Result<Value, Error>,
) -> Function {
    Function::Lazy(Lazy { count: (least, most), run })
}

impl Plain {
    pub(crate) fn check_count(&self, name: &str, given: usize) -> Result<(), Error> {
        check_count(name, given, self.count)
    }
}

impl Lazy {
    pub(crate) fn check_count(&self, name: &str, given: usize) -> Result<(), Error> {
        check_count(name, given, self.count)
    }
}

fn check_count(name: &str, given: usize, (least, most): (usize, usize)) -> Result<(), Error> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let wanted = match (least, most) {
        (least, ANY) => format!("at least {least}"),
        (least, most) if least == most => format!("{least}"),
        (least, most) => format!("between {least} and {most}"),
    };
    Err(Error::expression(format!(
        "Unable to evaluate template language function '{name}': function requires {wanted} argument(s) while {given} were provided. {}",
        see(name)
    )))
}

/// Where a function is explained, as Azure's messages end.
fn see(name: &str) -> String {
    format!("Please see https://aka.ms/arm-resource-functions/#{name} for usage details.")
}

/// A call: the function's name as it is written, and its values.
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: Vec<Value>,
    pub(crate) evaluator: &'a Evaluator<'a>,
}

impl Call<'_> {
    /// Takes an argument; null where it was left out.
    pub(crate) fn take(&mut self, place: usize) -> Value {
        self.values.get_mut(place).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    /// An argument that has to be a string.
    pub(crate) fn text(&self, place: usize) -> Result<&str, Error> {
        self.wanted(place, "String", Value::as_text)
    }

    /// An argument that has to be an integer.
    pub(crate) fn int(&self, place: usize) -> Result<i64, Error> {
        self.wanted(place, "Integer", Value::as_int)
    }

    /// An argument that has to be a boolean.
    pub(crate) fn bool(&self, place: usize) -> Result<bool, Error> {
        self.wanted(place, "Boolean", Value::as_bool)
    }

    /// An argument that has to be an array.
    pub(crate) fn array(&self, place: usize) -> Result<&[Value], Error> {
        self.wanted(place, "Array", Value::as_array)
    }

    /// An argument that has to be an object.
    pub(crate) fn object(&self, place: usize) -> Result<&Object, Error> {
        self.wanted(place, "Object", Value::as_object)
    }

    fn wanted<'v, T>(
        &'v self,
        place: usize,
        kind: &str,
        get: impl Fn(&'v Value) -> Option<T>,
    ) -> Result<T, Error> {
        let value = self.values.get(place).unwrap_or(&Value::Null);
        get(value).ok_or_else(|| self.wrong(place, kind))
    }

    /// The fault of an argument that is of another type than it has to be.
    pub(crate) fn wrong(&self, place: usize, wanted: &str) -> Error {
        wrong_kind(self.name, place, wanted, self.values.get(place).unwrap_or(&Value::Null))
    }

    /// A fault of what the arguments hold. `what` goes on after "…: ".
    pub(crate) fn fault(&self, what: &str) -> Error {
        fault(self.name, what)
    }

    /// A fault in Azure's own words, which go on after the function's name.
    pub(crate) fn says(&self, words: &str) -> Error {
        Error::expression(format!("The template language function '{}' {words}", self.name))
    }

    /// Holds the size of a value that is about to be made against the bound.
    pub(crate) fn bounded(&self, bytes: usize) -> Result<(), Error> {
        let may = self.evaluator.limits().value_bytes_max;
        if bytes <= may {
            return Ok(());
        }
        Err(Error::limit(format!(
            "The function '{}' would make a value of more than {may} bytes.",
            self.name
        )))
    }

    /// Takes work from the budget, for what costs more than its values are long.
    pub(crate) fn work(&self, bytes: usize) -> Result<(), Error> {
        self.evaluator.spend_bytes(bytes as u64)
    }
}

/// The fault of an argument of another type than it has to be.
pub(crate) fn wrong_kind(name: &str, place: usize, wanted: &str, value: &Value) -> Error {
    let is = value.kind();
    let place = place + 1;
    fault(name, &format!("argument {place} has to be of type '{wanted}', and it is of type '{is}'"))
}

/// A fault of a function.
pub(crate) fn fault(name: &str, what: &str) -> Error {
    Error::expression(format!(
        "Unable to evaluate template language function '{name}': {what}. {}",
        see(name)
    ))
}
