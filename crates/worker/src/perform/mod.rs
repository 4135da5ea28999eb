//! The work of a run: both ends are opened, the engine does it, the record says what came of it.

mod check;
mod export;
mod image;
mod import;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use transload_control::ledger::Claim;
use transload_control::resource::{Pipeline, PipelineOption};
use transload_control::run::{Run, Work};
use transload_transfer::{Engine, Report};

use crate::checkpoint::Holds;
use crate::fault::Fault;
use crate::options::WorkerOptions;
use crate::progress::Progress;
use crate::reach::Reach;
use crate::trigger;
use crate::words::{self, Task};

/// What one attempt works with.
pub(crate) struct Bench<'a> {
    pub(crate) reach: &'a Reach,
    pub(crate) claim: &'a Claim,
    pub(crate) progress: &'a Arc<Progress>,
    pub(crate) options: &'a WorkerOptions,
    pub(crate) cancel: &'a CancellationToken,
}

/// What a run is about.
pub(crate) fn task_of(work: &Work) -> Task {
    match work {
        Work::Export { .. } => Task::Export,
        Work::Import { .. } => Task::Import,
        Work::ImportImage { .. } => Task::ImportImage,
        Work::Check { .. } => Task::Check,
    }
}

/// Does the work of a run.
pub(crate) async fn perform(bench: &Bench<'_>) -> Result<(), Fault> {
    match &bench.claim.run.work {
        Work::Export { pipeline, artifacts, blob, .. } => {
            export::run(bench, pipeline, artifacts, blob).boxed().await
        }
        Work::Import { pipeline, blob, catalog_digest, .. } => {
            import::run(bench, pipeline, blob, catalog_digest.as_deref()).boxed().await
        }
        Work::ImportImage { .. } => image::run(bench).boxed().await,
        Work::Check { subject } => check::run(bench, subject).boxed().await,
    }
}

impl Bench<'_> {
    fn run(&self) -> &Run {
        &self.claim.run
    }

    fn correlation(&self) -> &str {
        &self.claim.run.correlation
    }

    fn task(&self) -> Task {
        self.progress.task()
    }

    fn engine(&self) -> Engine {
        let pace = self.options.pace.for_another();
        Engine::new(self.options.engine, self.progress.events(), self.cancel.clone()).with_pace(pace)
    }

    fn holds(&self) -> Holds {
        Holds {
            ledger: self.reach.ledger().clone(),
            claim: self.claim.clone(),
            cancel: self.cancel.clone(),
            patient: self.run().stamps.changed_by == trigger::BY || self.options.pace.has_schedule(),
        }
    }

    /// Waits for something unless the attempt is to stop.
    async fn until_stopped<T>(&self, work: BoxFuture<'_, Result<T, Fault>>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Fault::Interrupted),
            done = work => done,
        }
    }

    /// Takes over what the engine reports.
    fn settle(&self, report: &Report, is_last: bool) -> Result<(), Fault> {
        self.progress.settle(report, is_last);
        if let Some(error) = report.error.as_ref()
            && error.code() == transload_transfer::Code::Interrupted
        {
            // that it was stopped is its state, and no failure
            self.progress.change(|record| record.error = None);
            return Err(Fault::Interrupted);
        }
        match words::outcome(report, self.task(), self.progress.limits()) {
            None => Ok(()),
            Some(error) => Err(Fault::Failed { error, transient: words::is_transient(report, self.task()) }),
        }
    }
}

fn has(pipeline: &Pipeline, option: PipelineOption) -> bool {
    pipeline.options.contains(&option)
}

/// URI of a blob, as the pipeline names its container.
fn blob_uri(pipeline: &Pipeline, blob: &str) -> String {
    format!("{}/{blob}", pipeline.container.uri.trim_end_matches('/'))
}
