//! Functions that answer from where the deployment happens: the subscription, the group, ids of resources.

use serde_json::Value as Json;

use super::setting::Setting;
use crate::{Error, Value};

/// Calls a function of the place. None: there is none of this name, which is in lower case.
pub(super) fn call(setting: &Setting, name: &str, arguments: &[Value]) -> Option<Result<Value, Error>> {
    Some(match name {
        "subscription" => alone(name, arguments, &setting.subscription_answer),
        "resourcegroup" => alone("resourceGroup", arguments, &setting.group_answer),
        "tenant" => alone(name, arguments, &setting.tenant_answer),
        "environment" => alone(name, arguments, &setting.environment_answer),
        "deployer" => alone(name, arguments, &setting.deployer_answer),
        "managementgroup" => Err(Error::expression(
            "The template function 'managementGroup' is not expected at this location: this is a deployment to a resource group.",
        )),
        "resourceid" => in_group(setting, arguments),
        "subscriptionresourceid" => in_subscription(setting, arguments),
        "tenantresourceid" => Names::read("tenantResourceId", arguments, 0).map(|names| names.beneath("")),
        "managementgroupresourceid" => in_management_group(arguments),
        "extensionresourceid" => of_extension(arguments),
        "pickzones" => zones(arguments),
        _ => return None,
    })
}

/// Whether there is such a function.
pub(super) fn is_function(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "subscription",
        "resourcegroup",
        "tenant",
        "environment",
        "deployer",
        "managementgroup",
        "resourceid",
        "subscriptionresourceid",
        "tenantresourceid",
        "managementgroupresourceid",
        "extensionresourceid",
        "pickzones",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// A function without arguments that answers with what the setting says.
fn alone(name: &str, arguments: &[Value], answer: &Json) -> Result<Value, Error> {
    if arguments.is_empty() {
        return Ok(Value::from_json(answer));
    }
    Err(invalid(name, "it takes no arguments"))
}

/// A type and the names that belong to it.
struct Names<'v> {
    kind: &'v str,
    names: Vec<&'v str>,
}

impl<'v> Names<'v> {
    /// Reads the type and names of a function's arguments from a place on.
    fn read(function: &str, arguments: &'v [Value], from: usize) -> Result<Self, Error> {
        let texts = texts(function, arguments)?;
        let [kind, names @ ..] = &texts[from.min(texts.len())..] else {
            return Err(invalid(function, "it takes a resource type and names"));
        };
        let kind = kind.trim_end_matches('/');
        if !kind.contains('/') {
            return Err(invalid(
                function,
                &format!("'{kind}' is no resource type: it reads 'Namespace/type'"),
            ));
        }
        let wanted = kind.split('/').count() - 1;
        if names.len() != wanted {
            return Err(Error::expression(format!(
                "Unable to evaluate template language function '{function}': the type '{kind}' requires '{wanted}' resource name argument(s). Please see https://aka.ms/arm-resource-functions/#resourceid for usage details."
            )));
        }
        Ok(Self { kind, names: names.to_vec() })
    }

    /// The id of the resource beneath a scope's id.
    fn beneath(&self, scope: &str) -> Value {
        Value::Text(id_beneath(scope, self.kind, &self.names))
    }
}

/// The id that a type and its names make beneath a scope: `{scope}/providers/{namespace}/{type}/{name}/…`.
pub(super) fn id_beneath(scope: &str, kind: &str, names: &[&str]) -> String {
    let mut segments = kind.split('/');
    let mut id = format!("{}/providers/{}", scope.trim_end_matches('/'), segments.next().unwrap_or_default());
    for (segment, name) in segments.zip(names) {
        id.push('/');
        id.push_str(segment);
        id.push('/');
        id.push_str(name);
    }
    id
}

/// `resourceId([subscriptionId], [resourceGroupName], type, name…)`
fn in_group(setting: &Setting, arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "resourceId";
    let texts = texts(NAME, arguments)?;
    let before = kind_at(NAME, &texts, 2)?;
    let names = Names::read(NAME, arguments, before)?;
    let (subscription, group) = match &texts[..before] {
        [] => (setting.subscription.as_str(), setting.group.as_str()),
        [group] => (setting.subscription.as_str(), *group),
        [subscription, group, ..] => (subscription_id(subscription)?, *group),
    };
    Ok(names.beneath(&format!("/subscriptions/{subscription}/resourceGroups/{group}")))
}

/// `subscriptionResourceId([subscriptionId], type, name…)`
fn in_subscription(setting: &Setting, arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "subscriptionResourceId";
    let texts = texts(NAME, arguments)?;
    let before = kind_at(NAME, &texts, 1)?;
    let names = Names::read(NAME, arguments, before)?;
    let subscription = match &texts[..before] {
        [subscription] => subscription_id(subscription)?,
        _ => &setting.subscription,
    };
    Ok(names.beneath(&format!("/subscriptions/{subscription}")))
}

/// `managementGroupResourceId(managementGroup, type, name…)`; without the group's name it would be the one that is
/// deployed to, which is none.
fn in_management_group(arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "managementGroupResourceId";
    let texts = texts(NAME, arguments)?;
    if kind_at(NAME, &texts, 1)? == 0 {
        return Err(invalid(
            NAME,
            "name the management group first: this is a deployment to a resource group",
        ));
    }
    let scope = format!("/providers/Microsoft.Management/managementGroups/{}", texts[0]);
    Ok(Names::read(NAME, arguments, 1)?.beneath(&scope))
}

/// `extensionResourceId(resourceId, type, name…)`
fn of_extension(arguments: &[Value]) -> Result<Value, Error> {
    const NAME: &str = "extensionResourceId";
    let texts = texts(NAME, arguments)?;
    let Some(base) = texts.first().filter(|base| base.starts_with('/')) else {
        return Err(invalid(NAME, "the first argument is a resource's whole id"));
    };
    Ok(Names::read(NAME, arguments, 1)?.beneath(base))
}

/// `pickZones(namespace, type, location, [count], [offset])`: nothing here has zones, for which Azure answers `[]`.
fn zones(arguments: &[Value]) -> Result<Value, Error> {
    if !(3..=5).contains(&arguments.len()) {
        return Err(invalid("pickZones", "it takes a provider's namespace, a resource type and a location"));
    }
    texts("pickZones", &arguments[..3])?;
    Ok(Value::Array(Vec::new()))
}

/// How many arguments stand before the resource type: that is the first one with a slash.
fn kind_at(function: &str, texts: &[&str], most: usize) -> Result<usize, Error> {
    let found = texts.iter().take(most + 1).position(|text| text.contains('/'));
    found.ok_or_else(|| invalid(function, "no argument is a resource type: it reads 'Namespace/type'"))
}

fn subscription_id(text: &str) -> Result<&str, Error> {
    if uuid::Uuid::try_parse(text).is_ok() {
        return Ok(text);
    }
    Err(Error::expression(format!(
        "The provided value '{text}' is not valid subscription identifier. Please see https://aka.ms/arm-template-expressions/#resourceid for usage details."
    )))
}

fn texts<'v>(function: &str, arguments: &'v [Value]) -> Result<Vec<&'v str>, Error> {
    let one = |(place, value): (usize, &'v Value)| match value.as_text() {
        Some(text) if !text.is_empty() => Ok(text),
        Some(_) => Err(invalid(function, &format!("argument {} is empty", place + 1))),
        None => {
            let kind = value.kind();
            Err(invalid(
                function,
                &format!("argument {} has to be of type 'String', and it is of type '{kind}'", place + 1),
            ))
        }
    };
    arguments.iter().enumerate().map(one).collect()
}

/// A fault of a function's arguments; `what` goes on after a colon.
pub(super) fn invalid(function: &str, what: &str) -> Error {
    Error::expression(format!("Unable to evaluate template language function '{function}': {what}."))
}
