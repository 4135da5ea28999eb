//! Building answers.

use std::fmt;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

/// An answer in the making.
#[derive(Debug)]
pub(super) struct Answer(Response);

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self(response)
    }

    pub(super) fn ok() -> Self {
        Self::new(StatusCode::OK)
    }

    /// With a header. A value that no header can hold (a media type with a line break in it) is left out.
    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: impl fmt::Display) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.0.headers_mut().insert(name, value);
        }
        self
    }

    /// With a header of the registry's own; `name` in lower case.
    #[must_use]
    pub(super) fn extra(self, name: &'static str, value: impl fmt::Display) -> Self {
        self.header(HeaderName::from_static(name), value)
    }

    /// With one more header of the registry's own under a name that may be there already.
    #[must_use]
    pub(super) fn another(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.0.headers_mut().append(HeaderName::from_static(name), value);
        }
        self
    }

    pub(super) fn empty(self) -> Response {
        self.header(header::CONTENT_LENGTH, 0).0
    }

    /// With a length that belongs to a body which is not sent (HEAD).
    pub(super) fn without_body(self, len: u64) -> Response {
        self.header(header::CONTENT_LENGTH, len).0
    }

    pub(super) fn body(mut self, len: u64, body: Body) -> Response {
        *self.0.body_mut() = body;
        self.header(header::CONTENT_LENGTH, len).0
    }

    pub(super) fn json(self, value: &serde_json::Value) -> Response {
        self.json_as("application/json", value)
    }

    pub(super) fn json_as(self, media_type: &str, value: &serde_json::Value) -> Response {
        let text = value.to_string();
        self.header(header::CONTENT_TYPE, media_type).body(text.len() as u64, Body::from(text))
    }
}
