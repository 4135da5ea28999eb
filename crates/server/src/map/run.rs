//! Runs, their operations and their logs.

use serde::Serialize;
use serde_json::Value;
use transload_api as api;
use transload_api::run::{
    Blob, FailedArtifact, LogLine, Progress, RunDetails, RunProperties, RunRequest, RunResponse,
    RunSourceTrigger, RunTrigger,
};
use transload_control::ledger::{self, Operation};
use transload_control::resource::{Body, Container, Stored, kind};
use transload_control::run::{Record, Run, RunState, Work};
use transload_control::{ResourceId, RunSpec, WorkSpec};

use super::pipeline::{container, kind_asked, untagged};
use super::{moment, system_data};
use crate::fault::Fault;

/// A run (contract, § 2). `pipeline` is what is there of its pipeline.
pub(crate) fn run(kept: &Run, pipeline: Option<&Stored>) -> api::PipelineRun {
    let place = pipeline.and_then(|stored| match &stored.body {
        Body::Pipeline(pipeline) => Some(&pipeline.container),
        _ => None,
    });
    api::PipelineRun {
        kind: Some(kind::PIPELINE_RUN.to_owned()),
        id: Some(kept.id.to_string()),
        name: Some(kept.id.name().to_owned()),
        location: kept.location.clone(),
        tags: None,
        system_data: Some(system_data(&kept.stamps)),
        properties: RunProperties {
            provisioning_state: Some(provisioning_state(kept.state, kept.generation).to_owned()),
            force_update_tag: kept.force_update_tag.clone(),
            request: Some(request(&kept.work)),
            response: Some(response(kept, place)),
        },
    }
}

/// The words of resources. What is asked for again is updated.
fn provisioning_state(state: RunState, generation: i64) -> &'static str {
    match state {
        RunState::Queued | RunState::Running if generation > 1 => "Updating",
        RunState::Queued | RunState::Running | RunState::Canceling => "Creating",
        RunState::Succeeded => "Succeeded",
        RunState::Failed => "Failed",
        RunState::Canceled => "Canceled",
    }
}

/// The words of responses. A run that waits is under way for whoever asked for it.
fn status_word(state: RunState) -> &'static str {
    match state {
        RunState::Queued | RunState::Running => "Running",
        RunState::Canceling => "Canceling",
        RunState::Succeeded => "Succeeded",
        RunState::Failed => "Failed",
        RunState::Canceled => "Canceled",
    }
}

fn request(work: &Work) -> RunRequest {
    let blob =
        |kind: &str, name: &str| Some(Blob { kind: Some(kind.to_owned()), name: Some(name.to_owned()) });
    match work {
        Work::Export { pipeline, artifacts, target_kind, blob: name } => RunRequest {
            pipeline_resource_id: Some(pipeline.to_string()),
            artifacts: artifacts.clone(),
            target: blob(target_kind, name),
            ..RunRequest::default()
        },
        Work::Import { pipeline, source_kind, blob: name, catalog_digest, .. } => RunRequest {
            pipeline_resource_id: Some(pipeline.to_string()),
            source: blob(source_kind, name),
            catalog_digest: catalog_digest.clone(),
            ..RunRequest::default()
        },
        Work::ImportImage { .. } | Work::Check { .. } => RunRequest::default(),
    }
}

fn response(kept: &Run, place: Option<&Container>) -> RunResponse {
    let record = &kept.record;
    let at = record.blob_uri.as_deref().zip(place).map(|(uri, place)| container(place, Some(uri)));
    let (source, target) = match kept.work {
        Work::Import { .. } => (at, None),
        _ => (None, at),
    };
    let trigger = match &kept.work {
        Work::Import { triggered_at: Some(seen), .. } => {
            Some(RunTrigger { source_trigger: Some(RunSourceTrigger { timestamp: moment(*seen) }) })
        }
        _ => None,
    };
    RunResponse {
        status: status_word(kept.state).to_owned(),
        imported_artifacts: record.artifacts.clone(),
        progress: Some(Progress { percentage: percentage(kept).to_string() }),
        // the command line's table takes it apart, also of a run that nobody has begun: that is when it was asked for
        start_time: Some(moment(record.started_at.unwrap_or(kept.stamps.changed_at))),
        finish_time: record.finished_at.map(moment),
        source,
        target,
        catalog_digest: record.catalog_digest.clone(),
        trigger,
        pipeline_run_error_message: error_message(kept.state, record),
        transload: Some(details(kept)),
    }
}

fn percentage(kept: &Run) -> u8 {
    if kept.state == RunState::Succeeded { 100 } else { kept.record.percentage.min(100) }
}

/// Why it failed, and each artifact that did.
fn error_message(state: RunState, record: &Record) -> Option<String> {
    if state != RunState::Failed && record.failed.is_empty() {
        return None;
    }
    let said = record.error.as_ref().map(|error| error.message.clone());
    // a message that names the artifacts itself is not followed by them again
    let is_said = |artifact: &str, message: &str| {
        said.as_ref().is_some_and(|said| said.contains(artifact) || said.contains(message))
    };
    let listed = record.failed.iter().filter(|one| !is_said(&one.artifact, &one.message));
    let lines = listed.map(|one| format!("{}: {}", one.artifact, one.message));
    let text: Vec<String> = said.clone().into_iter().chain(lines).collect();
    // one line: tables of `az` and what reads its `-o tsv` have a line for each run
    let text = text.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.is_empty());
    Some(text.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
}

fn details(kept: &Run) -> RunDetails {
    let record = &kept.record;
    RunDetails {
        operation_id: kept.operation.to_string(),
        state: format!("{:?}", kept.state),
        correlation_id: kept.correlation.clone(),
        generation: kept.generation,
        attempts: record.attempts,
        bytes_moved: record.bytes_moved,
        bytes_total: record.bytes_total,
        next_attempt_at: record.next_attempt_at.map(moment),
        error_code: record.error.as_ref().map(|error| error.code.clone()),
        failed_artifacts: record
            .failed
            .iter()
            .map(|one| FailedArtifact {
                artifact: one.artifact.clone(),
                code: one.code.clone(),
                message: one.message.clone(),
            })
            .collect(),
        warnings: record.warnings.clone(),
    }
}

/// An operation's status (contract, § 3).
pub(crate) fn operation(kept: &Operation, path: &str) -> api::OperationStatus {
    let status = match kept.state {
        RunState::Queued => "Creating",
        RunState::Running => "Running",
        state => status_word(state),
    };
    let error = kept.error.as_ref().filter(|_| kept.state == RunState::Failed);
    api::OperationStatus {
        id: path.to_owned(),
        name: kept.id.to_string(),
        status: status.to_owned(),
        start_time: Some(moment(kept.started_at.unwrap_or(kept.created_at))),
        end_time: kept.finished_at.map(moment),
        percent_complete: Some(if kept.state == RunState::Succeeded {
            100
        } else {
            kept.percentage.min(100)
        }),
        error: match (kept.state, error) {
            (_, Some(error)) => Some(api::ErrorBody {
                code: error.code.clone(),
                message: error.message.clone(),
                ..api::ErrorBody::default()
            }),
            (RunState::Failed, None) => Some(said("PipelineRunFailed", "The run failed.")),
            (RunState::Canceled, None) => Some(said("OperationCanceled", "The run was canceled.")),
            _ => None,
        },
    }
}

/// Tells whoever asked for the same again how it ended, that nothing was started, and what starts it.
pub(crate) fn say_asked_again(shown: &mut api::OperationStatus) {
    let Some(error) = &mut shown.error else { return };
    error.message.push_str(&format!(
        "\nThis is how it ended when it was asked for before ({}); the same request starts nothing. Another forceUpdateTag \
         does: give one, or --force-redeploy to `az acr pipeline-run create`.",
        shown.status
    ));
}

fn said(code: &str, message: &str) -> api::ErrorBody {
    api::ErrorBody { code: code.to_owned(), message: message.to_owned(), ..api::ErrorBody::default() }
}

/// A run as it is asked for. Whether its pipeline exports or imports is told by the pipeline's id.
pub(crate) fn run_asked(sent: api::PipelineRun) -> Result<RunSpec, Fault> {
    untagged(sent.tags.as_ref())?;
    let RunProperties { request, force_update_tag, .. } = sent.properties;
    let required =
        |member: &str, what: &str| Fault::invalid(member, format!("'{member}' is required: {what}."));
    let request = request
        .ok_or_else(|| required("properties.request", "pipelineResourceId, and what to export or import"))?;
    let member = "properties.request.pipelineResourceId";
    let pipeline = request.pipeline_resource_id.ok_or_else(|| required(member, "the id of the pipeline"))?;
    let pipeline = ResourceId::parse(&pipeline).map_err(|error| Fault::invalid(member, error.to_string()))?;
    let work = if pipeline.is_kind(kind::EXPORT_PIPELINE) {
        let (kind, blob) = blob_asked(request.target, "properties.request.target")?;
        WorkSpec::Export { artifacts: request.artifacts, target_kind: kind, blob }
    } else if pipeline.is_kind(kind::IMPORT_PIPELINE) {
        let (kind, blob) = blob_asked(request.source, "properties.request.source")?;
        WorkSpec::Import { source_kind: kind, blob, catalog_digest: request.catalog_digest }
    } else {
        let text = format!("'{pipeline}' is no export or import pipeline.");
        return Err(Fault::invalid(member, text));
    };
    Ok(RunSpec { location: sent.location, force_update_tag, pipeline, work })
}

fn blob_asked(sent: Option<Blob>, member: &str) -> Result<(String, String), Fault> {
    let Blob { kind, name } = sent.unwrap_or_default();
    let of_name = format!("{member}.name");
    let name = name
        .ok_or_else(|| Fault::invalid(&of_name, format!("'{of_name}' is required: the name of the blob.")))?;
    Ok((kind_asked(kind, "AzureStorageBlob", &format!("{member}.type"))?, name))
}

/// Lines of a log.
#[derive(Debug, Serialize)]
pub(crate) struct LogPage {
    pub(crate) value: Vec<LogLine>,
    #[serde(rename = "nextLink", skip_serializing_if = "Option::is_none")]
    pub(crate) next_link: Option<String>,
}

/// The mark of the line (or audit entry) of a number: what the ledger wants to go on behind it.
pub(crate) fn log_mark(number: u64) -> String {
    format!("n{number:x}")
}

/// The number of a line by its mark. Clients go on behind a number.
fn number(mark: &str) -> i64 {
    mark.strip_prefix('n').and_then(|digits| i64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// A line of a log. What is JSON is an event.
pub(crate) fn log_line(kept: &ledger::LogLine) -> LogLine {
    let event = serde_json::from_str::<Value>(&kept.line).ok().filter(Value::is_object);
    let named = event.as_ref().and_then(|event| {
        ["message", "event", "kind"].iter().find_map(|name| event.get(name)).and_then(Value::as_str)
    });
    LogLine {
        sequence: number(&kept.mark),
        at: moment(kept.at),
        generation: kept.generation,
        message: named.map_or_else(|| kept.line.clone(), str::to_owned),
        event,
    }
}
