//! What pipelines may be told, what that does, and in which words the rest is refused.

use std::time::Duration;

use serde_json::{Value, json};
use transload_testkit::hog::wait_until;
use transload_testkit::images::{Corpus, gzip_like_layer, image};
use transload_testkit::peers::sas::Sas;
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, GROUP, NEAR, TOKEN, VAULT, state};
use crate::support::{Sdk, Steps, World, assert_whole, export_pipeline, import_pipeline, push};

fn one(seed: u64) -> Corpus {
    let mut corpus = Corpus::default();
    corpus.add("team/web", "v1", image(&[gzip_like_layer(seed, 100_000)]));
    corpus
}

/// What the message of a run that failed says.
fn complaint(run: &Value) -> String {
    assert_eq!(state(run), "Failed", "{run}");
    run["properties"]["response"]["pipelineRunErrorMessage"].as_str().unwrap().to_owned()
}

#[test]
fn blobs_and_tags_are_overwritten_only_where_that_was_said() {
    let world = World::new(SiteOptions::default());
    push(&world.near.host(), &one(1));
    let (careful, bold) =
        (world.make_export("careful", &[]), world.make_export("boldly", &["OverwriteBlobs"]));
    let export = |pipeline: &str, run: &str| {
        world.ended(&world.begin_export(pipeline, run, &["team/web:v1"], "bundle"))
    };
    assert_eq!(state(&export(&careful, "firstrun")), "Succeeded");
    // the tag moves to another image, so that the bundle would be another
    push(&world.near.host(), &one(2));
    let refused = complaint(&export(&careful, "secondrun"));
    assert!(refused.contains("bundle") && refused.contains("OverwriteBlobs"), "{refused}");
    assert_eq!(state(&export(&bold, "thirdrun")), "Succeeded");

    let gentle = world.make_import("gentle", &[]);
    let import = |pipeline: &str, run: &str| world.ended(&world.begin_import(pipeline, run, "bundle"));
    push(&world.far.host(), &one(3));
    let refused = complaint(&import(&gentle, "fourthrun"));
    assert!(refused.contains("team/web:v1") && refused.contains("OverwriteTags"), "{refused}");
    assert_whole(&world.far.host(), &one(3));
    world.site.ask("DELETE", &gentle, &Value::Null);
    let firm = world.make_import("firmly", &["OverwriteTags", "DeleteSourceBlobOnSuccess"]);
    let done = import(&firm, "fifthrun");
    assert_eq!(state(&done), "Succeeded", "{done}");
    assert_eq!(done["properties"]["response"]["importedArtifacts"], json!(["team/web:v1"]));
    assert_whole(&world.far.host(), &one(2));
    // and only now is the bundle deleted
    assert_eq!(world.azurite.get_blob(CONTAINER, "bundle"), None);
}

#[test]
fn a_run_that_goes_on_after_failures_names_each_of_them() {
    let world = World::new(SiteOptions::default());
    push(&world.near.host(), &one(1));
    let artifacts = ["team/web:v1", "team/none:v1", "team/web:v9"];
    let (strict, patient) =
        (world.make_export("strictly", &[]), world.make_export("patient", &["ContinueOnErrors"]));
    let stopped = world.ended(&world.begin_export(&strict, "strictrun", &artifacts, "strict"));
    assert!(complaint(&stopped).contains("team/none:v1"), "{stopped}");
    assert_eq!(world.azurite.get_blob(CONTAINER, "strict"), None);
    let ended = world.ended(&world.begin_export(&patient, "patientrun", &artifacts, "patient"));
    let told = complaint(&ended);
    assert!(told.contains("team/none:v1") && told.contains("team/web:v9"), "{told}");
    assert_eq!(ended["properties"]["response"]["importedArtifacts"], json!(["team/web:v1"]));
    assert!(world.azurite.get_blob(CONTAINER, "patient").is_some());
}

#[test]
fn runs_of_a_server_with_a_window_wait_for_it() {
    let hour = |hours: i64| {
        let then = time::OffsetDateTime::now_utc() + time::Duration::hours(hours);
        format!("{:02}:{:02}", then.hour(), then.minute())
    };
    let window = format!("{}-{} UTC", hour(6), hour(7));
    let both = ["--window", &window, "--rate-limit", "1GiB/s"].map(str::to_owned).to_vec();
    let world = World::new(SiteOptions { both, ..SiteOptions::default() });
    push(&world.near.host(), &one(1));
    let pipeline = world.make_export("exporter", &[]);
    let run = world.begin_export(&pipeline, "waits", &["team/web:v1"], "bundle");
    let told = wait_until(Duration::from_secs(120), || {
        std::thread::sleep(Duration::from_millis(50));
        world.site.told().contains("runs wait for the window")
    });
    assert!(told, "{}", world.site.told());
    // a check moves nothing, and is done
    let begun = world.site.try_ask("POST", &format!("{pipeline}/check"), &json!({})).unwrap();
    let operation = begun.header("azure-asyncoperation").unwrap();
    let operation = operation[operation.find("/subscriptions").unwrap()..].to_owned();
    let checked = || world.site.get(&operation)["status"].as_str().unwrap_or_default().to_owned();
    let ended = wait_until(Duration::from_secs(120), || {
        std::thread::sleep(Duration::from_millis(50));
        !["Creating", "Running"].contains(&checked().as_str())
    });
    assert!(ended && checked() == "Succeeded", "{}", checked());
    let shown = world.site.get(&run);
    assert_eq!(shown["properties"]["response"]["transload"]["attempts"], json!(0), "{shown}");
    assert!(world.azurite.get_blob(CONTAINER, "bundle").is_none());
}

#[test]
fn an_identity_that_may_not_read_the_secret_is_named_with_what_it_lacks() {
    let world = World::new(SiteOptions::default());
    push(&world.near.host(), &one(1));
    let path = world.near_path("/exportPipelines/exporter");
    let made = world.site.put(&path, &export_pipeline(&world.container(), &world.secret_uri, &[]));
    let principal = made["identity"]["principalId"].as_str().unwrap();
    let told = complaint(&world.ended(&world.begin_export(&path, "deniedrun", &["team/web:v1"], "b")));
    for word in [principal, VAULT, TOKEN, "get"] {
        assert!(told.contains(word), "'{word}' is not in: {told}");
    }
    // what is missing is given, and the run is asked for again
    world.permit(&made);
    let body = json!({"properties": {"forceUpdateTag": "2", "request": {"pipelineResourceId": path,
        "artifacts": ["team/web:v1"], "target": {"type": "AzureStorageBlob", "name": "b"}}}});
    world.site.put(&world.near_path("/pipelineRuns/deniedrun"), &body);
    world.succeeded(&world.near_path("/pipelineRuns/deniedrun"));
}

#[test]
fn a_token_that_has_ended_is_said_to_have() {
    let world = World::new(SiteOptions::default());
    push(&world.near.host(), &one(1));
    let old = Sas::container(CONTAINER).permissions("racwdl").expires_in(time::Duration::hours(-1));
    world.site.set_secret(VAULT, TOKEN, &old.token());
    let exporter = world.make_export("exporter", &[]);
    let told = complaint(&world.ended(&world.begin_export(&exporter, "expiredrun", &["team/web:v1"], "b")));
    assert!(told.contains("expired") && told.contains(TOKEN), "{told}");
    assert!(!told.contains(&old.signature()), "{told}");
}

#[test]
fn identities_and_access_modes_come_back_as_the_service_writes_them() {
    let world = World::new(SiteOptions { workers: 0, ..SiteOptions::default() });
    let group = world.site.group(GROUP);
    let id = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Mover");
    let user = world.site.put(&id, &json!({"location": "here"}));
    let identity = json!({"$": "IdentityProperties", "type": "UserAssigned",
        "user_assigned_identities": {id.clone(): {"$": "UserIdentityProperties"}}});
    let target = |mode: &str, secret: Option<&str>| {
        json!({"$": "ExportPipelineTargetProperties", "type": "AzureStorageBlobContainer",
            "uri": "https://acct.blob.example/transfer", "key_vault_uri": secret, "storage_access_mode": mode})
    };
    let pipeline = |target: Value| json!({"$": "ExportPipeline", "identity": identity, "target": target});
    let create = "export_pipelines.begin_create";
    let steps = Steps::default()
        .step("managed", create, json!([GROUP, NEAR, "managed1", pipeline(target("ManagedIdentity", None))]))
        .step(
            "both",
            create,
            json!([GROUP, NEAR, "managed2", pipeline(target("ManagedIdentity", Some(&world.secret_uri)))]),
        )
        .step(
            "token",
            create,
            json!([GROUP, NEAR, "tokenpipe", pipeline(target("SasToken", Some(&world.secret_uri)))]),
        )
        .step("bare", create, json!([GROUP, NEAR, "barepipe", pipeline(target("SasToken", None))]));
    let made = Sdk::New.take(&world.site, &world.proxy, &steps);
    for name in ["managed", "both", "token"] {
        let identity = &made.of(name)["identity"];
        assert_eq!(identity["type"], "userAssigned", "{identity}");
        assert_eq!(identity["principal_id"], Value::Null);
        let mine = &identity["user_assigned_identities"][&id];
        assert_eq!(mine["principal_id"], user["properties"]["principalId"], "{identity}");
        assert_eq!(mine["client_id"], user["properties"]["clientId"]);
    }
    assert_eq!(made.of("managed")["target"]["storage_access_mode"], "ManagedIdentity");
    assert_eq!(made.of("managed")["target"]["key_vault_uri"], Value::Null);
    assert_eq!(made.of("token")["target"]["storage_access_mode"], "SasToken");
    assert_eq!(made.error("bare").0, 400);
    let shown = world.site.get(&world.near_path("/exportPipelines/managed1"));
    assert!(shown["properties"]["target"].get("keyVaultUri").is_none(), "{shown}");
    assert!(shown["properties"].get("options").is_none(), "{shown}");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_kept() {
    let world = World::new(SiteOptions { workers: 0, ..SiteOptions::default() });
    let (container, secret) = (world.container(), world.secret_uri.clone());
    let good = export_pipeline(&container, &secret, &[]);
    let refused = |path: &str, body: &Value| {
        let (status, answer) = world.site.ask("PUT", path, body);
        assert!(status >= 400, "{path}: {status} {answer}");
        assert_ne!(world.site.ask("GET", path, &Value::Null).0, 200, "{path} is there");
        let text = |member: &str| answer["error"][member].as_str().unwrap_or_default().to_owned();
        (status, text("code"), text("message"))
    };
    let pipeline = |name: &str| world.near_path(&format!("/exportPipelines/{name}"));
    assert_eq!(refused(&pipeline("abc"), &good).0, 400);
    assert_eq!(refused(&pipeline("under_score"), &good).1, "InvalidResourceName");
    let (status, _, words) =
        refused(&pipeline("exporter"), &export_pipeline(&container, &secret, &["OverwriteEverything"]));
    assert!(status == 400 && words.contains("OverwriteEverything"), "{words}");
    let (status, _, words) =
        refused(&pipeline("exporter"), &export_pipeline(&container, &secret, &["OverwriteTags"]));
    assert!(status == 400 && words.contains("OverwriteTags"), "{words}");
    for uri in ["ftp://a.example/c", "https://a.example", "c", "https://a.example/c?sig=geheim"] {
        let (status, _, words) = refused(&pipeline("exporter"), &export_pipeline(uri, &secret, &[]));
        assert!(status == 400 && !words.contains("geheim"), "{uri}: {status} {words}");
    }
    assert_eq!(
        refused(&pipeline("exporter"), &export_pipeline("file:///etc", &secret, &[])).1,
        "ContainerNotAllowed"
    );
    let nowhere = format!("{}/exportPipelines/exporter", world.site.registry(GROUP, "nosuchregistry"));
    assert_eq!(refused(&nowhere, &good).0, 404);
    runs_that_cannot_be(&world, &refused);
}

fn runs_that_cannot_be(world: &World, refused: &dyn Fn(&str, &Value) -> (u16, String, String)) {
    let exporter = world.make_export("exporter", &[]);
    let run = |name: &str| world.near_path(&format!("/pipelineRuns/{name}"));
    let body = |artifacts: &[String], blob: &str| {
        json!({"properties": {"request": {"pipelineResourceId": exporter, "artifacts": artifacts,
            "target": {"type": "AzureStorageBlob", "name": blob}}}})
    };
    let many: Vec<String> = (0..51).map(|n| format!("team/web:v{n}")).collect();
    let (status, code, words) = refused(&run("manyofthem"), &body(&many, "b"));
    assert_eq!((status, code.as_str()), (400, "TooManyArtifacts"));
    assert!(words.contains("50") && words.contains("artifacts-per-run-max"), "{words}");
    assert_eq!(refused(&run("noneofthem"), &body(&[], "b")).0, 400);
    assert_eq!(refused(&run("climbing"), &body(&many[..1], "../b")).0, 400);
    assert_eq!(refused(&run("made_by_hand"), &body(&many[..1], "b")).0, 400);
    let mut of_none = body(&many[..1], "b");
    of_none["properties"]["request"]["pipelineResourceId"] =
        json!(world.near_path("/exportPipelines/nosuchone"));
    let (status, _, words) = refused(&run("withoutone"), &of_none);
    assert!(matches!(status, 400 | 404) && words.contains("nosuchone"), "{status} {words}");
    // fifty are taken
    world.site.put(&run("fiftyrun"), &body(&many[..50], "b"));
}

#[test]
fn two_import_pipelines_do_not_share_a_container() {
    let world = World::new(SiteOptions { workers: 0, ..SiteOptions::default() });
    world.make_import("firstone", &[]);
    let path = world.far_path("/importPipelines/secondone");
    let again = import_pipeline(
        &world.container().to_uppercase().replace("HTTP", "http"),
        &world.secret_uri,
        &[],
        true,
    );
    let (status, answer) = world.site.ask("PUT", &path, &again);
    assert_eq!((status, &answer["error"]["code"]), (409, &json!("ContainerInUse")), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("firstone"), "{answer}");
    let beneath = import_pipeline(&format!("{}/inbox", world.container()), &world.secret_uri, &[], true);
    world.site.put(&path, &beneath);
}
