//! "Template deployment failures or errors".

use serde_json::{Value, json};

use crate::support::{Lab, Side, assert_said, deploy, template};

#[test]
fn what_is_wrong_with_a_template_or_its_parameters_is_said_before_anything_is_made() {
    let lab = Lab::new();
    let uri = format!("targetUri={}", lab.container(Side::Source));
    let given = [
        "registryName=sourceregistry",
        "exportPipelineName=exporter",
        &uri,
        "keyVaultName=sourcevault",
        "sasTokenSecretName=transfersas",
    ];
    let fail = |other: &str| {
        let name = other.split_once('=').map_or(other, |(name, _)| name);
        let kept = given.iter().copied().filter(|one| !one.starts_with(&format!("{name}=")));
        let with: Vec<&str> = kept.chain([other]).collect();
        let ended = lab.deploy(Side::Source, "exportPipeline", "export.json", &with);
        assert_ne!(ended.code(), 0, "{other}: {}", ended.stdout);
        assert!(!ended.stderr.contains("Traceback"), "{other}: {}", ended.stderr);
        ended.stderr
    };
    assert_said(&fail("exportPipelineNames=exporter"), &["exportPipelineNames"]);
    assert_said(&fail("storageAccessMode=Sas"), &["storageAccessMode", "SasToken", "ManagedIdentity"]);
    assert_said(&fail("exportPipelineName=abc"), &["exportPipelineName", "5"]);
    assert_said(&fail("keyVaultName=nosuchvault"), &["nosuchvault", "not found"]);
    assert_said(
        &fail("registryName=nosuchregistry"),
        &["nosuchregistry", "could not be found", "Create it first"],
    );
    assert_said(
        &fail("targetUri=ftp://a.example/c"),
        &["/exporter'", "ftp://a.example/c", "write https://ACCOUNT.blob"],
    );
    assert_said(&fail(r#"options=["OverwriteEverything"]"#), &["OverwriteEverything", "OverwriteBlobs"]);
    let identity = format!(
        "userAssignedIdentity={}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nobody",
        lab.site.group(Side::Source.group())
    );
    assert_said(&fail(&identity), &["nobody", "not found"]);

    in_a_file_of_parameters(&lab, &given);
    a_template_that_is_none(&lab);
    what_if_says_it_too(&lab, &given);
    somebody_without_a_role(&lab, &given);
    let pipelines =
        format!("{}/exportPipelines", lab.site.registry(Side::Source.group(), Side::Source.registry()));
    assert_eq!(lab.site.list(&pipelines), [] as [Value; 0], "something was made");
}

/// A parameter that the template does not have, in a file, where `az` does not look.
fn in_a_file_of_parameters(lab: &Lab, given: &[&str]) {
    let mut all = json!({"exportPipelineNames": {"value": "exporter"}});
    for (name, value) in given.iter().filter_map(|one| one.split_once('=')) {
        all[name] = json!({"value": value});
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parameters.json");
    let schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#";
    let text = json!({"$schema": schema, "contentVersion": "1.0.0.0", "parameters": all});
    std::fs::write(&file, text.to_string()).unwrap();
    let ended = lab.deploy(Side::Source, "exportPipeline", "export.json", &[file.to_str().unwrap()]);
    assert_ne!(ended.code(), 0, "{}", ended.stdout);
    assert_said(&ended.stderr, &["InvalidTemplate", "exportPipelineNames"]);
}

/// The place of what is wrong is said in lines of the file.
fn a_template_that_is_none(lab: &Lab) {
    let good = std::fs::read_to_string(template("run.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let broken = [
        // one parenthesis is missing, as in a template that was once public
        (
            "variables('blobKind'), '')]\",\n                        \"name\": \"[parameters('sourceName')]",
            "variables('blobKind'), '']\",\n                        \"name\": \"[parameters('sourceName')]",
            "line",
        ),
        ("concat(parameters('registryName')", "concatenate(parameters('registryName')", "concatenate"),
        ("parameters('pipelineResourceId')", "parameters('pipelineId')", "pipelineId"),
        ("registries/pipelineRuns/\"", "registries/pipelineRun\"", "pipelineRun"),
    ];
    for (n, (from, to, word)) in broken.into_iter().enumerate() {
        assert_eq!(good.matches(from).count(), 1, "{from}");
        let file = folder.path().join(format!("broken{n}.json"));
        std::fs::write(&file, good.replace(from, to)).unwrap();
        let file = file.to_str().unwrap();
        let what = ["--template-file", file, "--parameters", "registryName=sourceregistry"];
        let more = ["pipelineRunName=brokenrun", "pipelineResourceId=none", "targetName=b"];
        let command = ["deployment", "group", "validate", "-g", Side::Source.group()];
        let ended = lab.az.run(&[&command[..], &what, &more].concat());
        assert_ne!(ended.code(), 0, "{to}: {}", ended.stdout);
        assert_said(&ended.stderr, &["InvalidTemplate", word]);
    }
}

/// `az` reads what is wrong out of an answer that is well: of every other it shows a traceback.
fn what_if_says_it_too(lab: &Lab, given: &[&str]) {
    let template = template("export.json");
    let what_if = |group: &str, given: &[&str]| {
        let command = ["deployment", "group", "what-if", "-g", group, "--template-file", &template];
        let ended = lab.az.run(&[&command[..], &["--parameters"], given].concat());
        assert_ne!(ended.code(), 0, "{}", ended.stdout);
        assert!(!ended.stderr.contains("Traceback"), "{}", ended.stderr);
        ended.stderr
    };
    let other: Vec<&str> = given.iter().copied().chain(["exportPipelineName=abc"]).collect();
    assert_said(&what_if(Side::Source.group(), &other), &["InvalidTemplate", "exportPipelineName", "5"]);
    let other: Vec<&str> = given.iter().copied().chain(["registryName=nosuchregistry"]).collect();
    assert_said(&what_if(Side::Source.group(), &other), &["InvalidTemplateDeployment", "nosuchregistry"]);
    assert_said(&what_if("nosuchgroup", given), &["ResourceGroupNotFound", "nosuchgroup"]);
}

/// Whoever may only look may not deploy, and is told the role that is missing.
fn somebody_without_a_role(lab: &Lab, given: &[&str]) {
    let (_, made) = lab.site.ask("POST", "/api/principals", &json!({"name": "onlooker"}));
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    let scope = lab.site.group(Side::Source.group());
    let grant = json!({"principalId": text("objectId"), "role": "Reader", "scope": scope});
    assert_eq!(lab.site.ask("PUT", "/api/grants", &grant).0, 200);
    let az = lab.sign_in(&text("clientId"), &text("clientSecret"));
    let ended = deploy(&az, Side::Source, "exportPipeline", "export.json", given);
    assert_ne!(ended.code(), 0, "{}", ended.stdout);
    assert_said(&ended.stderr, &["AuthorizationFailed", "Contributor"]);
}
