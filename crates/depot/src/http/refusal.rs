//! Error answers (distribution-spec, "Error Codes").

use std::fmt;

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::Answer;
use crate::contents::{Fault, FaultKind};
use crate::folder::WriteError;
use crate::upload::BodyError;

/// The codes that are answered. Where the specification leaves the status open it is the one that the distribution
/// project's registry sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    Conflict,
    DigestInvalid,
    Failed,
    Full,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    MethodNotAllowed,
    NameInvalid,
    NameUnknown,
    NotFound,
    PageInvalid,
    RangeInvalid,
    TagInvalid,
    TooLarge,
    Unavailable,
}

impl Code {
    fn parts(self) -> (StatusCode, &'static str) {
        match self {
            Self::BlobUnknown => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            Self::BlobUploadInvalid => (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID"),
            Self::BlobUploadUnknown => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            Self::Conflict => (StatusCode::CONFLICT, "BLOB_UPLOAD_INVALID"),
            Self::DigestInvalid => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
            Self::Full => (StatusCode::INSUFFICIENT_STORAGE, "DENIED"),
            Self::ManifestBlobUnknown => (StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN"),
            Self::ManifestInvalid => (StatusCode::BAD_REQUEST, "MANIFEST_INVALID"),
            Self::ManifestUnknown => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            Self::NameInvalid => (StatusCode::BAD_REQUEST, "NAME_INVALID"),
            Self::NameUnknown => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            Self::PageInvalid => (StatusCode::BAD_REQUEST, "PAGINATION_NUMBER_INVALID"),
            Self::RangeInvalid => (StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID"),
            Self::TagInvalid => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        }
    }
}

/// A request that is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    code: Code,
    message: String,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), headers: Vec::new() }
    }

    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, code) = self.code.parts();
        write!(f, "{} {code}: {}", status.as_u16(), self.message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = self.code.parts();
        let body = json!({ "errors": [{ "code": code, "message": self.message, "detail": null }] });
        let answer = Answer::new(status).header(header::CACHE_CONTROL, "no-store");
        self.headers.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value)).json(&body)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let code = match fault.kind {
            FaultKind::NameUnknown => Code::NameUnknown,
            FaultKind::ManifestUnknown => Code::ManifestUnknown,
            FaultKind::BlobUnknown => Code::BlobUnknown,
            FaultKind::ChildUnknown => Code::ManifestBlobUnknown,
            FaultKind::Full => Code::Full,
            FaultKind::Unavailable => Code::Unavailable,
            FaultKind::Failed => Code::Failed,
        };
        Self::new(code, fault.message)
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        let code = match &error {
            WriteError::Full => Code::Full,
            WriteError::Digest(_) => Code::DigestInvalid,
            WriteError::Io(_) => Code::Failed,
        };
        Self::new(code, error.to_string())
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Write(error) => error.into(),
            BodyError::Gone => Self::new(Code::BlobUploadUnknown, error.to_string()),
            BodyError::TooLarge(_) => Self::new(Code::TooLarge, error.to_string()),
            BodyError::Cut | BodyError::Idle => Self::new(Code::BlobUploadInvalid, error.to_string()),
        }
    }
}
