//! Servers end in the middle, and others go on.

use serde_json::json;
use transload_control::ledger::Ending;

use super::*;
use crate::lab::Lab;

/// A run, and an identity that is made after it; another identity before both.
fn template() -> String {
    let run = json!({"type": "Microsoft.ContainerRegistry/registries/pipelineRuns", "apiVersion": "2025-06-01-preview",
        "name": "labreg/run01", "properties": Lab::export_run()["properties"],
        "dependsOn": ["[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'before')]"]});
    let mut after = identity("after");
    after["dependsOn"] =
        json!(["[resourceId('Microsoft.ContainerRegistry/registries/pipelineRuns', 'labreg', 'run01')]"]);
    after["tags"] = json!({"made": "[parameters('stamp')]"});
    let mut template: Value =
        serde_json::from_str(&of_resources(&json!([identity("before"), run, after]))).unwrap();
    template["parameters"] = json!({"stamp": {"type": "string", "defaultValue": "[newGuid()]"}});
    template["outputs"] = json!({"stamp": {"type": "string", "value": "[parameters('stamp')]"}});
    template.to_string()
}

async fn lab() -> Lab {
    Lab::with(|options| {
        options.limits.deployment_lease_seconds = 5;
        options.limits.deployment_beat_millis = 200;
        options.limits.deployment_look_millis = 50;
    })
    .await
    .with_pipelines()
    .await
}

async fn revision(lab: &Lab, name: &str) -> i64 {
    let id = transload_control::ResourceId::parse(&identity_id(name)).unwrap();
    lab.control.ledger().get(&id).await.unwrap().unwrap().revision
}

#[tokio::test]
async fn what_a_killed_server_had_begun_another_ends() {
    let lab = lab().await;
    let first = Deployer::of(&lab, "first");
    let watched = lab.begin("long", request(&template(), &json!({}))).await;
    let claim = soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    let made = revision(&lab, "before").await;
    let stamp =
        lab.get(&at(&deployment("long"))).await.is(200).json()["properties"]["parameters"]["stamp"].clone();
    first.kill().await;
    let record = claim.run.record.clone();
    lab.control.ledger().finish(&claim, &Ending::Succeeded, &record).await.unwrap();
    assert_eq!(lab.get(&watched).await.is(200).json()["status"], "Running");
    let _second = Deployer::of(&lab, "second");
    let status = lab.ended(&watched).await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    assert_eq!(revision(&lab, "before").await, made, "what was made is not made again");
    let shown = lab.get(&at(&deployment("long"))).await.is(200).json();
    assert_eq!(shown["properties"]["outputs"]["stamp"]["value"], stamp["value"], "a new GUID stays the same");
    let tagged = lab.get(&format!("{}?api-version=2023-01-31", identity_id("after"))).await.is(200).json();
    assert_eq!(tagged["tags"]["made"], stamp["value"]);
    assert_eq!(ids(&shown).len(), 3);
    let operations = lab.operations("long").await;
    assert_eq!(operations.len(), 4, "one for each, and one of the outputs: {operations:#?}");
}

#[tokio::test]
async fn one_that_is_canceled_after_a_crash_stops_what_is_nested_in_it() {
    let lab = lab().await;
    let first = Deployer::of(&lab, "first");
    let inner = nested("inner", &of_resources(&json!(run_and_after(json!([]), "after"))));
    let middle = nested("middle", &of_resources(&json!([inner])));
    let watched = lab.begin("outer", request(&of_resources(&json!([middle])), &json!({}))).await;
    let claim = soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    first.kill().await;
    lab.post(&at(&format!("{}/cancel", deployment("outer"))), &json!({})).await.is(204);
    let _second = Deployer::of(&lab, "second");
    assert_eq!(lab.ended(&watched).await["status"], "Canceled");
    for name in ["middle", "inner"] {
        let state = soon(|| async {
            let shown = lab.get(&at(&deployment(name))).await.is(200).json();
            let state = shown["properties"]["provisioningState"].as_str().unwrap().to_owned();
            (state != "Running").then_some(state)
        });
        assert_eq!(state.await, "Canceled", "{name}");
    }
    let record = claim.run.record.clone();
    lab.control.ledger().finish(&claim, &Ending::Succeeded, &record).await.unwrap();
    lab.get(&format!("{}?api-version=2023-01-31", identity_id("after"))).await.is(404);
}

#[tokio::test]
async fn a_server_that_ends_gives_back_what_it_has() {
    let lab = Lab::new().await.with_pipelines().await;
    let first = Deployer::of(&lab, "first");
    let watched = lab.begin("long", request(&template(), &json!({}))).await;
    let claim = soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    first.stop().await;
    let record = claim.run.record.clone();
    lab.control.ledger().finish(&claim, &Ending::Succeeded, &record).await.unwrap();
    // the lease of the first would last longer than anybody waits
    let _second = Deployer::of(&lab, "second");
    assert_eq!(lab.ended(&watched).await["status"], "Succeeded");
}

#[tokio::test]
async fn two_servers_share_a_ledger() {
    let lab = lab().await;
    let (_one, _other) = (Deployer::of(&lab, "one"), Deployer::of(&lab, "other"));
    let mut watched = Vec::new();
    for number in 0..12 {
        let template =
            of_resources(&json!([identity(&format!("id{number}a")), identity(&format!("id{number}b"))]));
        watched.push(lab.begin(&format!("d{number}"), request(&template, &json!({}))).await);
    }
    for watched in watched {
        assert_eq!(lab.ended(&watched).await["status"], "Succeeded");
    }
    for number in 0..12 {
        assert_eq!(lab.operations(&format!("d{number}")).await.len(), 2, "each is done once");
    }
}

#[tokio::test]
async fn nested_ones_are_done_when_all_hands_are_full() {
    let lab = Lab::with(|options| options.limits.deployments_at_once = 1).await;
    let _deployer = Deployer::of(&lab, "test");
    let inner: Value = serde_json::from_str(&of_resources(&json!([identity("deep")]))).unwrap();
    let nested = |name: &str, template: Value| {
        json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": name,
            "properties": {"mode": "Incremental", "template": template}})
    };
    let middle: Value = serde_json::from_str(&of_resources(&json!([nested("inner", inner)]))).unwrap();
    let outer = of_resources(&json!([nested("middle", middle)]));
    let shown = lab.deploy("outer", &outer, json!({})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(ids(&shown), [identity_id("deep")]);
}
