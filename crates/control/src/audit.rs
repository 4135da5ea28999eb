//! The audit log: who did what, to what, when, and how it ended. Only ever added to.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done.
    Done,
    /// Who asked may not.
    Denied,
    /// It was refused or failed for another reason.
    Failed,
}

/// One entry. No secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; given by the ledger.
    pub sequence: i64,
    /// When; given by the ledger.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Object id of who asked.
    pub who: String,
    /// Its name, for people.
    pub who_name: String,
    /// What: `registries/pipelineRuns/write`, `secrets/get`, …
    pub action: String,
    /// To what: a resource id, `vault/secret`, a principal.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The code of the refusal.
    pub code: Option<String>,
    /// The request's correlation id.
    pub correlation: String,
    /// Where the request came from.
    pub address: Option<String>,
    /// What else there is to say.
    pub detail: Option<String>,
}

/// Which entries are wanted. What is not given does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Object id or name of who asked.
    pub who: Option<String>,
    /// The beginning of the action.
    pub action: Option<String>,
    /// A part of the target, in whatever case.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The correlation id.
    pub correlation: Option<String>,
    /// Not before.
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// Before.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}
