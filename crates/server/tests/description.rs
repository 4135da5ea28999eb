//! The checked-in description of the API against the table of routes.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic as the test may")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use transload_server::{Face, ROUTES};

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// Method, path and what is said of it, of everything that is described.
fn described(description: &Value) -> Vec<(String, String, &Value)> {
    let paths = description["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(|(method, said)| (method.to_ascii_uppercase(), path.clone(), said))
        })
        .collect()
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let description = description();
    let line = |method: &str, path: &str, summary: &str| format!("{method} {path}: {summary}");
    let described: BTreeSet<String> = described(&description)
        .iter()
        .map(|(method, path, said)| line(method, path, said["summary"].as_str().unwrap()))
        .collect();
    let routes: BTreeSet<String> =
        ROUTES.iter().map(|route| line(route.method.as_str(), route.template, route.summary)).collect();
    let missing: Vec<_> = routes.difference(&described).collect();
    let unknown: Vec<_> = described.difference(&routes).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "not described: {missing:#?}\nno route: {unknown:#?}");
}

#[test]
fn what_needs_no_token_and_what_wants_a_version_is_said() {
    let description = description();
    for (method, path, said) in described(&description) {
        let route =
            ROUTES.iter().find(|route| route.template == path && route.method.as_str() == method).unwrap();
        let open = said["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(open, route.face == Face::Open, "{method} {path}");
        let versioned = said["parameters"].to_string().contains("Version\"}");
        let wanted = matches!(route.face, Face::Manager | Face::Registries | Face::Pipelines | Face::Vaults);
        assert_eq!(versioned, wanted, "{method} {path}");
    }
}

#[test]
fn what_is_referred_to_is_there_and_names_are_given_once() {
    let description = description();
    let text = description.to_string();
    let mut references = 0;
    for rest in text.split("\"$ref\":\"#").skip(1) {
        let pointer = rest.split('"').next().unwrap();
        assert!(description.pointer(pointer).is_some(), "{pointer}");
        references += 1;
    }
    assert!(references > 100, "{references}");
    let mut ids = BTreeSet::new();
    for (method, path, said) in described(&description) {
        assert!(ids.insert(said["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
        let named = path.matches('{').count();
        let parameters = said["parameters"].as_array().map_or(0, |all| {
            all.iter().filter(|one| one["in"] == "path" || is_path(&description, one)).count()
        });
        assert_eq!(named, parameters, "{method} {path}");
    }
}

fn is_path(description: &Value, parameter: &Value) -> bool {
    let Some(pointer) = parameter["$ref"].as_str() else { return false };
    description.pointer(pointer.trim_start_matches('#')).is_some_and(|found| found["in"] == "path")
}
