//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// What is wrong with an end, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The container's URI cannot be understood, or no way leads there with these options.
    LocationInvalid,
    /// The folder is not one that the operator allowed.
    FolderNotAllowed,
    /// The folder that the operator allowed is not there: its disk may not be mounted.
    FolderNotFound,
    /// A secret is not what it should be: no SAS token, no key, no JSON.
    CredentialInvalid,
    /// A credential is needed and there is none.
    CredentialMissing,
    /// A credential must not be used here: over plain HTTP, at a registry that is not Azure's.
    CredentialRefused,
    /// The SAS token has expired.
    SasExpired,
    /// The SAS token is not valid yet.
    SasNotYetValid,
    /// The SAS token lacks a permission.
    SasPermission,
    /// The SAS token is for another resource type, service or blob.
    SasResource,
    /// The SAS token is for HTTPS only.
    SasHttpsOnly,
    /// The secret is no SAS token.
    SasMalformed,
    /// The registry's name cannot be one, or no way leads there with these options.
    RegistryInvalid,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::LocationInvalid,
        Self::FolderNotAllowed,
        Self::FolderNotFound,
        Self::CredentialInvalid,
        Self::CredentialMissing,
        Self::CredentialRefused,
        Self::SasExpired,
        Self::SasNotYetValid,
        Self::SasPermission,
        Self::SasResource,
        Self::SasHttpsOnly,
        Self::SasMalformed,
        Self::RegistryInvalid,
    ];

    /// Its stable name: the engine's, where the engine has one for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::LocationInvalid => "LocationInvalid",
            Self::FolderNotAllowed => "FolderNotAllowed",
            Self::FolderNotFound => "ContainerNotFound",
            Self::CredentialInvalid => "CredentialInvalid",
            Self::CredentialMissing => "StoreCredentialMissing",
            Self::CredentialRefused => "StoreUnauthenticated",
            Self::SasExpired => "SasExpired",
            Self::SasNotYetValid => "SasNotYetValid",
            Self::SasPermission => "SasPermission",
            Self::SasResource => "SasResource",
            Self::SasHttpsOnly => "SasHttpsOnly",
            Self::SasMalformed => "SasMalformed",
            Self::RegistryInvalid => "ReferenceInvalid",
        }
    }
}

/// An end that cannot be opened. It holds no secret, and prints as a fragment that fits behind "failed to …".
pub struct Error {
    kind: ErrorKind,
    subject: String,
    detail: String,
    next: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` at `subject` (a URI without a token, a secret's URI, a host).
    pub fn new(
        kind: ErrorKind,
        subject: impl Into<String>,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { kind, subject: subject.into(), detail: detail.into(), next: next.into(), source: None }
    }

    /// With what caused it. The cause must be free of secrets.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// [`ErrorKind::code`].
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Where.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Why, in words.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do next. Never empty.
    pub fn next_step(&self) -> &str {
        &self.next
    }

    /// Whether the same may well succeed a little later. Somebody has to change something first, but for a disk that is
    /// mounted.
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::FolderNotFound
    }

    /// What a store says of options and locations.
    pub(crate) fn of_store(error: &transload_blobstore::Error, next: &str) -> Self {
        use transload_blobstore::ErrorKind as Store;
        let kind = match error.kind() {
            Store::SasMalformed => ErrorKind::SasMalformed,
            Store::Unauthenticated => ErrorKind::CredentialRefused,
            Store::CredentialMissing => ErrorKind::CredentialMissing,
            _ => ErrorKind::LocationInvalid,
        };
        Self::new(kind, error.subject(), error.detail(), error.hint().unwrap_or(next))
    }

    /// What a registry's client says of options and names.
    pub(crate) fn of_registry(error: &transload_registry::Error) -> Self {
        let next = error.hint().unwrap_or("write the login server as host, host:port or host/prefix");
        Self::new(ErrorKind::RegistryInvalid, error.subject(), error.detail(), next)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}: {} ({})", self.kind, self.subject, self.detail, self.next)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
