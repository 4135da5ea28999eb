//! Every bound of a worker, with its name and unit.

use std::time::Duration;

/// Bounds of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Runs that are performed at the same time.
    pub runs_at_once: usize,
    /// Lines that one attempt at a run adds to the run's log; what comes behind them is left out but for its end.
    pub log_lines_max: usize,
    /// Characters of such a line.
    pub log_line_chars_max: usize,
    /// Lines that wait to be written.
    pub log_lines_waiting_max: usize,
    /// Warnings that a record keeps.
    pub warnings_max: usize,
    /// Failed artifacts that a record names one by one.
    pub failed_max: usize,
    /// Artifacts that arrived that a record names one by one.
    pub artifacts_max: usize,
    /// Characters of a message in a record.
    pub message_chars_max: usize,
    /// How long runs have to come to an orderly stop when the worker ends.
    pub stop_within: Duration,
    /// Bounds of the trigger.
    pub trigger: TriggerLimits,
}

/// Bounds of the trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TriggerLimits {
    /// Pipelines that one worker watches.
    pub watches_max: usize,
    /// Blobs of one container that are looked at.
    pub blobs_max: usize,
    /// Fronts of blobs of one container that are read at the same time.
    pub fronts_at_once: usize,
    /// Containers that are listed at the same time.
    pub listings_at_once: usize,
    /// How often the import of a bundle is tried; each time the queue's own attempts come besides.
    pub imports_max: u32,
    /// How long to wait before the second try; doubles with each.
    pub import_again_first: Duration,
    /// The longest that is waited.
    pub import_again_max: Duration,
    /// How long a container that cannot be listed is left alone at the longest; it doubles each time.
    pub listing_again_max: Duration,
    /// How long a container stays open before its secret is read again.
    pub open_for: Duration,
    /// Between two looks at a folder that is being written to.
    pub look_again: Duration,
    /// Blobs that are asked for one by one when they are told of; when there are more the container is listed.
    pub told_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            runs_at_once: 4,
            log_lines_max: 2_000,
            log_line_chars_max: 2_000,
            log_lines_waiting_max: 500,
            warnings_max: 50,
            failed_max: 1_000,
            artifacts_max: 20_000,
            message_chars_max: 8_000,
            stop_within: Duration::from_secs(20),
            trigger: TriggerLimits::default(),
        }
    }
}

impl Default for TriggerLimits {
    fn default() -> Self {
        Self {
            watches_max: 1_000,
            blobs_max: 100_000,
            fronts_at_once: 4,
            listings_at_once: 8,
            imports_max: 5,
            import_again_first: Duration::from_secs(30),
            import_again_max: Duration::from_secs(3_600),
            listing_again_max: Duration::from_secs(300),
            open_for: Duration::from_secs(300),
            look_again: Duration::from_millis(200),
            told_max: 16,
        }
    }
}
