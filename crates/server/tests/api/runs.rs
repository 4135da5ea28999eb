//! Runs and their operations.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use transload_control::ledger::Ending;
use transload_control::run::{Record, RunError};

use crate::lab::{HOST, Lab, group, registry, versioned};

fn run(name: &str) -> String {
    versioned(&format!("{}/pipelineRuns/{name}", registry()))
}

fn path_of(link: &str) -> String {
    link.strip_prefix(&format!("https://{HOST}")).unwrap().to_owned()
}

/// What a worker would do with the oldest run that waits.
async fn end_oldest(lab: &Lab, ending: Ending, record: Record) {
    let ledger = lab.control.ledger();
    let claim = ledger.claim("w", Duration::from_secs(60)).await.unwrap().expect("a run waits");
    ledger.finish(&claim, &ending, &record).await.unwrap();
}

fn failed() -> Ending {
    let error = RunError {
        code: "StorageDenied".into(),
        message: "Failed to access storage: 403. Renew secret 'sas'.".into(),
    };
    Ending::Failed { error, transient: false }
}

#[tokio::test]
async fn a_run_is_watched_by_its_operation_until_it_has_succeeded() {
    let lab = Lab::new().await.with_pipelines().await;
    let made = lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    assert_eq!(made.json()["properties"]["provisioningState"], "Creating");
    assert_eq!(made.json()["properties"]["response"]["status"], "Running");
    assert_eq!(made.json()["properties"]["response"]["progress"]["percentage"], "0");
    assert_eq!(made.header("retry-after"), "1");
    let operation = path_of(made.header("azure-asyncoperation"));
    assert!(
        operation.contains("/operationStatuses/") && operation.ends_with("?api-version=2019-12-01-preview")
    );
    let poll = lab.get(&operation).await.is(200);
    assert_eq!((poll.json()["status"].as_str(), poll.header("retry-after")), (Some("Creating"), "1"));
    // the GET right behind the PUT
    lab.get(&run("run01")).await.is(200);
    let record = Record {
        artifacts: vec!["hello-world:latest".into()],
        catalog_digest: Some("sha256:00".into()),
        blob_uri: Some("https://acct.blob.transfer.test/transfer/myblob".into()),
        ..Record::default()
    };
    end_oldest(&lab, Ending::Succeeded, record).await;
    let poll = lab.get(&operation).await.is(200);
    assert_eq!((poll.json()["status"].as_str(), poll.header("retry-after")), (Some("Succeeded"), "1"));
    let found = lab.get(&run("run01")).await.is(200).json();
    let response = &found["properties"]["response"];
    assert_eq!(found["properties"]["provisioningState"], "Succeeded");
    assert_eq!(response["progress"]["percentage"], "100");
    assert_eq!(response["target"]["uri"], "https://acct.blob.transfer.test/transfer/myblob");
    assert_eq!(response["target"]["type"], "AzureStorageBlob");
    assert_eq!(response["catalogDigest"], "sha256:00");
    let start = response["startTime"].as_str().unwrap();
    assert!(
        start.ends_with("+00:00") && start.split_once('.').is_some_and(|(_, rest)| rest.len() == 13),
        "{start}"
    );
}

#[tokio::test]
async fn a_failure_is_told_by_the_operation_with_code_and_message() {
    let lab = Lab::new().await.with_pipelines().await;
    let made = lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    end_oldest(&lab, failed(), Record::default()).await;
    let poll = lab.get(&path_of(made.header("azure-asyncoperation"))).await.is(200).json();
    assert_eq!(poll["status"], "Failed");
    assert_eq!(poll["error"]["code"], "StorageDenied");
    assert!(poll["error"]["message"].as_str().unwrap().contains("Renew secret"));
    let found = lab.get(&run("run01")).await.is(200).json();
    assert_eq!(found["properties"]["provisioningState"], "Failed");
    assert!(found["properties"]["response"]["pipelineRunErrorMessage"].as_str().unwrap().contains("403"));
}

#[tokio::test]
async fn an_equal_request_does_nothing_again_and_another_tag_runs_again() {
    let lab = Lab::new().await.with_pipelines().await;
    let first = lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    let again = lab.put(&run("RUN01"), &Lab::export_run()).await.is(200);
    assert_eq!(first.header("azure-asyncoperation"), again.header("azure-asyncoperation"));
    end_oldest(&lab, Ending::Succeeded, Record::default()).await;
    let done = lab.put(&run("run01"), &Lab::export_run()).await.is(200);
    assert_eq!(done.header("azure-asyncoperation"), "");
    assert_eq!(done.json()["properties"]["provisioningState"], "Succeeded");
    let mut forced = Lab::export_run();
    forced["properties"]["forceUpdateTag"] = json!("1795353031.585014");
    let second = lab.put(&run("run01"), &forced).await.is(200);
    assert_eq!(second.json()["properties"]["provisioningState"], "Updating");
    assert_ne!(first.header("azure-asyncoperation"), second.header("azure-asyncoperation"));
    // an earlier operation is remembered
    let before = lab.get(&path_of(first.header("azure-asyncoperation"))).await.is(200).json();
    assert_eq!(before["status"], "Succeeded");
    let mut other = forced.clone();
    other["properties"]["request"]["artifacts"] = json!(["other:1"]);
    assert_eq!(lab.put(&run("run01"), &other).await.is(409).code(), "Conflict");
}

#[tokio::test]
async fn why_a_run_failed_is_one_line_in_lists() {
    let lab = Lab::new().await.with_pipelines().await;
    lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    let message = "1 of 2 artifacts failed, and nothing was made visible\nteam/none:v1: not there".to_owned();
    let error = RunError { code: "ArtifactsFailed".into(), message };
    end_oldest(&lab, Ending::Failed { error, transient: false }, Record::default()).await;
    let found = lab.get(&run("run01")).await.is(200).json();
    assert_eq!(
        found["properties"]["response"]["pipelineRunErrorMessage"],
        "1 of 2 artifacts failed, and nothing was made visible; team/none:v1: not there"
    );
}

#[tokio::test]
async fn who_repeats_what_ended_badly_is_told_that_it_did_and_what_starts_it() {
    let lab = Lab::new().await.with_pipelines().await;
    let first = lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    let first = path_of(first.header("azure-asyncoperation"));
    end_oldest(&lab, failed(), Record::default()).await;
    let told = |poll: &Value| poll["error"]["message"].as_str().unwrap().to_owned();
    let plain = told(&lab.get(&first).await.is(200).json());
    // a client that sees no operation here takes the old failure for a success
    let again = lab.put(&run("run01"), &Lab::export_run()).await.is(200);
    assert_eq!(again.header("retry-after"), "1");
    assert_eq!(again.json()["properties"]["provisioningState"], "Failed");
    let poll = lab.get(&path_of(again.header("azure-asyncoperation"))).await.is(200).json();
    assert_eq!(
        (poll["status"].as_str(), poll["error"]["code"].as_str()),
        (Some("Failed"), Some("StorageDenied"))
    );
    let message = told(&poll);
    assert!(message.starts_with(&plain) && message.contains("starts nothing"), "{message}");
    assert!(message.contains("--force-redeploy") && message.contains("forceUpdateTag"), "{message}");
    // whoever watches the first request is told of that alone
    assert_eq!(told(&lab.get(&first).await.is(200).json()), plain);

    let mut forced = Lab::export_run();
    forced["properties"]["forceUpdateTag"] = json!("2");
    lab.put(&run("run01"), &forced).await.is(200);
    lab.post(&versioned(&format!("{}/pipelineRuns/run01/cancel", registry())), &json!({})).await;
    let again = lab.put(&run("run01"), &forced).await.is(200);
    let poll = lab.get(&path_of(again.header("azure-asyncoperation"))).await.is(200).json();
    assert_eq!(poll["status"], "Canceled");
    assert!(told(&poll).contains("--force-redeploy"), "{poll}");
}

#[tokio::test]
async fn what_templates_send_empty_is_absent() {
    let lab = Lab::new().await.with_pipelines().await;
    let body = json!({"location": "westus", "properties": {"request": {
        "pipelineResourceId": format!("{}/importPipelines/impipe1", registry()),
        "artifacts": [], "source": {"type": "AzureStorageBlob", "name": "myblob"},
        "target": {"type": "", "name": ""}, "catalogDigest": ""}, "forceUpdateTag": ""}});
    let made = lab.put(&run("run01"), &body).await.is(201).json();
    let request = made["properties"]["request"].as_object().unwrap();
    assert_eq!(request.keys().collect::<Vec<_>>(), ["pipelineResourceId", "source"]);
    assert!(request["pipelineResourceId"].as_str().unwrap().contains("importPipelines"));
    assert!(made["properties"].get("forceUpdateTag").is_none());
}

#[tokio::test]
async fn a_run_that_cannot_be_is_refused() {
    let lab = Lab::new().await.with_pipelines().await;
    let export = format!("{}/exportPipelines/expipe1", registry());
    let import = format!("{}/importPipelines/impipe1", registry());
    let many: Vec<String> = (0..51).map(|number| format!("a:{number}")).collect();
    for (request, code) in [
        (json!({}), "InvalidRequest"),
        (json!({"pipelineResourceId": "nonsense"}), "InvalidRequest"),
        (json!({"pipelineResourceId": registry()}), "InvalidRequest"),
        (json!({"pipelineResourceId": export, "artifacts": ["a"]}), "InvalidRequest"),
        (json!({"pipelineResourceId": export, "target": {"name": "b"}}), "InvalidRequest"),
        (
            json!({"pipelineResourceId": export, "artifacts": many, "target": {"name": "b"}}),
            "TooManyArtifacts",
        ),
        (json!({"pipelineResourceId": import, "artifacts": ["a"]}), "InvalidRequest"),
    ] {
        let answer = lab.put(&run("run01"), &json!({"properties": {"request": request}})).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{}", answer.text);
    }
    let mut missing = Lab::export_run();
    missing["properties"]["request"]["pipelineResourceId"] =
        json!(format!("{}/exportPipelines/none1", registry()));
    lab.put(&run("run01"), &missing).await.is(404);
    lab.put(&run("a_b01"), &Lab::export_run()).await.is(400);
}

#[tokio::test]
async fn runs_are_listed_from_the_oldest_to_the_newest() {
    let lab = Lab::new().await.with_pipelines().await;
    for name in ["run03", "run01", "run02"] {
        lab.put(&run(name), &Lab::export_run()).await.is(201);
    }
    let listed = lab.get(&versioned(&format!("{}/pipelineRuns", registry()))).await.is(200).json();
    let names: Vec<&str> =
        listed["value"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["run03", "run01", "run02"]);
}

#[tokio::test]
async fn a_run_that_waits_is_removed_at_once_and_one_that_runs_when_it_has_stopped() {
    let lab = Lab::new().await.with_pipelines().await;
    lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    lab.delete(&run("run01")).await.is(200);
    lab.delete(&run("run01")).await.is(204);
    lab.put(&run("run02"), &Lab::export_run()).await.is(201);
    let ledger = lab.control.ledger();
    let claim = ledger.claim("w", Duration::from_secs(60)).await.unwrap().unwrap();
    let stopping = lab.delete(&run("run02")).await.is(202);
    assert_eq!(stopping.header("retry-after"), "1");
    let place = path_of(stopping.header("location"));
    let poll = lab.get(&place).await.is(202);
    assert_eq!((poll.header("retry-after"), path_of(poll.header("location"))), ("1", place.clone()));
    ledger.finish(&claim, &Ending::Stopped, &Record::default()).await.unwrap();
    lab.get(&place).await.is(200);
    lab.get(&run("run02")).await.is(404);
}

#[tokio::test]
async fn a_run_is_cancelled_and_its_record_stays() {
    let lab = Lab::new().await.with_pipelines().await;
    let made = lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    let path = versioned(&format!("{}/pipelineRuns/run01/cancel", registry()));
    lab.call(Method::POST, &path, None).await.is(200);
    let found = lab.get(&run("run01")).await.is(200).json();
    assert_eq!(found["properties"]["provisioningState"], "Canceled");
    let poll = lab.get(&path_of(made.header("azure-asyncoperation"))).await.is(200).json();
    assert_eq!(poll["status"], "Canceled");
}

#[tokio::test]
async fn an_import_of_an_image_and_a_check_are_watched_like_runs_and_are_none() {
    let lab = Lab::new().await.with_pipelines().await;
    let body = json!({"source": {"registryUri": "mcr.example", "sourceImage": "hello-world:latest",
        "credentials": {"username": "robot", "password": "planted-password"}},
        "targetTags": ["hello-world:v1"], "mode": "NoForce"});
    let import = lab.post(&versioned(&format!("{}/importImage", registry())), &body).await.is(202);
    let poll = lab.get(&path_of(import.header("azure-asyncoperation"))).await.is(200);
    assert_eq!(poll.json()["status"], "Creating");
    lab.get(&path_of(import.header("location"))).await.is(202);
    let check = lab
        .post(&versioned(&format!("{}/exportPipelines/expipe1/check", registry())), &json!({}))
        .await
        .is(202);
    lab.get(&path_of(check.header("azure-asyncoperation"))).await.is(200);
    let listed = lab.get(&versioned(&format!("{}/pipelineRuns", registry()))).await.is(200);
    assert_eq!(listed.json()["value"], json!([]));
    let audit = lab.get("/api/audit").await.is(200);
    assert!(!audit.text.contains("planted-password"));
    for bad in [
        json!({}),
        json!({"source": {"registryUri": "x"}}),
        json!({"source": {"registryUri": "x", "sourceImage": "a:1"}, "mode": "Perhaps"}),
    ] {
        lab.post(&versioned(&format!("{}/importImage", registry())), &bad).await.is(400);
    }
}

#[tokio::test]
async fn an_operation_that_nobody_knows_is_not_found() {
    let lab = Lab::new().await;
    let path = |id: &str| {
        let base = group().replace("/resourceGroups/R", "");
        versioned(&format!(
            "{base}/providers/Microsoft.ContainerRegistry/locations/westus/operationStatuses/{id}"
        ))
    };
    lab.get(&path("99999999-9999-9999-9999-999999999999")).await.is(404);
    lab.get(&path("nonsense")).await.is(404);
}

#[tokio::test]
async fn lines_of_a_log_are_read_and_waited_for() {
    let lab = Lab::new().await.with_pipelines().await;
    lab.put(&run("run01"), &Lab::export_run()).await.is(201);
    let ledger = lab.control.ledger();
    let claim = ledger.claim("w", Duration::from_secs(60)).await.unwrap().unwrap();
    ledger.log(&claim, &["plain".into(), json!({"event": "planned", "bytes": 7}).to_string()]).await.unwrap();
    let log =
        |query: &str| format!("{}/pipelineRuns/run01/log?api-version=2019-12-01-preview{query}", registry());
    let lines = lab.get(&log("")).await.is(200).json()["value"].as_array().unwrap().clone();
    assert_eq!((&lines[0]["message"], &lines[1]["message"]), (&json!("plain"), &json!("planned")));
    assert_eq!(lines[1]["event"]["bytes"], 7);
    let last = lines[1]["sequence"].as_i64().unwrap();
    let none: Value = lab.get(&log(&format!("&after={last}"))).await.is(200).json();
    assert_eq!(none["value"], json!([]));
    let path = log(&format!("&after={last}&wait=30"));
    let waiting = lab.get(&path);
    let writing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ledger.log(&claim, &["late".into()]).await.unwrap();
    };
    let (answer, ()) = tokio::join!(waiting, writing);
    assert_eq!(answer.is(200).json()["value"][0]["message"], "late");
    ledger.finish(&claim, &Ending::Succeeded, &Record::default()).await.unwrap();
    let request = lab.request(Method::GET, &log("")).header("accept", "text/event-stream");
    let stream = lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(200);
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!(stream.text.matches("\ndata: {\"sequence\"").count(), 3, "{}", stream.text);
    assert!(stream.text.ends_with("event: end\ndata: {}\n\n"));
    let request = lab.request(Method::GET, &log("")).header("accept", "text/event-stream");
    let request = request.header("last-event-id", last.to_string());
    let rest = lab.send(request.body(axum::body::Body::empty()).unwrap()).await.is(200);
    assert_eq!(rest.text.matches("data: {\"sequence\"").count(), 1, "{}", rest.text);
}
