//! Deployments, for people.

use serde_json::{Map, Value};
use transload_client::api::ErrorBody;
use transload_client::api::deployment::{Deployment, DeploymentOperation};
use transload_transfer::{Code, Error};

use super::super::{moment, trouble};
use crate::output::{Cell, Page, Table};

/// Whether nothing follows by itself.
pub(super) fn has_ended(deployment: &Deployment) -> bool {
    let state = deployment.properties.provisioning_state.to_ascii_lowercase();
    ["succeeded", "failed", "canceled"].contains(&state.as_str())
}

/// One, with what it made and its outputs.
pub(super) fn one(deployment: &Deployment) -> Page {
    let properties = &deployment.properties;
    let mut text = format!("deployment {}: {}", deployment.name, properties.provisioning_state);
    if let Some(took) = properties.duration.as_deref().and_then(seconds).filter(|_| has_ended(deployment)) {
        text.push_str(&format!(" after {took} s"));
    }
    text.push('\n');
    let mut line = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {label:<12} {value}\n"));
        }
    };
    line("mode", Some(properties.mode.clone()));
    line("changed", properties.timestamp.as_deref().map(moment));
    line("correlation", properties.correlation_id.clone());
    let page = Page::new().text(text);
    let ids: Vec<&str> =
        properties.output_resources.iter().flatten().map(|resource| resource.id.as_str()).collect();
    let page = if ids.is_empty() { page } else { page.table(resources(&ids)) };
    match properties.outputs.as_ref().filter(|outputs| !outputs.is_empty()) {
        Some(named) if ids.is_empty() => page.table(outputs(named)),
        Some(named) => page.text("\n").table(outputs(named)),
        None => page,
    }
}

/// What a template would deploy.
pub(super) fn valid(deployment: &Deployment) -> Page {
    let validated = deployment.properties.validated_resources.iter().flatten();
    let ids: Vec<&str> = validated.map(|resource| resource.id.as_str()).collect();
    let page = Page::new().text("the template can be deployed\n");
    if ids.is_empty() { page } else { page.table(resources(&ids)) }
}

fn resources(ids: &[&str]) -> Table {
    let mut table = Table::new(["RESOURCE", "TYPE"]).wraps(&[0, 1]);
    for id in ids {
        let (name, kind) = name_and_type(id);
        table.row([Cell::told(name, (*id).to_owned()), kind.into()]);
    }
    table
}

/// Name and type of a resource of a group, each with those of its parents.
pub(super) fn name_and_type(id: &str) -> (String, String) {
    let behind = id.rsplit_once("/providers/").map_or(id, |(_, behind)| behind);
    let words: Vec<&str> = behind.split('/').collect();
    let Some((namespace, pairs)) = words.split_first() else { return (id.to_owned(), String::new()) };
    let of =
        |at: usize| pairs.chunks(2).filter_map(|pair| pair.get(at).copied()).collect::<Vec<_>>().join("/");
    (of(1), format!("{namespace}/{}", of(0)))
}

fn outputs(outputs: &Map<String, Value>) -> Table {
    let mut table = Table::new(["OUTPUT", "TYPE", "VALUE"]).wraps(&[2]);
    for (name, output) in outputs {
        let kind = output.get("type").and_then(Value::as_str).unwrap_or_default();
        let value = match output.get("value") {
            None => "(secure)".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        table.row([name.clone(), kind.to_owned(), value].map(Cell::from));
    }
    table
}

/// Many, a row each.
pub(super) fn table(all: &[Deployment]) -> Page {
    let mut table = Table::new(["DEPLOYMENT", "STATE", "MODE", "CHANGED", "TOOK"]).right(&[4]);
    for deployment in all {
        let properties = &deployment.properties;
        let at = properties.timestamp.clone().unwrap_or_default();
        let took = properties.duration.clone().unwrap_or_default();
        let shown = seconds(&took).map(|took| format!("{took} s")).unwrap_or_default();
        table.row([
            deployment.name.clone().into(),
            properties.provisioning_state.clone().into(),
            properties.mode.clone().into(),
            Cell::told(moment(&at), at.clone()),
            Cell::told(shown, took),
        ]);
    }
    if all.is_empty() {
        Page::new().text("no deployment yet\n").rows(table)
    } else {
        Page::new().table(table)
    }
}

/// What a deployment did, a row each, and why something failed.
pub(super) fn operations(all: &[DeploymentOperation]) -> Page {
    let mut table =
        Table::new(["RESOURCE", "TYPE", "WHAT", "STATE", "ANSWER", "TOOK"]).right(&[5]).wraps(&[0, 1]);
    let mut text = String::new();
    for operation in all {
        let properties = &operation.properties;
        let target = properties.target_resource.clone().unwrap_or_default();
        let took = properties.duration.clone().unwrap_or_default();
        let shown = seconds(&took).map(|took| format!("{took} s")).unwrap_or_default();
        table.row([
            Cell::told(target.resource_name.clone(), target.id.clone()),
            Cell::told(short_type(&target.resource_type), target.resource_type.clone()),
            what(&properties.provisioning_operation),
            properties.provisioning_state.clone().into(),
            properties.status_code.clone().unwrap_or_default().into(),
            Cell::told(shown, took),
        ]);
        let error = properties.status_message.as_ref().and_then(|said| said.get("error")).cloned();
        if let Some(error) = error.and_then(|error| serde_json::from_value::<ErrorBody>(error).ok()) {
            text.push_str(&format!("{}: {} ({})\n", target.resource_name, error.message, error.code));
        }
    }
    Page::new().table(table).text(text)
}

/// A type without its namespace, which is long and says little here.
fn short_type(full: &str) -> String {
    full.split_once('/').map_or(full, |(_, kind)| kind).to_owned()
}

fn what(operation: &str) -> Cell {
    match operation {
        "EvaluateDeploymentOutput" => Cell::told("Outputs", operation),
        other => other.into(),
    }
}

/// Why it failed: the cause of each resource, by its name.
pub(super) fn failure(deployment: &Deployment) -> Option<Error> {
    let properties = &deployment.properties;
    let subject = format!("deployment {}", deployment.name);
    match properties.provisioning_state.to_ascii_lowercase().as_str() {
        "canceled" => return Some(Error::new(Code::RunCanceled, subject, "it was canceled")),
        "failed" => {}
        _ => return None,
    }
    let error = properties.error.clone().unwrap_or_default();
    let mut causes = Vec::new();
    collect(&error, &mut causes);
    let code = causes.first().map_or(Code::RunFailed, |(code, _)| trouble::of_run(code));
    let detail = match causes.as_slice() {
        [] => error.message,
        [(_, one)] => one.clone(),
        many => many.iter().map(|(_, cause)| format!("\n  {cause}")).collect(),
    };
    let next = format!(
        "mend that and deploy again; `transload deployment operations {}` has all of it",
        deployment.name
    );
    Some(Error::new(code, subject, detail).with_next(next))
}

/// The causes at the ends of what an error is made of: code, and words with the resource's name in front.
fn collect(error: &ErrorBody, causes: &mut Vec<(String, String)>) {
    if error.details.is_empty() {
        if error.message.is_empty() {
            return;
        }
        let name =
            error.target.as_deref().map(|target| name_and_type(target).0).filter(|name| !name.is_empty());
        let front = name.map(|name| format!("{name}: ")).unwrap_or_default();
        causes.push((error.code.clone(), format!("{front}{} ({})", error.message, error.code)));
    }
    for detail in &error.details {
        collect(detail, causes);
    }
}

/// `PT1M2.5S` in seconds, with one digit behind the point.
fn seconds(duration: &str) -> Option<String> {
    let span: jiff::SignedDuration = duration.parse().ok()?;
    Some(format!("{:.1}", span.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Screen;

    fn failed() -> Deployment {
        serde_json::from_value(json!({"name": "d1", "properties": {"provisioningState": "Failed", "mode": "Incremental",
            "duration": "PT1M2.45S", "error": {"code": "DeploymentFailed", "message": "At least one…", "details": [
                {"code": "SecretNotFound", "message": "no secret 'x'", "target":
                    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/exportPipelines/p"}]}}}))
        .unwrap()
    }

    #[test]
    fn a_failure_names_the_resource_and_its_cause() {
        let error = failure(&failed()).unwrap();
        assert_eq!(error.code(), Code::ResourceNotFound);
        assert_eq!(error.detail(), "r/p: no secret 'x' (SecretNotFound)");
        assert!(one(&failed()).render(Screen::default()).starts_with("deployment d1: Failed after 62.5 s\n"));
    }

    #[test]
    fn names_and_types_are_told_with_their_parents() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/secrets/x";
        assert_eq!(name_and_type(id), ("v/x".to_owned(), "Microsoft.KeyVault/vaults/secrets".to_owned()));
    }

    #[test]
    fn outputs_are_shown_but_for_secure_ones() {
        let done: Deployment =
            serde_json::from_value(json!({"name": "d", "properties": {"mode": "Incremental",
            "provisioningState": "Succeeded", "outputs": {"a": {"type": "Array", "value": [1]},
                "s": {"type": "SecureString"}}, "outputResources": [{"id": "/a/providers/N/t/x"}]}}))
            .unwrap();
        let text = one(&done).render(Screen::default());
        assert!(text.contains("[1]") && text.contains("(secure)") && text.contains("N/t"), "{text}");
        assert!(failure(&done).is_none());
        assert_eq!(one(&done).tsv(), "/a/providers/N/t/x\tN/t\n");
    }
}
