//! Runs, for people.

use transload_client::api::PipelineRun;
use transload_transfer::{Code, Error};

use super::{moment, trouble};
use crate::exit::Exit;
use crate::output::{Cell, Page, Table, human};

/// How a run stands, in one word.
pub(super) fn state(run: &PipelineRun) -> &str {
    let response = run.properties.response.as_ref();
    let own = response.and_then(|response| response.transload.as_ref()).map(|own| own.state.as_str());
    let said =
        response.map(|response| response.status.as_str()).or(run.properties.provisioning_state.as_deref());
    own.filter(|state| !state.is_empty()).or(said).unwrap_or_default()
}

/// Whether nothing follows by itself.
pub(super) fn has_ended(run: &PipelineRun) -> bool {
    ["succeeded", "failed", "canceled"].contains(&state(run).to_ascii_lowercase().as_str())
}

fn name(run: &PipelineRun) -> String {
    run.name.clone().unwrap_or_default()
}

/// The pipeline's name and direction.
fn pipeline(run: &PipelineRun) -> (String, bool) {
    let id = run.properties.request.as_ref().and_then(|request| request.pipeline_resource_id.clone());
    let id = id.unwrap_or_default();
    let name = id.rsplit('/').next().unwrap_or_default().to_owned();
    (name, id.to_ascii_lowercase().contains("/exportpipelines/"))
}

fn blob(run: &PipelineRun) -> String {
    let request = run.properties.request.as_ref();
    let blob = request.and_then(|request| request.target.as_ref().or(request.source.as_ref()));
    blob.and_then(|blob| blob.name.clone()).unwrap_or_default()
}

/// Many, a row each.
pub(super) fn table(runs: &[PipelineRun]) -> Page {
    let mut table = Table::new(["RUN", "PIPELINE", "STATE", "DONE", "STARTED", "FINISHED", "BLOB"])
        .right(&[3])
        .wraps(&[6]);
    for run in runs {
        let response = run.properties.response.clone().unwrap_or_default();
        let percentage = response.progress.map(|progress| progress.percentage).unwrap_or_default();
        let time = |at: Option<String>| at.map(|at| Cell::told(moment(&at), at)).unwrap_or_default();
        table.row([
            name(run).into(),
            pipeline(run).0.into(),
            state(run).into(),
            Cell::told(format!("{percentage} %"), percentage.clone()),
            time(response.start_time),
            time(response.finish_time),
            blob(run).into(),
        ]);
    }
    if runs.is_empty() { Page::new().text("no run yet\n").rows(table) } else { Page::new().table(table) }
}

/// One, with all that there is to say of it.
pub(super) fn one(run: &PipelineRun) -> Page {
    let response = run.properties.response.clone().unwrap_or_default();
    let own = response.transload.clone().unwrap_or_default();
    let (pipeline, is_export) = pipeline(run);
    let mut text = format!("run {}: {}\n", name(run), state(run));
    let mut line = |label: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("  {label:<9} {value}\n"));
        }
    };
    line("pipeline", format!("{pipeline} ({})", if is_export { "export" } else { "import" }));
    let place = response.target.or(response.source).and_then(|place| place.uri);
    line("blob", place.unwrap_or_else(|| blob(run)));
    line("moved", progress(&own.bytes_moved, &own.bytes_total));
    line("started", response.start_time.as_deref().map(moment).unwrap_or_default());
    line("finished", response.finish_time.as_deref().map(moment).unwrap_or_default());
    if own.attempts > 1 {
        line("attempts", own.attempts.to_string());
    }
    line("again at", own.next_attempt_at.as_deref().map(moment).unwrap_or_default());
    line("catalog", response.catalog_digest.unwrap_or_default());
    for (nth, artifact) in response.imported_artifacts.iter().enumerate() {
        line(if nth == 0 { "arrived" } else { "" }, artifact.clone());
    }
    for (nth, failed) in own.failed_artifacts.iter().enumerate() {
        let told = format!("{}: {} [{}]", failed.artifact, failed.message, failed.code);
        line(if nth == 0 { "failed" } else { "" }, told);
    }
    for warning in &own.warnings {
        line("warning", warning.clone());
    }
    // of a run that ended the reason is told as an error, of others it is why it is tried again
    if own.failed_artifacts.is_empty() {
        line("because", response.pipeline_run_error_message.unwrap_or_default());
    }
    Page::new().text(text).rows({
        let mut rows = Table::new(["RUN", "STATE"]);
        rows.row([name(run).into(), state(run).into()]);
        rows
    })
}

fn progress(moved: &u64, total: &u64) -> String {
    if *total == 0 { String::new() } else { format!("{} of {}", human(*moved), human(*total)) }
}

/// How the program ends for a run that has ended, and why where it did not succeed.
pub(super) fn outcome(run: &PipelineRun) -> (Exit, Option<Error>) {
    let response = run.properties.response.clone().unwrap_or_default();
    let own = response.transload.unwrap_or_default();
    let subject = format!("run {}", name(run));
    match state(run).to_ascii_lowercase().as_str() {
        "failed" => {
            let code = own.error_code.as_deref().map_or(Code::RunFailed, trouble::of_run);
            let why = response.pipeline_run_error_message.unwrap_or_else(|| "it failed".to_owned());
            let is_partial = !own.failed_artifacts.is_empty() && !response.imported_artifacts.is_empty();
            let exit = if is_partial { Exit::Partial } else { Exit::of(code) };
            let error = Error::new(code, subject, why);
            // the message has its next step; the code's own is for the direct commands
            (exit, Some(error.with_next(format!("transload run logs {} shows what happened", name(run)))))
        }
        "canceled" => {
            let error = Error::new(Code::RunCanceled, subject, "it was cancelled");
            (Exit::of(Code::RunCanceled), Some(error))
        }
        _ => (Exit::Success, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(json: serde_json::Value) -> PipelineRun {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_run_that_failed_says_why_and_exits_as_the_engine_would() {
        let failed = run(
            serde_json::json!({"name": "run1", "properties": {"provisioningState": "Failed", "response": {
            "status": "Failed", "pipelineRunErrorMessage": "the SAS token expired",
            "transload": {"state": "Failed", "errorCode": "SasExpired"}}}}),
        );
        assert!(has_ended(&failed));
        let (exit, error) = outcome(&failed);
        assert_eq!((exit, error.unwrap().code()), (Exit::Access, Code::SasExpired));
        let some = run(
            serde_json::json!({"properties": {"response": {"status": "Failed", "importedArtifacts": ["a:1"],
            "transload": {"state": "Failed", "errorCode": "ArtifactsFailed",
                "failedArtifacts": [{"artifact": "b:1", "code": "TagNotFound", "message": "no"}]}}}}),
        );
        assert_eq!(outcome(&some).0, Exit::Partial);
    }

    #[test]
    fn a_run_of_another_implementation_is_understood_too() {
        let plain = run(serde_json::json!({"name": "run1", "properties": {"provisioningState": "Succeeded",
            "request": {"pipelineResourceId": "/subscriptions/s/resourceGroups/g/providers/N/registries/r/importPipelines/p1",
                "source": {"name": "a.tar"}}, "response": {"status": "Succeeded", "progress": {"percentage": "100"}}}}));
        assert!(has_ended(&plain) && outcome(&plain).1.is_none());
        let text = one(&plain).render(Default::default());
        assert!(
            text.contains("run run1: Succeeded\n") && text.contains("p1 (import)") && text.contains("a.tar"),
            "{text}"
        );
        let running = run(
            serde_json::json!({"properties": {"provisioningState": "Creating", "response": {"status": "Running"}}}),
        );
        assert!(!has_ended(&running));
    }
}
