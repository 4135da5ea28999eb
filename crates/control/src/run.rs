//! Runs: what is asked for, how far it is, and how it ended.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use crate::resource::Stamps;

/// A run as the ledger has it. A run that is put again with another request is the same resource in its next
/// generation, with an operation of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its id. Of [`Work::ImportImage`] and [`Work::Check`] one that is not shown as a resource.
    pub id: ResourceId,
    /// Counts how often it was asked for, from 1.
    pub generation: i64,
    /// Names this generation's operation, whose status clients poll.
    pub operation: Uuid,
    /// Who made and changed it.
    pub stamps: Stamps,
    /// Given back where it was sent.
    pub location: Option<String>,
    /// What to do.
    pub work: Work,
    /// Another value makes an equal request run again.
    pub force_update_tag: Option<String>,
    /// Where it stands.
    pub state: RunState,
    /// What is known of it.
    pub record: Record,
    /// What log lines, audit entries and errors of this run carry.
    pub correlation: String,
}

/// What a run does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "camelCase")]
pub enum Work {
    /// Artifacts of the pipeline's registry into a blob.
    Export {
        /// The pipeline.
        pipeline: ResourceId,
        /// References or patterns, with `:latest` where none was named.
        artifacts: Vec<String>,
        /// The word of the wire (`AzureStorageBlob`).
        target_kind: String,
        /// Name of the blob.
        blob: String,
    },
    /// A blob into the pipeline's registry.
    Import {
        /// The pipeline.
        pipeline: ResourceId,
        /// The word of the wire (`AzureStorageBlob`).
        source_kind: String,
        /// Name of the blob.
        blob: String,
        /// What the catalog's digest has to be, where it was said.
        catalog_digest: Option<String>,
        /// When the trigger saw the blob, where one made the run.
        #[serde(with = "time::serde::rfc3339::option")]
        triggered_at: Option<OffsetDateTime>,
    },
    /// Registry to registry, nothing between.
    ImportImage {
        /// The registry to fill.
        registry: ResourceId,
        /// A registry resource to copy from.
        source_registry: Option<ResourceId>,
        /// Or `host[:port]` of any.
        source_host: Option<String>,
        /// URI-less reference in the source: `repository[:tag|@digest]`.
        source_image: String,
        /// User of the source, where one was given.
        user: Option<String>,
        /// Sealed password of the source, where one was given.
        password_sealed: Option<String>,
        /// Tags to set: `repository:tag`.
        target_tags: Vec<String>,
        /// Repositories to fill without tags.
        untagged_target_repositories: Vec<String>,
        /// Whether tags are moved.
        force: bool,
    },
    /// Whether a pipeline or a registry can be reached with what it has.
    Check {
        /// The resource.
        subject: ResourceId,
    },
}

impl Work {
    /// The pipeline, of runs that have one.
    pub fn pipeline(&self) -> Option<&ResourceId> {
        match self {
            Self::Export { pipeline, .. } | Self::Import { pipeline, .. } => Some(pipeline),
            Self::ImportImage { .. } | Self::Check { .. } => None,
        }
    }

    /// Whether both ask for the same; when a trigger saw the blob does not count.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let untimed = |work: &Self| {
            let mut work = work.clone();
            if let Self::Import { triggered_at, .. } = &mut work {
                *triggered_at = None;
            }
            work
        };
        untimed(self) == untimed(other)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RunState {
    /// It waits for a worker, for the first time or after a failure that may pass.
    Queued,
    /// A worker has it.
    Running,
    /// It is to be stopped; a worker may still have it.
    Canceling,
    /// All that was asked for is done.
    Succeeded,
    /// It failed.
    Failed,
    /// It was stopped.
    Canceled,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Canceling, Self::Succeeded, Self::Failed, Self::Canceled];

    /// Whether nothing follows by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// It was asked for again, with another request or tag.
    Requested,
    /// A worker took it.
    Claimed,
    /// The worker that had it is gone or gave it back; it may be tried again.
    Released,
    /// It failed in a way that may pass, and may be tried again.
    Retried,
    /// Its worker did all of it.
    Succeeded,
    /// It failed for good.
    Failed,
    /// It is to be stopped.
    CancelAsked,
    /// Its worker stopped.
    Stopped,
}

impl Happening {
    /// Every happening.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Claimed,
        Self::Released,
        Self::Retried,
        Self::Succeeded,
        Self::Failed,
        Self::CancelAsked,
        Self::Stopped,
    ];
}

/// The state that follows. Total: what cannot happen in a state leaves it as it is, and `None` says so.
pub fn next(state: RunState, happening: Happening) -> Option<RunState> {
    use Happening as H;
    use RunState as S;
    Some(match (state, happening) {
        (S::Succeeded | S::Failed | S::Canceled, H::Requested) => S::Queued,
        (S::Queued, H::Claimed) => S::Running,
        // a lease ran out: another takes it over
        (S::Running, H::Claimed) => S::Running,
        (S::Running, H::Released | H::Retried) => S::Queued,
        (S::Running, H::Succeeded) => S::Succeeded,
        // what was done before the word to stop arrived is done
        (S::Canceling, H::Succeeded) => S::Succeeded,
        (S::Running, H::Failed) => S::Failed,
        (S::Queued, H::Failed) => S::Failed,
        (S::Queued, H::CancelAsked) => S::Canceled,
        (S::Running, H::CancelAsked) => S::Canceling,
        (S::Canceling, H::Stopped | H::Released | H::Retried | H::Failed) => S::Canceled,
        _ => return None,
    })
}

/// What is known of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// When a worker took it first.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// How often a worker took it.
    pub attempts: u32,
    /// How far it is, 0 to 100.
    pub percentage: u8,
    /// Bytes moved so far, and of how many.
    pub bytes_moved: u64,
    /// See [`bytes_moved`](Self::bytes_moved).
    pub bytes_total: u64,
    /// Artifacts that are where they should be: of an import `repository:tag` in the target, of an export those in the bundle.
    pub artifacts: Vec<String>,
    /// Artifacts that failed, and why.
    pub failed: Vec<FailedArtifact>,
    /// Digest of the bundle's transfer manifest.
    pub catalog_digest: Option<String>,
    /// URI of the blob that was written or read, without a token.
    pub blob_uri: Option<String>,
    /// Things a person should know that are no failures.
    pub warnings: Vec<String>,
    /// Why it failed, or fails so far and is tried again.
    pub error: Option<RunError>,
    /// When it is tried again.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// An artifact that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedArtifact {
    /// Its reference.
    pub artifact: String,
    /// The engine's code.
    pub code: String,
    /// Why, and what to do next.
    pub message: String,
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// A word of the engine's table or of this crate's.
    pub code: String,
    /// What is wrong and what to do next.
    pub message: String,
}
