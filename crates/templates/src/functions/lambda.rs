//! Functions that are handed a `lambda(…)`: filter, groupBy, map, mapValues, reduce, sort, toObject; and
//! `lambdaVariables`, which reads what the lambda is called with.

use super::call::{ANY, Function, fault, lazy, wrong_kind};
use crate::error::{Waiting, shown};
use crate::evaluate::all;
use crate::{Error, Evaluator, Expression, Object, Term, Value};

pub(super) fn find(name: &str) -> Option<Function> {
    Some(match name {
        "filter" => lazy(2, 2, filter),
        "groupby" => lazy(2, 2, group_by),
        "map" => lazy(2, 2, map),
        "mapvalues" => lazy(2, 2, map_values),
        "reduce" => lazy(3, 3, reduce),
        "sort" => lazy(2, 2, sort),
        "toobject" => lazy(2, 3, to_object),
        "lambda" => lazy(1, ANY, |name, _, _| {
            Err(fault(name, "it may only be an argument of a function that calls it"))
        }),
        "lambdavariables" => lazy(1, 1, variable),
        _ => return None,
    })
}

/// A lambda: the names of its variables, and what it evaluates.
struct Lambda<'a> {
    names: Vec<&'a str>,
    body: &'a Expression,
    evaluator: &'a Evaluator<'a>,
}

impl<'a> Lambda<'a> {
    /// The argument at a place, which has to be a lambda of so many variables. Those that it does not name are not set.
    fn read(
        name: &str,
        arguments: &'a [Expression],
        place: usize,
        (least, most): (usize, usize),
        evaluator: &'a Evaluator<'a>,
    ) -> Result<Self, Error> {
        let wanted = || {
            let place = place + 1;
            let message = format!(
                "argument {place} has to be a lambda of {least} to {most} variables: lambda('name', …)"
            );
            fault(name, &message).or_at(arguments[place - 1].at)
        };
        let Term::Call { name: called, arguments } = &arguments[place].term else {
            return Err(wanted());
        };
        let (body, names) = arguments.split_last().ok_or_else(wanted)?;
        let names = names.iter().map(Expression::as_text).collect::<Option<Vec<_>>>().ok_or_else(wanted)?;
        if !called.eq_ignore_ascii_case("lambda") || !(least..=most).contains(&names.len()) {
            return Err(wanted());
        }
        Ok(Self { names, body, evaluator })
    }

    fn call(&self, values: &[&Value]) -> Result<Value, Error> {
        let named = self.names.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>();
        self.evaluator.with_named(&named, self.body)
    }

    /// The same, which has to give a boolean.
    fn test(&self, name: &str, values: &[&Value]) -> Result<bool, Error> {
        let value = self.evaluator.passing(|| self.call(values))?;
        let message =
            || format!("the lambda has to be of type 'Boolean', and it is of type '{}'", value.kind());
        value.as_bool().ok_or_else(|| fault(name, &message()).or_at(self.body.at))
    }

    /// The same, which has to give a string.
    fn text(&self, name: &str, values: &[&Value]) -> Result<String, Error> {
        match self.call(values)? {
            Value::Text(text) => Ok(text),
            other => {
                let message =
                    format!("the lambda has to be of type 'String', and it is of type '{}'", other.kind());
                Err(fault(name, &message).or_at(self.body.at))
            }
        }
    }
}

/// The array that is the first argument.
fn array(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Vec<Value>, Error> {
    match evaluator.expression(&arguments[0])? {
        Value::Array(items) => Ok(items),
        other => Err(wrong_kind(name, 0, "Array", &other).or_at(arguments[0].at)),
    }
}

fn variable(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let variable = evaluator.expression(&arguments[0])?;
    let Some(variable) = variable.as_text() else {
        return Err(wrong_kind(name, 0, "String", &variable));
    };
    // a name that was computed is not shown: it may be a secret
    let shown = arguments[0].as_text().map_or("…".to_owned(), shown);
    let unknown = || fault(name, &format!("no lambda around has a variable '{shown}'"));
    evaluator.named(variable).ok_or_else(unknown)
}

fn filter(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let lambda = Lambda::read(name, arguments, 1, (1, 2), evaluator)?;
    let (mut kept, mut waiting) = (Vec::new(), Waiting::default());
    for (place, item) in array(name, arguments, evaluator)?.into_iter().enumerate() {
        if waiting.take(lambda.test(name, &[&item, &Value::Int(place as i64)]))? == Some(true) {
            kept.push(item);
        }
    }
    waiting.done(Value::Array(kept))
}

fn map(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let lambda = Lambda::read(name, arguments, 1, (1, 2), evaluator)?;
    let items = array(name, arguments, evaluator)?;
    let mapped =
        items.iter().enumerate().map(|(place, item)| lambda.call(&[item, &Value::Int(place as i64)]));
    all(mapped).map(Value::Array)
}

fn map_values(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let lambda = Lambda::read(name, arguments, 1, (1, 1), evaluator)?;
    let value = evaluator.expression(&arguments[0])?;
    let Value::Object(members) = value else {
        return Err(wrong_kind(name, 0, "Object", &value).or_at(arguments[0].at));
    };
    let mapped = members.into_iter().map(|(name, value)| Ok((name, lambda.call(&[&value])?)));
    Ok(Value::Object(all(mapped)?.into_iter().collect()))
}

fn reduce(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let lambda = Lambda::read(name, arguments, 2, (2, 3), evaluator)?;
    let items = array(name, arguments, evaluator)?;
    let mut reduced = evaluator.expression(&arguments[1])?;
    for (place, item) in items.iter().enumerate() {
        // what it was before is not held any longer
        reduced = evaluator.passing(|| lambda.call(&[&reduced, item, &Value::Int(place as i64)]))?;
    }
    Ok(reduced)
}

fn group_by(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let lambda = Lambda::read(name, arguments, 1, (1, 2), evaluator)?;
    let mut groups: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    let mut waiting = Waiting::default();
    for (place, item) in array(name, arguments, evaluator)?.into_iter().enumerate() {
        let group = waiting.take(lambda.text(name, &[&item, &Value::Int(place as i64)]))?;
        if let Some(group) = group {
            groups.entry(group).or_default().push(item);
        }
    }
    let groups = waiting.done(groups)?.into_iter().map(|(name, items)| (name, Value::Array(items)));
    Ok(Value::Object(groups.collect()))
}

fn to_object(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let key = Lambda::read(name, arguments, 1, (1, 1), evaluator)?;
    let value = match arguments.len() {
        3 => Some(Lambda::read(name, arguments, 2, (1, 1), evaluator)?),
        _ => None,
    };
    let (mut object, mut waiting) = (Object::new(), Waiting::default());
    for item in array(name, arguments, evaluator)? {
        let member = waiting.take(key.text(name, &[&item]))?;
        let held = match &value {
            Some(value) => waiting.take(value.call(&[&item]))?,
            None => Some(item),
        };
        if let Some((member, held)) = member.zip(held) {
            object.insert(member, held);
        }
    }
    waiting.done(Value::Object(object))
}

/// Merge sort: it asks the lambda a bounded number of times, whatever that answers, and leaves equals in their order.
fn sort(name: &str, arguments: &[Expression], evaluator: &Evaluator<'_>) -> Result<Value, Error> {
    let lambda = Lambda::read(name, arguments, 1, (2, 2), evaluator)?;
    let mut runs = array(name, arguments, evaluator)?.into_iter().map(|item| vec![item]).collect::<Vec<_>>();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            merged.push(match pairs.next() {
                Some(right) => merge(name, left, right, &lambda)?,
                None => left,
            });
        }
        runs = merged;
    }
    Ok(Value::Array(runs.pop().unwrap_or_default()))
}

fn merge(name: &str, left: Vec<Value>, right: Vec<Value>, lambda: &Lambda<'_>) -> Result<Vec<Value>, Error> {
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let mut left = left.into_iter().peekable();
    for item in right {
        while let Some(earlier) = left.peek() {
            if lambda.test(name, &[&item, earlier])? {
                break;
            }
            merged.extend(left.next());
        }
        merged.push(item);
    }
    merged.extend(left);
    Ok(merged)
}
