//! The checked-in description of the API against the server: requests that a generator makes of it, and answers held
//! against it.

use std::path::Path;

use serde_json::{Value, json};
use transload_testkit::cli::Finished;
use transload_testkit::hog::long_tests;
use transload_testkit::peers::Venv;
use transload_testkit::site::{Site, SiteOptions};

use crate::support::world::{GROUP, VAULT};
use crate::support::{export_pipeline, import_pipeline, site};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
const REGISTRY: &str = "labregistry";

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// One of everything, so that not every request is answered with 404.
fn furnished() -> Site {
    let site = site(SiteOptions { workers: 0, tls: false, ..SiteOptions::default() });
    site.make_group(GROUP);
    site.make_external(GROUP, REGISTRY, "registry.example");
    site.make_vault(GROUP, VAULT);
    let secret = site.set_secret(VAULT, "sas", "?sv=1&sig=x");
    let registry = site.registry(GROUP, REGISTRY);
    let container = "https://account.blob.example/transfer";
    site.put(
        &format!("{registry}/exportPipelines/labpipeline"),
        &export_pipeline(container, &secret, &["OverwriteBlobs"]),
    );
    site.put(
        &format!("{registry}/importPipelines/labpipeline"),
        &import_pipeline(container, &secret, &[], true),
    );
    let request = json!({"pipelineResourceId": format!("{registry}/exportPipelines/labpipeline"),
        "artifacts": ["team/web:v1"], "target": {"type": "AzureStorageBlob", "name": "b"}});
    site.put(&format!("{registry}/pipelineRuns/labrun"), &json!({"properties": {"request": request}}));
    let identity = format!(
        "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/labidentity",
        site.group(GROUP)
    );
    site.put(&identity, &json!({"location": "here"}));
    site
}

/// Has schemathesis ask what the description says can be asked.
fn generate(site: &Site, description: &Value, more: &[&str]) -> Finished {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (tenant, subscription) = (&site.admin().tenant, &site.admin().subscription);
    let config = format!(
        "headers = {{ Authorization = \"Bearer {}\" }}\n[parameters]\n\"path.tenant\" = \"{tenant}\"\n\
         \"path.subscription\" = \"{subscription}\"\n\"path.group\" = \"{GROUP}\"\n\"path.registry\" = \"{REGISTRY}\"\n\
         \"path.pipeline\" = \"labpipeline\"\n\"path.run\" = \"labrun\"\n\"path.vault\" = \"{VAULT}\"\n\
         \"path.secret\" = \"sas\"\n\"path.identity\" = \"labidentity\"\n\"query.api-version\" = \"2025-06-01-preview\"\n",
        site.token()
    );
    let config = write("schemathesis.toml", config);
    let schema = write("openapi.json", description.to_string());
    let examples = if long_tests() { "60" } else { "4" };
    let mut arguments = vec!["--config-file", &config, "--no-color", "run", &schema];
    let url = site.url();
    arguments.extend(["--url", &url, "--checks", CHECKS, "--max-examples", examples, "--seed", "20260101"]);
    arguments.extend([
        "--phases",
        "examples,coverage,fuzzing",
        "--generation-database",
        "none",
        "--no-shrink",
    ]);
    arguments.extend(["--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure"]);
    arguments.extend(more);
    Venv::named("schemathesis").program("st").folder(folder.path()).run(arguments)
}

#[test]
fn answers_are_what_the_description_says_whatever_is_asked() {
    let site = furnished();
    let description = description();
    let asked = generate(&site, &description, &["--exclude-method", "DELETE"]);
    assert!(asked.status.success(), "{}{}", asked.stdout, asked.stderr);
    // what is deleted is not there for the others
    let asked = generate(&site, &description, &["--include-method", "DELETE"]);
    assert!(asked.status.success(), "{}{}", asked.stdout, asked.stderr);
    assert!(site.endpoint().request("GET", "/readyz", &[], b"").is_ok_and(|answer| answer.status == 200));
}

#[test]
fn an_answer_that_the_description_does_not_know_is_seen() {
    let site = furnished();
    let mut description = description();
    description["components"]["schemas"]["Subscription"]["required"] = json!(["colour"]);
    let path = ["--include-path", "/subscriptions/{subscription}"];
    assert!(generate(&site, &self::description(), &path).status.success());
    let asked = generate(&site, &description, &path);
    assert!(!asked.status.success() && asked.stdout.contains("colour"), "{}", asked.stdout);
}
