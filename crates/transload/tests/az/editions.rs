//! Templates shaped like those that are public, in their first edition and in today's.

use serde_json::{Value, json};

use crate::support::{Lab, Side, json_of};

/// Ids of what a deployment made, by the end that matters.
fn ends(deployment: &Value) -> Vec<String> {
    let made = deployment["properties"]["outputResources"].as_array().unwrap();
    let id = |one: &Value| one["id"].as_str().unwrap().split("/providers/").last().unwrap().to_owned();
    made.iter().map(id).collect()
}

#[test]
fn every_edition_of_the_public_templates_deploys_and_has_its_pipeline_where_the_article_looks() {
    let lab = Lab::new();
    let registry = "Microsoft.ContainerRegistry/registries/sourceregistry";
    let pipeline = format!("{registry}/exportPipelines/exporter");
    let policies = "Microsoft.KeyVault/vaults/sourcevault/accessPolicies/add".to_owned();
    let uri = format!("targetUri={}", lab.container(Side::Source));
    let given = [
        "registryName=sourceregistry",
        "exportPipelineName=exporter",
        &uri,
        "keyVaultName=sourcevault",
        "sasTokenSecretName=transfersas",
        r#"options=["OverwriteBlobs"]"#,
    ];
    let deploy = |file: &str, more: &[&str]| {
        let all = [&given[..], more].concat();
        json_of(&lab.deploy(Side::Source, "exportPipeline", file, &all).ok().stdout)
    };
    // the first edition had the registry in it, and a registry that is elsewhere stays where it is
    let made = deploy("export-2020.json", &[]);
    assert_eq!(ends(&made), [registry.to_owned(), pipeline.clone(), policies.clone()], "{made}");
    let shown = json_of(&lab.az.ok(&["acr", "show", "-n", Side::Source.registry()]));
    assert_eq!(shown["loginServer"], lab.host(Side::Source).as_str(), "{shown}");
    assert_eq!(shown["tags"]["displayName"], "Registry");

    let made = deploy("export.json", &[]);
    assert_eq!(ends(&made), [policies, pipeline.clone()], "{made}");
    assert_eq!(made["properties"]["parameters"]["options"]["value"], json!(["OverwriteBlobs"]));
    // a condition that does not hold makes nothing
    let made = deploy("export.json", &["storageAccessMode=ManagedIdentity"]);
    assert_eq!(ends(&made), [pipeline], "{made}");
    import_with_an_identity_that_was_given(&lab);
}

/// The identity stands as a key that is an expression, and its principal is what the vault lets in.
fn import_with_an_identity_that_was_given(lab: &Lab) {
    let group = lab.site.group(Side::Target.group());
    let id = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Mover");
    let identity = lab.site.put(&id, &json!({"location": "here"}));
    let (uri, given) = (lab.container(Side::Target), format!("userAssignedIdentity={id}"));
    let ended = lab.deploy(
        Side::Target,
        "importPipeline",
        "import.json",
        &[
            "registryName=targetregistry",
            "importPipelineName=importer",
            &format!("sourceUri={uri}"),
            "keyVaultName=targetvault",
            "sasTokenSecretName=transfersas",
            "sourceTriggerStatus=Disabled",
            &given,
        ],
    );
    let made = json_of(&ended.ok().stdout);
    let pipeline = made["properties"]["outputResources"][1]["id"].as_str().unwrap();
    let version = ["--api-version", "2025-06-01-preview"];
    let shown = json_of(&lab.az.ok(&[&["resource", "show", "--ids", pipeline], &version[..]].concat()));
    assert_eq!(shown["properties"]["trigger"]["sourceTrigger"]["status"], "Disabled", "{shown}");
    let principal = &identity["properties"]["principalId"];
    assert_eq!(&shown["identity"]["userAssignedIdentities"][&id]["principalId"], principal, "{shown}");
    let vault = json_of(&lab.az.ok(&["keyvault", "show", "-n", Side::Target.vault()]));
    let policies = vault["properties"]["accessPolicies"].as_array().unwrap();
    let policy = policies.iter().find(|policy| &policy["objectId"] == principal);
    assert_eq!(policy.unwrap()["permissions"]["secrets"], json!(["get"]), "{vault}");
}
