//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The location cannot be understood.
    LocationInvalid,
    /// No blob of that name.
    NotFound,
    /// No container, or no folder.
    ContainerNotFound,
    /// A blob of that name is there and may not be replaced.
    AlreadyExists,
    /// The blob is another than the one first seen.
    Changed,
    /// Somebody else is writing the blob, or holds a lease on it.
    Busy,
    /// The blob ended before the range did.
    Truncated,
    /// A block of the list to commit is not staged, or not any more: somebody else committed the blob, or the
    /// store dropped what lay there for too long. Staging it again mends it.
    BlocksMissing,
    /// The SAS token has expired.
    SasExpired,
    /// The SAS token is not valid yet: by its date, or because a clock is off.
    SasNotYetValid,
    /// The SAS token lacks a permission.
    SasPermission,
    /// The SAS token is for another resource type, service, container or blob.
    SasResource,
    /// The SAS token is for HTTPS only.
    SasHttpsOnly,
    /// The SAS token is for other addresses than this machine's.
    SasAddress,
    /// The text given as a SAS token is none.
    SasMalformed,
    /// The store does not accept the credential (wrong key, wrong signature, wrong account).
    Unauthenticated,
    /// The credential is good and does not allow this; file permissions count too.
    Denied,
    /// No credential was given and the store wants one.
    CredentialMissing,
    /// This machine's clock and the store's are too far apart.
    ClockSkew,
    /// No room left (disk, quota).
    Full,
    /// The store cannot be reached: name, connection, TLS, time-out.
    Unreachable,
    /// The store asks to slow down.
    Throttled,
    /// The store failed (5xx), or answered what it should not.
    Failed,
    /// The store has no such ability: a pipe cannot be read back.
    Unsupported,
    /// The operating system failed a file operation in another way.
    Io,
}

/// A failure of a store, with the place it happened at. It prints as a fragment that fits behind "failed to …".
pub struct Error {
    kind: ErrorKind,
    subject: String,
    detail: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` at `subject` (a printable location, no secret in it).
    pub fn new(kind: ErrorKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), hint: None, source: None }
    }

    /// A blob is in the way; `what` the store calls such a thing ("file", "object").
    pub(crate) fn already_exists(subject: impl Into<String>, what: &str) -> Self {
        Self::new(ErrorKind::AlreadyExists, subject, format!("there is {what} of that name already"))
            .with_hint("choose another name, or allow blobs to be overwritten")
    }

    /// With what to do next, when it is known here and not evident from the kind.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With another detail: the same failure, said with more of its circumstances.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
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

    /// Where.
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
        matches!(
            self.kind,
            ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Failed | ErrorKind::Truncated
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}: {}", self.kind, self.subject, self.detail)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
