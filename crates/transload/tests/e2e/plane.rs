//! The commands that ask a control plane: what they send, and what they make of the answers.

use serde_json::{Value, json};
use transload_testkit::cli::{Cli, Finished};

use crate::support::{SECRET, Said, ScriptedPlane, transload};

fn ok(person: &Cli, line: &str) -> Finished {
    let said = person.run(line.split(' ')).ok();
    said.keeps_secret(SECRET);
    said
}

fn run(state: &str, mut response: Value) -> Value {
    response["status"] = state.into();
    response["progress"] = json!({"percentage": "40"});
    let pipeline = ScriptedPlane::central("/exportPipelines/weekly");
    json!({"name": "first1", "properties": {"provisioningState": state, "response": response,
        "request": {"pipelineResourceId": pipeline, "target": {"name": "a.tar"}}}})
}

/// A control plane whose run `first1` is so at each look, one after the other.
fn running(looks: Vec<(u16, Value)>) -> (ScriptedPlane, Cli) {
    let plane = ScriptedPlane::start();
    plane.script(&format!("GET {}", ScriptedPlane::central("/pipelineRuns/first1")), looks);
    let person = plane.person();
    (plane, person)
}

#[test]
fn a_pipeline_is_sent_as_the_api_wants_it() {
    let plane = ScriptedPlane::start();
    let person = plane.person();
    let uri = "https://v.vault.example/secrets/sas";
    ok(
        &person,
        &format!(
            "pipeline create import arrivals --container https://a.blob.example/c --secret-uri {uri} --trigger disabled --overwrite-tags --continue-on-errors"
        ),
    );
    let sent = plane.sent("PUT", "/importPipelines/arrivals").remove(0);
    assert_eq!(sent["identity"]["type"], "SystemAssigned");
    let properties = &sent["properties"];
    assert_eq!(
        properties["source"],
        json!({"type": "AzureStorageBlobContainer", "uri": "https://a.blob.example/c",
        "keyVaultUri": uri, "storageAccessMode": "SasToken"})
    );
    assert_eq!(properties["trigger"]["sourceTrigger"]["status"], "Disabled");
    assert_eq!(properties["options"], json!(["OverwriteTags", "ContinueOnErrors"]));
    assert_eq!(properties["target"], Value::Null);

    ok(&person, "pipeline create export weekly --container s3://out --managed-storage --overwrite-blobs");
    let properties = plane.sent("PUT", "/exportPipelines/weekly").remove(0)["properties"].clone();
    assert_eq!(properties["target"]["storageAccessMode"], "ManagedIdentity");
    assert_eq!(
        properties["target"]["keyVaultUri"],
        Value::Null,
        "a mode without a secret has no such member"
    );
    let said = ok(&person, "pipeline list --query [].name --output tsv");
    assert_eq!(said.stdout, "weekly\narrivals\n");
}

#[test]
fn a_run_is_sent_with_its_pipelines_id_and_what_it_lacks_is_told_before() {
    let plane = ScriptedPlane::start();
    let person = plane.person();
    ok(&person, "pipeline create export weekly --container s3://out --managed-storage");
    ok(&person, "pipeline create import weekly --container s3://in --managed-storage");
    let twice = person.run(["run", "create", "--pipeline", "weekly", "--artifacts", "a:1"]);
    assert!(twice.refused(2, "Usage").contains("export/weekly or import/weekly"));
    ok(&person, "run create first1 --pipeline export/weekly --artifacts a:1 b:2 --force");
    let sent = plane.sent("PUT", "/pipelineRuns/first1").remove(0)["properties"].clone();
    assert_eq!(
        sent["request"],
        json!({"pipelineResourceId": ScriptedPlane::central("/exportPipelines/weekly"),
        "artifacts": ["a:1", "b:2"], "target": {"type": "AzureStorageBlob", "name": "first1.tar"}})
    );
    assert!(sent["forceUpdateTag"].is_string());
    ok(&person, "run create --pipeline import/weekly --blob a.tar");
    let made = plane.kept_runs();
    assert!(made.iter().any(|name| name.starts_with("run20")), "{made:?}");
    for (line, option) in [
        ("run create x1234 --pipeline export/weekly", "--artifacts"),
        ("run create x1234 --pipeline import/weekly", "--blob"),
        ("run create x1234 --pipeline import/weekly --blob a --artifacts b:1", "--artifacts"),
    ] {
        let said = person.run(line.split(' '));
        assert!(said.refused(2, "Usage").len() > 5 && said.stderr.contains(option), "{}", said.stderr);
    }
    assert!(plane.sent("PUT", "/pipelineRuns/x1234").is_empty());
}

#[test]
fn a_run_is_watched_to_its_end_whatever_the_server_does_meanwhile() {
    let moving =
        run("Running", json!({"transload": {"state": "Running", "bytesMoved": 40, "bytesTotal": 100}}));
    let done = run("Succeeded", json!({"importedArtifacts": ["a:1"], "transload": {"state": "Succeeded"}}));
    let down = (503, json!({"error": {"code": "LedgerUnavailable", "message": "not now"}}));
    let (_plane, person) = running(vec![(200, moving), down.clone(), down, (200, done)]);
    let said = person.run(["run", "watch", "first1", "--json"]).ok();
    let events = said.events();
    assert_eq!(
        events[0],
        json!({"event": "run_progress", "run": "first1", "state": "Running", "percentage": "40",
        "bytes_moved": 40, "bytes_total": 100})
    );
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["name"]), (&json!("run"), &json!("first1")));
}

#[test]
fn a_command_that_waits_ends_as_the_run_did() {
    let failed = |code: &str| {
        run(
            "Failed",
            json!({"pipelineRunErrorMessage": "why it failed", "transload": {"state": "Failed", "errorCode": code}}),
        )
    };
    for (code, exit, told) in [
        ("SasExpired", 5, "SasExpired"),
        ("SecretAccessDenied", 5, "AccessDenied"),
        ("Strange", 8, "RunFailed"),
    ] {
        let (_plane, person) = running(vec![(200, failed(code))]);
        let said = person.run(["run", "watch", "first1"]);
        let next = said.refused(exit, told);
        assert!(said.stderr.contains("why it failed") && next.contains("run logs first1"), "{}", said.stderr);
    }
    let some = run(
        "Failed",
        json!({"importedArtifacts": ["a:1"], "pipelineRunErrorMessage": "b:1: not there",
        "transload": {"state": "Failed", "errorCode": "ArtifactsFailed",
            "failedArtifacts": [{"artifact": "b:1", "code": "TagNotFound", "message": "there is no such tag"}]}}),
    );
    let (_plane, person) = running(vec![(200, some)]);
    let said = person.run(["run", "watch", "first1"]);
    assert_eq!(said.code(), 3, "{}", said.all());
    assert!(said.stdout.contains("b:1: there is no such tag [TagNotFound]"), "{}", said.stdout);
    let (_plane, person) = running(vec![(200, run("Canceled", json!({"transload": {"state": "Canceled"}})))]);
    person.run(["run", "watch", "first1"]).refused(130, "RunCanceled");
}

#[test]
fn an_operation_that_fails_is_told_with_its_code() {
    let plane = ScriptedPlane::start();
    let person = plane.person();
    ok(&person, "registry create central --at registry.example");
    let check = ScriptedPlane::central("/check");
    plane.script(&format!("POST {check}"), vec![(202, json!({"operation": format!("{}/op", plane.url)}))]);
    let failed =
        json!({"status": "Failed", "error": {"code": "RegistryUnreachable", "message": "no route to it"}});
    plane.script("GET /op", vec![(200, json!({"status": "Running"})), (200, failed)]);
    let said = person.run(["registry", "test", "central"]);
    said.refused(8, "RegistryUnreachable");
    assert!(said.stderr.contains("registry central: no route to it"), "{}", said.stderr);
    plane.script("GET /op", vec![(200, json!({"status": "Succeeded"}))]);
    assert!(ok(&person, "registry test central").stdout.contains("can be reached"));
}

#[test]
fn what_a_server_refuses_is_told_in_its_words_with_the_correlation() {
    let plane = ScriptedPlane::start();
    let person = plane.person();
    let said =
        json!({"error": {"code": "ContainerInUse", "message": "Pipeline 'other' imports from there."}});
    let pipeline = ScriptedPlane::central("/importPipelines/arrivals");
    plane.script(&format!("PUT {pipeline}"), vec![(409, said)]);
    let line = "pipeline create import arrivals --container s3://in --managed-storage";
    let said = person.run(line.split(' '));
    said.refused(6, "ResourceConflict");
    assert!(
        said.stderr.contains("Pipeline 'other' imports from there. (ContainerInUse, correlation corr-1)"),
        "{}",
        said.stderr
    );
    plane.script(
        "GET /subscriptions",
        vec![(403, json!({"error": {"code": "AuthorizationFailed", "message": "no"}}))],
    );
    person.run(["group", "list"]).refused(5, "AccessDenied");
    plane.script(
        "POST /t/oauth2/v2.0/token",
        vec![(401, json!({"error": "invalid_client", "error_description": "it has ended"}))],
    );
    let said = person.run(["group", "list"]);
    said.refused(5, "SignInFailed");
    said.keeps_secret(SECRET);
}

#[test]
fn a_contexts_secret_goes_to_its_own_server_alone() {
    let (plane, other) = (ScriptedPlane::start(), ScriptedPlane::start());
    let person = plane.person();
    let said = person.run(["group", "list", "--server", &other.url]);
    assert!(said.refused(2, "Usage").contains("--secret-file"));
    assert!(other.sent("POST", "/token").is_empty());
    let person = person.env("TRANSLOAD_SECRET", "ANOTHER");
    person.run(["group", "list", "--server", &other.url]).ok();
    assert!(other.sent("POST", "/token")[0].as_str().unwrap().contains("client_secret=ANOTHER"));
}

#[test]
fn contexts_are_chosen_listed_and_removed() {
    let plane = ScriptedPlane::start();
    let person = plane.person();
    let add =
        ["context", "add", "far", "--server", "far.example:8443", "--client-id", "me", "--secret-env", "FAR"];
    person.run(add).ok();
    let all = person.run(["context", "list", "--output", "tsv"]).ok();
    assert!(all.stdout.starts_with("\tfar\thttps://far.example:8443\tme\t$FAR\t"), "{}", all.stdout);
    assert!(all.stdout.contains("\n*\tlab\t"), "{}", all.stdout);
    person.run(["context", "use", "fat"]).refused(2, "Usage");
    person.run(["context", "use", "far"]).ok();
    person.run(["group", "list"]).refused(2, "Usage");
    person.run(["group", "list", "--context", "lab"]).ok();
    person.run(["context", "remove", "far"]).ok();
    let none = person.run(["group", "list"]);
    assert!(none.refused(2, "Usage").contains("transload context add"));
    person
        .run([
            "context",
            "add",
            "x",
            "--server",
            "https://u:PASSWORD@x",
            "--client-id",
            "me",
            "--secret-env",
            "X",
        ])
        .refused(2, "Usage");
}

#[test]
fn names_that_are_no_names_never_reach_a_path() {
    let plane = ScriptedPlane::start();
    let person = plane.person();
    for name in ["a/b", "..", "a%2fb", "a?b", "a#b"] {
        person.run(["run", "show", name]).refused(2, "Usage");
        person.run(["group", "delete", name, "--yes"]).refused(2, "Usage");
    }
    assert!(plane.sent("DELETE", "").is_empty());
}

#[test]
fn a_ledgers_password_is_not_shown_by_help_or_settings() {
    const URL: &str = "postgres://u:PASSWORD-OF-THE-LEDGER@db/x";
    let program = transload().env("TRANSLOAD_LEDGER", URL);
    for line in ["serve --help", "worker --help", "config show", "config show --output json", "config check"]
    {
        let said = program.run(line.split(' ')).ok();
        said.keeps_secret("PASSWORD-OF-THE-LEDGER");
    }
    assert!(program.run(["config", "show"]).ok().stdout.contains("not shown"));
}
