//! What is known of a run, out of the engine's events.

use transload_control::run::{FailedArtifact, Record};
use transload_transfer::{ArtifactReport, ArtifactStatus, Event, Outcome, Report};

use crate::limits::Limits;
use crate::words::{self, Task};

/// How far a run is when its artifacts are known.
const RESOLVED_PERCENT: u8 = 1;
/// When its plan stands.
const PLANNED_PERCENT: u8 = 2;
/// When all bytes moved.
const MOVED_PERCENT: u8 = 97;
/// When the bundle is visible.
const COMMITTED_PERCENT: u8 = 99;

/// What an attempt begins with: counts start anew, what is known of the run as a whole stays, and no run goes backwards.
pub(crate) fn begin(record: &mut Record) {
    record.bytes_moved = 0;
    record.bytes_total = 0;
    record.artifacts.clear();
    record.failed.clear();
    record.warnings.clear();
    record.error = None;
    record.next_attempt_at = None;
}

/// What is known after an event. Total: an event that says nothing of the record leaves it as it is. The percentage never
/// falls, and 100 is for the end alone ([`settle`]).
pub fn fold(record: &mut Record, event: &Event, task: Task, limits: &Limits) {
    match event {
        Event::Resolved { .. } => reach(record, RESOLVED_PERCENT),
        Event::Planned { totals, .. } => {
            record.bytes_total = totals.bytes_moved;
            record.bytes_moved = 0;
            reach(record, PLANNED_PERCENT);
        }
        Event::Resumed { bytes } | Event::BlobProgress { bytes, .. } => {
            // what broke off and was sent again counts once
            record.bytes_moved = record.bytes_moved.saturating_add(*bytes).min(record.bytes_total);
            reach(record, moved_percent(record));
        }
        Event::Committed { .. } => reach(record, COMMITTED_PERCENT),
        Event::ArtifactFinished { artifact } => finish(record, artifact, task, limits),
        Event::Warning { message } => warn(record, message, limits),
        Event::Failed { error } => record.error = Some(words::run_error(error, task, limits)),
        _ => {}
    }
}

/// What is known once the engine is done.
pub(crate) fn settle(record: &mut Record, report: &Report, task: Task, limits: &Limits) {
    record.artifacts.clear();
    record.failed.clear();
    for artifact in &report.artifacts {
        finish(record, artifact, task, limits);
    }
    for warning in &report.warnings {
        warn(record, warning, limits);
    }
    record.catalog_digest = report.catalog_digest.map(|digest| digest.to_string());
    record.error = words::outcome(report, task, limits);
    if matches!(report.outcome, Outcome::Succeeded | Outcome::Unchanged) {
        record.bytes_moved = record.bytes_total;
        record.percentage = 100;
    }
}

/// Adds a warning, each once.
pub(crate) fn warn(record: &mut Record, message: &str, limits: &Limits) {
    let message = words::shortened(message, limits.message_chars_max);
    if record.warnings.len() < limits.warnings_max && !record.warnings.contains(&message) {
        record.warnings.push(message);
    }
}

fn reach(record: &mut Record, percent: u8) {
    record.percentage = record.percentage.max(percent).min(100);
}

fn moved_percent(record: &Record) -> u8 {
    let span = u128::from(MOVED_PERCENT - PLANNED_PERCENT);
    let part = u128::from(record.bytes_moved) * span / u128::from(record.bytes_total.max(1));
    PLANNED_PERCENT + u8::try_from(part.min(span)).unwrap_or(0)
}

fn finish(record: &mut Record, artifact: &ArtifactReport, task: Task, limits: &Limits) {
    if let Some(error) = &artifact.error {
        if record.failed.len() < limits.failed_max {
            let why = words::run_error(error, task, limits);
            record.failed.push(FailedArtifact {
                artifact: artifact.source.clone(),
                code: why.code,
                message: why.message,
            });
        }
        return;
    }
    let name = match artifact.status {
        ArtifactStatus::Exported => &artifact.source,
        ArtifactStatus::Imported | ArtifactStatus::Unchanged => {
            artifact.target.as_ref().unwrap_or(&artifact.source)
        }
        _ => return,
    };
    // of a reference the registry is known: it is the pipeline's
    let name = name.split_once('/').map_or(name.as_str(), |(_, name)| name);
    if record.artifacts.len() < limits.artifacts_max && !record.artifacts.iter().any(|there| there == name) {
        record.artifacts.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests;
