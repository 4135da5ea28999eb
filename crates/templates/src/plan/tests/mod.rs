//! Plans of small templates. Each test writes the sections that it is about.

mod bodies;
mod bounds;
mod graph;
mod ids;
mod loops;
mod nested;
mod outputs;
mod parameters;
mod pipelines;
mod places;
mod resources;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, Limits, Lookup, Node, ParameterGiven, Plan, Setting, Template, Value, World, plan};

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const GROUP: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/Lab";

fn setting() -> Setting {
    let tenant = "11111111-1111-4111-8111-111111111111";
    Setting {
        subscription: SUBSCRIPTION.to_owned(),
        group: "Lab".to_owned(),
        deployment: "first".to_owned(),
        mode: "Incremental".to_owned(),
        subscription_answer: json!({"id": format!("/subscriptions/{SUBSCRIPTION}"), "subscriptionId": SUBSCRIPTION, "tenantId": tenant}),
        group_answer: json!({"id": GROUP, "name": "Lab", "location": "here", "tags": {"of": "mine"}}),
        tenant_answer: json!({"tenantId": tenant}),
        environment_answer: json!({"name": "lab", "suffixes": {"storage": "storage.test"}}),
        deployer_answer: json!({"objectId": "o", "tenantId": tenant}),
        now: OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap(),
        seed: Uuid::from_u128(7),
        nested_in: 0,
    }
}

/// A template of sections, the missing ones empty.
fn template(sections: &str) -> String {
    let resources = if sections.contains("\"resources\"") { "" } else { ", \"resources\": []" };
    let head = r#""$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0""#;
    let comma = if sections.trim().is_empty() { "" } else { ", " };
    format!("{{{head}{comma}{sections}{resources}}}")
}

fn plan_of(sections: &str) -> Result<Plan, Error> {
    plan_given(sections, &json!({}))
}

fn plan_given(sections: &str, given: &Json) -> Result<Plan, Error> {
    plan_text(&template(sections), given)
}

fn plan_text(text: &str, given: &Json) -> Result<Plan, Error> {
    let limits = Limits::default();
    let template = Template::read(&Node::parse(text, &limits)?, &limits)?;
    let given: BTreeMap<String, ParameterGiven> = given
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), ParameterGiven::Value(Value::from_json(value))))
        .collect();
    plan(Arc::new(template), &given, &setting(), &limits)
}

/// The message without Azure's words around it.
fn fault(result: Result<impl Sized, Error>) -> String {
    let message = result.err().expect("it has to be refused").message;
    let inner = message
        .strip_prefix("Deployment template validation failed: '")
        .and_then(|rest| rest.strip_suffix("'."));
    inner.unwrap_or(&message).to_owned()
}

/// An output named `x` of a template of these sections, which may be of any type.
fn output(kind: &str, value: &str, sections: &str) -> Result<Json, Error> {
    let comma = if sections.is_empty() { "" } else { ", " };
    let value = json!(value);
    let plan =
        plan_of(&format!(r#"{sections}{comma}"outputs": {{"x": {{"type": "{kind}", "value": {value}}}}}"#))?;
    let outputs = plan.outputs(&World::new())?;
    Ok(outputs[0].value.as_ref().expect("it is no secret").to_json())
}

fn reference(id: &str, api_version: &str) -> Lookup {
    Lookup::Reference { id: id.to_owned(), api_version: Some(api_version.to_owned()), full: false }
}

/// A resource of a type that needs nothing, with more members.
fn resource(name: &str, more: &str) -> String {
    format!(r#"{{"type": "Microsoft.Test/things", "apiVersion": "2023-01-01", "name": "{name}"{more}}}"#)
}

fn resources(all: &[String]) -> String {
    format!(r#""resources": [{}]"#, all.join(", "))
}

/// Names of resources with the names of what they need.
fn needs(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let name = |index: &usize| plan.resources()[*index].name.clone();
    plan.resources().iter().map(|one| (one.name.clone(), one.needs.iter().map(name).collect())).collect()
}

#[test]
fn a_plan_may_be_held_by_many() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Plan>();
    check::<World>();
    check::<Setting>();
    check::<Template>();
    check::<Node>();
}
