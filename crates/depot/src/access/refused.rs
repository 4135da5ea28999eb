//! The answer to whoever may not.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    kind: RefusedKind,
    message: String,
    challenge: Option<HeaderValue>,
    retry_after: Option<Duration>,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedKind {
    /// Nobody knows who asks, or the credential is no good: 401.
    Unauthorized,
    /// Whoever asks is known, and may not: 403.
    Denied,
    /// The request is not understood: 400.
    Invalid,
    /// Too many want to be known at once: 429.
    Busy,
}

impl Refused {
    /// A refusal in these words. No secret belongs in them.
    pub fn new(kind: RefusedKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), challenge: None, retry_after: None }
    }

    /// With what would help (`WWW-Authenticate`).
    #[must_use]
    pub fn challenge(mut self, challenge: HeaderValue) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// With a time after which to try again, in whole seconds.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> RefusedKind {
        self.kind
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self.kind {
            RefusedKind::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            RefusedKind::Denied => (StatusCode::FORBIDDEN, "DENIED"),
            RefusedKind::Invalid => (StatusCode::BAD_REQUEST, "UNSUPPORTED"),
            RefusedKind::Busy => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
        }
    }

    /// The answer, with more fields in its body.
    pub(super) fn response_with(self, more: &[(&str, &str)]) -> Response {
        let (status, code) = self.status();
        let mut body = json!({ "errors": [{ "code": code, "message": self.message }] });
        for (key, value) in more {
            body[*key] = json!(value);
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(challenge) = self.challenge {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

impl IntoResponse for Refused {
    /// In the form of the distribution-spec, "Error Codes".
    fn into_response(self) -> Response {
        self.response_with(&[])
    }
}
