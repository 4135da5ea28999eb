//! What a worker takes: everything, or only what moves no contents.

use super::queue_order::is_check;
use super::run_row::run_columns;
use super::sql::{Locking, claiming};
use crate::run::Work;

/// What a worker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Whatever there is.
    Anything,
    /// Only what moves no contents: checks.
    Checks,
}

// `+` keeps both databases from the index of times: whose turn it is decides, and what is not due yet is little
pub(super) const NEXT: Locking = claiming!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE state = 'Queued' AND +due_at <= $1 ORDER BY turn, seq LIMIT 1"
);
// here also from that of turns: checks are few, what waits beside them may be a lot. A check is known by its lane
pub(super) const NEXT_CHECK: Locking = claiming!(
    "SELECT ",
    run_columns!(),
    " FROM runs WHERE lane >= 'check ' AND lane < 'check!' AND finished_at IS NULL AND state = 'Queued' \
     AND +due_at <= $1 ORDER BY +turn, seq LIMIT 1"
);
pub(super) const NEXT_DUE: &str = "SELECT (SELECT MIN(due_at) FROM runs WHERE state = 'Queued') AS due, \
     (SELECT MIN(lease_until) FROM runs WHERE lease_until IS NOT NULL) AS ends";
pub(super) const NEXT_CHECK_DUE: &str = "SELECT (SELECT MIN(+due_at) FROM runs \
     WHERE lane >= 'check ' AND lane < 'check!' AND finished_at IS NULL AND state = 'Queued') AS due, \
     (SELECT MIN(lease_until) FROM runs WHERE lease_until IS NOT NULL) AS ends";

impl Wanted {
    /// Whether this is taken.
    pub fn takes(self, work: &Work) -> bool {
        self == Self::Anything || is_check(work)
    }

    /// The run whose turn it is.
    pub(super) fn next(self) -> Locking {
        match self {
            Self::Anything => NEXT,
            Self::Checks => NEXT_CHECK,
        }
    }

    /// When the next back-off ends, and the next lease.
    pub(super) fn next_due(self) -> &'static str {
        match self {
            Self::Anything => NEXT_DUE,
            Self::Checks => NEXT_CHECK_DUE,
        }
    }
}
