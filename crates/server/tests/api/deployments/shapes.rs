//! Shapes that clients rely on: paths in every case, lists, export.

use http::Method;
use serde_json::json;

use super::*;
use crate::lab::Lab;

#[tokio::test]
async fn paths_are_taken_as_az_writes_them() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.deploy("One", &of_resources(&json!([identity("idone")])), json!({})).await;
    let lower = group().replace("resourceGroups/R", "resourcegroups/r");
    for path in [
        format!("{lower}/providers/Microsoft.Resources/deployments/one"),
        format!("{lower}/PROVIDERS/microsoft.resources/Deployments/ONE"),
    ] {
        let shown = lab.get(&at(&path)).await.is(200).json();
        assert_eq!(shown["id"], json!(deployment("One")), "as it was first written");
        assert_eq!(shown["type"], "Microsoft.Resources/deployments");
        lab.call(Method::HEAD, &at(&path), None).await.is(204);
    }
    let with = lab.get(&at(&format!("{}/operations", deployment("one")))).await.is(200).json();
    let without = lab.get(&at(&format!("{lower}/deployments/one/operations"))).await.is(200).json();
    assert_eq!(with["value"][0]["operationId"], without["value"][0]["operationId"]);
    assert_eq!(with["value"][0]["properties"]["statusCode"], "Created");
    lab.get(&at(&deployment("two"))).await.is(404);
    assert_eq!(lab.get(&at(&deployment("two"))).await.code(), "DeploymentNotFound");
    lab.call(Method::HEAD, &at(&deployment("two")), None).await.is(404);
    let elsewhere = deployment("one").replace("resourceGroups/R", "resourceGroups/none");
    assert_eq!(lab.get(&at(&elsewhere)).await.is(404).code(), "ResourceGroupNotFound");
    lab.text(Method::PUT, &at(&elsewhere), request(&of_resources(&json!([])), &json!({}))).await.is(404);
}

#[tokio::test]
async fn a_history_is_listed_in_pages_and_by_state() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    for name in ["a1", "a2", "a3"] {
        lab.deploy(name, &of_resources(&json!([])), json!({})).await;
    }
    lab.deploy("bad", &of_resources(&json!([{"type": "x"}])), json!({})).await;
    let list = deployment("").trim_end_matches('/').to_owned();
    let names = |listed: &Value| -> Vec<String> {
        listed["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = lab.get(&format!("{list}/?api-version={API}&$top=2")).await.is(200).json();
    assert_eq!(names(&page), ["bad", "a3"]);
    let next = page["nextLink"].as_str().unwrap().strip_prefix("https://127.0.0.1:8443").unwrap();
    assert_eq!(names(&lab.get(next).await.is(200).json()), ["a2", "a1"]);
    let failed = format!("{list}?api-version={API}&$filter=provisioningState%20eq%20'Failed'");
    assert_eq!(names(&lab.get(&failed).await.is(200).json()), ["bad"]);
    let odd = format!("{list}?api-version={API}&$filter=name%20eq%20'x'");
    assert_eq!(lab.get(&odd).await.is(400).code(), "InvalidFilterInQueryString");
}

#[tokio::test]
async fn a_template_comes_back_as_it_was() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.deploy("pipe", PIPELINE, pipeline_parameters()).await;
    let exported =
        lab.post(&at(&format!("{}/exportTemplate", deployment("pipe"))), &json!({})).await.is(200).json();
    let template = exported["template"].to_string();
    assert!(template.contains("[resourceGroup().location]") && !template.contains("words"), "{template}");
    let shown = lab.get(&at(&deployment("pipe"))).await.is(200).json();
    let hash = lab
        .text(
            Method::POST,
            "/providers/Microsoft.Resources/calculateTemplateHash?api-version=2025-04-01",
            template,
        )
        .await
        .is(200)
        .json();
    assert_eq!(hash["templateHash"], shown["properties"]["templateHash"]);
}

#[tokio::test]
async fn a_group_comes_out_as_a_template_that_makes_it_again() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.deploy("pipe", PIPELINE, pipeline_parameters()).await;
    lab.deploy("who", &of_resources(&json!([identity("someone")])), json!({})).await;
    let path = format!("{}/exportTemplate", group().replace("resourceGroups", "resourcegroups"));
    let exported = lab.post(&at(&path), &json!({"resources": ["*"]})).await.is(200).json();
    assert!(exported.get("error").is_none(), "{exported}");
    let names: Vec<_> = exported["template"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["labvault", "someone", "labreg", "labreg/expipe1"]);
    let template = exported["template"].to_string();
    let path = format!("{}/whatIf", deployment("again"));
    let same = lab.text(Method::POST, &at(&path), request(&template, &json!({}))).await.is(200).json();
    for change in same["properties"]["changes"].as_array().unwrap() {
        assert_eq!(change["changeType"], "NoChange", "{change}");
    }
    lab.delete(&format!("{}?api-version=2023-07-01", vault())).await.is(200);
    let again = lab.deploy("again", &template, json!({})).await;
    assert_eq!(again["properties"]["provisioningState"], "Succeeded", "{again}");
    let policies = lab.get(&format!("{}?api-version=2023-07-01", vault())).await.is(200).json();
    assert_eq!(policies["properties"]["accessPolicies"].as_array().unwrap().len(), 1);
    let one =
        lab.post(&at(&format!("{}/exportTemplate", group())), &json!({"resources": [vault()]})).await.is(200);
    assert_eq!(one.json()["template"]["resources"].as_array().unwrap().len(), 1);
}
