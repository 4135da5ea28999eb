//! Deployments: what az sends, what it is told, and what is there afterwards.

mod checks;
mod complete;
mod course;
mod crash;
mod modules;
mod names;
mod shapes;
mod what_if;

use std::time::Duration;

use axum::body::Body;
use http::{Method, header};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::lab::{Answer, Lab, group, registry};

/// What az asks with.
pub(crate) const API: &str = "2025-04-01";

/// Longer than anything here takes; what waits so long has failed.
const LONG: Duration = Duration::from_secs(60);

/// A server that does deployments until it is dropped.
pub(crate) struct Deployer {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Deployer {
    pub(crate) fn of(lab: &Lab, name: &'static str) -> Self {
        let (server, stop) = (lab.server.clone(), CancellationToken::new());
        let ends = stop.clone();
        let task = tokio::spawn(async move { server.deployments(name, ends).await });
        Self { stop, task: Some(task) }
    }

    /// Ends as a process does that is asked to.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
    }

    /// Ends as a process does that is killed.
    pub(crate) async fn kill(mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
    }
}

impl Drop for Deployer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn deployment(name: &str) -> String {
    format!("{}/providers/Microsoft.Resources/deployments/{name}", group())
}

/// A path of deployments, with their api-version.
pub(crate) fn at(path: &str) -> String {
    format!("{path}?api-version={API}")
}

/// A request as az writes it: the key `template` bare, and the file's own text behind it (contract, § 0.1).
pub(crate) fn request(template: &str, parameters: &Value) -> String {
    request_in("Incremental", template, parameters)
}

pub(crate) fn request_in(mode: &str, template: &str, parameters: &Value) -> String {
    let given: serde_json::Map<String, Value> = parameters
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let given =
                if value.get("reference").is_some() { value.clone() } else { json!({"value": value}) };
            (name.clone(), given)
        })
        .collect();
    format!(
        "{{\"properties\": {{\"parameters\": {}, \"mode\": \"{mode}\", template:{template}}}}}",
        json!(given)
    )
}

impl Lab {
    pub(crate) async fn text(&self, method: Method, path: &str, body: String) -> Answer {
        let request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Asks for a deployment; where it is watched.
    pub(crate) async fn begin(&self, name: &str, request: String) -> String {
        let answer = self.text(Method::PUT, &at(&deployment(name)), request).await.is(201);
        assert_eq!(answer.header("retry-after"), "1");
        let link = answer.header("azure-asyncoperation");
        link.strip_prefix("https://127.0.0.1:8443").unwrap().to_owned()
    }

    /// Until an operation has ended: its last answer.
    pub(crate) async fn ended(&self, watched: &str) -> Value {
        let watch = async {
            loop {
                let answer = self.get(watched).await.is(200);
                assert_eq!(answer.header("retry-after"), "1", "clients wait 30 s without (contract, § 0.4)");
                let status = answer.json();
                if ["Succeeded", "Failed", "Canceled"].contains(&status["status"].as_str().unwrap()) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LONG, watch).await.expect("it never ended")
    }

    /// A deployment from its beginning to its end.
    pub(crate) async fn deploy(&self, name: &str, template: &str, parameters: Value) -> Value {
        let watched = self.begin(name, request(template, &parameters)).await;
        let status = self.ended(&watched).await;
        let shown = self.get(&at(&deployment(name))).await.is(200).json();
        assert_eq!(shown["properties"]["provisioningState"], status["status"]);
        assert_eq!(shown["properties"].get("error"), status.get("error"));
        shown
    }

    pub(crate) async fn operations(&self, name: &str) -> Vec<Value> {
        let path =
            format!("{}/deployments/{name}/operations", group().replace("resourceGroups", "resourcegroups"));
        let listed = self.get(&at(&path)).await.is(200).json();
        listed["value"].as_array().unwrap().clone()
    }

    pub(crate) async fn with_vault(self) -> Self {
        let path = format!("{}/providers/Microsoft.KeyVault/vaults/labvault", group());
        let body = json!({"location": "westus", "properties": {"tenantId": crate::lab::TENANT,
            "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}});
        self.put(&format!("{path}?api-version=2023-07-01"), &body).await.is(200);
        self
    }
}

pub(crate) fn ids(shown: &Value) -> Vec<String> {
    let listed = shown["properties"]["outputResources"].as_array().unwrap();
    listed.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn vault() -> String {
    format!("{}/providers/Microsoft.KeyVault/vaults/labvault", group())
}

/// A template of resources alone.
pub(crate) fn of_resources(resources: &Value) -> String {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": resources,
    })
    .to_string()
}

/// An identity: the smallest resource that there is.
pub(crate) fn identity(name: &str) -> Value {
    json!({"type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2023-01-31", "name": name,
        "location": "westus"})
}

pub(crate) fn identity_id(name: &str) -> String {
    format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}", group())
}

/// The pipeline with its right to the vault, as the article's templates have it: with a comment, a parameter that is named in
/// another case, a key that is an expression, a type with a slash at its end.
pub(crate) const PIPELINE: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", // words
  "contentVersion": "1.0.0.0",
  "parameters": {
    "registryName": {"type": "string", "minLength": 5, "maxLength": 50},
    "pipelineName": {"type": "string", "minLength": 5, "maxLength": 50},
    "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
    "targetUri": {"type": "string"},
    "keyVaultName": {"type": "string"},
    "secretName": {"type": "string"},
    "userAssignedIdentity": {"type": "string", "defaultValue": ""}
  },
  /* more
     words */
  "variables": {
    "userAssigned": {"type": "UserAssigned", "userAssignedIdentities": {"[parameters('userAssignedIdentity')]": {}}},
    "systemAssigned": {"type": "SystemAssigned"},
    "identity": "[if(empty(parameters('userAssignedIdentity')), variables('systemAssigned'), variables('userAssigned'))]"
  },
  "resources": [
    {
      "type": "Microsoft.ContainerRegistry/registries/exportPipelines/",
      "name": "[concat(parameters('registryName'), '/', parameters('pipelineName'))]",
      "location": "[parameters('location')]",
      "apiVersion": "2025-06-01-preview",
      "identity": "[variables('identity')]",
      "properties": {
        "target": {
          "type": "AzureStorageBlobContainer",
          "uri": "[parameters('targetUri')]",
          "storageAccessMode": "SasToken",
          "keyVaultUri": "[concat(reference(resourceId('Microsoft.KeyVault/vaults', parameters('KeyVaultName')), '2023-07-01').vaultUri, 'secrets/', parameters('secretName'))]"
        },
        "options": ["OverwriteBlobs"]
      }
    },
    {
      "type": "Microsoft.KeyVault/vaults/accessPolicies",
      "name": "[concat(parameters('keyVaultName'), '/add')]",
      "apiVersion": "2023-07-01",
      "dependsOn": ["[resourceId('Microsoft.ContainerRegistry/registries/exportPipelines', parameters('registryName'), parameters('pipelineName'))]"],
      "properties": {"accessPolicies": [{
        "tenantId": "[subscription().tenantId]",
        "objectId": "[reference(resourceId('Microsoft.ContainerRegistry/registries/exportPipelines', parameters('registryName'), parameters('pipelineName')), '2025-06-01-preview', 'Full').identity.principalId]",
        "permissions": {"secrets": ["get"]}
      }]}
    }
  ]
}"#;

pub(crate) fn pipeline_parameters() -> Value {
    json!({"registryName": "labreg", "pipelineName": "expipe1", "keyVaultName": "labvault", "secretName": "sas1",
        "targetUri": "https://acct.blob.transfer.test/transfer"})
}

pub(crate) fn pipeline() -> String {
    format!("{}/exportPipelines/expipe1", registry())
}

/// A deployment in a deployment.
pub(crate) fn nested(name: &str, template: &str) -> Value {
    let template: Value = serde_json::from_str(template).unwrap();
    json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": name,
        "properties": {"mode": "Incremental", "template": template}})
}

/// A run that ends when the test says so, and what waits for it.
pub(crate) fn run_and_after(first: Value, after: &str) -> Vec<Value> {
    let mut run = json!({"type": "Microsoft.ContainerRegistry/registries/pipelineRuns", "apiVersion": "2025-06-01-preview",
        "name": "labreg/run01", "properties": Lab::export_run()["properties"]});
    run["dependsOn"] = first;
    let mut after = identity(after);
    after["dependsOn"] =
        json!(["[resourceId('Microsoft.ContainerRegistry/registries/pipelineRuns', 'labreg', 'run01')]"]);
    vec![run, after]
}

/// Asks until there is something.
pub(crate) async fn soon<T, F: Future<Output = Option<T>>>(ask: impl Fn() -> F) -> T {
    let asked = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, asked).await.expect("it never came")
}
