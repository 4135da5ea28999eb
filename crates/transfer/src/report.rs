//! What a transfer did, as a value: the end of every operation.

use std::time::Instant;

use serde::Serialize;
use transload_oci::{Descriptor, Digest};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::select::Chosen;
use crate::walk::Walk;

/// Version of the report's shape.
pub const REPORT_SCHEMA: u32 = 1;

/// What a transfer did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this shape.
    pub schema: u32,
    /// What was done.
    pub operation: Operation,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it was only planned.
    pub dry_run: bool,
    /// Where it came from, for people: registries or a bundle's location.
    pub source: String,
    /// Where it went, for people.
    pub target: String,
    /// Names the plan: the same content makes the same plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// Digest of the bundle's transfer manifest, which vouches for the bundle's catalog and so for all that is in it;
    /// none where another tool wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog_digest: Option<Digest>,
    /// The bundle that was written or read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleReport>,
    /// What each reference and pattern of the selection came to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selection: Vec<Chosen>,
    /// Every artifact that was asked for, in that order.
    pub artifacts: Vec<ArtifactReport>,
    /// Sums.
    pub totals: Totals,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Why it failed as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// What a person should know besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Operations that end in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Registry to bundle.
    Export,
    /// Bundle to registry.
    Import,
    /// Registry to registry.
    Copy,
    /// Bundle to another store, as it is.
    Relay,
    /// Reading a bundle and checking every byte.
    Verify,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was asked for is done.
    Succeeded,
    /// All was done before; nothing moved.
    Unchanged,
    /// Some artifacts are done and some failed.
    Partial,
    /// Nothing was made visible.
    Failed,
    /// It was stopped.
    Interrupted,
}

/// A bundle that was written or read.
#[derive(Debug, Clone, Serialize)]
pub struct BundleReport {
    /// Where, without secrets.
    pub location: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// What a bundle is and how it is wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Form {
    /// What it is.
    pub format: Format,
    /// What it is compressed with as a whole (`gzip`, `zstd`), if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// How many parts it is in, if it is split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<usize>,
    /// Whether it is a folder and not a file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
}

/// Formats of bundles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A bundle of ours.
    Bundle,
    /// An OCI image layout of another tool.
    Layout,
    /// What `docker save` wrote before it wrote image layouts; its manifests are made when it is opened.
    DockerArchive,
}

/// How an artifact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactStatus {
    /// Planned only.
    Planned,
    /// It is in the bundle.
    Exported,
    /// It is in the target registry.
    Imported,
    /// It was in the target before, with the same digest.
    Unchanged,
    /// Every byte of it was checked.
    Verified,
    /// It was not tried because another failed.
    Skipped,
    /// It failed.
    Failed,
}

/// One artifact.
#[derive(Debug, Clone, Serialize)]
pub struct ArtifactReport {
    /// The reference it was read by.
    pub source: String,
    /// The reference it has in the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Digest of its top manifest, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Media type of its top manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Type of artifact, where the manifest says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Platforms of an index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Platforms of an index whose images are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms_dropped: Vec<String>,
    /// The digest that it had before its index was written anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_digest: Option<Digest>,
    /// Signatures, SBOMs and attestations that travel with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub referrers: Vec<ReferrerReport>,
    /// Its layers that need not be in a registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign_layers: Vec<ForeignReport>,
    /// Bytes of all that it consists of.
    pub bytes: u64,
    /// How it ended.
    pub status: ArtifactStatus,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

impl ArtifactReport {
    /// The code of its failure.
    pub fn code(&self) -> Option<Code> {
        self.error.as_ref().map(Error::code)
    }
}

/// A layer that need not be in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignReport {
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Where it can be had, without what may be secret.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Whether it travels.
    pub carried: bool,
}

/// A referrer that travels with an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferrerReport {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The tag by which it is found, where it is not found by its subject (cosign).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// Media type and size.
    #[serde(skip)]
    pub descriptor: Option<Descriptor>,
}

/// Sums of a plan or of what was done. Bytes are those of contents, without tar headers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Artifacts asked for.
    pub artifacts: usize,
    /// Artifacts that failed.
    pub failed: usize,
    /// Manifests, each once.
    pub manifests: usize,
    /// Blobs, each once.
    pub blobs: usize,
    /// Bytes of all manifests and blobs, each once.
    pub bytes: u64,
    /// Bytes that need not move because artifacts share blobs.
    pub bytes_shared: u64,
    /// Bytes that need not move because the target has them.
    pub bytes_present: u64,
    /// Bytes that an earlier run had moved.
    pub bytes_resumed: u64,
    /// Bytes to move (plan) or moved (report).
    pub bytes_moved: u64,
    /// Bytes that a registry mounted instead of taking them.
    pub bytes_mounted: u64,
}

/// Stops when artifacts failed and that is not to be borne, or when none is left.
pub(crate) fn refuse_failures(artifacts: &[ArtifactReport], continue_on_errors: bool) -> Result<(), Error> {
    let failed: Vec<&Error> = artifacts.iter().filter_map(|artifact| artifact.error.as_ref()).collect();
    if failed.is_empty() || (continue_on_errors && failed.len() < artifacts.len()) {
        return Ok(());
    }
    if let [only] = failed.as_slice() {
        return Err((*only).clone());
    }
    let detail = format!("{} of {} artifacts cannot be moved", failed.len(), artifacts.len());
    let error = Error::new(Code::ArtifactsFailed, "", detail);
    Err(if failed.len() == artifacts.len() {
        error.with_next("mend what each artifact's message says")
    } else {
        error
    })
}

impl Report {
    pub(crate) fn new(operation: Operation, source: String, target: String) -> Self {
        Self {
            schema: REPORT_SCHEMA,
            operation,
            outcome: Outcome::Succeeded,
            dry_run: false,
            source,
            target,
            plan_id: None,
            catalog_digest: None,
            bundle: None,
            selection: Vec::new(),
            artifacts: Vec::new(),
            totals: Totals::default(),
            seconds: 0.0,
            error: None,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Takes over what the walk has to say of the selection.
    pub(crate) fn take_selection(&mut self, walk: &mut Walk) {
        self.selection = std::mem::take(&mut walk.chosen);
        self.warnings.append(&mut walk.warnings);
    }

    /// Gives every planned artifact this status, and the whole this outcome unless something failed.
    pub(crate) fn settle(&mut self, status: ArtifactStatus, outcome: Outcome) {
        for artifact in &mut self.artifacts {
            if artifact.status == ArtifactStatus::Planned {
                artifact.status = status;
            }
        }
        self.outcome = outcome;
    }

    /// Brings the failures of a walk's artifacts, which are this report's in the same order, into it.
    pub(crate) fn note_failures(&mut self, walk: &Walk) {
        for (artifact, walked) in self.artifacts.iter_mut().zip(&walk.artifacts) {
            if let (None, Some(error)) = (&artifact.error, &walked.error) {
                artifact.error = Some(error.clone());
                artifact.status = ArtifactStatus::Failed;
            }
        }
    }

    /// It failed as a whole: what was only planned is skipped.
    pub(crate) fn fail(&mut self, error: Error) {
        let interrupted = error.code() == Code::Interrupted;
        self.settle(
            ArtifactStatus::Skipped,
            if interrupted { Outcome::Interrupted } else { Outcome::Failed },
        );
        self.totals.bytes_moved = 0;
        self.error = Some(error);
    }

    /// The last strokes, common to every operation.
    pub(crate) fn finish(mut self, engine: &Engine, started: Instant) -> Self {
        self.totals.artifacts = self.artifacts.len();
        self.totals.failed = self.artifacts.iter().filter(|a| a.error.is_some()).count();
        if self.totals.failed > 0 && matches!(self.outcome, Outcome::Succeeded | Outcome::Unchanged) {
            self.outcome = Outcome::Partial;
        }
        self.seconds = started.elapsed().as_secs_f64();
        for artifact in &self.artifacts {
            engine.events.send(&Event::ArtifactFinished { artifact: Box::new(artifact.clone()) });
        }
        if let Some(error) = &self.error {
            engine.events.send(&Event::Failed { error: error.clone() });
        }
        self
    }
}
