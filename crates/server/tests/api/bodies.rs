//! No body makes a failure of the server's own, whatever it is.

use axum::body::Body;
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use transload_server::{Face, ROUTES};

use crate::lab::{Lab, SUBSCRIPTION, TENANT, versioned};

/// The path of a route, with names of things that are there.
fn path(template: &str) -> String {
    template
        .replace("{tenant}", TENANT)
        .replace("{subscription}", SUBSCRIPTION)
        .replace("{group}", "R")
        .replace("{registry}", "labreg")
        .replace("{vault}", "labvault")
        .replace("{operation}", "add")
        .replace("{namespace}", "Microsoft.KeyVault")
        .replace("{location}", "westus")
        .replace("{principal}", "99999999-9999-9999-9999-999999999999")
        .replace("{pipeline}", "pipe1")
        .replace("{run}", "run01")
        .replace("{identity}", "uai1")
        .replace("{secret}", "one")
        .replace("{version}", "0123456789abcdef0123456789abcdef")
}

fn routes_with_bodies() -> Vec<(Method, String)> {
    let taking = [Method::PUT, Method::POST, Method::PATCH];
    let fitting = ROUTES.iter().filter(|route| taking.contains(&route.method));
    fitting.map(|route| (route.method.clone(), versioned(&path(route.template)))).collect()
}

fn any_body() -> impl Strategy<Value = String> {
    let words = [
        "properties",
        "source",
        "target",
        "uri",
        "type",
        "request",
        "artifacts",
        "pipelineResourceId",
        "name",
        "location",
        "tags",
        "identity",
        "userAssignedIdentities",
        "accessPolicies",
        "permissions",
        "secrets",
        "objectId",
        "transload",
        "loginServer",
        "credential",
        "value",
        "attributes",
        "exp",
        "nbf",
        "options",
        "trigger",
        "sourceTrigger",
        "status",
        "sourceImage",
        "registryUri",
        "targetTags",
        "principalId",
        "role",
        "scope",
        "sku",
        "expiresInSeconds",
        "eventType",
        "data",
        "url",
        "policies",
        "exportPolicy",
    ];
    let key = prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"];
    let text = prop_oneof![
        ".{0,24}".prop_map(Value::from),
        Just(json!("https://acct.blob.test/container")),
        Just(json!("Owner")),
        Just(json!(format!("/subscriptions/{SUBSCRIPTION}"))),
        Just(json!("SystemAssigned")),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text
    ];
    let value = leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop_oneof![6 => value.prop_map(|value| value.to_string()), 1 => ".{0,200}", 1 => Just("[".repeat(5000))]
}

#[test]
fn no_body_makes_a_failure_of_the_servers_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(Lab::new());
    let routes = routes_with_bodies();
    assert!(routes.len() > 20);
    let config = Config { cases: Config::default().cases, failure_persistence: None, ..Config::default() };
    let strategy = (prop::sample::select(routes), any_body());
    TestRunner::new(config)
        .run(&strategy, |((method, path), body)| {
            let request = lab.request(method.clone(), &path).header("content-type", "application/json");
            let answer = runtime.block_on(lab.send(request.body(Body::from(body)).unwrap()));
            prop_assert!(
                !answer.status.is_server_error(),
                "{} {}: {} {}",
                method,
                path,
                answer.status,
                answer.text
            );
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_not_read_to_its_end() {
    let lab = Lab::with(|options| options.limits.body_bytes_max = 1000).await;
    let path = versioned(&path("/vaults/{vault}/secrets/{secret}"));
    let request = lab.request(Method::PUT, &path).body(Body::from("x".repeat(1001))).unwrap();
    assert_eq!(lab.send(request).await.is(413).code(), "RequestContentTooLarge");
}

/// Whoever has no token gets no further than that, whatever the route; the table is what says which are open.
#[tokio::test]
async fn every_route_that_is_not_open_wants_a_token() {
    let lab = Lab::new().await;
    for route in ROUTES {
        let answer = lab.as_whom(None, route.method.clone(), &versioned(&path(route.template)), None).await;
        let refused = answer.status == 401;
        let signs_in = route.template.ends_with("/token");
        assert_eq!(
            refused,
            route.face != Face::Open || signs_in && answer.status == 401,
            "{} {}: {}",
            route.method,
            route.template,
            answer.status
        );
    }
}
