//! Making the runs that import what arrived.

use time::OffsetDateTime;
use transload_control::ResourceId;
use transload_control::audit::{Entry, Outcome};
use transload_control::ledger::{NewRun, PutOutcome, Seen};
use transload_control::resource::Pipeline;
use transload_control::run::Work;
use transload_transfer::Candidate;
use uuid::Uuid;

use crate::fault::Fault;
use crate::worker::Worker;

/// Who makes the runs, for `systemData` and the audit log.
pub(crate) const BY: &str = "source trigger";
/// The word of the wire.
const SOURCE_KIND: &str = "AzureStorageBlob";
/// The most characters that a run's name may have (contract § 2).
const NAME_CHARS_MAX: usize = 50;
/// Characters of the fingerprint in a run's name.
const FINGERPRINT_CHARS: usize = 12;

/// Makes the runs of one pipeline.
pub(super) struct Maker {
    worker: Worker,
    pipeline: ResourceId,
    registry: ResourceId,
    location: Option<String>,
}

impl Maker {
    /// `None` for a pipeline that is beneath no registry.
    pub(super) fn new(worker: &Worker, id: &ResourceId, pipeline: &Pipeline) -> Option<Self> {
        Some(Self {
            worker: worker.clone(),
            pipeline: id.clone(),
            registry: id.parent()?,
            location: pipeline.location.clone(),
        })
    }

    /// Has a bundle imported, for the first time or again; what is known of it then. `None` when somebody has another run of
    /// that name under way. Two watchers that make the same run make one.
    pub(super) async fn make(&self, candidate: &Candidate, seen: &Seen) -> Result<Option<Seen>, Fault> {
        let bundle_id = seen.bundle_id.clone().unwrap_or_default();
        let id = self.run_id(&candidate.fingerprint(&bundle_id));
        let again = seen.run.is_some();
        let new = NewRun {
            id: id.clone(),
            operation: Uuid::new_v4(),
            location: self.location.clone(),
            work: self.work(candidate, &bundle_id),
            force_update_tag: again.then(|| format!("trigger-{}", seen.attempts + 1)),
            correlation: Uuid::new_v4().to_string(),
            by: BY.to_owned(),
        };
        let put = self.worker.reach.ledger().put_run(&new).await?;
        tracing::info!(run = %id, outcome = ?put.outcome, blob = candidate.name, "run made by the trigger");
        if put.outcome == PutOutcome::Busy {
            return Ok(None);
        }
        Ok(Some(Seen { run: Some(id), attempts: seen.attempts + 1, next_at: None, ..seen.clone() }))
    }

    /// Equal for the same blob whoever makes it: an equal request is no new one.
    fn work(&self, candidate: &Candidate, bundle_id: &str) -> Work {
        // what another tool wrote has no catalog, and its id is no digest of one
        let catalog_digest = Some(bundle_id.to_owned()).filter(|id| id.starts_with("sha256:"));
        let modified = candidate.modified.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        Work::Import {
            pipeline: self.pipeline.clone(),
            source_kind: SOURCE_KIND.to_owned(),
            blob: candidate.name.clone(),
            catalog_digest,
            triggered_at: modified,
        }
    }

    /// `<pipeline>_<fingerprint>`: clients tell by the `_` that the trigger made it (contract § 2).
    fn run_id(&self, fingerprint: &str) -> ResourceId {
        self.registry.child("pipelineRuns", &run_name(self.pipeline.name(), fingerprint))
    }

    /// Says once that a bundle could not be imported; what is known of it then.
    pub(super) async fn report(&self, seen: Seen) -> Result<Seen, Fault> {
        let seen = Seen { reported: true, ..seen };
        let run = seen.run.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            pipeline = %self.pipeline, blob = seen.name, run, attempts = seen.attempts,
            "a bundle could not be imported, and is not tried again until it is replaced"
        );
        let entry = Entry {
            sequence: 0,
            at: OffsetDateTime::now_utc(),
            who: BY.to_owned(),
            who_name: BY.to_owned(),
            action: "Microsoft.ContainerRegistry/registries/importPipelines/trigger".to_owned(),
            target: self.pipeline.to_string(),
            outcome: Outcome::Failed,
            code: None,
            correlation: String::new(),
            address: None,
            detail: Some(format!(
                "{} was not imported in {} tries; the last was {run}",
                seen.name, seen.attempts
            )),
        };
        self.worker.reach.ledger().report_seen(&self.pipeline, &seen, &entry).await?;
        Ok(seen)
    }
}

fn run_name(pipeline: &str, fingerprint: &str) -> String {
    let kept: String = pipeline
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(NAME_CHARS_MAX - FINGERPRINT_CHARS - 1)
        .collect();
    let mark: String = fingerprint.chars().take(FINGERPRINT_CHARS).collect();
    format!("{kept}_{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_runs_are_short_and_say_where_they_come_from() {
        let fingerprint = "0123456789abcdef0123456789abcdef";
        assert_eq!(run_name("myPipeline", fingerprint), "myPipeline_0123456789ab");
        assert_eq!(run_name("my-pipe_line.x", fingerprint), "mypipelinex_0123456789ab");
        let long = run_name(&"p".repeat(100), fingerprint);
        assert_eq!(long.len(), NAME_CHARS_MAX);
        assert!(long.ends_with("_0123456789ab"));
    }
}
