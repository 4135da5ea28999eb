//! What `validate` says, and that the same is said when it was not asked.

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::lab::{Lab, registry};

impl Lab {
    pub(super) async fn validated(&self, template: &str, parameters: Value) -> Answer {
        let path = format!("{}/validate", deployment("check"));
        self.text(Method::POST, &at(&path), request(template, &parameters)).await
    }
}

#[tokio::test]
async fn a_template_that_could_be_deployed_is_described() {
    let lab = Lab::new().await.with_vault().await;
    let answer = lab.validated(PIPELINE, pipeline_parameters()).await.is(200).json();
    let properties = &answer["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["mode"], "Incremental");
    let validated: Vec<_> =
        properties["validatedResources"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(validated, [json!(format!("{}/accessPolicies/add", vault())), json!(pipeline())]);
    assert_eq!(properties["parameters"]["location"], json!({"type": "String", "value": "westus"}));
    let namespaces: Vec<_> =
        properties["providers"].as_array().unwrap().iter().map(|one| one["namespace"].clone()).collect();
    assert_eq!(namespaces, ["Microsoft.ContainerRegistry", "Microsoft.KeyVault"]);
    let waits = &properties["dependencies"][0];
    assert_eq!(waits["id"], json!(format!("{}/accessPolicies/add", vault())));
    assert_eq!(waits["dependsOn"][0]["resourceName"], "labreg/expipe1");
    lab.get(&at(&deployment("check"))).await.is(404);
    lab.get(&crate::lab::versioned(&pipeline())).await.is(404);
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_said_with_its_place() {
    let lab = Lab::new().await;
    let broken = "{\n  \"resources\": [\n    {\"type\": \"Microsoft.KeyVault/vaults\", \"apiVersion\": \"2023-07-01\",\n     \"name\": \"[concat('a']\"}]\n}";
    let answer = lab.validated(broken, json!({})).await.is(400).json();
    assert_eq!(answer["error"]["code"], "InvalidTemplate", "{answer}");
    let violation = &answer["error"]["additionalInfo"][0];
    assert_eq!(violation["type"], "TemplateViolation");
    assert_eq!(violation["info"]["lineNumber"], 4, "{answer}");
    let text = lab.validated("{\n  \"resources\": [,]\n}", json!({})).await.is(400).json();
    assert_eq!(text["error"]["code"], "InvalidRequestContent", "{text}");
    assert!(text["error"]["message"].as_str().unwrap().contains("line 2"), "{text}");
}

#[tokio::test]
async fn parameters_are_held_to_what_the_template_says() {
    let lab = Lab::new().await.with_vault().await;
    for (name, value, words) in [
        ("registryName", json!("abc"), "registryName"),
        ("other", json!("x"), "other"),
        ("targetUri", json!(5), "targetUri"),
    ] {
        let mut parameters = pipeline_parameters();
        parameters[name] = value;
        let answer = lab.validated(PIPELINE, parameters).await.is(400);
        assert_eq!(answer.code(), "InvalidTemplate");
        assert!(answer.text.contains(words), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_is_referred_to_has_to_be_there() {
    let lab = Lab::new().await;
    let answer = lab.validated(PIPELINE, pipeline_parameters()).await.is(400).json();
    assert_eq!(answer["error"]["code"], "InvalidTemplateDeployment");
    let detail = &answer["error"]["details"][0];
    assert_eq!(detail["code"], "ResourceNotFound");
    assert!(detail["message"].as_str().unwrap().contains("labvault"), "{detail}");
    assert_eq!(detail["target"], json!(pipeline()));
    // the policies' vault is not there either
    assert_eq!(answer["error"]["details"][1]["code"], "ParentResourceNotFound", "{answer}");
}

#[tokio::test]
async fn types_and_names_are_looked_at_before_anything_is_made() {
    let lab = Lab::new().await;
    let machine =
        json!({"type": "Microsoft.Compute/virtualMachines", "apiVersion": "2023-01-01", "name": "vm"});
    let short = json!({"type": "Microsoft.ContainerRegistry/registries/pipelineRuns", "apiVersion": "2025-06-01-preview",
        "name": "labreg/r", "properties": {}});
    let orphan = json!({"type": "Microsoft.ContainerRegistry/registries/pipelineRuns", "apiVersion": "2025-06-01-preview",
        "name": "nowhere/run01", "properties": {}});
    let answer =
        lab.validated(&of_resources(&json!([machine, short, orphan])), json!({})).await.is(400).json();
    let codes: Vec<_> =
        answer["error"]["details"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
    assert_eq!(codes, ["InvalidResourceType", "InvalidResourceName", "ParentResourceNotFound"]);
    let words = answer["error"]["details"][0]["message"].as_str().unwrap();
    assert!(words.contains("It deploys: ") && words.contains("Microsoft.KeyVault/vaults"), "{words}");
}

#[tokio::test]
async fn versions_are_looked_at_before_anything_is_made() {
    let lab = Lab::new().await;
    let of = |version: &str| {
        let registry = json!({"type": "Microsoft.ContainerRegistry/registries", "apiVersion": version, "name": "newreg",
            "location": "westus", "sku": {"name": "Premium"}});
        of_resources(&json!([registry])).replace("\"resources\"", "\n  \"resources\"")
    };
    // one of Azure's first years, as templates still have it
    lab.validated(&of("2019-05-01"), json!({})).await.is(200);
    for (version, code) in [
        ("2023", "InvalidApiVersionParameter"),
        ("2023-13-45", "InvalidApiVersionParameter"),
        ("2016-06-27-preview", "NoRegisteredProviderFound"),
    ] {
        let path = format!("{}/whatIf", deployment("check"));
        let plan = lab.text(Method::POST, &at(&path), request(&of(version), &json!({}))).await.is(200).json();
        let answer = lab.validated(&of(version), json!({})).await.is(400).json();
        for error in [&answer["error"], &plan["error"]] {
            let wrong = &error["details"][0];
            assert_eq!(wrong["code"], code, "{version}: {error}");
            let words = wrong["message"].as_str().unwrap();
            assert!(words.starts_with("The resource 'newreg' at line '2' and column '"), "{words}");
            assert!(words.contains(&format!("'{version}'")), "{words}");
        }
    }
}

fn nested(name: &str, template: &str, more: &Value) -> Value {
    let mut nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": name,
        "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
            "template": serde_json::from_str::<Value>(template).unwrap()}});
    nested.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    nested
}

#[tokio::test]
async fn deployments_in_a_template_are_looked_into_before_anything_is_made() {
    let lab = Lab::new().await;
    let with = |section: &str, value: Value| {
        let mut template: Value = serde_json::from_str(&of_resources(&json!([]))).unwrap();
        template[section] = value;
        template.to_string()
    };
    let uri = "[reference(resourceId('Microsoft.KeyVault/vaults', 'nowhere'), '2023-07-01').vaultUri]";
    let machine =
        json!({"type": "Microsoft.Compute/virtualMachines", "apiVersion": "2023-01-01", "name": "vm"});
    let mut tagged = identity("tagged");
    tagged["tags"] = json!({"uri": uri});
    for (template, code, words) in [
        (of_resources(&json!([machine])), "InvalidResourceType", "The resource 'vm' at line '3'"),
        (with("parameters", json!({"lacking": {"type": "string"}})), "InvalidTemplate", "'lacking'"),
        (
            with("outputs", json!({"o": {"type": "string", "value": "[substring('abc', 5)]"}})),
            "InvalidTemplate",
            "substring",
        ),
        (of_resources(&json!([tagged])), "ResourceNotFound", "nowhere"),
    ] {
        for deeper in [false, true] {
            let template = if deeper {
                of_resources(&json!([nested("in", &template, &json!({}))]))
            } else {
                template.clone()
            };
            let outer = of_resources(&json!([nested("out", &template, &json!({}))]));
            // what a person wrote has lines
            let outer = outer.replacen("\"resources\"", "\n\n\"resources\"", 1);
            let answer = lab.validated(&outer, json!({})).await.is(400).json();
            let details = answer["error"]["details"].as_array().unwrap();
            assert_eq!((details.len(), &details[0]["code"]), (1, &json!(code)), "{answer}");
            assert!(details[0]["message"].as_str().unwrap().contains(words), "{words}: {answer}");
            if code == "InvalidTemplate" {
                assert_eq!(details[0]["additionalInfo"][0]["info"]["lineNumber"], 3, "{answer}");
            }
        }
    }
    lab.get(&at(&deployment("out"))).await.is(404);
}

#[tokio::test]
async fn what_another_deployment_in_the_template_makes_may_be_referred_to() {
    let lab = Lab::new().await;
    let made = json!({"type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01", "name": "newvault",
        "location": "westus", "properties": {"accessPolicies": []}});
    let uri = "[reference(resourceId('Microsoft.KeyVault/vaults', 'newvault'), '2023-07-01').vaultUri]";
    let mut tagged = identity("tagged");
    tagged["tags"] = json!({"uri": uri});
    let secret = json!({"type": "Microsoft.KeyVault/vaults/secrets", "apiVersion": "2023-07-01", "name": "newvault/s",
        "properties": {"value": "v"}});
    let first = nested("first", &of_resources(&json!([made])), &json!({}));
    let second = nested("second", &of_resources(&json!([tagged, secret])), &json!({"dependsOn": ["first"]}));
    lab.validated(&of_resources(&json!([first, second])), json!({})).await.is(200);
    let alone = of_resources(&json!([nested("second", &of_resources(&json!([tagged, secret])), &json!({}))]));
    let answer = lab.validated(&alone, json!({})).await.is(400).json();
    assert_eq!(answer["error"]["details"].as_array().unwrap().len(), 2, "{answer}");
}

#[tokio::test]
async fn more_deployments_in_each_other_than_resources_are_refused() {
    let lab = Lab::new().await;
    let copies = |count: usize| json!({"copy": {"name": "loop", "count": count}});
    let many = |name: &str, template: &str, count: usize| {
        let mut one = nested(name, template, &copies(count));
        one["name"] = json!(format!("[concat('{name}', copyIndex())]"));
        of_resources(&json!([one]))
    };
    let inner = many("inner", &of_resources(&json!([])), 100);
    let answer = lab.validated(&many("outer", &inner, 10), json!({})).await.is(400);
    assert!(answer.text.contains("More than 800 deployments"), "{}", answer.text);
}

#[tokio::test]
async fn members_are_looked_at_before_anything_is_made() {
    let lab = Lab::new().await.with_vault().await.with_pipelines().await;
    let mut parameters = pipeline_parameters();
    parameters["targetUri"] = json!("ftp://x/y");
    let answer = lab.validated(PIPELINE, parameters).await.is(400).json();
    let wrong = &answer["error"]["details"][0];
    assert!(wrong["message"].as_str().unwrap().contains("ftp://"), "{answer}");
    // with which resource something is wrong
    assert!(wrong["message"].as_str().unwrap().contains("labreg/expipe1"), "{answer}");
    assert_eq!(wrong["target"], json!(pipeline()), "{answer}");
    let many: Vec<String> = (0..51).map(|number| format!("hello-world:v{number}")).collect();
    let run = |change: &dyn Fn(&mut Value)| {
        let mut properties = Lab::export_run()["properties"].clone();
        change(&mut properties["request"]);
        of_resources(&json!([{"type": "Microsoft.ContainerRegistry/registries/pipelineRuns",
            "apiVersion": "2025-06-01-preview", "name": "labreg/run01", "properties": properties}]))
    };
    lab.validated(&run(&|_| {}), json!({})).await.is(200);
    let answer =
        lab.validated(&run(&|request| request["artifacts"] = json!(many)), json!({})).await.is(400).json();
    assert_eq!(answer["error"]["details"][0]["code"], "TooManyArtifacts");
    let missing = |request: &mut Value| {
        request["pipelineResourceId"] = json!(format!("{}/exportPipelines/nowhere", registry()));
    };
    let answer = lab.validated(&run(&missing), json!({})).await.is(400).json();
    assert_eq!(answer["error"]["details"][0]["code"], "ResourceNotFound", "{answer}");
}

#[tokio::test]
async fn a_member_of_another_type_is_named_with_its_line() {
    let lab = Lab::new().await;
    let pipeline = json!({"type": "Microsoft.ContainerRegistry/registries/exportPipelines",
        "apiVersion": "2025-06-01-preview", "name": "labreg/expipe1", "identity": {"type": "SystemAssigned"},
        "properties": {"options": "OverwriteBlobs", "target": {"uri": "https://acct.blob.test/container",
            "storageAccessMode": "ManagedIdentity"}}});
    let template = of_resources(&json!([pipeline])).replace("\"options\":", "\n\"options\":\n");
    let answer = lab.validated(&template, json!({})).await.is(400).json();
    let words = answer["error"]["details"][0]["message"].as_str().unwrap();
    assert!(words.starts_with("The resource 'labreg/expipe1' at line '3' and column '1': "), "{words}");
    assert!(words.contains("at 'properties.options' a list was expected"), "{words}");
}

#[tokio::test]
async fn storage_accounts_and_policies_are_looked_at_before_anything_is_made() {
    let lab = Lab::new().await.with_vault().await;
    let account = |properties: Value| {
        json!({"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "storeaa",
            "location": "westus", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": properties})
    };
    let policies = json!({"type": "Microsoft.KeyVault/vaults/accessPolicies", "apiVersion": "2023-07-01",
        "name": "labvault/give", "properties": {"accessPolicies": []}});
    let pipeline = json!({"type": "Microsoft.ContainerRegistry/registries/importPipelines",
        "apiVersion": "2025-06-01-preview", "name": "labreg/impipe1", "identity": {"type": "SystemAssigned"},
        "properties": {"source": {"uri": "https://storeaa.blob.storage.transfer.test/container",
            "storageAccessMode": "ManagedIdentity"}}});
    let answer =
        lab.validated(&of_resources(&json!([account(json!({})), policies, pipeline])), json!({})).await;
    let answer = answer.is(400).json();
    let said = |at: usize, member: &str| answer["error"]["details"][at][member].as_str().unwrap().to_owned();
    assert!(said(0, "message").contains("--endpoint"), "{answer}");
    assert!(said(1, "message").contains("by add, replace or remove"), "{answer}");
    let there = json!({"transload": {"endpoint": "https://storeaa.blob.core.windows.net"}});
    lab.validated(&of_resources(&json!([account(there), pipeline])), json!({})).await.is(200);
    let alone = lab.validated(&of_resources(&json!([pipeline])), json!({})).await.is(400).json();
    assert_eq!(alone["error"]["details"][0]["code"], "StorageAccountNotRegistered", "{alone}");
}

#[tokio::test]
async fn a_deployment_that_cannot_be_is_taken_and_fails() {
    let lab = Lab::new().await;
    let template = of_resources(
        &json!([{"type": "Microsoft.KeyVault/vaults", "apiVersion": "2023-07-01", "name": "[nope()]"}]),
    );
    let answer = lab.text(Method::PUT, &at(&deployment("bad")), request(&template, &json!({}))).await.is(201);
    assert_eq!(
        answer.json()["properties"]["provisioningState"],
        "Accepted",
        "clients do not see a failure in a first answer"
    );
    let watched =
        answer.header("azure-asyncoperation").strip_prefix("https://127.0.0.1:8443").unwrap().to_owned();
    let status = lab.get(&watched).await.is(200).json();
    assert_eq!(
        (status["status"].as_str(), status["error"]["code"].as_str()),
        (Some("Failed"), Some("InvalidTemplate"))
    );
    assert!(status["error"]["message"].as_str().unwrap().contains("nope"), "{status}");
    let shown = lab.get(&at(&deployment("bad"))).await.is(200).json();
    assert_eq!(shown["properties"]["error"]["code"], "InvalidTemplate");
    // what has no template in it is refused at once
    let nothing = lab.text(Method::PUT, &at(&deployment("worse")), "{}".to_owned()).await.is(400);
    assert_eq!(nothing.code(), "InvalidRequestContent");
    lab.text(Method::PUT, &at(&deployment("worse")), "no".to_owned()).await.is(400);
}

const SECRETIVE: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {"value": {"type": "secureString"}, "name": {"type": "string", "defaultValue": "sas1"}},
  "resources": [{"type": "Microsoft.KeyVault/vaults/secrets", "apiVersion": "2023-07-01",
    "name": "[concat('labvault/', parameters('name'))]", "properties": {"value": "[parameters('value')]"}}],
  "outputs": {"hidden": {"type": "secureString", "value": "[parameters('value')]"}, "shown": {"type": "string", "value": "open"}}
}"#;

#[tokio::test]
async fn secrets_are_shown_nowhere() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    let shown = lab.deploy("secret", SECRETIVE, json!({"value": "planted-secret"})).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(
        shown["properties"]["outputs"],
        json!({"hidden": {"type": "SecureString"}, "shown": {"type": "String", "value": "open"}})
    );
    assert_eq!(shown["properties"]["parameters"]["value"], json!({"type": "SecureString"}));
    let plan = lab
        .text(
            Method::POST,
            &at(&format!("{}/whatIf", deployment("secret"))),
            request(SECRETIVE, &json!({"value": "planted-secret"})),
        )
        .await
        .is(200);
    assert!(!plan.text.contains("planted") && plan.text.contains("*****"), "{}", plan.text);
    // an error that names a value
    let mut leaky: Value = serde_json::from_str(&of_resources(&json!([{
        "type": "Microsoft.ContainerRegistry/registries/exportPipelines", "apiVersion": "2025-06-01-preview",
        "name": "labreg/expipe1", "identity": {"type": "SystemAssigned"},
        "properties": {"target": {"type": "AzureStorageBlobContainer", "uri": "[concat('ftp://', parameters('value'))]"}},
    }])))
    .unwrap();
    leaky["parameters"] = json!({"value": {"type": "secureString"}});
    let wrong = lab.deploy("wrong", &leaky.to_string(), json!({"value": "planted-secret"})).await;
    let message = &wrong["properties"]["error"]["details"][0]["message"];
    assert!(message.as_str().unwrap().contains("ftp://*****"), "{wrong}");
    for text in [
        shown.to_string(),
        json!(lab.operations("secret").await).to_string(),
        wrong["properties"]["error"].to_string(),
        json!(lab.operations("wrong").await).to_string(),
        lab.post(&at(&format!("{}/exportTemplate", deployment("secret"))), &json!({})).await.is(200).text,
        lab.get("/api/audit").await.is(200).text,
    ] {
        assert!(!text.contains("planted"), "{text}");
    }
    let kept = lab
        .control
        .ledger()
        .deployment(&transload_control::ResourceId::parse(&deployment("secret")).unwrap())
        .await
        .unwrap()
        .unwrap();
    let text = lab.control.deployment_text(&kept).await.unwrap();
    assert!(text.request.is_none(), "parameters are forgotten at the end");
    assert!(!format!("{kept:?}").contains("planted"));
    // and there it is
    let read = lab.get("/vaults/labvault/secrets/sas1?api-version=7.4").await.is(200).json();
    assert_eq!(read["value"], "planted-secret");
    let path = format!("{}/secrets/sas1?api-version=2023-07-01", vault());
    let item = lab.get(&path).await.is(200);
    assert!(!item.text.contains("planted") && item.text.contains("secretUriWithVersion"), "{}", item.text);
}

#[tokio::test]
async fn a_parameter_may_be_a_secret_of_a_vault() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.put("/vaults/labvault/secrets/source?api-version=7.4", &json!({"value": "planted-secret"}))
        .await
        .is(200);
    let reference = |secret: &str| json!({"value": {"reference": {"keyVault": {"id": vault()}, "secretName": secret}}, "name": "copy"});
    let shown = lab.deploy("copy", SECRETIVE, reference("source")).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let read = lab.get("/vaults/labvault/secrets/copy?api-version=7.4").await.is(200).json();
    assert_eq!(read["value"], "planted-secret");
    let missing = lab.validated(SECRETIVE, reference("nowhere")).await.is(404);
    assert_eq!(missing.code(), "SecretNotFound");
    assert!(missing.text.contains("The parameter 'value'"), "{}", missing.text);
}

#[tokio::test]
async fn a_template_asks_for_resources_and_not_for_values_of_secrets() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    lab.put("/vaults/labvault/secrets/source?api-version=7.4", &json!({"value": "planted-secret"}))
        .await
        .is(200);
    for id in ["/vaults/labvault/secrets/source", "/api/whoami", "/SUBSCRIPTION/x"] {
        let mut template: Value = serde_json::from_str(&of_resources(&json!([]))).unwrap();
        let expression = format!("[string(reference('{id}', '7.4', 'Full'))]");
        template["outputs"] = json!({"found": {"type": "string", "value": expression}});
        let shown = lab.deploy("asking", &template.to_string(), json!({})).await.to_string();
        let operations = json!(lab.operations("asking").await).to_string();
        assert!(!shown.contains("planted") && !operations.contains("planted"), "{id}: {shown}");
        assert!(shown.contains("Failed") && shown.contains(id), "{id}: {shown}");
    }
}

#[tokio::test]
async fn whoever_asks_a_template_does_nothing_by_it() {
    let lab = Lab::new().await.with_vault().await;
    let _deployer = Deployer::of(&lab, "test");
    let calls = [
        format!(
            "listFoo('{}/importImage?api-version=2023-07-01&x=', '2023-07-01', createObject())",
            registry()
        ),
        format!("listFoo('{}/exportTemplate?api-version=2021-04-01&x=', '2021-04-01')", group()),
        format!("listKeys('{}', '2023-07-01&x=y')", registry()),
        format!("reference('{}?x=', '2023-07-01', 'Full')", registry()),
        format!("listNothing('{}', '2023-07-01')", registry()),
    ];
    for call in calls {
        let mut asking = identity("asking");
        asking["tags"] = json!({"a": format!("[string({call})]")});
        let answer = lab.validated(&of_resources(&json!([asking])), json!({})).await.is(400).json();
        let code = answer["error"]["details"][0]["code"].as_str().unwrap();
        assert!(
            ["InvalidResourceReference", "InvalidApiVersionParameter"].contains(&code),
            "{call}: {answer}"
        );
        let shown = lab.deploy("asking", &of_resources(&json!([asking])), json!({})).await;
        assert_eq!(shown["properties"]["provisioningState"], "Failed", "{call}");
    }
    let audit = lab.get("/api/audit").await.is(200).text;
    assert!(!audit.contains("importImage") && !audit.contains("exportTemplate"), "{audit}");
}

/// A deployment in which a secret goes wherever it can: plain outputs, plain parameters of a nested one, names.
fn careless() -> Value {
    let inner: Value = json!({"contentVersion": "1.0.0.0",
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "parameters": {"plain": {"type": "string"}, "made": {"type": "string"}, "open": {"type": "string"}},
        "resources": [],
        "outputs": {"plain": {"type": "string", "value": "[parameters('plain')]"},
            "made": {"type": "string", "value": "[base64(parameters('made'))]"},
            "open": {"type": "string", "value": "[parameters('open')]"}}});
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "inner",
        "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "template": inner,
            "parameters": {"plain": {"value": "[parameters('secret')]"}, "open": {"value": "open"},
                "made": {"value": "[concat('x', base64(parameters('secret')))]"}}}});
    let mut template: Value = serde_json::from_str(&of_resources(&json!([nested]))).unwrap();
    template["parameters"] = json!({"secret": {"type": "secureString"}});
    template["outputs"] = json!({"plain": {"type": "string", "value": "[parameters('secret')]"},
        "made": {"type": "string", "value": "[base64(parameters('secret'))]"},
        "of": {"type": "string", "value": "[reference('inner').outputs.open.value]"}});
    template
}

#[tokio::test]
async fn what_is_made_of_a_secret_is_shown_nowhere_either() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let given = json!({"secret": "planted-secret"});
    let shown = lab.deploy("outer", &careless().to_string(), given.clone()).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(
        shown["properties"]["outputs"],
        json!({"plain": {"type": "String"}, "made": {"type": "String"}, "of": {"type": "String", "value": "open"}})
    );
    let inner = lab.get(&at(&deployment("inner"))).await.is(200).json();
    assert_eq!(inner["properties"]["parameters"]["plain"], json!({"type": "String"}));
    assert_eq!(inner["properties"]["outputs"]["open"], json!({"type": "String", "value": "open"}));
    // a name that cannot be is told when the plan is made
    let mut wrong = careless();
    wrong["resources"] = json!([identity("[concat(parameters('secret'), '/x')]")]);
    let failed = lab.deploy("wrong", &wrong.to_string(), given.clone()).await;
    assert_eq!(failed["properties"]["error"]["code"], "InvalidTemplate", "{failed}");
    let told = lab.validated(&wrong.to_string(), given.clone()).await.is(400).text;
    wrong["outputs"] = json!({});
    wrong["resources"] = json!([identity("[concat('bad name!', parameters('secret'))]")]);
    let named = lab.validated(&wrong.to_string(), given).await.is(400).text;
    assert!(named.contains("*****"), "{named}");
    let mut texts = vec![shown.to_string(), inner.to_string(), failed.to_string(), told, named];
    for name in ["outer", "inner", "wrong"] {
        texts.push(json!(lab.operations(name).await).to_string());
        let id = transload_control::ResourceId::parse(&deployment(name)).unwrap();
        texts.push(format!("{:?}", lab.control.ledger().deployment(&id).await.unwrap().unwrap()));
    }
    for text in texts {
        for secret in ["planted", "cGxhbnRlZC1zZWNyZXQ", "eGNHeGhiblJsWkMxelpXTnlaWFE"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn members_of_a_parameter_keep_their_order() {
    let lab = Lab::new().await;
    let _deployer = Deployer::of(&lab, "test");
    let write = json!({"type": "string", "value": "[string(parameters('o'))]"});
    let sections = |resources: Value| {
        let mut template: Value = serde_json::from_str(&of_resources(&resources)).unwrap();
        template["parameters"] = json!({"o": {"type": "object"}});
        template["outputs"] = json!({"o": write});
        template
    };
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": "inner",
        "properties": {"mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
            "template": sections(json!([])), "parameters": {"o": {"value": "[parameters('o')]"}}}});
    let body = format!(
        r#"{{"properties": {{"mode": "Incremental", "parameters": {{"o": {{"value": {{"b": 1, "a": {{"d": 1, "c": 2}}}}}}}}, "template": {}}}}}"#,
        sections(json!([nested]))
    );
    let watched = lab.begin("order", body).await;
    assert_eq!(lab.ended(&watched).await["status"], "Succeeded");
    for name in ["order", "inner"] {
        let shown = lab.get(&at(&deployment(name))).await.is(200).json();
        assert_eq!(shown["properties"]["outputs"]["o"]["value"], r#"{"b":1,"a":{"d":1,"c":2}}"#, "{name}");
    }
}
