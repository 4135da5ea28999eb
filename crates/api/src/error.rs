//! Errors as the resource manager's clients read them.

use serde::{Deserialize, Serialize};

/// The body of every answer with a status of 400 and more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorAnswer {
    /// What is wrong.
    pub error: ErrorBody,
}

/// What is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBody {
    /// A word of the table in `docs/API.md`.
    pub code: String,
    /// For people: what is wrong and what to do next.
    pub message: String,
    /// Which member or resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// One for each thing that is wrong, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ErrorBody>,
    /// What else there is to say, for programs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_info: Vec<AdditionalInfo>,
}

/// What else there is to say of an error, for programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdditionalInfo {
    /// `TemplateViolation`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Members that the type says.
    pub info: serde_json::Value,
}

impl ErrorAnswer {
    /// An error of one code and message.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error: ErrorBody { code: code.into(), message: message.into(), ..ErrorBody::default() } }
    }
}
