//! Deployments in a deployment that hand values to each other, as modules of a template do.

use http::Method;
use serde_json::{Value, json};

use super::{Deployer, at, deployment, identity, identity_id, of_resources, request};
use crate::lab::Lab;

/// A deployment with a scope of its own.
fn module(name: &str, parameters: &Value, template: &Value) -> Value {
    json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": name,
        "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": parameters, "template": template}})
}

fn template(parameters: &Value, resources: &Value, outputs: &Value) -> Value {
    let mut template: Value = serde_json::from_str(&of_resources(resources)).unwrap();
    template["parameters"] = parameters.clone();
    template["outputs"] = outputs.clone();
    template
}

fn text(value: &str) -> Value {
    json!({"type": "string", "value": value})
}

fn secret(name: &str, value: &str) -> Value {
    json!({"type": "Microsoft.KeyVault/vaults/secrets", "apiVersion": "2023-07-01", "name": format!("labvault/{name}"),
        "properties": {"value": value}})
}

#[tokio::test]
async fn an_output_that_was_made_of_a_secret_reaches_what_refers_to_it_and_nobody_else() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    let secure = json!({"s": {"type": "secureString"}});
    let makes = template(&secure, &json!([]), &json!({"made": text("[concat('a-', parameters('s'))]")}));
    let given = json!({"s": {"value": "[parameters('s')]"}});
    let reference = "reference('makes').outputs.made.value";
    // one that gets it as a plain parameter, and one whose text it stands in
    let takes =
        template(&json!({"p": {"type": "string"}}), &json!([]), &json!({"o": text("[parameters('p')]")}));
    let of_made = json!({"p": {"value": format!("[{reference}]")}});
    let mut holds = module("holds", &json!({}), &json!({}));
    holds["properties"] = json!({"mode": "Incremental",
        "template": template(&json!({}), &json!([]), &json!({"o": text(&format!("[{reference}]"))}))});
    let outer = template(
        &secure,
        &json!([
            module("makes", &given, &makes),
            module("takes", &of_made, &takes),
            holds,
            secret("direct", &format!("[{reference}]")),
            secret(
                "taken",
                "[concat(reference('takes').outputs.o.value, reference('holds').outputs.o.value)]"
            ),
        ]),
        &json!({"made": text(&format!("[concat('see ', {reference})]")), "open": text("open")}),
    );
    let shown = lab.deploy("outer", &outer.to_string(), json!({"s": "planted-secret"})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(
        shown["properties"]["outputs"],
        json!({"made": {"type": "String"}, "open": {"type": "String", "value": "open"}})
    );
    for (name, value) in [("direct", "a-planted-secret"), ("taken", "a-planted-secreta-planted-secret")] {
        let read = lab.get(&format!("/vaults/labvault/secrets/{name}?api-version=7.4")).await.is(200).json();
        assert_eq!(read["value"], value);
    }
    for name in ["outer", "makes", "takes", "holds"] {
        let shown = lab.get(&at(&deployment(name))).await.is(200);
        assert!(!shown.text.contains("planted"), "{name}: {}", shown.text);
        let steps = json!(lab.operations(name).await).to_string();
        assert!(!steps.contains("planted"), "{name}: {steps}");
        let id = transload_control::ResourceId::parse(&deployment(name)).unwrap();
        let kept = format!("{:?}", lab.control.ledger().deployment(&id).await.unwrap().unwrap());
        assert!(!kept.contains("planted"), "{name}: {kept}");
    }
    // another template is told what clients are told
    let other = template(
        &json!({}),
        &json!([]),
        &json!({"x": text("[string(reference(resourceId('Microsoft.Resources/deployments', 'makes'), '2025-04-01').outputs)]")}),
    );
    let told = lab.deploy("other", &other.to_string(), json!({})).await;
    assert_eq!(told["properties"]["outputs"]["x"]["value"], r#"{"made":{"type":"String"}}"#, "{told}");
}

#[tokio::test]
async fn values_that_have_nothing_to_do_with_a_secret_stay_as_they_are() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    let inner = template(
        &json!({"settings": {"type": "object"}, "location": {"type": "string"}, "count": {"type": "int"}}),
        &json!([]),
        &json!({
            "id": text("[resourceId('Microsoft.ContainerRegistry/registries', 'regprod1')]"),
            "location": text("[parameters('location')]"),
            "count": {"type": "int", "value": "[parameters('count')]"},
        }),
    );
    let given = json!({
        "settings": {"value": {"env": "prod", "location": "westeurope", "sas": "[parameters('all').sas]"}},
        "location": {"value": "westeurope"},
        "count": {"value": 443},
    });
    let mut who = identity("who");
    who["tags"] = json!({"id": "[reference('inner').outputs.id.value]",
        "at": "[reference('inner').outputs.location.value]"});
    let outer = template(
        &json!({"all": {"type": "secureObject"}}),
        &json!([module("inner", &given, &inner), who]),
        &json!({"count": {"type": "int", "value": "[reference('inner').outputs.count.value]"}}),
    );
    let all = json!({"all": {"sas": "planted-secret", "env": "prod", "port": 443, "at": "westeurope"}});
    let shown = lab.deploy("outer", &outer.to_string(), all).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(shown["properties"]["outputs"], json!({"count": {"type": "Int", "value": 443}}));
    let made = lab.get(&format!("{}?api-version=2023-01-31", identity_id("who"))).await.is(200).json();
    assert!(made["tags"]["id"].as_str().unwrap().ends_with("/registries/regprod1"), "{made}");
    assert_eq!(made["tags"]["at"], "westeurope");
    let inner = lab.get(&at(&deployment("inner"))).await.is(200);
    assert!(!inner.text.contains("planted"), "{}", inner.text);
    assert_eq!(inner.json()["properties"]["outputs"]["location"]["value"], "westeurope");
}

#[tokio::test]
async fn what_is_made_anew_is_not_judged_by_what_it_said_before() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let of = |outputs: &Value, tag: &str| {
        let mut made = identity("first");
        made["tags"] = json!({"tag": tag});
        let first = template(&json!({}), &json!([made]), outputs);
        let second = template(
            &json!({"p": {"type": "string"}}),
            &json!([identity("second")]),
            &json!({"o": text("[parameters('p')]")}),
        );
        let mut third = identity("third");
        third["tags"] = json!({"said": "[reference('first').outputs.y.value]"});
        let given = json!({"p": {"value": "[reference('first').outputs.y.value]"}});
        template(
            &json!({}),
            &json!([module("first", &json!({}), &first), module("second", &given, &second), third]),
            &json!({"all": text("[reference('second').outputs.o.value]")}),
        )
        .to_string()
    };
    let both = json!({"x": text("one"), "y": text("two")});
    // the first time `first` fails, the second time it has not the output that is wanted
    let nowhere = "[reference(resourceId('Microsoft.KeyVault/vaults', 'no'), '2023-07-01').vaultUri]";
    let failing = of(&both, nowhere);
    let lacking = of(&json!({"x": text("one")}), "tag");
    let whole = of(&both, "tag");
    for before in [&failing, &lacking] {
        let watched = lab.begin("outer", request(before, &json!({}))).await;
        assert_eq!(lab.ended(&watched).await["status"], "Failed");
        lab.validated(&whole, json!({})).await.is(200);
        let path = at(&format!("{}/whatIf", deployment("check")));
        let plan = lab.text(Method::POST, &path, request(&whole, &json!({}))).await.is(200).json();
        assert_eq!(plan["status"], "Succeeded", "{plan}");
        let third = identity_id("third");
        let changes = plan["properties"]["changes"].as_array().unwrap();
        let change = changes.iter().find(|change| change["resourceId"] == third.as_str()).unwrap();
        assert_eq!(change["changeType"], "Create", "{plan}");
    }
    let shown = lab.deploy("outer", &whole, json!({})).await;
    assert_eq!(shown["properties"]["outputs"], json!({"all": {"type": "String", "value": "two"}}), "{shown}");
    // what is as it was is told as such
    let path = at(&format!("{}/whatIf", deployment("check")));
    let plan = lab.text(Method::POST, &path, request(&whole, &json!({}))).await.is(200).json();
    let kinds: Vec<_> = plan["properties"]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|change| change["resourceId"].as_str().unwrap().contains("userAssignedIdentities"))
        .map(|change| change["changeType"].clone())
        .collect();
    assert_eq!(kinds, ["NoChange", "NoChange", "NoChange"], "{plan}");
}
