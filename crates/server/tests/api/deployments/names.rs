//! Several deployments of one name, and what operations call resources.

use http::Method;
use serde_json::json;

use super::*;
use crate::lab::Lab;

impl Lab {
    async fn asked(&self, what: &str, request: String) -> Answer {
        let path = format!("{}/{what}", deployment("one"));
        self.text(Method::POST, &at(&path), request).await
    }
}

#[tokio::test]
async fn the_same_again_is_what_is_under_way_and_another_fails_as_an_operation() {
    let lab = Lab::new().await;
    let wanted = request(&of_resources(&json!([identity("wanted")])), &json!({}));
    let other = request(&of_resources(&json!([identity("other")])), &json!({}));
    let watched = lab.begin("one", wanted.clone()).await;
    lab.asked("validate", wanted.clone()).await.is(200);
    assert_eq!(lab.begin("one", wanted).await, watched);
    let refused = lab.asked("validate", other.clone()).await.is(409);
    assert_eq!(refused.code(), "DeploymentActive");
    let shown = lab.get(&at(&deployment("one"))).await.is(200).json();
    let second = &shown["properties"]["timestamp"].as_str().unwrap()[..16];
    assert!(refused.text.contains(&format!("begun at {second}")), "{}", refused.text);
    // clients hide what a PUT is refused with, and print how an operation ended
    let failed = lab.begin("one", other.clone()).await;
    assert_ne!(failed, watched);
    let put = lab.text(Method::PUT, &at(&deployment("one")), other).await.is(201).json();
    assert_eq!(put["error"]["code"], "DeploymentActive", "{put}");
    let status = lab.ended(&failed).await;
    assert_eq!(
        (status["status"].as_str(), status["error"]["code"].as_str()),
        (Some("Failed"), Some("DeploymentActive"))
    );
    assert_eq!(lab.get(&watched).await.is(200).json()["status"], "Accepted", "that one is left alone");
    let _deployer = Deployer::of(&lab, "test");
    assert_eq!(lab.ended(&watched).await["status"], "Succeeded");
    assert_eq!(lab.ended(&failed).await["status"], "Failed", "it stays so");
    lab.get(&format!("{}?api-version=2023-01-31", identity_id("wanted"))).await.is(200);
    lab.get(&format!("{}?api-version=2023-01-31", identity_id("other"))).await.is(404);
}

#[tokio::test]
async fn operations_say_what_the_template_calls_a_resource() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "languageVersion": "2.0",
        "resources": {"who": identity("called")},
    });
    lab.deploy("one", &template.to_string(), json!({})).await;
    let target = lab.operations("one").await[0]["properties"]["targetResource"].clone();
    assert_eq!(
        (target["symbolicName"].as_str(), target["resourceName"].as_str()),
        (Some("who"), Some("called"))
    );
    lab.deploy("two", &of_resources(&json!([identity("called")])), json!({})).await;
    let target = lab.operations("two").await[0]["properties"]["targetResource"].clone();
    assert!(target.get("symbolicName").is_none(), "{target}");
}
