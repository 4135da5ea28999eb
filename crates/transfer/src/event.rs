//! What happens during a transfer, as one type that every reader understands: progress bars, JSON lines, tests.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use transload_oci::Digest;

use crate::error::Error;
use crate::report::{ArtifactReport, Operation, Totals};

/// Something that happened. Serialised with its name under `event`, in snake case.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// A reference is being resolved and its manifests are being walked.
    Resolving {
        /// The reference.
        artifact: String,
    },
    /// The artifact's manifests are all known.
    Resolved {
        /// The reference.
        artifact: String,
        /// Digest of its top manifest.
        digest: Digest,
        /// Manifests, referrers included.
        manifests: usize,
        /// Blobs.
        blobs: usize,
    },
    /// The plan stands: what follows moves these totals.
    Planned {
        /// What is going to be done.
        operation: Operation,
        /// Totals of the plan.
        totals: Totals,
    },
    /// An earlier run left something that need not be sent again.
    Resumed {
        /// Bytes that are already there.
        bytes: u64,
    },
    /// Nothing moves until then, and then it goes on by itself.
    Waiting {
        /// Why.
        reason: WaitReason,
        /// Who asks for it, where it is a host.
        #[serde(skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// Until when: date, time and offset (RFC 3339).
        until: String,
        /// How long from now.
        seconds: u64,
    },
    /// A blob begins to move.
    BlobStarted {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
        /// Bytes of it that need not move.
        offset: u64,
    },
    /// Bytes of a blob moved.
    BlobProgress {
        /// The blob.
        digest: Digest,
        /// How many since the last of these events.
        bytes: u64,
    },
    /// A blob is where it should be.
    BlobFinished {
        /// The blob.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
        /// How it came there.
        outcome: BlobOutcome,
    },
    /// An artifact reached its end, good or bad.
    ArtifactFinished {
        /// All there is to say of it.
        artifact: Box<ArtifactReport>,
    },
    /// The bundle is visible.
    Committed {
        /// Where.
        location: String,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Something a person should know that is no failure.
    Warning {
        /// What.
        message: String,
    },
    /// It failed as a whole.
    Failed {
        /// Why.
        error: Error,
    },
}

/// Why nothing moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// It is not the time that the schedule lets bytes move.
    Window,
    /// A host asks to come back later.
    Throttled,
}

/// How a blob came to be where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BlobOutcome {
    /// It was there.
    Existed,
    /// The registry mounted it from another repository.
    Mounted,
    /// Its bytes moved.
    Moved,
    /// It could not be moved.
    Failed,
}

/// Takes events. Called from many tasks at once, often: it must be quick.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

/// An observer that many tasks share.
#[derive(Clone)]
pub struct Events(Arc<dyn Observer>);

impl Events {
    /// Sends events to `observer`.
    pub fn to(observer: Arc<dyn Observer>) -> Self {
        Self(observer)
    }

    /// Drops every event.
    pub fn none() -> Self {
        Self(Arc::new(|_: &Event| {}))
    }

    /// Tells of something.
    pub fn send(&self, event: &Event) {
        self.0.event(event);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
