//! Export: registry → bundle. Plan, then act on the plan.

mod act;
mod body;
mod buffers;
mod fetch;
mod finish;
mod in_order;
mod layout;
mod plan;

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use transload_blobstore::BlobStore;
use transload_bundle as bundle;

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::plan_file::PlanFile;
use crate::report::{ArtifactStatus, BundleReport, Operation, Outcome, Report, refuse_failures};
use crate::select::Selection;
use crate::walk::{Sources, Walk, refuse_name_conflicts, registries, walk};
use plan::ExportPlan;

pub(crate) use act::CATEGORY;
pub(crate) use plan::{blob_bytes, plan_id, totals};

/// What to export, and where to.
#[derive(Debug)]
pub struct Export {
    /// The registries that the selection names.
    pub sources: Sources,
    /// What to export.
    pub selection: Selection,
    /// A plan that must come out again just so; its [selection](PlanFile::to_selection) is the one above.
    pub approved: Option<PlanFile>,
    /// Where the bundle goes.
    pub store: Arc<dyn BlobStore>,
    /// Its name there; without one it is named after its content.
    pub name: Option<String>,
    /// How.
    pub options: ExportOptions,
}

/// How to export.
#[derive(Debug, Clone, Default)]
pub struct ExportOptions {
    /// Replace a bundle of that name.
    pub overwrite_blobs: bool,
    /// Export what can be exported when something cannot.
    pub continue_on_errors: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Kept in the transfer manifest: which program wrote it (`transload/0.1.0`).
    pub tool: String,
}

impl Export {
    /// Plans, and unless it is a dry run acts. Everything that happened is in the report.
    pub async fn run(self, engine: &Engine) -> Report {
        let walked = walk(engine, &self.sources, &self.selection);
        self.run_with(engine, walked).await
    }

    /// The same with a walk of its own; what is selected is only told of then.
    pub(crate) async fn run_with(
        &self,
        engine: &Engine,
        walk: impl Future<Output = Result<Walk, Error>>,
    ) -> Report {
        let started = Instant::now();
        let mut report = self.empty_report();
        let steps = async { self.steps(engine, walk.await?, &mut report).await };
        if let Err(error) = engine.until_cancelled(steps).await {
            report.fail(error);
        }
        report.finish(engine, started)
    }

    async fn steps(&self, engine: &Engine, mut walk: Walk, report: &mut Report) -> Result<(), Error> {
        refuse_name_conflicts(&mut walk);
        report.take_selection(&mut walk);
        report.artifacts =
            walk.artifacts.iter().map(|artifact| artifact.report(&walk, ArtifactStatus::Planned)).collect();
        refuse_failures(&report.artifacts, self.options.continue_on_errors)?;
        if let Some(approved) = &self.approved {
            approved.check(&walk)?;
        }
        let plan =
            ExportPlan::new(&engine.limits, self.store.limits(), walk, &self.selection, &self.options)?;
        let name = self.name.clone().unwrap_or_else(|| plan.suggested_name());
        let location = self.store.describe(&name);
        report.target.clone_from(&location);
        report.plan_id = Some(plan.id.clone());
        report.totals = plan.totals;
        report.bundle = Some(BundleReport { location: location.clone(), bytes: plan.bundle_bytes() });
        if let Some(there) = self.already_there(engine, &plan, &name).await? {
            report.catalog_digest = there.transfer_digest;
            report.settle(ArtifactStatus::Exported, Outcome::Unchanged);
            report.totals.bytes_present = report.totals.bytes;
            report.totals.bytes_moved = 0;
            return Ok(());
        }
        engine.events.send(&Event::Planned { operation: Operation::Export, totals: plan.totals });
        if self.options.dry_run {
            return Ok(());
        }
        act::act(engine, self, plan, &name, report).await
    }

    /// The bundle that is there under that name and holds just what this plan would write.
    async fn already_there(
        &self,
        engine: &Engine,
        plan: &ExportPlan,
        name: &str,
    ) -> Result<Option<Arc<bundle::OpenBundle>>, Error> {
        if self.options.overwrite_blobs {
            return Ok(None);
        }
        let Some(stat) = self.store.stat(name).await? else { return Ok(None) };
        let location = self.store.describe(name);
        let there = crate::open::open(engine, &self.store, &stat).await.ok();
        let same = there
            .as_ref()
            .and_then(|b| b.index.transfer.as_ref())
            .is_some_and(|t| t.plan_id == plan.id && t.artifacts.iter().all(bundle::Artifact::is_present));
        if same && plan.failures() == 0 {
            return Ok(there.map(|there| there.index));
        }
        let what =
            if there.is_some() { "a bundle with other content" } else { "a blob that is no bundle of ours" };
        Err(Error::new(
            Code::BundleExists,
            location,
            format!("{what} is already there ({} bytes)", stat.size),
        ))
    }

    fn empty_report(&self) -> Report {
        let sources = registries(&self.sources);
        Report::new(
            Operation::Export,
            sources.join(", "),
            self.store.describe(self.name.as_deref().unwrap_or("")),
        )
        .with_dry_run(self.options.dry_run)
    }
}
