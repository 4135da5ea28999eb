//! Functions that ask what is deployed: `reference()`, `list…()` and their kin. Their answers come from the world.

use super::place;
use super::planned::{Planned, Resources};
use super::scope::{Frame, Place, not_expected};
use crate::{Error, Lookup, Object, Value};

/// Whether a name is that of a function that asks the world, or the plan.
pub(super) fn is_function(name: &str) -> bool {
    ["reference", "references", "resourceInfo", "providers"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
        || is_list(name)
}

/// `listKeys`, `listAccountSas` and all others: the name is the action's.
pub(super) fn is_list(name: &str) -> bool {
    name.get(..4).is_some_and(|front| front.eq_ignore_ascii_case("list"))
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether the first argument names a resource that has to be deployed before: those make dependencies.
pub(super) fn is_dependency(name: &str) -> bool {
    ["reference", "references"].iter().any(|known| known.eq_ignore_ascii_case(name)) || is_list(name)
}

/// Calls one of them.
pub(super) fn call(frame: &Frame<'_>, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let lower = name.to_ascii_lowercase();
    if frame.place != Place::Late && lower != "resourceinfo" {
        return Err(not_expected(name));
    }
    match lower.as_str() {
        "reference" => reference(frame, arguments),
        "references" => references(frame, arguments),
        "resourceinfo" => info(frame, arguments),
        "providers" => providers(frame, arguments),
        _ => list(frame, name, arguments),
    }
}

/// `reference(nameOrId, [apiVersion], ['Full'])`
fn reference(frame: &Frame<'_>, arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "reference";
    let (subject, api_version, full) = match arguments {
        [subject] => (text(NAME, subject)?, None, false),
        [subject, version] => (text(NAME, subject)?, Some(version), false),
        [subject, version, full] => (text(NAME, subject)?, Some(version), is_full(text(NAME, full)?)?),
        _ => return Err(place::invalid(NAME, "it takes a resource, an API version and 'Full'")),
    };
    let own = resources(frame).map(|all| all.find(subject)).unwrap_or_default();
    let version =
        api_version.filter(|version| !version.is_null()).map(|version| text(NAME, version)).transpose()?;
    if let [one] = own.as_slice() {
        return state(
            frame,
            &planned(frame)[*one].id,
            version.unwrap_or(&planned(frame)[*one].api_version),
            full,
        );
    }
    if !is_id(subject) {
        return Err(no_resource(subject, own.len()));
    }
    let version = version.ok_or_else(|| {
        Error::expression(format!(
            "The template reference '{subject}' is not valid: the resource is not defined in the template, so an API version is required as the second argument. Please see https://aka.ms/arm-function-reference for usage details."
        ))
    })?;
    state(frame, subject.trim_end_matches('/'), version, full)
}

/// `references(loop, ['Full'])`: the states of all resources of a loop, in its order.
fn references(frame: &Frame<'_>, arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "references";
    let (subject, full) = match arguments {
        [subject] => (text(NAME, subject)?, false),
        [subject, full] => (text(NAME, subject)?, is_full(text(NAME, full)?)?),
        _ => return Err(place::invalid(NAME, "it takes the symbolic name of a loop and 'Full'")),
    };
    let rounds =
        resources(frame).and_then(|all| all.of_loop(subject)).ok_or_else(|| no_resource(subject, 0))?;
    let all = rounds.iter().map(|place| &planned(frame)[*place]).filter(|one| one.condition || one.existing);
    crate::evaluate::all(all.map(|one| state(frame, &one.id, &one.api_version, full))).map(Value::Array)
}

/// `resourceInfo(symbolicName)`: what is known of a resource before it is deployed.
fn info(frame: &Frame<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let [subject] = arguments else {
        return Err(place::invalid("resourceInfo", "it takes the symbolic name of a resource"));
    };
    let subject = text("resourceInfo", subject)?;
    if frame.context.known.is_none() {
        return Err(not_expected("resourceInfo"));
    }
    let found = resources(frame).map(|all| all.find(subject)).unwrap_or_default();
    let [one] = found.as_slice() else { return Err(no_resource(subject, found.len())) };
    let one = &planned(frame)[*one];
    let members =
        [("id", &one.id), ("name", &one.name), ("type", &one.kind), ("apiVersion", &one.api_version)];
    Ok(Value::Object(
        members.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))).collect(),
    ))
}

/// `providers(namespace, [type])`
fn providers(frame: &Frame<'_>, arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "providers";
    let (namespace, kind) = match arguments {
        [namespace] => (text(NAME, namespace)?, None),
        [namespace, kind] => (text(NAME, namespace)?, Some(text(NAME, kind)?)),
        _ => return Err(place::invalid(NAME, "it takes a namespace and a resource type")),
    };
    let id = format!("/subscriptions/{}/providers/{namespace}", frame.context.setting.subscription);
    let provider = whole(frame, Lookup::Reference { id, api_version: None, full: true })?;
    let Some(kind) = kind else { return Ok(provider) };
    let kinds =
        provider.as_object().and_then(|provider| provider.get("resourceTypes")).and_then(Value::as_array);
    let is_it = |one: &&Value| {
        let name = one.as_object().and_then(|one| one.get("resourceType")).and_then(Value::as_text);
        name.is_some_and(|name| name.eq_ignore_ascii_case(kind))
    };
    let found = kinds.unwrap_or_default().iter().find(is_it).cloned();
    found.ok_or_else(|| place::invalid(NAME, &format!("'{namespace}' has no resource type '{kind}'")))
}

/// `list…(nameOrId, apiVersion, [body])`
fn list(frame: &Frame<'_>, name: &str, arguments: &[Value]) -> Result<Value, Error> {
    let (subject, version, body) = match arguments {
        [subject, version] => (text(name, subject)?, text(name, version)?, None),
        [subject, version, body] => (text(name, subject)?, text(name, version)?, Some(body.clone())),
        _ => return Err(place::invalid(name, "it takes a resource, an API version and values")),
    };
    let own = resources(frame).map(|all| all.find(subject)).unwrap_or_default();
    let id = match own.as_slice() {
        [one] => planned(frame)[*one].id.clone(),
        _ if is_id(subject) => subject.trim_end_matches('/').to_owned(),
        _ => return Err(no_resource(subject, own.len())),
    };
    // what is listed is keys, as a rule
    frame.context.saw_secret(true);
    whole(frame, Lookup::List { function: name.to_owned(), id, api_version: version.to_owned(), body })
}

/// The state of a resource: its properties, or the whole of it.
fn state(frame: &Frame<'_>, id: &str, api_version: &str, full: bool) -> Result<Value, Error> {
    let lookup = Lookup::Reference { id: id.to_owned(), api_version: Some(api_version.to_owned()), full };
    let resource = whole(frame, lookup)?;
    let Value::Object(mut members) = resource else { return Ok(resource) };
    if !full {
        return Ok(members.get("properties").cloned().unwrap_or_else(|| Value::Object(Object::new())));
    }
    if members.get("apiVersion").is_none() {
        members.insert("apiVersion", Value::from(api_version));
    }
    if members.get("resourceId").is_none() {
        members.insert("resourceId", Value::from(id));
    }
    Ok(Value::Object(members))
}

/// What the world says, or the wish to be told.
fn whole(frame: &Frame<'_>, lookup: Lookup) -> Result<Value, Error> {
    let answer = frame.context.known.and_then(|(world, _)| world.get(&lookup));
    answer.map(Value::from_json).ok_or_else(|| Error::pending(lookup))
}

fn resources<'a>(frame: &Frame<'a>) -> Option<&'a Resources> {
    frame.context.known.map(|(_, resources)| resources)
}

fn planned<'a>(frame: &Frame<'a>) -> &'a [Planned] {
    resources(frame).map(Resources::all).unwrap_or_default()
}

/// Whether a text is a whole id, and no name.
fn is_id(text: &str) -> bool {
    text.starts_with('/') && text.len() > 1
}

fn is_full(text: &str) -> Result<bool, Error> {
    match text {
        full if full.eq_ignore_ascii_case("Full") => Ok(true),
        other => {
            Err(place::invalid("reference", &format!("the last argument may be 'Full', and is '{other}'")))
        }
    }
}

fn no_resource(subject: &str, count: usize) -> Error {
    let why = match count {
        0 => "could not find template resource or resource copy with this name",
        _ => "several resources have this name, so the whole id is needed",
    };
    Error::expression(format!(
        "The template reference '{subject}' is not valid: {why}. Please see https://aka.ms/arm-function-reference for usage details."
    ))
}

fn text<'v>(function: &str, value: &'v Value) -> Result<&'v str, Error> {
    value.as_text().ok_or_else(|| {
        place::invalid(
            function,
            &format!("its arguments are of type 'String', and one is of type '{}'", value.kind()),
        )
    })
}
