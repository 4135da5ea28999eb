//! What a refusal means.
//!
//! <https://cloud.google.com/storage/docs/json_api/v1/status-codes>

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::Inner;
use crate::error::{Error, ErrorKind};
use crate::retry::Failure;

/// Most of a server's own words that an error repeats, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// What the service answered.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    reason: String,
    message: String,
    after: Option<Duration>,
}

#[derive(Deserialize, Default)]
struct Body {
    error: Words,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Words {
    message: String,
    errors: Vec<Reason>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reason {
    reason: String,
}

impl Refusal {
    pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let words = serde_json::from_slice::<Body>(body).unwrap_or_default().error;
        let after = headers.get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
        Self {
            status,
            reason: words.errors.into_iter().next().map(|r| r.reason).unwrap_or_default(),
            message: words.message.chars().take(MESSAGE_CHARS_MAX).collect(),
            after: after.map(Duration::from_secs),
        }
    }

    fn words(&self, text: &str) -> String {
        let message = self.message.trim_end_matches('.');
        if message.is_empty() { text.to_owned() } else { format!("{text}: {message}") }
    }
}

/// Says what went wrong.
pub(super) fn failure(store: &Inner, name: &str, refusal: &Refusal) -> Failure {
    let slow = matches!(refusal.reason.as_str(), "rateLimitExceeded" | "userRateLimitExceeded");
    let again = slow || matches!(refusal.status, 408 | 429 | 500 | 502 | 503 | 504);
    let error = if slow { throttled(store, name) } else { by_status(store, name, refusal) };
    Failure { error, again, after: refusal.after }
}

fn throttled(store: &Inner, name: &str) -> Error {
    Error::new(ErrorKind::Throttled, store.describe(name), "the store asks to slow down")
}

fn by_status(store: &Inner, name: &str, refusal: &Refusal) -> Error {
    use ErrorKind as K;
    let error = |kind, text: &str| Error::new(kind, store.describe(name), text);
    let no_bucket = name.is_empty() || refusal.message.contains("bucket does not exist");
    match refusal.status {
        404 if no_bucket => {
            Error::new(K::ContainerNotFound, store.describe(""), "there is no such bucket")
                .with_hint("check the bucket's name, or create the bucket")
        }
        404 => error(K::NotFound, "there is no such object"),
        412 => error(K::Changed, "the object is another than the one first seen"),
        416 => error(K::Truncated, "the object ends before the range begins"),
        429 => throttled(store, name),
        401 | 403 if store.identity.is_anonymous() => {
            error(K::CredentialMissing, "the store wants a credential and none was given").with_hint(
                "set GOOGLE_APPLICATION_CREDENTIALS to a service account's key, or run: gcloud auth application-default login",
            )
        }
        401 => error(K::Unauthenticated, &refusal.words("the store does not accept the token"))
            .with_hint("the key or the login may have been withdrawn: make a new one"),
        403 if refusal.reason == "retentionPolicyNotMet" => {
            error(K::Denied, "the bucket keeps its objects for a time, and one would have to be replaced or deleted")
                .with_hint("use a bucket without a retention policy: blocks of a bundle are deleted once it is whole")
        }
        403 => error(K::Denied, &refusal.words("the credential does not allow this")).with_hint(
            "give the identity the role 'Storage Object Viewer' to import, 'Storage Object User' to export",
        ),
        status => {
            let reason = if refusal.reason.is_empty() { "without a reason" } else { &refusal.reason };
            error(K::Failed, &refusal.words(&format!("the store refused: {reason} ({status})")))
        }
    }
}
