//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No manifest of that tag or digest.
    ManifestNotFound,
    /// No such repository.
    RepositoryNotFound,
    /// The repository does not have the blob.
    BlobNotFound,
    /// No credential, or one that the registry does not accept.
    Unauthorized,
    /// The credential is good and does not allow this.
    Denied,
    /// A credential file or helper cannot be used.
    CredentialInvalid,
    /// What came is no manifest, is schema 1, or is too large.
    ManifestInvalid,
    /// The registry does not take a manifest; its own words are in the detail.
    ManifestRefused,
    /// The registry does not take a blob; its own words are in the detail.
    BlobRefused,
    /// Bytes do not match their digest or size.
    DigestMismatch,
    /// The registry lacks an API that this needs.
    Unsupported,
    /// The registry asks to slow down, longer than is bearable.
    Throttled,
    /// No room left in the registry.
    Full,
    /// The registry cannot be reached: name, connection, time-out.
    Unreachable,
    /// The registry's certificate, or ours, is not accepted.
    Tls,
    /// The registry speaks HTTP where HTTPS was expected, or the reverse.
    Protocol,
    /// The registry failed (5xx), or answered what it should not.
    Failed,
    /// The bytes to push could not be read; the cause is the source.
    Reader,
}

/// A failure of a registry, with the artifact it happened on. It prints as a fragment that fits behind "failed to …".
pub struct Error {
    kind: ErrorKind,
    subject: String,
    detail: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` on `subject` (`host/repository:tag`, `host/repository@digest`, `host`).
    pub fn new(kind: ErrorKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), hint: None, source: None }
    }

    /// With what to do next, when it is known here and not evident from the kind.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what caused it. The cause must be free of secrets.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// On what.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Why, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do next, when this crate knows.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Takes the cause out, for a caller that put a typed one in (`Reader`).
    pub fn into_source(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source
    }

    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Failed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on {}: {}", self.kind, self.subject, self.detail)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
