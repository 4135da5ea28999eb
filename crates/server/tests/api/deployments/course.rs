//! A deployment's course: order, failures, nesting, modes, cancellation.

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::lab::{Lab, versioned};

#[tokio::test]
async fn the_article_deploys_and_finds_the_pipeline_second() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    let shown = lab.deploy("pipe", PIPELINE, pipeline_parameters()).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(ids(&shown), [format!("{}/accessPolicies/add", vault()), pipeline()]);
    let kept = lab.get(&versioned(&pipeline())).await.is(200).json();
    assert_eq!(kept["location"], "westus");
    assert_eq!(
        kept["properties"]["target"]["keyVaultUri"],
        "https://labvault.vault.transfer.test/secrets/sas1"
    );
    let policies = lab.get(&format!("{}?api-version=2023-07-01", vault())).await.is(200).json();
    assert_eq!(policies["properties"]["accessPolicies"][0]["objectId"], kept["identity"]["principalId"]);
    let operations = lab.operations("pipe").await;
    let targets: Vec<_> =
        operations.iter().map(|one| one["properties"]["targetResource"]["resourceName"].clone()).collect();
    assert_eq!(targets, ["labreg/expipe1", "labvault/add"], "in the order in which they were begun");
    // the same again is harmless
    let again = lab.deploy("pipe", PIPELINE, pipeline_parameters()).await;
    assert_eq!(again["properties"]["provisioningState"], "Succeeded");
    assert_eq!(again["properties"]["templateHash"], shown["properties"]["templateHash"]);
}

#[tokio::test]
async fn a_failure_names_itself_and_what_needs_it_is_not_begun() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let bad = json!({"type": "Microsoft.ContainerRegistry/registries/exportPipelines", "apiVersion": "2025-06-01-preview",
        "name": "labreg/expipe1", "identity": {"type": "SystemAssigned"},
        "properties": {"target": {"type": "AzureStorageBlobContainer", "uri": "ftp://x/y"}}});
    let mut after = identity("after");
    after["dependsOn"] = json!([
        "[resourceId('Microsoft.ContainerRegistry/registries/exportPipelines', 'labreg', 'expipe1')]"
    ]);
    let template = of_resources(&json!([bad, after, identity("free")]));
    let shown = lab.deploy("bad", &template, json!({})).await;
    let error = &shown["properties"]["error"];
    assert_eq!(error["code"], "DeploymentFailed", "{shown}");
    let detail = &error["details"][0];
    assert_eq!(
        (detail["code"].as_str(), detail["target"].as_str()),
        (Some("InvalidRequest"), Some(pipeline().as_str()))
    );
    assert!(detail["message"].as_str().unwrap().contains("ftp://"), "{detail}");
    assert_eq!(ids(&shown), [identity_id("free")]);
    let mut states: Vec<(String, String)> = lab
        .operations("bad")
        .await
        .iter()
        .map(|one| {
            let properties = &one["properties"];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&properties["targetResource"]["resourceName"]), text(&properties["provisioningState"]))
        })
        .collect();
    states.sort();
    let pair = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(states, [pair("free", "Succeeded"), pair("labreg/expipe1", "Failed")]);
    let failed = lab
        .operations("bad")
        .await
        .into_iter()
        .find(|one| one["properties"]["provisioningState"] == "Failed");
    let failed = failed.unwrap();
    assert_eq!(failed["properties"]["statusCode"], "BadRequest");
    assert_eq!(failed["properties"]["statusMessage"]["error"]["code"], "InvalidRequest");
    let path = format!("{}/operations/{}", deployment("bad"), failed["operationId"].as_str().unwrap());
    assert_eq!(lab.get(&at(&path)).await.is(200).json()["operationId"], failed["operationId"]);
}

#[tokio::test]
async fn a_run_is_waited_for_and_its_failure_is_the_deployments() {
    let lab = Lab::new().await.with_pipelines().await;
    let _deployer = Deployer::of(&lab, "test");
    let run = |tag: &str| {
        let mut body = Lab::export_run()["properties"].clone();
        body["forceUpdateTag"] = json!(tag);
        of_resources(
            &json!([{"type": "Microsoft.ContainerRegistry/registries/pipelineRuns", "apiVersion": "2025-06-01-preview",
            "name": "labreg/run01", "location": "westus", "properties": body}]),
        )
    };
    let watched = lab.begin("run", request(&run("1"), &json!({}))).await;
    let claim = soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    assert_eq!(lab.get(&watched).await.is(200).json()["status"], "Running");
    let error = transload_control::run::RunError {
        code: "StorageDenied".into(),
        message: "403: get a new token".into(),
    };
    let ending = transload_control::ledger::Ending::Failed { error, transient: false };
    let record = claim.run.record.clone();
    lab.control.ledger().finish(&claim, &ending, &record).await.unwrap();
    let status = lab.ended(&watched).await;
    let detail = &status["error"]["details"][0];
    assert_eq!(
        (detail["code"].as_str(), detail["message"].as_str()),
        (Some("StorageDenied"), Some("403: get a new token"))
    );
    // the same again starts nothing, and says how to
    let again = lab.deploy("run", &run("1"), json!({})).await;
    let message = again["properties"]["error"]["details"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("get a new token") && message.contains("forceUpdateTag"), "{message}");
    assert_eq!(message.matches("get a new token").count(), 1, "{message}");
    let watched = lab.begin("run", request(&run("2"), &json!({}))).await;
    let claim = soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    let done = transload_control::ledger::Ending::Succeeded;
    lab.control.ledger().finish(&claim, &done, &record).await.unwrap();
    assert_eq!(lab.ended(&watched).await["status"], "Succeeded");
    let shown = lab.get(&at(&deployment("run"))).await.is(200).json();
    assert_eq!(ids(&shown), [format!("{}/pipelineRuns/run01", registry())]);
}

#[tokio::test]
async fn nested_deployments_are_deployments_of_their_own() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let inner: Value =
        serde_json::from_str(&of_resources(&json!([identity("[parameters('who')]")]))).unwrap();
    let mut inner = inner;
    inner["parameters"] = json!({"who": {"type": "string"}});
    inner["outputs"] = json!({"client": {"type": "string",
        "value": "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', parameters('who')), '2023-01-31').clientId]"}});
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "inner",
        "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": {"who": {"value": "nestedid"}}, "template": inner}});
    let mut outer: Value = serde_json::from_str(&of_resources(&json!([nested]))).unwrap();
    outer["outputs"] =
        json!({"client": {"type": "string", "value": "[reference('inner').outputs.client.value]"}});
    let shown = lab.deploy("outer", &outer.to_string(), json!({})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(ids(&shown), [identity_id("nestedid")]);
    let kept = lab.get(&format!("{}?api-version=2023-01-31", identity_id("nestedid"))).await.is(200).json();
    assert_eq!(
        shown["properties"]["outputs"]["client"],
        json!({"type": "String", "value": kept["properties"]["clientId"]})
    );
    let listed = lab.get(&at(&format!("{}/", deployment("").trim_end_matches('/')))).await.is(200).json();
    let names: Vec<_> = listed["value"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["inner", "outer"]);
    let targets: Vec<_> = lab
        .operations("outer")
        .await
        .iter()
        .map(|one| one["properties"]["targetResource"]["id"].clone())
        .collect();
    assert_eq!(targets[0], deployment("inner"));
    let export = lab.post(&at(&format!("{}/exportTemplate", deployment("inner"))), &json!({})).await.is(200);
    assert!(export.text.contains("[parameters('who')]"), "{}", export.text);
}

#[tokio::test]
async fn a_template_with_values_of_another_is_not_given_out() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let mut who = identity("nestedid");
    who["tags"] = json!({"secret": "[parameters('value')]"});
    let inner: Value = serde_json::from_str(&of_resources(&json!([who]))).unwrap();
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "inner",
        "properties": {"mode": "Incremental", "template": inner}});
    let mut outer: Value = serde_json::from_str(&of_resources(&json!([nested]))).unwrap();
    outer["parameters"] = json!({"value": {"type": "secureString", "defaultValue": "planted-secret"}});
    let plan = at(&format!("{}/whatIf", deployment("outer")));
    let plan = lab.text(Method::POST, &plan, request(&outer.to_string(), &json!({}))).await.is(200);
    assert!(plan.text.contains("*****") && !plan.text.contains("planted"), "{}", plan.text);
    let shown = lab.deploy("outer", &outer.to_string(), json!({})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let export = lab.post(&at(&format!("{}/exportTemplate", deployment("inner"))), &json!({})).await.is(409);
    assert!(export.text.contains("export 'outer'") && !export.text.contains("planted"), "{}", export.text);
}

#[tokio::test]
async fn complete_mode_removes_what_the_template_does_not_name() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    for name in ["stays", "goes"] {
        let body = json!({"location": "westus"});
        lab.put(&format!("{}?api-version=2023-01-31", identity_id(name)), &body).await.is(201);
    }
    // the registry is only named by what is beneath it
    let template: Value = serde_json::from_str(PIPELINE_ALONE).unwrap();
    let mut template = template;
    template["resources"].as_array_mut().unwrap().push(identity("stays"));
    let body = request_in("Complete", &template.to_string(), &json!({}));
    let planned = lab
        .text(Method::POST, &at(&format!("{}/whatIf", deployment("all"))), body.clone())
        .await
        .is(200)
        .json();
    let removed: Vec<_> = planned["properties"]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["changeType"] == "Delete")
        .map(|one| one["resourceId"].clone())
        .collect();
    assert_eq!(removed, [json!(vault()), json!(identity_id("goes"))]);
    let watched = lab.begin("all", body).await;
    let status = lab.ended(&watched).await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    for (path, status) in [
        (identity_id("stays"), 200),
        (identity_id("goes"), 404),
        (vault(), 404),
        (registry(), 200),
        (pipeline(), 200),
    ] {
        let answer = lab.get(&format!("{path}?api-version=2025-06-01-preview")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let deleted = lab
        .operations("all")
        .await
        .iter()
        .filter(|one| one["properties"]["provisioningOperation"] == "Delete")
        .count();
    assert_eq!(deleted, 2);
}

#[tokio::test]
async fn what_cannot_go_keeps_what_it_reads() {
    let lab = Lab::new().await.with_pipelines().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.put(&versioned(&format!("{}/pipelineRuns/run01", registry())), &Lab::export_run()).await.is(201);
    let watched = lab.begin("none", request_in("Complete", &of_resources(&json!([])), &json!({}))).await;
    let status = lab.ended(&watched).await;
    let detail = &status["error"]["details"][0];
    assert_eq!(
        (detail["code"].as_str(), detail["target"].as_str()),
        (Some("InUse"), Some(registry().as_str()))
    );
    lab.get(&format!("{}?api-version=2023-07-01", vault())).await.is(200);
}

const PIPELINE_ALONE: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [{
    "type": "Microsoft.ContainerRegistry/registries/exportPipelines", "apiVersion": "2025-06-01-preview",
    "name": "labreg/expipe1", "identity": {"type": "SystemAssigned"},
    "properties": {"target": {"type": "AzureStorageBlobContainer", "uri": "https://acct.blob.transfer.test/container",
      "storageAccessMode": "ManagedIdentity"}}
  }]
}"#;

#[tokio::test]
async fn a_canceled_deployment_begins_nothing_more() {
    let lab = Lab::new().await.with_pipelines().await;
    let _deployer = Deployer::of(&lab, "test");
    let mut after = identity("after");
    after["dependsOn"] =
        json!(["[resourceId('Microsoft.ContainerRegistry/registries/pipelineRuns', 'labreg', 'run01')]"]);
    let run = json!({"type": "Microsoft.ContainerRegistry/registries/pipelineRuns", "apiVersion": "2025-06-01-preview",
        "name": "labreg/run01", "properties": Lab::export_run()["properties"]});
    let watched = lab.begin("long", request(&of_resources(&json!([run, after])), &json!({}))).await;
    soon(|| async { lab.control.ledger().claim("w", LONG).await.unwrap() }).await;
    assert_eq!(lab.delete(&at(&deployment("long"))).await.is(409).code(), "DeploymentActive");
    lab.post(&at(&format!("{}/cancel", deployment("long"))), &json!({})).await.is(204);
    let status = lab.ended(&watched).await;
    assert_eq!(
        (status["status"].as_str(), status["error"]["code"].as_str()),
        (Some("Canceled"), Some("DeploymentCanceled"))
    );
    lab.get(&format!("{}?api-version=2023-01-31", identity_id("after"))).await.is(404);
    assert_eq!(
        lab.post(&at(&format!("{}/cancel", deployment("long"))), &json!({})).await.is(409).code(),
        "Conflict"
    );
    lab.delete(&at(&deployment("long"))).await.is(204);
    lab.get(&at(&deployment("long"))).await.is(404);
}

#[tokio::test]
async fn each_resource_is_made_as_who_asked() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let token = lab.token_of("reader", Some(transload_control::Role::Operator)).await;
    let body: Value = json!({"properties": {"mode": "Incremental", "template": serde_json::from_str::<Value>(&of_resources(&json!([identity("x1x")]))).unwrap()}});
    for (method, path) in
        [(Method::PUT, deployment("no")), (Method::POST, format!("{}/validate", deployment("no")))]
    {
        let answer = lab.as_whom(Some(&token), method, &at(&path), Some(&body)).await.is(403);
        assert_eq!(answer.code(), "AuthorizationFailed");
    }
    // clients read the reason out of an answer that is well
    let path = at(&format!("{}/whatIf", deployment("no")));
    let answer = lab.as_whom(Some(&token), Method::POST, &path, Some(&body)).await.is(200).json();
    assert_eq!(answer["error"]["code"], "AuthorizationFailed", "{answer}");
    assert_eq!(answer.get("properties"), None);
    lab.as_whom(Some(&token), Method::GET, &at(&deployment("no")), None).await.is(404);
    let shown = lab.deploy("yes", &of_resources(&json!([identity("x1x")])), json!({})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    let entries = lab.get("/api/audit").await.is(200).text;
    let correlation = shown["properties"]["correlationId"].as_str().unwrap();
    let made = entries.matches(correlation).count();
    assert!(made >= 2, "the deployment's entry and the resource's carry its correlation id: {entries}");
}
