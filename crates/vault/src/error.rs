//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No secret of that name, or no such version of it.
    NotFound,
    /// The secret is disabled.
    Disabled,
    /// The secret's own `nbf` has not come.
    NotYetValid,
    /// The secret's own `exp` has passed.
    Expired,
    /// A name, a value, a URI or another thing that was given cannot be what it should be.
    Invalid,
    /// Sealed with a key that is not among those at hand.
    WrongKey,
    /// What is stored is not what was sealed here: damaged, or moved from another place.
    Damaged,
    /// The master key's file is missing, open to others, or holds no key.
    KeyUnusable,
    /// A vault elsewhere does not accept who we are, or we have nothing to show.
    Unauthenticated,
    /// It may not be read: by a vault's policies, or because the operator did not allow the place.
    Denied,
    /// What keeps the secrets cannot be reached or failed.
    Unavailable,
}

/// A failure around a secret. It never holds one, and prints as a fragment that fits behind "failed to …".
pub struct Error {
    kind: ErrorKind,
    subject: String,
    detail: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` about `subject` (`secret 'a' of vault 'b'`, a URI, a file).
    pub fn new(kind: ErrorKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), hint: None, source: None }
    }

    /// What keeps the rows failed. For implementations of [`Rows`](crate::Rows); the detail must be free of secrets.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, "the vault's store", detail)
    }

    /// With what to do next.
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

    /// About another subject: a caller that knows better what is meant.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// About what.
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

    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} about {}: {}", self.kind, self.subject, self.detail)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
