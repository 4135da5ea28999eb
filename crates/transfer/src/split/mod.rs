//! One bundle into several: a bundle for each repository, or parts of one length.

mod parts;
mod repositories;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use transload_blobstore::BlobStore;

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::open;
use crate::report::{Outcome, REPORT_SCHEMA, Report};

/// What to split, how, and where to.
#[derive(Debug)]
pub struct Split {
    /// Where the bundle is.
    pub store: Arc<dyn BlobStore>,
    /// Its name there.
    pub name: String,
    /// Where what it is split into goes.
    pub target: Arc<dyn BlobStore>,
    /// How it is cut.
    pub cut: Cut,
    /// Replace what is there under the same names.
    pub overwrite_blobs: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Kept in the bundles that are made: which program wrote them (`transload/0.1.0`).
    pub tool: String,
}

/// How a bundle is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// A whole bundle for each repository, with its signatures and SBOMs.
    Repositories,
    /// Parts of so many bytes each, the last one shorter: `NAME.001`, `NAME.002`, … Together they are the bundle.
    Bytes(u64),
}

/// What a split did.
#[derive(Debug, Clone, Serialize)]
pub struct SplitReport {
    /// Version of this shape.
    pub schema: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// The bundle that was split, without secrets.
    pub source: String,
    /// The bundles that were made, one for each repository.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bundles: Vec<Report>,
    /// The parts that were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Why it failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// A part of a bundle.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Where it is, without secrets.
    pub location: String,
    /// Length in bytes.
    pub bytes: u64,
    /// Whether the same was there before.
    pub unchanged: bool,
}

impl Split {
    /// Splits. Everything that happened is in the report. The same split again goes on where it stopped.
    pub async fn run(self, engine: &Engine) -> SplitReport {
        let started = Instant::now();
        let mut report = SplitReport {
            schema: REPORT_SCHEMA,
            outcome: Outcome::Failed,
            dry_run: self.dry_run,
            source: self.store.describe(&self.name),
            bundles: Vec::new(),
            parts: Vec::new(),
            seconds: 0.0,
            error: None,
        };
        match engine.until_cancelled(self.steps(engine, &mut report)).await {
            Ok(()) => report.outcome = outcome(&report),
            Err(error) => {
                if error.code() == Code::Interrupted {
                    report.outcome = Outcome::Interrupted;
                }
                report.error = Some(error);
            }
        }
        report.seconds = started.elapsed().as_secs_f64();
        report
    }

    async fn steps(&self, engine: &Engine, report: &mut SplitReport) -> Result<(), Error> {
        match self.cut {
            Cut::Repositories => {
                let opened = open::bundle(engine, &self.store, &self.name).await?;
                repositories::split(engine, self, opened, report).await
            }
            Cut::Bytes(bytes) => parts::split(engine, self, bytes, report).await,
        }
    }
}

/// The worst of the bundles' outcomes.
fn outcome(report: &SplitReport) -> Outcome {
    let mut failed = report.bundles.iter().map(|bundle| bundle.outcome);
    let bad = failed.find(|outcome| !matches!(outcome, Outcome::Succeeded | Outcome::Unchanged));
    let unchanged = report.bundles.iter().all(|bundle| bundle.outcome == Outcome::Unchanged)
        && report.parts.iter().all(|part| part.unchanged);
    bad.unwrap_or(if unchanged { Outcome::Unchanged } else { Outcome::Succeeded })
}
