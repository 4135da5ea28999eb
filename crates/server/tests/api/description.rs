//! `docs/openapi.json` has every route of the table, and no other.

use std::collections::BTreeSet;

use serde_json::Value;
use transload_server::ROUTES;

const METHODS: &[&str] = &["get", "put", "post", "delete", "patch", "head", "options"];

#[test]
fn every_route_is_described_and_nothing_else() {
    let text = include_str!("../../../../docs/openapi.json");
    let description: Value = serde_json::from_str(text).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        let methods = methods.as_object().unwrap().keys().filter(|name| METHODS.contains(&name.as_str()));
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let routes: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method, route.template)).collect();
    let missing: Vec<_> = routes.difference(&described).collect();
    let other: Vec<_> = described.difference(&routes).collect();
    assert!(missing.is_empty() && other.is_empty(), "not described: {missing:#?}\nno routes: {other:#?}");
}
