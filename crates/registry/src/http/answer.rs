//! Answers, and what registries say when they refuse.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};
use serde::Deserialize;
use url::Url;

use super::gate::Turn;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// An answer. `body` is empty where a stream was wanted and is to be had in `response`.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where it came from, redirects followed.
    pub(crate) url: Url,
    pub(crate) body: Bytes,
    pub(crate) response: Option<reqwest::Response>,
    /// Kept as long as the stream is read.
    pub(crate) turn: Option<Turn>,
}

/// What a refusal means where it was met.
#[derive(Debug, Clone, Copy)]
pub(crate) struct What {
    /// Kind of a 404 that does not say what is missing.
    missing: ErrorKind,
    /// Kind of any other 4xx.
    refused: ErrorKind,
}

impl What {
    pub(crate) const MANIFEST_READ: Self =
        Self { missing: ErrorKind::ManifestNotFound, refused: ErrorKind::Failed };
    pub(crate) const MANIFEST_WRITE: Self =
        Self { missing: ErrorKind::RepositoryNotFound, refused: ErrorKind::ManifestRefused };
    pub(crate) const BLOB_READ: Self = Self { missing: ErrorKind::BlobNotFound, refused: ErrorKind::Failed };
    pub(crate) const BLOB_WRITE: Self =
        Self { missing: ErrorKind::RepositoryNotFound, refused: ErrorKind::BlobRefused };
    pub(crate) const LIST: Self = Self { missing: ErrorKind::RepositoryNotFound, refused: ErrorKind::Failed };
}

/// The body of an error (distribution-spec, "Error Codes").
#[derive(Deserialize)]
struct Errors {
    errors: Vec<OneError>,
}

#[derive(Deserialize)]
struct OneError {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    detail: Option<serde_json::Value>,
}

impl Reply {
    /// A header as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header, by a name that the libraries have no constant for.
    pub(crate) fn named(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first error code in the body, or nothing.
    pub(crate) fn code(&self) -> String {
        let errors = serde_json::from_slice::<Errors>(&self.body).ok();
        errors.and_then(|e| e.errors.into_iter().find_map(|e| e.code)).unwrap_or_default()
    }

    /// The error that this answer is.
    pub(crate) fn refusal(&self, subject: &str, what: What, limits: &Limits) -> Error {
        let said = self.said(limits);
        let kind = self.kind(what, &said);
        let status = self.status;
        let detail = if said.is_empty() {
            format!("the registry answers {status}")
        } else {
            format!("{said} ({status})")
        };
        Error::new(kind, subject, detail)
    }

    fn kind(&self, what: What, said: &str) -> ErrorKind {
        let lower = said.to_ascii_lowercase();
        if self.status.as_u16() == 507 || lower.contains("no space left") || lower.contains("quota") {
            return ErrorKind::Full;
        }
        match (self.code().as_str(), self.status.as_u16()) {
            ("NAME_UNKNOWN", _) => ErrorKind::RepositoryNotFound,
            ("MANIFEST_UNKNOWN", 404) => ErrorKind::ManifestNotFound,
            ("BLOB_UNKNOWN", 404) => ErrorKind::BlobNotFound,
            ("TOOMANYREQUESTS", _) | (_, 429) => ErrorKind::Throttled,
            ("UNAUTHORIZED", 400..=403) | (_, 401) => ErrorKind::Unauthorized,
            ("DENIED", _) | (_, 403) => ErrorKind::Denied,
            (_, 404) => what.missing,
            ("UNSUPPORTED", _) | (_, 405 | 501) => ErrorKind::Unsupported,
            (_, 400..=499) => what.refused,
            _ => ErrorKind::Failed,
        }
    }

    /// The registry's own words, on one line, without control characters, bounded.
    fn said(&self, limits: &Limits) -> String {
        let text = match serde_json::from_slice::<Errors>(&self.body) {
            Ok(body) => body.errors.iter().map(OneError::text).collect::<Vec<_>>().join("; "),
            Err(_) if self.body.trim_ascii_start().starts_with(b"<") => String::new(),
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        one_line(&text, limits.error_text_chars_max)
    }
}

impl OneError {
    fn text(&self) -> String {
        let mut text = match (self.code.as_deref().unwrap_or(""), self.message.as_deref().unwrap_or("")) {
            (code, "") => code.to_owned(),
            ("", message) => message.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        match &self.detail {
            None | Some(serde_json::Value::Null) => {}
            Some(serde_json::Value::String(detail)) if detail.is_empty() => {}
            Some(serde_json::Value::String(detail)) => text.push_str(&format!(" [{detail}]")),
            Some(detail) => text.push_str(&format!(" {detail}")),
        }
        text
    }
}

/// Foreign text made fit to be shown: one line, no control characters, `chars_max` at most.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= chars_max {
        return words;
    }
    let mut short: String = words.chars().take(chars_max).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &str) -> Error {
        let reply = Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            url: Url::parse("http://r.test/").unwrap(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            response: None,
            turn: None,
        };
        reply.refusal("r.test/a:1", What::MANIFEST_WRITE, &Limits::default())
    }

    #[test]
    fn the_code_decides_and_the_words_are_shown() {
        let unknown =
            refusal(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such","detail":{"name":"a"}}]}"#);
        assert_eq!(unknown.kind(), ErrorKind::RepositoryNotFound);
        assert!(unknown.detail().starts_with(r#"NAME_UNKNOWN: no such {"name":"a"}"#), "{unknown}");
        let blob = refusal(404, r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#);
        assert_eq!(blob.kind(), ErrorKind::RepositoryNotFound);
        let blob = refusal(400, r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#);
        assert_eq!(blob.kind(), ErrorKind::ManifestRefused);
        assert_eq!(refusal(400, "size").kind(), ErrorKind::ManifestRefused);
        assert_eq!(refusal(500, "write: no space left on device").kind(), ErrorKind::Full);
        assert_eq!(refusal(403, "").kind(), ErrorKind::Denied);
    }

    #[test]
    fn foreign_words_are_made_harmless() {
        let error = refusal(400, "a\u{1b}[31m\r\nb");
        assert_eq!(error.detail(), "a [31m b (400 Bad Request)");
        assert!(refusal(400, &"x".repeat(5000)).detail().len() < 700);
        assert_eq!(refusal(502, "<html>").detail(), "the registry answers 502 Bad Gateway");
    }
}
