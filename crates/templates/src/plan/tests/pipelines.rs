//! A template of an export pipeline with each feature and trap of Microsoft's own (contract § 6).

use super::*;

const EXPORT: &str = include_str!("fixtures/export.json");

fn given(more: &[(&str, Json)]) -> Json {
    let mut given = json!({
        "registryName": "source", "exportPipelineName": "exporting", "targetUri": "https://a.test/transfer",
        "keyVaultName": "Vault", "sasTokenSecretName": "token", "options": ["OverwriteBlobs"],
    });
    for (name, value) in more {
        given[*name] = value.clone();
    }
    given
}

/// The body of a resource in a world where the vault, an identity and the pipeline are there.
fn body(plan: &Plan, index: usize) -> Json {
    let mut world = World::new();
    loop {
        let lookup = match plan.body(index, &world) {
            Ok(body) => return body,
            Err(error) => error.lookup().cloned().unwrap_or_else(|| panic!("{error}")),
        };
        let answer = if lookup.id() == format!("{GROUP}/providers/Microsoft.KeyVault/vaults/Vault") {
            json!({"properties": {"vaultUri": "https://vault.test/"}})
        } else if lookup.id().ends_with("/userAssignedIdentities/one") {
            json!({"properties": {"principalId": "of the identity"}})
        } else if lookup.id().ends_with("/registries/source/exportPipelines/exporting") {
            json!({"identity": {"principalId": "of the pipeline"}, "properties": {}})
        } else {
            panic!("{lookup:?}")
        };
        world.insert(lookup, answer);
    }
}

#[test]
fn with_an_identity_of_the_system() {
    let plan = plan_text(EXPORT, &given(&[])).unwrap();
    assert_eq!(
        needs(&plan),
        [("source/exporting".into(), vec![]), ("Vault/add".into(), vec!["source/exporting".into()])]
    );
    assert_eq!(plan.resources()[0].kind, "Microsoft.ContainerRegistry/registries/exportPipelines");
    assert_eq!(
        body(&plan, 0),
        json!({"location": "here", "identity": {"type": "SystemAssigned"}, "properties": {
            "target": {"type": "AzureStorageBlobContainer", "uri": "https://a.test/transfer", "storageAccessMode": "SasToken",
                "keyVaultUri": "https://vault.test/secrets/token"},
            "options": ["OverwriteBlobs"]}})
    );
    assert_eq!(
        body(&plan, 1),
        json!({"properties": {"accessPolicies": [{"tenantId": "11111111-1111-4111-8111-111111111111",
            "objectId": "of the pipeline", "permissions": {"secrets": ["get"]}}]}})
    );
}

#[test]
fn with_an_identity_of_a_user() {
    let id = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one");
    let plan = plan_text(EXPORT, &given(&[("userAssignedIdentity", json!(id))])).unwrap();
    let identity = json!({"type": "UserAssigned", "userAssignedIdentities": {id: {}}});
    assert_eq!(body(&plan, 0)["identity"], identity);
    assert_eq!(body(&plan, 1)["properties"]["accessPolicies"][0]["objectId"], "of the identity");
}

#[test]
fn without_a_token_there_is_no_policy_but_the_vault_is_asked() {
    let plan = plan_text(EXPORT, &given(&[("storageAccessMode", json!("ManagedIdentity"))])).unwrap();
    assert!(plan.resources()[0].condition && !plan.resources()[1].condition);
    assert!(plan.body(0, &World::new()).unwrap_err().lookup().unwrap().id().ends_with("/vaults/Vault"));
}

#[test]
fn a_parenthesis_that_is_missing_is_told_with_its_place() {
    let broken = EXPORT.replace("'SasToken')]\"", "'SasToken']\"");
    let error = plan_text(&broken, &given(&[])).unwrap_err();
    assert!(
        error.message.starts_with("Deployment template validation failed: 'The template resource '"),
        "{error}"
    );
    assert_eq!(error.path.as_deref(), Some("properties.template.resources[1].condition"));
    assert_eq!(error.at.unwrap().line, 47);
}

#[test]
fn names_that_are_too_short_are_told() {
    let fault = fault(plan_text(EXPORT, &given(&[("exportPipelineName", json!("p"))])));
    assert!(fault.contains("'exportPipelineName' at line '8' and column '5' is not valid. Length of the value should be greater than or equal to '5'"), "{fault}");
}
