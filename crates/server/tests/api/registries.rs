//! Registries and pipelines.

use http::Method;
use serde_json::{Value, json};

use crate::lab::{Lab, SUBSCRIPTION, TENANT, group, registry, versioned};

fn pipeline(kind: &str, name: &str) -> String {
    versioned(&format!("{}/{kind}/{name}", registry()))
}

fn container(uri: &str) -> Value {
    json!({"type": "AzureStorageBlobContainer", "uri": uri,
        "keyVaultUri": "https://labvault.vault.transfer.test/secrets/sas"})
}

#[tokio::test]
async fn a_registry_has_what_clients_read_of_it() {
    let lab = Lab::new().await;
    let found = lab.get(&versioned(&registry())).await.is(200).json();
    assert_eq!(found["properties"]["loginServer"], "labreg.azurecr.transfer.test");
    assert_eq!(found["properties"]["provisioningState"], "Succeeded");
    assert_eq!(found["properties"]["adminUserEnabled"], false);
    assert_eq!(found["sku"], json!({"name": "Premium", "tier": "Premium"}));
    assert_eq!(found["systemData"]["createdBy"], "admin");
    assert!(found["properties"].get("transload").is_none());
    let path = format!("{}/listCredentials", registry());
    assert_eq!(
        lab.post(&versioned(&path), &json!({})).await.is(400).code(),
        "UnAuthorizedForCredentialOperations"
    );
}

#[tokio::test]
async fn a_registry_somewhere_else_shows_where_and_as_whom_and_no_secret() {
    let lab = Lab::new().await;
    let path = versioned(&format!("{}/providers/Microsoft.ContainerRegistry/registries/outer1", group()));
    let body = json!({"location": "x", "properties": {"transload": {"loginServer": "ghcr.example/team",
        "credential": {"type": "secret", "user": "robot", "secretUri": "https://labvault.vault.transfer.test/secrets/ghcr"}}}});
    let made = lab.put(&path, &body).await.is(200).json();
    assert_eq!(made["properties"]["loginServer"], "ghcr.example/team");
    assert_eq!(
        made["properties"]["transload"]["credential"],
        json!({"type": "Secret", "user": "robot", "secretUri": "https://labvault.vault.transfer.test/secrets/ghcr"})
    );
    assert_eq!(made["identity"]["type"], "systemAssigned");
    assert_eq!(made["identity"]["tenantId"], TENANT);
    let again = lab.put(&path, &body).await.is(200).json();
    assert_eq!(made["identity"], again["identity"]);
    for bad in [
        json!({"credential": {"type": "Anonymous"}}),
        json!({"loginServer": "https://ghcr.example"}),
        json!({"loginServer": "ghcr.example", "credential": {"type": "Guess"}}),
        json!({"loginServer": "ghcr.example", "credential": {"type": "Secret"}}),
    ] {
        lab.put(&path, &json!({"properties": {"transload": bad}})).await.is(400);
    }
}

#[tokio::test]
async fn a_registry_is_patched_member_by_member() {
    let lab = Lab::new().await;
    let put = json!({"location": "westus", "tags": {"a": "1"}, "properties": {"zoneRedundancy": "Disabled"}});
    lab.put(&versioned(&registry()), &put).await.is(200);
    let change = json!({"tags": {"b": "2"}, "properties": {"adminUserEnabled": true,
        "policies": {"exportPolicy": {"status": "disabled"}, "trustPolicy": {"status": "enabled"}}}});
    let found = lab.call(Method::PATCH, &versioned(&registry()), Some(&change)).await.is(200).json();
    assert_eq!(found["tags"], json!({"a": "1", "b": "2"}));
    assert_eq!(found["properties"]["zoneRedundancy"], "Disabled");
    // there is no such user, and nobody is told that there is
    assert_eq!(found["properties"]["adminUserEnabled"], false);
    assert_eq!(found["properties"]["policies"]["exportPolicy"]["status"], "disabled");
    assert_eq!(found["properties"]["policies"]["trustPolicy"]["status"], "enabled");
    assert_eq!(found["location"], "westus");
}

#[tokio::test]
async fn pipelines_come_back_as_the_contract_has_them() {
    let lab = Lab::new().await;
    let body = json!({"identity": {"type": "SystemAssigned"}, "properties": {
        "target": container("https://acct.blob.transfer.test/transfer"),
        "options": ["overwriteblobs", "ContinueOnErrors"]}});
    let made = lab.put(&pipeline("exportPipelines", "expipe1"), &body).await.is(200).json();
    assert_eq!(made["type"], "Microsoft.ContainerRegistry/registries/exportPipelines");
    assert_eq!(made["identity"]["type"], "systemAssigned");
    assert_eq!(made["identity"]["tenantId"], TENANT);
    assert_eq!(made["properties"]["options"], json!(["OverwriteBlobs", "ContinueOnErrors"]));
    assert_eq!(made["properties"]["target"]["storageAccessMode"], "SasToken");
    assert_eq!(made["properties"]["provisioningState"], "Succeeded");
    for absent in ["tags", "location"] {
        assert!(made.get(absent).is_none(), "{absent}");
    }
    assert!(made["properties"].get("trigger").is_none() && made["properties"].get("source").is_none());
    // a client looks at once
    let found = lab.get(&pipeline("exportPipelines", "expipe1")).await.is(200).json();
    assert_eq!(found, made);
    lab.delete(&pipeline("exportPipelines", "expipe1")).await.is(200);
    lab.delete(&pipeline("exportPipelines", "expipe1")).await.is(204);
}

#[tokio::test]
async fn what_templates_send_is_taken() {
    let lab = Lab::new().await;
    let body = json!({"location": "westus", "identity": {"type": "SystemAssigned", "userAssignedIdentities": null},
        "properties": {"target": {"type": "AzureStorageBlobContainer", "uri": "https://acct.blob.transfer.test/transfer",
            "storageAccessMode": "ManagedIdentity", "keyVaultUri": "https://labvault.vault.transfer.test/secrets/sas"},
            "options": []}});
    let made = lab.put(&pipeline("exportPipelines", "expipe1"), &body).await.is(200).json();
    assert_eq!(made["location"], "westus");
    assert_eq!(made["properties"]["target"]["storageAccessMode"], "ManagedIdentity");
    assert!(made["properties"].get("options").is_none());
    let bare = json!({"identity": {"type": "SystemAssigned"}, "properties": {"target": {
        "type": "AzureStorageBlobContainer", "uri": "https://acct.blob.transfer.test/transfer",
        "storageAccessMode": "ManagedIdentity", "keyVaultUri": ""}}});
    let made = lab.put(&pipeline("exportPipelines", "expipe2"), &bare).await.is(200).json();
    assert!(made["properties"]["target"].get("keyVaultUri").is_none());
}

#[tokio::test]
async fn an_identity_of_the_user_is_named_exactly_as_it_was_sent() {
    let lab = Lab::new().await;
    let id = format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/uai1", group());
    let identity =
        lab.put(&format!("{id}?api-version=2023-01-31"), &json!({"location": "x"})).await.is(201).json();
    let sent = id.replace("resourceGroups/R", "resourcegroups/r");
    let body = json!({"identity": {"type": "userAssigned", "userAssignedIdentities": {&sent: {}}},
        "properties": {"source": container("https://acct.blob.transfer.test/transfer"),
            "trigger": {"sourceTrigger": {"status": "disabled"}}, "options": ["OverwriteTags", "DeleteSourceBlobOnSuccess"]}});
    let made = lab.put(&pipeline("importPipelines", "impipe1"), &body).await.is(200).json();
    assert_eq!(made["identity"]["type"], "userAssigned");
    assert!(made["identity"].get("principalId").is_none());
    let assigned = &made["identity"]["userAssignedIdentities"][&sent];
    assert_eq!(assigned["principalId"], identity["properties"]["principalId"]);
    assert_eq!(assigned["clientId"], identity["properties"]["clientId"]);
    assert_eq!(made["properties"]["trigger"]["sourceTrigger"]["status"], "Disabled");
}

#[tokio::test]
async fn a_pipeline_that_cannot_be_is_refused_with_the_member_that_is_wrong() {
    let lab = Lab::new().await;
    let put = async |kind: &str, properties: Value| {
        let body = json!({"identity": {"type": "SystemAssigned"}, "properties": properties});
        lab.put(&pipeline(kind, "pipe12"), &body).await
    };
    let good = container("https://acct.blob.transfer.test/transfer");
    for (kind, properties) in [
        ("exportPipelines", json!({})),
        ("exportPipelines", json!({"source": good})),
        ("exportPipelines", json!({"target": {"type": "AzureStorageBlobContainer"}})),
        ("exportPipelines", json!({"target": good, "options": ["OverwriteTags"]})),
        ("exportPipelines", json!({"target": good, "options": ["Nonsense"]})),
        ("exportPipelines", json!({"target": good, "trigger": {"sourceTrigger": {"status": "Enabled"}}})),
        ("importPipelines", json!({"source": good, "trigger": {"sourceTrigger": {}}})),
        ("importPipelines", json!({"source": good, "trigger": {"sourceTrigger": {"status": "Perhaps"}}})),
        ("exportPipelines", json!({"target": {"uri": "nonsense"}})),
        (
            "exportPipelines",
            json!({"target": {"uri": "https://a.blob.test/container", "type": "Wrong",
            "storageAccessMode": "ManagedIdentity"}}),
        ),
        (
            "exportPipelines",
            json!({"target": {"uri": "https://a.blob.test/container", "storageAccessMode": "Key"}}),
        ),
    ] {
        let answer = put(kind, properties.clone()).await;
        assert_eq!(answer.status, 400, "{properties} {}", answer.text);
        assert!(answer.json()["error"]["message"].as_str().unwrap().len() > 20, "{}", answer.text);
    }
    let old = json!({"source": good, "options": ["DisableSourceTrigger"]});
    let told = put("importPipelines", old).await.is(400).json()["error"]["message"].to_string();
    assert!(told.contains("-e false") && told.contains("sourceTriggerStatus"), "{told}");
    lab.put(&pipeline("exportPipelines", "a_b-c"), &json!({"properties": {"target": good}})).await.is(400);
}

#[tokio::test]
async fn tags_of_pipelines_and_runs_are_refused_and_not_lost() {
    let lab = Lab::new().await.with_pipelines().await;
    let path = pipeline("exportPipelines", "expipe1");
    // as `az resource tag` does it: what is there, with tags
    let mut shown = lab.get(&path).await.is(200).json();
    assert_eq!(shown.get("tags"), None);
    shown["tags"] = json!({"a": "1"});
    let refused = lab.put(&path, &shown).await.is(400).json();
    assert_eq!(refused["error"]["target"], "tags");
    assert!(refused["error"]["message"].as_str().unwrap().contains("have no tags"), "{refused}");
    shown["tags"] = json!({});
    lab.put(&path, &shown).await.is(200);
    let path = versioned(&format!("{}/pipelineRuns/run01", registry()));
    let mut run = Lab::export_run();
    run["tags"] = json!({"a": "1"});
    assert_eq!(lab.put(&path, &run).await.is(400).json()["error"]["target"], "tags");
    run["tags"] = json!(null);
    lab.put(&path, &run).await.is(201);
}

#[tokio::test]
async fn a_parent_has_to_be_there() {
    let lab = Lab::new().await;
    let path = format!(
        "{}/providers/Microsoft.ContainerRegistry/registries/nobody/exportPipelines/expipe1",
        group()
    );
    let body = json!({"properties": {"target": container("https://acct.blob.transfer.test/transfer")}});
    assert_eq!(lab.put(&versioned(&path), &body).await.is(404).code(), "ParentResourceNotFound");
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/none/providers/Microsoft.ContainerRegistry/registries/regis"
    );
    assert_eq!(
        lab.put(&versioned(&path), &json!({"location": "x"})).await.is(404).code(),
        "ResourceGroupNotFound"
    );
}

#[tokio::test]
async fn two_imports_of_one_container_are_refused_with_the_name_of_the_first() {
    let lab = Lab::new().await.with_pipelines().await;
    let body = json!({"identity": {"type": "SystemAssigned"},
        "properties": {"source": container("https://ACCT.blob.transfer.test/transfer/")}});
    let answer = lab.put(&pipeline("importPipelines", "impipe2"), &body).await.is(409);
    assert_eq!(answer.code(), "ContainerInUse");
    assert!(answer.text.contains("impipe1"), "{}", answer.text);
}

/// Puts it six times at once, and tells what each answer has there.
async fn at_once(lab: &Lab, path: &str, body: &Value, member: &str) -> Vec<Option<Value>> {
    let answers = futures_util::future::join_all((0..6).map(|_| lab.put(path, body))).await;
    answers.iter().map(|answer| answer.json().pointer(member).cloned()).collect()
}

#[tokio::test]
async fn what_is_made_by_many_at_once_is_one_and_the_same() {
    let lab = Lab::new().await;
    for round in 0..10 {
        let identity = versioned(&format!(
            "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/many{round}",
            group()
        ));
        let pipeline = pipeline("exportPipelines", &format!("many{round}"));
        let body = json!({"location": "here"});
        let made = at_once(&lab, &identity, &body, "/properties/principalId").await;
        assert!(made[0].is_some() && made.iter().all(|one| *one == made[0]), "{made:?}");
        let body = json!({"identity": {"type": "SystemAssigned"},
            "properties": {"target": container("https://acct.blob.core.example/container")}});
        let made = at_once(&lab, &pipeline, &body, "/identity/principalId").await;
        assert!(made[0].is_some() && made.iter().all(|one| *one == made[0]), "{made:?}");
    }
}

#[tokio::test]
async fn registries_that_are_made_at_once_have_hosts_of_their_own() {
    let lab = Lab::new().await;
    lab.delete(&versioned(&registry())).await;
    let body = json!({"location": "here", "sku": {"name": "Premium"}});
    let path =
        |n| versioned(&format!("{}/providers/Microsoft.ContainerRegistry/registries/atonce{n}", group()));
    let paths: Vec<String> = (0..6).map(path).collect();
    let answers = futures_util::future::join_all(paths.iter().map(|path| lab.put(path, &body))).await;
    let mut hosts: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.is(200).json().pointer("/properties/loginServer").cloned().unwrap())
        .collect();
    hosts.sort_by_key(Value::to_string);
    hosts.dedup();
    assert_eq!(hosts.len(), paths.len(), "{hosts:?}");
}
