//! Import: bundle → registry. Copy: registry → registry, nothing between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use transload_blobstore::BlobStore;
use transload_bundle::Status;
use transload_oci::{Pattern, Rename};
use transload_registry::{Source, Target};

use crate::checkpoint::{Checkpoint, Intent};
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::open::{self, BundleSource, Opened};
use crate::push::{self, PushOptions, PushPlan};
use crate::report::{
    ArtifactReport, ArtifactStatus, BundleReport, Operation, Outcome, Report, refuse_failures,
};
use crate::select::Selection;
use crate::stream::Feed;
use crate::walk::{Sources, Walk, registries, walk, walk_bundle};

/// What becomes of tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Retag {
    /// They stay.
    #[default]
    Keep,
    /// Every artifact gets this tag, also one that was named by its digest.
    To(String),
    /// None is set: artifacts are found by their digests. Tags by which referrers are found (cosign) stay.
    Drop,
}

/// How to fill a target registry.
#[derive(Debug, Clone, Default)]
pub struct TargetOptions {
    /// Put in front of every repository's name. Empty for none.
    pub prefix: String,
    /// Rules that give repositories other names; the first that fits counts. The prefix stands in front of what they
    /// make as well.
    pub renames: Vec<Rename>,
    /// What becomes of tags.
    pub retag: Retag,
    /// Write indexes of a bundle anew so that they list only the platforms that it has. Their digest changes by it.
    pub platform_rewrite: bool,
    /// Move tags that exist with another digest.
    pub overwrite_tags: bool,
    /// Push what can be pushed when something cannot.
    pub continue_on_errors: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Asked once the source was walked, before the target is looked at.
    pub checkpoint: Option<Arc<dyn Checkpoint>>,
}

/// What to import, and where to.
#[derive(Debug)]
pub struct Import {
    /// Where the bundle is.
    pub store: Arc<dyn BlobStore>,
    /// Its name there.
    pub name: String,
    /// What of it is wanted; empty for everything. Each pattern has to fit something.
    pub only: Vec<Pattern>,
    /// The registry to fill.
    pub target: Arc<dyn Target>,
    /// How.
    pub options: TargetOptions,
    /// Delete the bundle when every artifact is in the target. That it cannot be deleted is a warning, unless it is known
    /// before anything was read.
    pub delete_source_blob_on_success: bool,
}

/// What to copy, and where to.
#[derive(Debug)]
pub struct Copy {
    /// The registries that the selection names.
    pub sources: Sources,
    /// What to copy.
    pub selection: Selection,
    /// The registry to fill.
    pub target: Arc<dyn Target>,
    /// How.
    pub options: TargetOptions,
}

impl Import {
    /// Plans, and unless it is a dry run acts. Everything that happened is in the report.
    pub async fn run(self, engine: &Engine) -> Report {
        let started = Instant::now();
        let source = self.store.describe(&self.name);
        let mut report = Report::new(Operation::Import, source, place(&self.target, &self.options))
            .with_dry_run(self.options.dry_run);
        if let Err(error) = engine.until_cancelled(self.steps(engine, &mut report)).await {
            report.fail(error);
        }
        report.finish(engine, started)
    }

    pub(crate) async fn steps(&self, engine: &Engine, report: &mut Report) -> Result<(), Error> {
        if self.delete_source_blob_on_success && !self.name.is_empty() {
            self.store.check_delete(&self.name)?;
        }
        let opened = open::bundle(engine, &self.store, &self.name).await?;
        if self.delete_source_blob_on_success {
            opened.check_delete()?;
        }
        report.bundle = Some(BundleReport { location: opened.location.clone(), bytes: opened.len() });
        from_opened(engine, opened.clone(), None, &self.only, &self.target, &self.options, report).await?;
        let all_there = report.artifacts.iter().all(|artifact| artifact.error.is_none());
        if self.delete_source_blob_on_success && !self.options.dry_run && all_there {
            report.warnings.extend(delete(engine, &opened).await);
        }
        Ok(())
    }
}

/// Deletes what was imported; what to warn of where that fails.
async fn delete(engine: &Engine, opened: &Opened) -> Option<String> {
    let error = opened.delete().await.err()?;
    let warning = format!("all of it is imported, but the bundle could not be deleted: {error}");
    engine.warn(&*warning);
    Some(warning)
}

/// Fills a target from an open bundle. What is behind its head comes from where the bundle lies, or out of a pipe.
pub(crate) async fn from_opened(
    engine: &Engine,
    opened: Opened,
    feed: Option<&Feed>,
    only: &[Pattern],
    target: &Arc<dyn Target>,
    options: &TargetOptions,
    report: &mut Report,
) -> Result<(), Error> {
    note_transfer(&opened, report);
    let source = Arc::new(BundleSource::new(opened).await?);
    let walk = walk_bundle(engine, &source, only, options.platform_rewrite).await?;
    let sources: Sources = BTreeMap::from([(source.host().to_owned(), source as Arc<dyn Source>)]);
    fill(engine, walk, &sources, feed, target, options, report).await
}

/// Says what the exporting side could not move.
fn note_transfer(opened: &Opened, report: &mut Report) {
    report.warnings.extend(opened.conversion());
    report.catalog_digest = opened.index.transfer_digest;
    let Some(transfer) = &opened.index.transfer else { return };
    report.plan_id = Some(transfer.plan_id.clone());
    for failed in transfer.artifacts.iter().filter(|artifact| artifact.status == Status::Failed) {
        let text = failed.text.as_deref().or(failed.code.as_deref()).unwrap_or("no reason recorded");
        report.warnings.push(format!("{} is not in the bundle: its export failed: {text}", failed.source));
    }
}

impl Copy {
    /// Plans, and unless it is a dry run acts. Everything that happened is in the report.
    pub async fn run(self, engine: &Engine) -> Report {
        let started = Instant::now();
        let hosts = registries(&self.sources);
        let mut report = Report::new(Operation::Copy, hosts.join(", "), place(&self.target, &self.options))
            .with_dry_run(self.options.dry_run);
        if let Err(error) = engine.until_cancelled(self.steps(engine, &mut report)).await {
            report.fail(error);
        }
        report.finish(engine, started)
    }

    async fn steps(&self, engine: &Engine, report: &mut Report) -> Result<(), Error> {
        let walk = walk(engine, &self.sources, &self.selection).await?;
        fill(engine, walk, &self.sources, None, &self.target, &self.options, report).await
    }
}

pub(crate) fn place(target: &Arc<dyn Target>, options: &TargetOptions) -> String {
    if options.prefix.is_empty() {
        target.host().to_owned()
    } else {
        format!("{}/{}", target.host(), options.prefix)
    }
}

/// What import and copy have in common: look at the target, then push what it lacks.
async fn fill(
    engine: &Engine,
    mut walk: Walk,
    sources: &Sources,
    feed: Option<&Feed>,
    target: &Arc<dyn Target>,
    options: &TargetOptions,
    report: &mut Report,
) -> Result<(), Error> {
    retag(&mut walk, &options.retag);
    report.take_selection(&mut walk);
    report.artifacts = reports(&walk, None);
    refuse_failures(&report.artifacts, options.continue_on_errors)?;
    report.warnings.extend(idle_renames(&walk, &options.renames));
    let push = PushOptions {
        prefix: options.prefix.clone(),
        renames: options.renames.clone(),
        overwrite_tags: options.overwrite_tags,
    };
    if let Some(checkpoint) = &options.checkpoint {
        let tags = push::tags(&walk, target.as_ref(), &push);
        checkpoint.pass(&Intent { tags, catalog_digest: report.catalog_digest }).await?;
    }
    let plan = PushPlan::new(engine, walk, target, &push).await?;
    report.artifacts = reports(&plan.walk, Some(&plan));
    report.totals = plan.totals;
    refuse_failures(&report.artifacts, options.continue_on_errors)?;
    engine.events.send(&Event::Planned { operation: report.operation, totals: plan.totals });
    if options.dry_run {
        return Ok(());
    }
    let nothing_to_do = plan.blobs.is_empty() && plan.artifacts.iter().all(|part| part.unchanged);
    push::act(engine, plan, sources, target, feed, options.continue_on_errors, report).await?;
    if nothing_to_do {
        report.outcome = Outcome::Unchanged;
    }
    Ok(())
}

fn retag(walk: &mut Walk, retag: &Retag) {
    for artifact in &mut walk.artifacts {
        match retag {
            Retag::Keep => return,
            Retag::To(tag) => artifact.tag = Some(tag.clone()),
            Retag::Drop => artifact.tag = None,
        }
    }
}

/// Rules that no artifact comes under.
fn idle_renames<'a>(walk: &'a Walk, renames: &'a [Rename]) -> impl Iterator<Item = String> + 'a {
    let applies = |rule: &Rename| {
        walk.artifacts.iter().any(|a| rule.apply(a.origin.as_deref(), &a.repository).is_some())
    };
    renames.iter().filter(move |rule| !applies(rule)).map(|rule| format!("--map {rule} fits no repository"))
}

fn reports(walk: &Walk, plan: Option<&PushPlan>) -> Vec<ArtifactReport> {
    let mut reports: Vec<_> =
        walk.artifacts.iter().map(|a| a.report(walk, ArtifactStatus::Planned)).collect();
    if let Some(plan) = plan {
        for (report, part) in reports.iter_mut().zip(&plan.artifacts) {
            report.target = Some(part.name.clone());
            if part.unchanged && report.error.is_none() {
                report.status = ArtifactStatus::Unchanged;
            }
        }
    }
    reports
}
