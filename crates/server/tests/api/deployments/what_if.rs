//! What a deployment would do.

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::lab::Lab;

impl Lab {
    async fn what_if(&self, request: String) -> Vec<Value> {
        let path = format!("{}/whatIf", deployment("plan"));
        let answer = self.text(Method::POST, &at(&path), request).await.is(200).json();
        assert_eq!(answer["status"], "Succeeded");
        answer["properties"]["changes"].as_array().unwrap().clone()
    }
}

fn kinds(changes: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = |id: &str| id.rsplit('/').next().unwrap().to_owned();
    changes.iter().map(|one| (name(&text(&one["resourceId"])), text(&one["changeType"]))).collect()
}

fn pair(name: &str, kind: &str) -> (String, String) {
    (name.to_owned(), kind.to_owned())
}

#[tokio::test]
async fn what_is_new_what_stays_and_what_changes_is_told_apart() {
    let lab = Lab::new().await.with_vault().await;
    let before = lab.what_if(request(PIPELINE, &pipeline_parameters())).await;
    // whom the policy is for is known when the pipeline is there
    assert_eq!(kinds(&before), [pair("expipe1", "Create"), pair("add", "Deploy")]);
    assert_eq!(
        before[0]["after"]["properties"]["target"]["keyVaultUri"],
        "https://labvault.vault.transfer.test/secrets/sas1"
    );
    lab.get(&crate::lab::versioned(&pipeline())).await.is(404);
    let _deployer = Deployer::of(&lab, "test");
    lab.deploy("pipe", PIPELINE, pipeline_parameters()).await;
    let after = lab.what_if(request(PIPELINE, &pipeline_parameters())).await;
    assert_eq!(kinds(&after)[0], pair("expipe1", "NoChange"), "{}", after[0]);
    assert_eq!(kinds(&after)[1], pair("add", "NoChange"), "{}", after[1]);
    let mut other = pipeline_parameters();
    other["targetUri"] = json!("https://acct.blob.transfer.test/other");
    let changed = lab.what_if(request(PIPELINE, &other)).await;
    assert_eq!(kinds(&changed)[0], pair("expipe1", "Modify"));
    let delta = changed[0]["delta"].as_array().unwrap();
    assert_eq!(delta.len(), 1, "{delta:?}");
    assert_eq!(
        (delta[0]["path"].as_str(), delta[0]["propertyChangeType"].as_str()),
        (Some("properties.target.uri"), Some("Modify"))
    );
    assert_eq!(delta[0]["after"], "https://acct.blob.transfer.test/other");
}

#[tokio::test]
async fn what_the_template_does_not_name_is_ignored_or_goes() {
    let lab = Lab::new().await;
    let template = of_resources(&json!([identity("new")]));
    let changes = lab.what_if(request(&template, &json!({}))).await;
    assert_eq!(kinds(&changes), [pair("labreg", "Ignore"), pair("new", "Create")]);
    let changes = lab.what_if(request_in("Complete", &template, &json!({}))).await;
    assert_eq!(kinds(&changes), [pair("labreg", "Delete"), pair("new", "Create")]);
    assert_eq!(changes[0]["before"]["sku"]["name"], "Premium");
}

#[tokio::test]
async fn ids_alone_may_be_asked_for_and_nested_ones_are_looked_into() {
    let lab = Lab::new().await;
    let inner: Value = serde_json::from_str(&of_resources(&json!([identity("deep")]))).unwrap();
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "inner",
        "properties": {"mode": "Incremental", "template": inner}});
    let body = json!({"properties": {"mode": "Incremental", "whatIfSettings": {"resultFormat": "ResourceIdOnly"},
        "template": serde_json::from_str::<Value>(&of_resources(&json!([nested]))).unwrap()}});
    let changes = lab.what_if(body.to_string()).await;
    assert_eq!(kinds(&changes), [pair("labreg", "Ignore"), pair("deep", "Create")]);
    assert!(
        changes.iter().all(|one| one.get("after").is_none() && one.get("before").is_none()),
        "{changes:?}"
    );
}

#[tokio::test]
async fn policies_of_a_vault_are_told_without_secrets() {
    let lab = Lab::new().await.with_vault().await;
    let policy = json!({"tenantId": crate::lab::TENANT, "objectId": "[parameters('who')]", "permissions": {"secrets": ["get"]}});
    let mut template: Value = serde_json::from_str(&of_resources(&json!([{
        "type": "Microsoft.KeyVault/vaults/accessPolicies", "apiVersion": "2023-07-01", "name": "labvault/add",
        "properties": {"accessPolicies": [policy]}}])))
    .unwrap();
    template["parameters"] = json!({"who": {"type": "secureString"}});
    let changes = lab.what_if(request(&template.to_string(), &json!({"who": "planted-principal"}))).await;
    let text = json!(changes).to_string();
    assert!(!text.contains("planted") && text.contains("*****"), "{text}");
}

#[tokio::test]
async fn why_nothing_can_be_is_told_in_an_answer_that_is_well() {
    let lab = Lab::new().await;
    let wrong =
        json!([{"type": "Microsoft.Compute/virtualMachines", "apiVersion": "2023-01-01", "name": "vm"}]);
    let broken = json!([{"type": "A.B/c", "apiVersion": "2023-01-01", "name": "[nope()]"}]);
    let nowhere = deployment("plan").replace("/resourceGroups/", "/resourceGroups/no");
    for (path, resources, code) in [
        (deployment("plan"), &wrong, "InvalidTemplateDeployment"),
        (deployment("plan"), &broken, "InvalidTemplate"),
        (nowhere, &wrong, "ResourceGroupNotFound"),
    ] {
        let text = request(&of_resources(resources), &json!({}));
        let answer = lab.text(Method::POST, &at(&format!("{path}/whatIf")), text).await.is(200).json();
        assert_eq!(
            (&answer["status"], &answer["error"]["code"]),
            (&json!("Failed"), &json!(code)),
            "{answer}"
        );
        assert_eq!(answer.get("properties"), None);
    }
}

#[tokio::test]
async fn a_vault_that_is_as_the_template_has_it_is_no_change_and_keeps_its_policies() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    let policies = json!({"properties": {"accessPolicies": [{"objectId": "11111111-1111-1111-1111-111111111111",
        "tenantId": "22222222-2222-2222-2222-222222222222", "permissions": {"secrets": ["get"]}}]}});
    lab.put(&at(&format!("{}/accessPolicies/add", vault())), &policies).await.is(200);
    let there = lab.get(&at(&vault())).await.is(200).json();
    let policies = &there["properties"]["accessPolicies"];
    assert!(!policies.as_array().unwrap().is_empty());
    let template = of_resources(&json!([{"type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01",
        "name": "labvault", "location": there["location"], "properties": {"tenantId": "[subscription().tenantId]",
            "sku": there["properties"]["sku"], "enableSoftDelete": true}}]));
    let changes = lab.what_if(request(&template, &json!({}))).await;
    let own = changes.iter().find(|one| one["resourceId"] == json!(vault())).unwrap();
    assert_eq!(own["changeType"], "NoChange", "{own}");
    let shown = lab.deploy("again", &template, json!({})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(&lab.get(&at(&vault())).await.is(200).json()["properties"]["accessPolicies"], policies);
}
