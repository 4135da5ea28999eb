//! Registries that the control plane hosts itself, with skopeo; and bundles that are imported because they arrive.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use transload_testkit::hog::wait_until;
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::{DockerRegistry, skopeo, skopeo_ok};
use transload_testkit::site::{Site, SiteOptions};

use crate::support::world::state;
use crate::support::{push, site};

const GROUP: &str = "lab";
const LIMIT: Duration = Duration::from_secs(180);

/// Makes a hosted registry; its login server.
fn make_hosted(site: &Site, name: &str) -> String {
    let made =
        site.put(&site.registry(GROUP, name), &json!({"location": "here", "sku": {"name": "Premium"}}));
    made["properties"]["loginServer"].as_str().unwrap().to_owned()
}

/// `CLIENT:SECRET` of somebody new with this role at a scope.
fn somebody(site: &Site, role: &str, scope: &str) -> String {
    let (_, made) = site.ask("POST", "/api/principals", &json!({"name": role}));
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    let grant = json!({"principalId": text("objectId"), "role": role, "scope": scope});
    assert_eq!(site.ask("PUT", "/api/grants", &grant).0, 200);
    format!("{}:{}", text("clientId"), text("clientSecret"))
}

/// A folder as skopeo wants it, with the authority in it.
fn trusted(site: &Site) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(site.ca_file(), folder.path().join("ca.crt")).unwrap();
    folder
}

/// Copies an image into a hosted registry; what skopeo complains of, if it fails.
fn copy(from: &str, to: &str, credentials: &str, trust: &Path) -> Result<(), String> {
    let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
    let trust = trust.to_str().unwrap();
    let ran = skopeo(&[
        "copy",
        "--src-tls-verify=false",
        "--dest-cert-dir",
        trust,
        "--dest-creds",
        credentials,
        &from,
        &to,
    ]);
    if ran.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ran.stderr).into_owned()) }
}

fn digest_at(place: &str, credentials: &str, trust: &Path) -> Result<String, String> {
    let (place, trust) = (format!("docker://{place}"), trust.to_str().unwrap());
    let ran =
        skopeo(&["inspect", "--cert-dir", trust, "--creds", credentials, "--format", "{{.Digest}}", &place]);
    match ran.status.success() {
        true => Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned()),
        false => Err(String::from_utf8_lossy(&ran.stderr).into_owned()),
    }
}

#[test]
fn a_hosted_registry_lets_in_whom_roles_let_in_and_begins_empty_when_it_is_made_again() {
    let (near, site) = (DockerRegistry::start(), site(SiteOptions::default()));
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 200_000)]));
    push(&near.host(), &images);
    site.make_group(GROUP);
    let host = make_hosted(&site, "firstone");
    assert_eq!(host, site.host(), "the first one is where every client can reach it");
    assert_eq!(make_hosted(&site, "secondone"), site.login_server("secondone"));
    let trust = trusted(&site);
    let scope = site.registry(GROUP, "firstone");
    let (reader, pusher) = (somebody(&site, "Reader", &scope), somebody(&site, "Contributor", &scope));
    let (source, target) = (format!("{}/team/web:v1", near.host()), format!("{host}/team/web:v1"));

    let refused = copy(&source, &target, &reader, trust.path()).unwrap_err();
    assert!(refused.contains("Contributor"), "{refused}");
    copy(&source, &target, &pusher, trust.path()).unwrap();
    let digest = images.entries[0].artifact.digest().to_string();
    assert_eq!(digest_at(&target, &reader, trust.path()).unwrap(), digest);
    for wrong in ["nobody:nothing", &format!("{reader}x"), "00000000-0000-0000-0000-000000000000:x"] {
        let refused = digest_at(&target, wrong, trust.path()).unwrap_err();
        assert!(refused.contains("unauthorized") || refused.contains("401"), "{refused}");
    }
    let elsewhere = somebody(&site, "Owner", &site.registry(GROUP, "secondone"));
    assert!(digest_at(&target, &elsewhere, trust.path()).is_err(), "a role at another registry");
    skopeo_ok(&[
        "list-tags",
        "--cert-dir",
        trust.path().to_str().unwrap(),
        "--creds",
        &reader,
        &format!("docker://{host}/team/web"),
    ]);

    let path = site.registry(GROUP, "firstone");
    assert_eq!(site.ask("DELETE", &path, &Value::Null).0, 200);
    assert!(digest_at(&target, &pusher, trust.path()).is_err(), "a registry that was deleted");
    assert_eq!(make_hosted(&site, "firstone"), host);
    let admin = format!("{}:{}", site.admin().client_id, site.admin().secret);
    let gone = digest_at(&target, &admin, trust.path()).unwrap_err();
    assert!(gone.contains("unknown"), "{gone}");
}

#[test]
fn a_bundle_that_arrives_in_a_folder_is_imported_once_by_itself() {
    let (near, box_) = (DockerRegistry::start(), tempfile::tempdir().unwrap());
    let folder = box_.path().join("arrivals");
    std::fs::create_dir(&folder).unwrap();
    let allowed = box_.path().to_str().unwrap().to_owned();
    let mut site = site(SiteOptions {
        both: ["--allow-folder", &allowed, "--trigger-interval", "1s", "--lease", "10s"]
            .map(str::to_owned)
            .to_vec(),
        ..SiteOptions::default()
    });
    let mut images = Corpus::default();
    images.add("team/web", "v1", image(&[gzip_like_layer(1, 200_000)]));
    push(&near.host(), &images);
    site.make_group(GROUP);
    site.make_external(GROUP, "nearone", &near.host());
    make_hosted(&site, "farone");
    make_hosted(&site, "fartwo");
    let uri = format!("file://{}", folder.display());
    let pipeline = |kind: &str| {
        json!({"identity": {"type": "SystemAssigned"}, "properties": {kind:
            {"type": "AzureStorageBlobContainer", "uri": uri}}})
    };
    let exporter = site.registry(GROUP, "nearone") + "/exportPipelines/exporter";
    site.put(&exporter, &pipeline("target"));
    // the second hosted one is reached by a name that no resolver knows
    let importer = site.registry(GROUP, "fartwo");
    site.put(&format!("{importer}/importPipelines/importer"), &pipeline("source"));
    let run = site.registry(GROUP, "nearone") + "/pipelineRuns/exported";
    site.put(
        &run,
        &json!({"properties": {"request": {"pipelineResourceId": exporter, "artifacts": ["team/web:v1"],
            "target": {"type": "AzureStorageBlob", "name": "b.tar"}}}}),
    );
    let runs = |site: &Site| site.list(&format!("{importer}/pipelineRuns"));
    let ended = wait_until(LIMIT, || {
        std::thread::sleep(Duration::from_millis(100));
        runs(&site).first().is_some_and(|run| ["Succeeded", "Failed"].contains(&state(run)))
    });
    let seen = runs(&site);
    assert!(ended, "nothing was imported: {seen:?}");
    assert_eq!(state(&seen[0]), "Succeeded", "{}", seen[0]);
    assert!(seen[0]["name"].as_str().unwrap().contains('_'), "{}", seen[0]["name"]);
    assert_eq!(seen[0]["properties"]["response"]["importedArtifacts"], json!(["team/web:v1"]));
    // neither a look that comes later nor another start imports it again; what is no bundle is left alone
    std::fs::write(folder.join("notes.txt"), "no bundle").unwrap();
    site.kill();
    site.resume();
    std::fs::copy(folder.join("b.tar"), folder.join("c.tar")).unwrap();
    let ended = wait_until(LIMIT, || {
        std::thread::sleep(Duration::from_millis(100));
        runs(&site).iter().filter(|run| state(run) == "Succeeded").count() == 2
    });
    let blobs: Vec<Value> =
        runs(&site).iter().map(|run| run["properties"]["request"]["source"]["name"].clone()).collect();
    assert!(ended, "{blobs:?}");
    assert_eq!(blobs, [json!("b.tar"), json!("c.tar")]);
}
