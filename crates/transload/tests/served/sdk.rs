//! `azure-mgmt-containerregistry`, both versions that have pipelines: create, read, list, poll, run, fail, delete.

use serde_json::{Value, json};
use transload_testkit::images::Corpus;
use transload_testkit::site::SiteOptions;

use crate::support::world::{CONTAINER, FAR, GROUP, NEAR};
use crate::support::{Sdk, Steps, World, assert_whole, push};

const LAYER_BYTES: u64 = 200_000;

fn images() -> Corpus {
    let mut corpus = Corpus::every_kind(LAYER_BYTES);
    corpus.entries.retain(|entry| entry.repository != "kinds/foreign");
    corpus
}

fn system() -> Value {
    json!({"$": "IdentityProperties", "type": "SystemAssigned"})
}

fn export(world: &World, identity: &Value, options: &[&str]) -> Value {
    json!({"$": "ExportPipeline", "location": "westus", "identity": identity, "options": options,
        "target": {"$": "ExportPipelineTargetProperties", "type": "AzureStorageBlobContainer",
                   "uri": world.container(), "key_vault_uri": world.secret_uri}})
}

fn import(world: &World, identity: &Value, options: &[&str], trigger: &str) -> Value {
    json!({"$": "ImportPipeline", "location": "westus", "identity": identity, "options": options,
        "trigger": {"$": "PipelineTriggerProperties",
                    "source_trigger": {"$": "PipelineSourceTriggerProperties", "status": trigger}},
        "source": {"$": "ImportPipelineSourceProperties", "type": "AzureStorageBlobContainer",
                   "uri": world.container(), "key_vault_uri": world.secret_uri}})
}

fn export_run(pipeline: &Value, artifacts: &[String], blob: &str, tag: Option<&str>) -> Value {
    json!({"$": "PipelineRun", "force_update_tag": tag, "request": {"$": "PipelineRunRequest",
        "pipeline_resource_id": pipeline, "artifacts": artifacts,
        "target": {"$": "PipelineRunTargetProperties", "type": "AzureStorageBlob", "name": blob}}})
}

fn import_run(pipeline: &Value, blob: &str) -> Value {
    json!({"$": "PipelineRun", "request": {"$": "PipelineRunRequest", "pipeline_resource_id": pipeline,
        "source": {"$": "PipelineRunSourceProperties", "type": "AzureStorageBlob", "name": blob}}})
}

#[test]
fn the_old_client_moves_images_from_registry_to_registry() {
    a_client_moves_images(Sdk::Old);
}

#[test]
fn the_new_client_moves_images_from_registry_to_registry() {
    a_client_moves_images(Sdk::New);
}

fn a_client_moves_images(sdk: Sdk) {
    let world = World::new(SiteOptions::default());
    let images = images();
    push(&world.near.host(), &images);
    let steps = Steps::default()
        .step("none", "export_pipelines.list", json!([GROUP, NEAR]))
        .step(
            "export",
            "export_pipelines.begin_create",
            json!([GROUP, NEAR, "exporter", export(&world, &system(), &["OverwriteBlobs"])]),
        )
        .step(
            "import",
            "import_pipelines.begin_create",
            json!([GROUP, FAR, "importer", import(&world, &system(), &["OverwriteTags"], "Disabled")]),
        )
        .step(
            "again",
            "export_pipelines.begin_create",
            json!([GROUP, NEAR, "exporter", export(&world, &system(), &["OverwriteBlobs"])]),
        )
        .step("shown", "export_pipelines.get", json!([GROUP.to_uppercase(), NEAR, "exporter"]))
        .step("exports", "export_pipelines.list", json!([GROUP, NEAR]))
        .step("imports", "import_pipelines.list", json!([GROUP, FAR]));
    let made = sdk.take(&world.site, &world.proxy, &steps);
    assert_eq!(made.of("none"), &json!([]));
    for (name, place) in [("export", "target"), ("import", "source")] {
        let pipeline = made.of(name);
        assert_eq!(pipeline["provisioning_state"], "Succeeded", "{pipeline}");
        assert_eq!(pipeline["location"], "westus");
        // this is how the service writes it, whatever was sent
        assert_eq!(pipeline["identity"]["type"], "systemAssigned");
        assert_eq!(pipeline[place]["uri"], world.container());
        let principal = pipeline["identity"]["principal_id"].as_str().unwrap();
        world.site.permit(GROUP, crate::support::world::VAULT, principal, &["get"]);
    }
    assert_eq!(made.of("export")["options"], json!(["OverwriteBlobs"]));
    assert_eq!(made.of("import")["trigger"]["source_trigger"]["status"], "Disabled");
    for same in ["again", "shown"] {
        assert_eq!(made.of(same)["identity"], made.of("export")["identity"], "{same}");
        assert_eq!(made.of(same)["id"], made.of("export")["id"], "{same}");
    }
    assert_eq!(made.of("exports")[0]["name"], "exporter");
    assert_eq!(made.of("imports").as_array().unwrap().len(), 1);
    run(sdk, &world, &images, &made.of("export")["id"], &made.of("import")["id"]);
}

fn run(sdk: Sdk, world: &World, images: &Corpus, exporter: &Value, importer: &Value) {
    let all: Vec<String> =
        images.entries.iter().map(|entry| format!("{}:{}", entry.repository, entry.tag)).collect();
    let missing = ["nowhere/none:v1".to_owned()];
    let create = "pipeline_runs.begin_create";
    let steps = Steps::default()
        .step("out", create, json!([GROUP, NEAR, "exportrun1", export_run(exporter, &all, "bundle1", None)]))
        .step("same", create, json!([GROUP, NEAR, "exportrun1", export_run(exporter, &all, "bundle1", None)]))
        .step(
            "forced",
            create,
            json!([GROUP, NEAR, "exportrun1", export_run(exporter, &all, "bundle1", Some("2"))]),
        )
        .step("in", create, json!([GROUP, FAR, "importrun1", import_run(importer, "bundle1")]))
        .step(
            "failing",
            create,
            json!([GROUP, NEAR, "failingrun", export_run(exporter, &missing, "bundle2", None)]),
        )
        .step("failed", "pipeline_runs.get", json!([GROUP, NEAR, "failingrun"]))
        .step("absent", create, json!([GROUP, FAR, "absentrun", import_run(importer, "nosuchblob")]))
        .step("runs", "pipeline_runs.list", json!([GROUP, NEAR]))
        .step("busy", "export_pipelines.begin_delete", json!([GROUP, NEAR, "nosuchpipeline"]))
        .step("forget", "pipeline_runs.begin_delete", json!([GROUP, NEAR, "exportrun1"]))
        .step("forgotten", "pipeline_runs.get", json!([GROUP, NEAR, "exportrun1"]))
        .step("remove", "export_pipelines.begin_delete", json!([GROUP, NEAR, "exporter"]))
        .step("removed", "export_pipelines.get", json!([GROUP, NEAR, "exporter"]));
    let ran = sdk.take(&world.site, &world.proxy, &steps);
    let (out, same, forced, arrived) = (ran.of("out"), ran.of("same"), ran.of("forced"), ran.of("in"));
    for one in [out, forced, arrived] {
        assert_eq!(one["provisioning_state"], "Succeeded", "{one}");
        assert_eq!(one["response"]["status"], "Succeeded");
        assert_eq!(one["response"]["progress"]["percentage"], "100");
        assert!(one["response"]["start_time"]["time"].is_string(), "{one}");
        assert!(one["response"]["finish_time"]["time"].is_string(), "{one}");
    }
    // an equal request is the same run, another tag is another
    assert_eq!(same["response"], out["response"]);
    assert_ne!(forced["response"]["start_time"], out["response"]["start_time"]);
    assert_eq!(forced["force_update_tag"], "2");
    let uri = out["response"]["target"]["uri"].as_str().unwrap();
    assert!(uri.ends_with(&format!("/{CONTAINER}/bundle1")), "{uri}");
    assert_whole(&world.far.host(), images);
    let imported = arrived["response"]["imported_artifacts"].as_array().unwrap();
    assert!(all.iter().all(|artifact| imported.contains(&json!(artifact))), "{arrived}");
    assert_eq!(arrived["response"]["catalog_digest"], out["response"]["catalog_digest"]);
    fails_in_words(&ran);
    let names: Vec<&Value> = ran.of("runs").as_array().unwrap().iter().map(|run| &run["name"]).collect();
    assert_eq!(names, ["exportrun1", "failingrun"]);
    for gone in ["forgotten", "removed"] {
        let (status, code, _) = ran.error(gone);
        assert_eq!((status, code.as_str()), (404, "ResourceNotFound"), "{gone}");
    }
    // the blob and the images stay
    assert!(world.azurite.get_blob(CONTAINER, "bundle1").is_some());
}

fn fails_in_words(ran: &crate::support::Outcome) {
    let (_, code, message) = ran.error("failing");
    assert!(!code.is_empty() && message.contains("nowhere/none"), "{code}: {message}");
    let failed = ran.of("failed");
    assert_eq!(
        (&failed["provisioning_state"], &failed["response"]["status"]),
        (&json!("Failed"), &json!("Failed"))
    );
    let told = failed["response"]["pipeline_run_error_message"].as_str().unwrap();
    assert!(told.contains("nowhere/none"), "{told}");
    let (_, _, message) = ran.error("absent");
    assert!(message.contains("nosuchblob"), "{message}");
}
