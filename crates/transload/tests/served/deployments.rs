//! `transload deployment`, and the templates of `deploy/templates/`.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use transload_testkit::cli::{Cli, Finished};
use transload_testkit::hog::wait_until;
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::Postgres;
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, FAR, GROUP, NEAR, TOKEN, VAULT};
use crate::support::{World, assert_whole, push, transload};

const PATIENCE: Duration = Duration::from_secs(120);

/// The program of a person who has a context.
struct Person {
    cli: Cli,
    world: World,
}

impl Person {
    fn new(workers: u16) -> Self {
        let world = World::new(SiteOptions { workers, ..SiteOptions::default() });
        let cli = transload();
        let file = world.site.data().join("administrator.json");
        let ca = world.site.ca_file();
        let add =
            ["context", "add", "lab", "--file", file.to_str().unwrap(), "--ca-file", ca.to_str().unwrap()];
        cli.run([&add[..], &["--group", GROUP]].concat()).ok();
        Self { cli, world }
    }

    fn run(&self, what: &str, name: &str, template: &str, parameters: &[&str]) -> Finished {
        let template = if template.starts_with('/') { template.to_owned() } else { shipped(template) };
        let mut words = vec!["deployment", what, name, "-f", &template];
        if !parameters.is_empty() {
            words.push("-p");
            words.extend(parameters);
        }
        self.cli.run(words)
    }

    fn json(&self, words: &[&str]) -> Value {
        let said = self.cli.run([words, &["--output", "json"]].concat()).ok();
        serde_json::from_str(&said.stdout).unwrap()
    }

    /// A template of the test's own, as a file.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.cli.home().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// A template that is shipped.
fn shipped(folder: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/templates").join(folder);
    path.join("azuredeploy.json").canonicalize().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_templates_that_are_shipped_carry_an_image_from_end_to_end() {
    let person = Person::new(2);
    let world = &person.world;
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 100_000)]));
    push(&world.near.host(), &images);
    let (vault, secret) = (format!("keyVaultName={VAULT}"), format!("sasTokenSecretName={TOKEN}"));
    let id = |deployment: &str| {
        let query = "properties.outputResources[-1].id";
        let said =
            person.cli.run(["deployment", "show", deployment, "--query", query, "--output", "tsv"]).ok();
        said.stdout.trim().to_owned()
    };

    let target = format!("targetUri={}", world.container());
    // the values of the file that comes with it are replaced one by one
    let file = shipped("ExportPipelines").replace("azuredeploy.json", "azuredeploy.parameters.json");
    let near = format!("registryName={NEAR}");
    let export = [file.as_str(), near.as_str(), &vault, &secret, &target];
    person.run("create", "exporter", "ExportPipelines", &export).ok();
    assert!(id("exporter").ends_with("/exportPipelines/weekly"), "{}", id("exporter"));
    let run =
        [near.as_str(), "pipelineRunName=firstrun", "targetName=bundle", r#"artifacts=["team/web:v1"]"#];
    let pipeline = format!("pipelineResourceId={}", id("exporter"));
    let said = person
        .run("create", "exportrun", "PipelineRun/PipelineRun-Export", &[&run[..], &[&pipeline]].concat())
        .ok();
    assert!(said.stderr.contains("pipelineRuns nearregistry/firstrun: succeeded"), "{}", said.stderr);
    assert!(world.azurite.get_blob(CONTAINER, "bundle").is_some());

    let (far, source) = (format!("registryName={FAR}"), format!("sourceUri={}", world.container()));
    let import = [
        far.as_str(),
        "importPipelineName=arrivals",
        &vault,
        &secret,
        &source,
        "sourceTriggerStatus=Disabled",
    ];
    person.run("create", "importer", "ImportPipelines", &import).ok();
    let pipeline = format!("pipelineResourceId={}", id("importer"));
    let run = [far.as_str(), "pipelineRunName=secondrun", "sourceName=bundle", &pipeline];
    person.run("create", "importrun", "PipelineRun/PipelineRun-Import", &run).ok();
    assert_whole(&world.far.host(), &images);
    let shown = person.json(&["deployment", "show", "importrun"]);
    assert_eq!(shown["properties"]["outputs"]["status"]["value"], "Succeeded", "{shown}");
    let names = person.json(&["deployment", "list", "--query", "sort([].name)"]);
    assert_eq!(names, serde_json::json!(["exporter", "exportrun", "importer", "importrun"]));
}

#[test]
fn a_managed_identity_wants_no_vault() {
    let person = Person::new(0);
    let target = format!("targetUri={}", person.world.container());
    let near = format!("registryName={NEAR}");
    let given = [
        near.as_str(),
        "exportPipelineName=managed",
        "storageAccessMode=ManagedIdentity",
        &target,
        "options=[]",
    ];
    person.run("create", "managed", "ExportPipelines", &given).ok();
    let made = person.json(&["deployment", "show", "managed", "--query", "properties.outputResources[].id"]);
    assert_eq!(made.as_array().unwrap().len(), 1, "{made}");
    let pipeline = person.world.site.get(made[0].as_str().unwrap());
    assert_eq!(pipeline["properties"]["target"]["storageAccessMode"], "ManagedIdentity", "{pipeline}");
    assert!(pipeline["properties"]["target"].get("keyVaultUri").is_none(), "{pipeline}");
}

#[test]
fn what_would_change_is_shown_and_nothing_is_changed() {
    let person = Person::new(0);
    let target = format!("targetUri={}", person.world.container());
    let (near, vault) = (format!("registryName={NEAR}"), format!("keyVaultName={VAULT}"));
    let given =
        [near.as_str(), "exportPipelineName=weekly", &target, &vault, "sasTokenSecretName=s", "options=[]"];
    let said = person.run("what-if", "trial", "ExportPipelines", &given).ok();
    let pipeline = "Microsoft.ContainerRegistry/registries/exportPipelines nearregistry/weekly";
    assert!(said.stdout.contains(&format!("+ {pipeline}\n")), "{}", said.stdout);
    assert!(!said.stdout.contains('\u{1b}'), "colours are for terminals: {}", said.stdout);
    person.run("validate", "trial", "ExportPipelines", &given).ok();
    let path = person.world.near_path("/exportPipelines/weekly");
    assert_eq!(person.world.site.ask("GET", &path, &Value::Null).0, 404);
    person.run("create", "trial", "ExportPipelines", &given).ok();
    let changed = [&given[..5], &["options=[\"OverwriteBlobs\"]"]].concat();
    let said = person.run("what-if", "trial", "ExportPipelines", &changed).ok();
    assert!(
        said.stdout.contains(&format!("~ {pipeline}\n")) && said.stdout.contains("OverwriteBlobs"),
        "{}",
        said.stdout
    );
    assert!(person.cli.run(["deployment", "delete", "trial"]).ok().stdout.contains("is gone"));
    assert!(person.cli.run(["deployment", "delete", "trial"]).ok().stdout.contains("nothing to do"));
    assert_eq!(person.world.site.ask("GET", &path, &Value::Null).0, 200, "what it made stays");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let person = Person::new(0);
    let text = "{ // the first line\n  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",
  \"contentVersion\": \"1.0.0.0\",\n  \"parameters\": {\"secret\": {\"type\": \"securestring\"}},\n  \"resources\": [{
    \"type\": \"Microsoft.KeyVault/vaults\", \"apiVersion\": \"2023-07-01\",
    \"name\": \"[concat(parameters('nosuch'), 'x']\"\n  }]\n}\n";
    let wrong = person.file("wrong.json", text);
    let secret = person.file("secret.txt", "GEHEIM-GEHEIM");
    let given = format!("secret=@{secret}");
    let said = person.run("create", "wrong", &wrong, &[&given]);
    assert_ne!(said.code(), 0);
    assert!(said.stderr.contains("wrong.json, line 7"), "{}", said.stderr);
    assert!(
        said.stderr.contains("7 |     \"name\": \"[concat(parameters('nosuch'), 'x']\""),
        "{}",
        said.stderr
    );
    let open = person.run("create", "wrong", &wrong, &["secret=GEHEIM-GEHEIM"]);
    assert!(open.code() == 2 && open.stderr.contains("process list"), "{}", open.stderr);
    let none = person.run("create", "wrong", &wrong, &[]);
    assert!(none.code() == 2 && none.stderr.contains("secret (securestring)"), "{}", none.stderr);
    let broken = person.file("broken.json", &text.replace("}]", "},,]"));
    let parsed = person.run("validate", "wrong", &broken, &[&given]);
    assert!(parsed.code() == 2 && parsed.stderr.contains("broken.json, line 8"), "{}", parsed.stderr);
    for said in [said, open, none, parsed] {
        assert!(!(said.stdout + &said.stderr).contains("GEHEIM"));
    }
}

#[test]
fn complete_asks_before_it_deletes_and_a_failure_names_its_cause() {
    let person = Person::new(2);
    let target = format!("targetUri={}", person.world.container());
    let (near, vault) = (format!("registryName={NEAR}"), format!("keyVaultName={VAULT}"));
    let given = [near.as_str(), "exportPipelineName=weekly", &target, &vault, "sasTokenSecretName=s"];
    let complete = |more: &[&str]| {
        let file = shipped("ExportPipelines");
        let words = ["deployment", "create", "all", "-f", &file, "--mode", "complete"];
        person.cli.run([&words[..], more, &["-p"], &given[..]].concat())
    };
    let refused = complete(&[]);
    assert!(refused.code() == 2 && refused.stderr.contains(FAR), "{}", refused.stderr);
    let far = person.world.far_path("");
    assert_eq!(person.world.site.ask("GET", &far, &Value::Null).0, 200);
    complete(&["--yes"]).ok();
    assert_eq!(person.world.site.ask("GET", &far, &Value::Null).0, 404);

    let id = person.world.near_path("/exportPipelines/weekly");
    let pipeline = format!("pipelineResourceId={id}");
    let run =
        [near.as_str(), "pipelineRunName=firstrun", "targetName=b", r#"artifacts=["no/such:v1"]"#, &pipeline];
    let failed = person.run("create", "failing", "PipelineRun/PipelineRun-Export", &run);
    assert_ne!(failed.code(), 0, "{}", failed.stdout);
    assert!(
        failed.stderr.contains("error: deployment failing: nearregistry/firstrun: "),
        "{}",
        failed.stderr
    );
    let operations = person.cli.run(["deployment", "operations", "failing"]).ok().stdout;
    assert!(operations.contains("Failed") && operations.contains("nearregistry/firstrun: "), "{operations}");
    let exported = person.json(&["deployment", "export", "failing"]);
    assert_eq!(exported["resources"].as_array().map(Vec::len), Some(1), "{exported}");
}

#[test]
fn one_that_waits_for_a_run_is_canceled() {
    // nobody takes the run
    let person = Person::new(0);
    let world = &person.world;
    let pipeline = format!("pipelineResourceId={}", world.make_export("weekly", &[]));
    let near = format!("registryName={NEAR}");
    let run = [near.as_str(), "pipelineRunName=firstrun", "targetName=b", r#"artifacts=["team/web:v1"]"#];
    let run = [&run[..], &[pipeline.as_str()]].concat();
    let file = shipped("PipelineRun/PipelineRun-Export");
    let words = ["deployment", "create", "waiting", "-f", &file, "--no-wait", "-p"];
    person.cli.run([&words[..], &run].concat()).ok();
    let path = world.near_path("/pipelineRuns/firstrun");
    let there = || world.site.ask("GET", &path, &Value::Null).0 == 200;
    assert!(wait_until(PATIENCE, there), "the run is not made");
    person.cli.run(["deployment", "cancel", "waiting"]).ok();
    let mut shown = Value::Null;
    let canceled = wait_until(PATIENCE, || {
        shown = person.json(&["deployment", "show", "waiting"]);
        shown["properties"]["provisioningState"] == "Canceled"
    });
    assert!(canceled, "{shown}");
    assert_eq!(world.site.ask("GET", &path, &Value::Null).0, 200, "what it made stays");
    let again = person.cli.run(["deployment", "cancel", "waiting"]);
    assert!(again.code() != 0 && again.stderr.contains("waiting"), "{}", again.stderr);
    let typo = person.cli.run(["deployment", "cancel", "waitin"]);
    assert!(typo.code() != 0 && typo.stderr.contains("waitin"), "{}", typo.stderr);
}

#[test]
fn a_server_that_is_killed_has_its_deployments_done_by_another() {
    let postgres = Postgres::start();
    let ledger = Some(postgres.database());
    let mut world = World::new(SiteOptions { ledger, workers: 0, ..SiteOptions::default() });
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 100_000)]));
    push(&world.near.host(), &images);
    let pipeline = world.make_export("weekly", &[]);
    let identity = |name: &str, needs: Value| {
        json!({"type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2023-01-31", "name": name,
            "location": "here", "tags": {"once": "[parameters('once')]"}, "dependsOn": needs})
    };
    let run = json!({"type": "Microsoft.ContainerRegistry/registries/pipelineRuns",
        "apiVersion": "2019-12-01-preview", "name": format!("{NEAR}/export"), "dependsOn": ["first"],
        "properties": {"request": {"pipelineResourceId": pipeline, "artifacts": ["team/web:v1"],
            "target": {"type": "AzureStorageBlob", "name": "b"}}}});
    let schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
    let template = json!({"$schema": schema, "contentVersion": "1.0.0.0",
        "parameters": {"once": {"type": "string", "defaultValue": "[newGuid()]"}},
        "resources": [identity("first", json!([])), run, identity("last", json!([format!("{NEAR}/export")]))]});
    let deployment = format!("{}/providers/Microsoft.Resources/deployments/both", world.site.group(GROUP));
    let asked = json!({"properties": {"mode": "Incremental", "template": template}});
    world.site.put(&deployment, &asked);
    let run = world.near_path("/pipelineRuns/export");
    let there = || world.site.ask("GET", &run, &Value::Null).0 == 200;
    assert!(wait_until(PATIENCE, there), "the run is not made: {}", world.site.get(&deployment));

    let second = world.site.second();
    world.site.turn_to(second);
    // now the run ends, and what comes after it is made
    let worker = world.site.worker();
    let mut shown = Value::Null;
    let ended = wait_until(PATIENCE, || {
        shown = world.site.get(&deployment);
        shown["properties"]["provisioningState"] != "Running"
    });
    assert!(ended && shown["properties"]["provisioningState"] == "Succeeded", "{shown}");
    assert!(world.azurite.get_blob(CONTAINER, "b").is_some());
    let identities = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/";
    let tag = |name: &str| {
        world.site.get(&format!("{}{identities}{name}", world.site.group(GROUP)))["tags"]["once"].clone()
    };
    assert!(tag("first").is_string() && tag("first") == tag("last"), "one deployment, two values");
    let operations = world.site.list(&format!("{deployment}/operations"));
    assert_eq!(operations.len(), 3, "{operations:#?}");
    let killed = worker.kill_when(|| true);
    world.site.tell(&killed.stdout, &killed.stderr);
}
