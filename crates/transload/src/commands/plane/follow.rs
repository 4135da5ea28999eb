//! Waiting for what goes on at the server.

use std::time::Duration;

use serde::Serialize;
use transload_client::Operation;
use transload_client::api::{OperationStatus, PipelineRun, ResourceId};
use transload_transfer::{Code, Error};

use super::run_page::{has_ended, outcome, state};
use super::{Plane, run_page, trouble};
use crate::commands::until_signal;
use crate::exit::Exit;
use crate::output::{Output, Page};

/// Between two looks at a run.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A server that restarts is waited for: so many looks may fail one after the other.
const FAILED_LOOKS_MAX: u32 = 30;

/// Where a run is, for those who read events.
#[derive(Serialize)]
struct RunProgress<'a> {
    run: &'a str,
    state: &'a str,
    percentage: &'a str,
    bytes_moved: u64,
    bytes_total: u64,
}

/// Watches a run until it has ended. A signal ends the watching and not the run.
pub(super) async fn run(plane: &Plane, id: &ResourceId, output: &Output) -> Result<PipelineRun, Error> {
    let stop = until_signal();
    let bar = output.bar("run");
    let mut told = String::new();
    let mut failed = 0;
    let watched = loop {
        match plane.client.get::<PipelineRun>(id).await {
            Ok(run) => {
                failed = 0;
                tell(&run, id.name(), &mut told, &bar, output);
                if has_ended(&run) {
                    break Ok(run);
                }
            }
            Err(error) if error.is_transient() && failed < FAILED_LOOKS_MAX => failed += 1,
            Err(error) => break Err(trouble::error(error)),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => break Err(left(id.name())),
        }
    };
    bar.end();
    watched
}

fn left(name: &str) -> Error {
    Error::new(Code::Interrupted, format!("run {name}"), "stopped watching; the run itself goes on")
        .with_next(format!(
            "watch it again with `transload run watch {name}`, or stop it with `transload run cancel {name}`"
        ))
}

fn tell(run: &PipelineRun, name: &str, told: &mut String, bar: &crate::output::Bar, output: &Output) {
    let response = run.properties.response.clone().unwrap_or_default();
    let own = response.transload.unwrap_or_default();
    let percentage = response.progress.map(|progress| progress.percentage).unwrap_or_default();
    if own.bytes_total > 0 {
        bar.at(own.bytes_moved, own.bytes_total);
    }
    let state = state(run);
    let now = format!("run {name}: {}, {percentage} %", state.to_ascii_lowercase());
    if now != *told {
        let (bytes_moved, bytes_total) = (own.bytes_moved, own.bytes_total);
        output.progress(
            "run_progress",
            &RunProgress { run: name, state, percentage: &percentage, bytes_moved, bytes_total },
            &now,
        );
        *told = now;
    }
}

/// Watches a run to its end, shows it, and ends as it did.
pub(super) async fn run_to_end(plane: &Plane, id: &ResourceId, output: &Output) -> Result<Exit, Error> {
    let ended = run(plane, id, output).await?;
    output.announce("run", &ended, || run_page::one(&ended))?;
    let (exit, error) = outcome(&ended);
    if let Some(error) = error {
        output.error(&error);
    }
    Ok(exit)
}

/// Follows an operation to its end.
pub(super) async fn operation(
    plane: &Plane,
    operation: &Operation,
    subject: &str,
    output: &Output,
) -> Result<OperationStatus, Error> {
    let stop = until_signal();
    let mut told = String::new();
    let seen = |status: &OperationStatus| {
        let now = format!("{subject}: {}", status.status.to_ascii_lowercase());
        if now != told {
            output.progress("operation_progress", status, &now);
            told = now;
        }
    };
    tokio::select! {
        done = plane.client.wait(operation, seen) => done.map_err(|error| {
            let error = trouble::error(error);
            // the operation itself has no name that a person would know
            if error.subject().is_empty() {
                return Error::new(error.code(), subject, error.detail());
            }
            error
        }),
        () = stop.cancelled() => {
            Err(Error::new(Code::Interrupted, subject, "stopped waiting; the server goes on")
                .with_next("run the same command again to wait for it"))
        }
    }
}

/// Says that something is done of which there is no more to show.
pub(super) fn fine(text: &str, output: &Output) -> Result<Exit, Error> {
    #[derive(Serialize)]
    struct Done<'a> {
        done: &'a str,
    }
    output.announce("done", &Done { done: text }, || Page::new().text(format!("{text}\n")))?;
    Ok(Exit::Success)
}
