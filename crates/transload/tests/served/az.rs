//! `az`, unmodified, as far as groups, registries, vaults, identities and plain resources go.

use serde_json::{Value, json};
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::{Az, AzLogin, skopeo_ok};
use transload_testkit::site::{Site, SiteOptions};

use crate::support::world::{CONTAINER, GROUP, NEAR, VAULT};
use crate::support::{World, assert_whole, export_pipeline, push, site};

fn az(site: &Site, proxy_url: &str) -> Az {
    let admin = site.admin();
    let login = AzLogin { tenant: &admin.tenant, client_id: &admin.client_id, secret: &admin.secret };
    Az::sign_in(&site.url(), proxy_url, &site.ca_file(), login)
}

fn told_of(az: &Az, arguments: &[&str]) -> Value {
    json_of(&az.ok(arguments))
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn groups_registries_vaults_and_identities_are_made_shown_and_deleted() {
    let site = site(SiteOptions { workers: 0, ..SiteOptions::default() });
    let proxy = site.proxy();
    let az = az(&site, &proxy.url());
    let told = |arguments: &[&str]| json_of(&az.ok(arguments));
    assert_eq!(told(&["account", "show"])["id"], site.admin().subscription.as_str());
    assert_eq!(
        told(&["group", "create", "-n", "Lab", "-l", "westus"])["properties"]["provisioningState"],
        "Succeeded"
    );
    assert_eq!(told(&["group", "list"])[0]["name"], "Lab");
    assert_eq!(az.ok(&["group", "exists", "-n", "lab"]).trim(), "true");

    let registry =
        told(&["acr", "create", "-g", "Lab", "-n", "labregistry", "--sku", "Premium", "-l", "westus"]);
    // the first one is at the server's own address too, where no name has to be resolved
    assert_eq!(registry["loginServer"], site.host());
    assert_eq!(told(&["acr", "show", "-n", "labregistry"])["provisioningState"], "Succeeded");
    assert_eq!(told(&["acr", "list"])[0]["name"], "labregistry");

    let identity = told(&["identity", "create", "-g", "Lab", "-n", "mover"]);
    assert_eq!(identity["tenantId"], site.admin().tenant.as_str());
    let principal = identity["principalId"].as_str().unwrap();

    site.make_vault("Lab", VAULT);
    told(&["keyvault", "set-policy", "-n", VAULT, "--object-id", principal, "--secret-permissions", "get"]);
    let me = site.get("/api/whoami")["principalId"].as_str().unwrap().to_owned();
    told(&[
        "keyvault",
        "set-policy",
        "-n",
        VAULT,
        "--object-id",
        &me,
        "--secret-permissions",
        "get",
        "set",
        "list",
    ]);
    let vault = told(&["keyvault", "show", "-n", VAULT]);
    let policies = vault["properties"]["accessPolicies"].as_array().unwrap();
    assert!(policies.iter().any(|policy| policy["objectId"] == principal), "{vault}");
    told(&["keyvault", "secret", "set", "--vault-name", VAULT, "-n", "sas1", "--value", "?sv=1&sig=a%2Bb"]);
    assert_eq!(
        told(&["keyvault", "secret", "show", "--vault-name", VAULT, "-n", "sas1"])["value"],
        "?sv=1&sig=a%2Bb"
    );

    let missing = az.run(&["acr", "show", "-g", "Lab", "-n", "nosuchregistry"]);
    assert_eq!(missing.code(), 3, "{}", missing.stderr);
    assert!(missing.stderr.contains("(ResourceNotFound)"), "{}", missing.stderr);
    let id = registry["id"].as_str().unwrap();
    az.ok(&["resource", "delete", "--ids", id, "--api-version", "2019-12-01-preview"]);
    assert_eq!(told(&["acr", "list"]), json!([]));
    az.ok(&["group", "delete", "-n", "Lab", "--yes"]);
    assert_eq!(az.ok(&["group", "exists", "-n", "Lab"]).trim(), "false");
}

#[test]
fn images_are_copied_into_a_hosted_registry_and_seen_there() {
    let world = World::new(SiteOptions::default());
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 100_000)]));
    push(&world.near.host(), &images);
    let az = az(&world.site, &world.proxy.url());
    let told = |arguments: &[&str]| json_of(&az.ok(arguments));
    az.ok(&["acr", "create", "-g", GROUP, "-n", "hostedregistry", "--sku", "Premium", "-l", "westus"]);
    let near = format!("{}/team/web:v1", world.near.host());
    let id = world.site.registry(GROUP, NEAR);
    az.ok(&[
        "acr",
        "import",
        "-n",
        "hostedregistry",
        "-r",
        &id,
        "--source",
        "team/web:v1",
        "-t",
        "team/web:v1",
    ]);
    assert_eq!(told(&["acr", "repository", "list", "-n", "hostedregistry"]), json!(["team/web"]));
    assert_eq!(
        told(&["acr", "repository", "show-tags", "-n", "hostedregistry", "--repository", "team/web"]),
        json!(["v1"])
    );
    let detail =
        ["acr", "repository", "show-tags", "-n", "hostedregistry", "--repository", "team/web", "--detail"];
    let digest = images.entries[0].artifact.digest().to_string();
    assert_eq!(told(&detail)[0]["digest"], digest.as_str());
    // the very same image again is no conflict, another one is
    az.ok(&["acr", "import", "-n", "hostedregistry", "--source", &near, "-t", "team/web:v1"]);
    let mut others = Corpus::default();
    others.add("team/web", "v1", image(&[gzip_like_layer(2, 100_000)]));
    push(&world.near.host(), &others);
    let refused = az.run(&["acr", "import", "-n", "hostedregistry", "--source", &near, "-t", "team/web:v1"]);
    assert_ne!(refused.code(), 0, "a tag that is there was moved without --force");
    assert!(refused.stderr.contains("(TagConflict)"), "{}", refused.stderr);
    az.ok(&[
        "acr",
        "import",
        "-n",
        "hostedregistry",
        "-r",
        &id,
        "--source",
        "team/web:v1",
        "-t",
        "team/web:v1",
        "--force",
    ]);
    assert_ne!(told(&detail)[0]["digest"], digest.as_str());
}

#[test]
fn repositories_of_a_hosted_registry_are_shown_and_deleted() {
    let world = World::new(SiteOptions::default());
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 10_000)]));
    images.add("team/web", "v2", image(&[gzip_like_layer(2, 10_000)]));
    images.add("team/job", "v1", image(&[gzip_like_layer(3, 10_000)]));
    push(&world.near.host(), &images);
    let digest = |at: usize| images.entries[at].artifact.digest().to_string();
    let az = az(&world.site, &world.proxy.url());
    az.ok(&["acr", "create", "-g", GROUP, "-n", "hostedregistry", "--sku", "Premium", "-l", "westus"]);
    let source = world.site.registry(GROUP, NEAR);
    for name in ["team/web:v1", "team/web:v2", "team/job:v1"] {
        az.ok(&["acr", "import", "-n", "hostedregistry", "-r", &source, "--source", name, "-t", name]);
    }
    let repository = |words: &[&str]| {
        let text = az.ok(&[&["acr", "repository"], words, &["-n", "hostedregistry"]].concat());
        if text.trim().is_empty() { Value::Null } else { json_of(&text) }
    };

    let shown = repository(&["show", "--repository", "team/web"]);
    assert_eq!((&shown["manifestCount"], &shown["tagCount"]), (&json!(2), &json!(2)), "{shown}");
    let tag = repository(&["show", "--image", "team/web:v1"]);
    assert_eq!((&tag["name"], &tag["digest"]), (&json!("v1"), &json!(digest(0))));
    assert!(tag["lastUpdateTime"].as_str().is_some_and(|time| time.starts_with("20")), "{tag}");
    let listed = ["acr", "manifest", "list-metadata", "-r", "hostedregistry", "-n", "team/web"];
    let listed = json_of(&az.ok(&[&listed[..], &["--orderby", "time_desc"]].concat()));
    assert_eq!(listed[1]["tags"], json!(["v1"]), "{listed}");
    assert_eq!(listed[1]["digest"], digest(0).as_str());
    let table = az.ok(&[
        "acr",
        "repository",
        "show-tags",
        "-n",
        "hostedregistry",
        "--repository",
        "team/web",
        "-o",
        "table",
    ]);
    assert!(table.contains("Result") && table.contains("v1") && table.contains("v2"), "{table}");

    // the token is a password for programs that know no cloud
    let login = told_of(&az, &["acr", "login", "-n", "hostedregistry", "--expose-token"]);
    let server = login["loginServer"].as_str().unwrap();
    assert_eq!(server, world.site.host());
    let trust = tempfile::tempdir().unwrap();
    std::fs::copy(world.site.ca_file(), trust.path().join("ca.crt")).unwrap();
    let credentials =
        format!("00000000-0000-0000-0000-000000000000:{}", login["accessToken"].as_str().unwrap());
    let place = format!("docker://{server}/team/web");
    let tags = [
        "list-tags",
        "--cert-dir",
        trust.path().to_str().unwrap(),
        "--creds",
        credentials.as_str(),
        place.as_str(),
    ];
    assert_eq!(json_of(&skopeo_ok(&tags))["Tags"], json!(["v1", "v2"]));

    repository(&["untag", "--image", "team/web:v1"]);
    assert_eq!(repository(&["show-tags", "--repository", "team/web"]), json!(["v2"]));
    repository(&["delete", "--image", "team/web:v2", "--yes"]);
    assert_eq!(repository(&["show-tags", "--repository", "team/web"]), json!([]));
    let gone = repository(&["delete", "--repository", "team/web", "--yes"]);
    assert_eq!(gone["manifestsDeleted"], json!([digest(0)]), "{gone}");
    assert_eq!(repository(&["list"]), json!(["team/job"]));
    let missing = az.run(&["acr", "repository", "show", "-n", "hostedregistry", "--repository", "team/web"]);
    assert_ne!(missing.code(), 0);
    assert!(missing.stderr.contains("team/web"), "{}", missing.stderr);

    // a name that no registry has is not answered by another one
    let stranger = az.run(&["acr", "repository", "list", "-n", "nosuchregistry"]);
    assert_ne!(stranger.code(), 0, "{}", stranger.stdout);
    assert!(!stranger.stdout.contains("team/job"), "{}", stranger.stdout);
    println!("{}", stranger.stderr);
}

#[test]
fn pipelines_and_runs_are_resources_like_any_other() {
    let world = World::new(SiteOptions::default());
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 100_000)]));
    push(&world.near.host(), &images);
    let az = az(&world.site, &world.proxy.url());
    let version = ["--api-version", "2025-06-01-preview"];
    let rest = |method: &str, path: &str, body: &Value| {
        let url = format!("{}{path}?api-version=2025-06-01-preview", world.site.url());
        json_of(&az.ok(&[
            "rest",
            "-m",
            method,
            "-u",
            &url,
            "--resource",
            &world.site.url(),
            "-b",
            &body.to_string(),
        ]))
    };
    let exporter = world.near_path("/exportPipelines/exporter");
    let made = rest("put", &exporter, &export_pipeline(&world.container(), &world.secret_uri, &[]));
    world.permit(&made);
    let shown = json_of(&az.ok(&[&["resource", "show", "--ids", &exporter], &version[..]].concat()));
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    let run = world.begin_export(&exporter, "exportrun", &["team/web"], "bundle");
    // a repository alone is its `latest`, and there is none
    assert!(
        world.ended(&run)["properties"]["response"]["pipelineRunErrorMessage"]
            .as_str()
            .unwrap()
            .contains("latest")
    );
    world.succeeded(&world.begin_export(&exporter, "secondrun", &["team/web:v1"], "bundle"));
    let importer = world.make_import("importer", &[]);
    world.succeeded(&world.begin_import(&importer, "importrun", "bundle"));
    assert_whole(&world.far.host(), &images);
    az.ok(&[&["resource", "delete", "--ids", &run, &exporter], &version[..]].concat());
    let gone = az.run(&[&["resource", "show", "--ids", &exporter], &version[..]].concat());
    assert_eq!(gone.code(), 3, "{}", gone.stderr);
    assert!(world.azurite.get_blob(CONTAINER, "bundle").is_some());
}
