//! Long-running operations: what polling answers.

use serde::{Deserialize, Serialize};

use crate::ErrorBody;

/// How far an operation is. `Succeeded`, `Failed` and `Canceled` are final.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OperationStatus {
    /// Its id as a path.
    pub id: String,
    /// Its id.
    pub name: String,
    /// `Creating`, `Running`, `Canceling`, `Succeeded`, `Failed`, `Canceled`.
    pub status: String,
    /// When it began to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_complete: Option<u8>,
    /// Of a failed one, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}
