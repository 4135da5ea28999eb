//! The bounds of the ledger.

use std::time::Duration;

/// Bounds of the ledger. Each is a setting of the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLimits {
    /// How often a run is tried, and how long apart.
    pub queue: QueueLimits,
    /// Connections to PostgreSQL of this process besides the one that listens; of SQLite those that read.
    pub connections_max: u32,
    /// How long a database that does not answer, or a file that another process has locked, is waited for, at the start and
    /// later.
    pub reach_timeout: Duration,
    /// How long one answer may take. What was asked may have been done nevertheless.
    pub reply_timeout: Duration,
    /// How often a transaction that collided with another is tried.
    pub collisions_max: u32,
    /// Items of one page, whatever is asked for.
    pub page_items_max: usize,
    /// Lines of one run's log; what comes later is left out, and the log says so.
    pub log_lines_max: i64,
    /// Bytes of one line of a run's log; the rest of a longer one is cut off.
    pub log_line_bytes_max: usize,
    /// Exclusive names of one run.
    pub holds_max: usize,
    /// Deployments that a group's history has (Azure: 800), and as many that were nested in others; the oldest that has ended
    /// goes when another is asked for.
    pub deployments_per_group_max: usize,
    /// Deployments that are nested in one that a client asked for, at whatever depth.
    pub nested_deployments_max: usize,
    /// How often a deployment is taken up by a server before it fails; one that is gone without a word counts.
    pub deployment_attempts_max: u32,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            queue: QueueLimits::default(),
            connections_max: 10,
            reach_timeout: Duration::from_secs(15),
            reply_timeout: Duration::from_secs(60),
            collisions_max: 8,
            page_items_max: 1000,
            log_lines_max: 10_000,
            log_line_bytes_max: 16 * 1024,
            holds_max: 20_000,
            deployments_per_group_max: 800,
            nested_deployments_max: 800,
            deployment_attempts_max: 10,
        }
    }
}

/// How often a run is tried, and how long apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLimits {
    /// How often in all; a worker that is gone without a word counts, one that gave the run back does not.
    pub attempts_max: u32,
    /// How long after the first failure; twice as long after each further one. Half of it is up to chance.
    pub backoff_first: Duration,
    /// The longest of those.
    pub backoff_max: Duration,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            attempts_max: 5,
            backoff_first: Duration::from_secs(5),
            backoff_max: Duration::from_secs(10 * 60),
        }
    }
}

impl QueueLimits {
    /// How long to wait after attempt `attempt` (from 1) failed; `chance` is in 0..1.
    pub(super) fn backoff(&self, attempt: u32, chance: f64) -> Duration {
        let doubled = self.backoff_first.saturating_mul(1_u32 << attempt.saturating_sub(1).min(30));
        let whole = doubled.min(self.backoff_max);
        some_of(whole, chance)
    }

    /// How long a run that waits for another leaves it alone, `waited` after it began: the longer that takes, the less often
    /// it is looked at, within the bounds of back-offs. `chance` is in 0..1.
    pub(super) fn defer(&self, waited: Duration, chance: f64) -> Duration {
        some_of(waited.max(self.backoff_first).min(self.backoff_max), chance)
    }
}

/// Half of it, and as much of the other half as chance will have it.
fn some_of(whole: Duration, chance: f64) -> Duration {
    whole / 2 + (whole / 2).mul_f64(chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let limits = QueueLimits {
            attempts_max: 9,
            backoff_first: Duration::from_secs(4),
            backoff_max: Duration::from_secs(20),
        };
        let seconds = |attempt, chance| limits.backoff(attempt, chance).as_secs();
        assert_eq!((seconds(1, 0.0), seconds(1, 1.0)), (2, 4));
        assert_eq!((seconds(2, 0.0), seconds(2, 1.0)), (4, 8));
        assert_eq!((seconds(4, 1.0), seconds(40, 1.0), seconds(u32::MAX, 0.0)), (20, 20, 10));
        let deferred = |waited, chance| limits.defer(Duration::from_secs(waited), chance).as_secs();
        assert_eq!(
            (deferred(0, 1.0), deferred(12, 0.0), deferred(12, 1.0), deferred(900, 1.0)),
            (4, 6, 12, 20)
        );
    }
}
