//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeStruct;
use transload_blobstore as blobstore;
use transload_bundle as bundle;
use transload_registry as registry;

use crate::code::Code;

/// A failure: of what kind, on what, why, and what to do next. Cheap to clone, free of secrets.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    code: Code,
    subject: String,
    detail: String,
    next: Option<String>,
    transient: bool,
}

impl Error {
    /// An error of `code` on `subject` (an artifact or a printable location).
    pub fn new(code: Code, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            code,
            subject: subject.into(),
            detail: detail.into(),
            next: None,
            transient: false,
        }))
    }

    /// With a next step that is better than the code's own.
    #[must_use]
    pub fn with_next(self, next: impl Into<String>) -> Self {
        self.with(|inner| inner.next = Some(next.into()))
    }

    /// With the file and line that asked for what failed.
    pub(crate) fn named_in(self, place: &str) -> Self {
        self.with(|inner| inner.detail.push_str(&format!(" (named in {place})")))
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    fn transient_if(self, transient: bool) -> Self {
        self.with(|inner| inner.transient = transient)
    }

    /// What kind of failure.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// On what.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Why.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What to do next.
    pub fn next_step(&self) -> &str {
        self.0.next.as_deref().unwrap_or_else(|| self.0.code.next_step())
    }

    /// Whether the same run may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.0.transient
    }
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self {
            code: self.code,
            subject: self.subject.clone(),
            detail: self.detail.clone(),
            next: self.next.clone(),
            transient: self.transient,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.subject.is_empty() {
            f.write_str(&self.0.detail)
        } else {
            write!(f, "{}: {}", self.0.subject, self.0.detail)
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.0.code, self)
    }
}

impl StdError for Error {}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Error", 4)?;
        out.serialize_field("code", &self.code())?;
        out.serialize_field("subject", self.subject())?;
        out.serialize_field("message", self.detail())?;
        out.serialize_field("next", self.next_step())?;
        out.end()
    }
}

impl From<registry::Error> for Error {
    fn from(error: registry::Error) -> Self {
        use registry::ErrorKind as K;
        let code = match error.kind() {
            K::ManifestNotFound => Code::ManifestNotFound,
            K::RepositoryNotFound => Code::RepositoryNotFound,
            K::BlobNotFound => Code::BlobNotFound,
            K::Unauthorized => Code::Unauthorized,
            K::Denied => Code::Denied,
            K::CredentialInvalid => Code::CredentialInvalid,
            K::ManifestInvalid => Code::ManifestUnsupported,
            K::ManifestRefused => Code::ManifestRefused,
            K::BlobRefused => Code::BlobRefused,
            K::DigestMismatch => Code::DigestMismatch,
            K::Unsupported => Code::RegistryUnsupported,
            K::Throttled => Code::RegistryThrottled,
            K::Full => Code::RegistryFull,
            K::Unreachable => Code::RegistryUnreachable,
            K::Tls => Code::RegistryTls,
            K::Protocol => Code::RegistryProtocol,
            K::Failed => Code::RegistryFailed,
            K::Reader => return Self::from_reader(error),
            _ => Code::Internal,
        };
        let transient = error.is_transient();
        let made = Self::new(code, error.subject(), error.detail()).transient_if(transient);
        match error.hint() {
            Some(hint) => made.with_next(hint),
            None => made,
        }
    }
}

impl Error {
    /// A reader that this crate gave to a registry failed with an error of this crate: take it out again.
    fn from_reader(error: registry::Error) -> Self {
        let fallback = Self::new(Code::Internal, error.subject(), error.detail());
        match error.into_source().map(|source| source.downcast::<Self>()) {
            Some(Ok(inner)) => *inner,
            Some(Err(_)) | None => fallback,
        }
    }

    /// The same, as a registry's error, for a reader or a source of ours to fail with.
    pub(crate) fn into_reader(self) -> registry::Error {
        registry::Error::new(registry::ErrorKind::Reader, self.subject(), self.detail()).with_source(self)
    }
}

impl From<blobstore::Error> for Error {
    fn from(error: blobstore::Error) -> Self {
        use blobstore::ErrorKind as K;
        let code = match error.kind() {
            K::LocationInvalid => Code::LocationInvalid,
            K::NotFound => Code::BundleNotFound,
            K::ContainerNotFound => Code::ContainerNotFound,
            K::AlreadyExists => Code::BundleExists,
            K::Changed => Code::BundleChanged,
            K::Busy => Code::BundleBusy,
            K::Truncated => Code::BundleDamaged,
            K::SasExpired => Code::SasExpired,
            K::SasNotYetValid => Code::SasNotYetValid,
            K::SasPermission => Code::SasPermission,
            K::SasResource => Code::SasResource,
            K::SasHttpsOnly => Code::SasHttpsOnly,
            K::SasAddress => Code::SasAddress,
            K::SasMalformed => Code::SasMalformed,
            K::Unauthenticated => Code::StoreUnauthenticated,
            K::Denied => Code::StoreDenied,
            K::CredentialMissing => Code::StoreCredentialMissing,
            K::ClockSkew => Code::ClockSkew,
            K::Full => Code::StoreFull,
            K::Unreachable => Code::StoreUnreachable,
            K::Throttled => Code::StoreThrottled,
            K::Failed => Code::StoreFailed,
            K::Io => Code::StoreIo,
            K::Unsupported => Code::StoreUnsupported,
            _ => Code::Internal,
        };
        let transient = error.is_transient();
        let made = Self::new(code, error.subject(), error.detail()).transient_if(transient);
        match error.hint() {
            Some(hint) => made.with_next(hint),
            None => made,
        }
    }
}

impl Error {
    /// A failure of the format, at the place the bundle was read from.
    pub(crate) fn from_bundle(error: &bundle::Error, location: &str) -> Self {
        use bundle::ErrorKind as K;
        let code = match error.kind() {
            K::NotABundle => Code::NotABundle,
            K::Hostile => Code::BundleHostile,
            K::TooNew => Code::BundleTooNew,
            K::LimitExceeded => Code::LimitExceeded,
            _ => Code::BundleDamaged,
        };
        let made = Self::new(code, location, error.to_string());
        match error.hint() {
            Some(hint) => made.with_next(hint),
            None => made,
        }
    }
}
