//! How a worker is set up.

use std::time::Duration;

use transload_transfer::{Limits as EngineLimits, Pace};

use crate::limits::Limits;

/// How a worker is set up.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Names the worker in logs and in the ledger: no two processes may have the same.
    pub name: String,
    /// Which program it is, for what bundles say of who wrote them (`transload/0.1.0`).
    pub tool: String,
    /// How long a run stays this worker's without a heartbeat.
    pub lease: Duration,
    /// How often it says that it is there; a third of the lease or less.
    pub heartbeat: Duration,
    /// How often containers are listed for the trigger, give or take a tenth.
    pub interval: Duration,
    /// Whether this worker watches containers.
    pub watches: bool,
    /// What follows `ACCOUNT.blob` in the hosts of registered storage accounts: `.storage.example:8443`. `None`: hosts of
    /// containers are where they say.
    pub storage_suffix: Option<String>,
    /// Bounds of the worker.
    pub limits: Limits,
    /// Bounds of each transfer.
    pub engine: EngineLimits,
    /// How fast all transfers together move bytes, and when.
    pub pace: Pace,
}

impl WorkerOptions {
    /// The usual, for a worker of this name in this program.
    pub fn new(name: impl Into<String>, tool: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tool: tool.into(),
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(5),
            interval: Duration::from_secs(5),
            watches: true,
            storage_suffix: None,
            limits: Limits::default(),
            engine: EngineLimits::default(),
            pace: Pace::default(),
        }
    }
}
