//! What goes wrong between this client and the server.

use std::error::Error as StdError;
use std::fmt;

use serde_json::Value;
use transload_api::{ErrorAnswer, ErrorBody};

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What was given cannot be used: a URL, a certificate, a name.
    Invalid,
    /// The server cannot be reached.
    Unreachable,
    /// Its certificate is not trusted.
    Tls,
    /// It does not know who asks.
    Unauthenticated,
    /// Who asks may not.
    Denied,
    /// What was asked for is not there.
    NotFound,
    /// It cannot be as things are.
    Conflict,
    /// The server does not take what it was sent.
    Refused,
    /// It asks to come back later than is bearable.
    Throttled,
    /// It failed.
    Failed,
    /// What answered does not speak this API.
    Protocol,
    /// An operation that had been accepted failed.
    OperationFailed,
    /// An operation that had been accepted was cancelled.
    OperationCanceled,
}

/// A failure: what the server said, or why there was no answer. No secret is in it.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    subject: String,
    message: String,
    code: Option<String>,
    status: Option<u16>,
    correlation: Option<String>,
    place: Option<Place>,
}

/// Where in a template something is wrong, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The character in it.
    pub column: u32,
}

impl Place {
    /// Of the first `TemplateViolation` in an error or in one of its parts.
    fn of(said: &ErrorBody) -> Option<Self> {
        let number = |info: &Value, name: &str| info.get(name)?.as_u64()?.try_into().ok();
        let own = said.additional_info.iter().find_map(|more| {
            Some(Self {
                line: number(&more.info, "lineNumber")?,
                column: number(&more.info, "linePosition")?,
            })
        });
        own.or_else(|| said.details.iter().find_map(Self::of))
    }
}

impl Error {
    pub(crate) fn new(kind: Kind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        let (subject, message) = (subject.into(), message.into());
        Self(Box::new(Inner {
            kind,
            subject,
            message,
            code: None,
            status: None,
            correlation: None,
            place: None,
        }))
    }

    /// Of an answer with a status of 400 or more.
    pub(crate) fn of_answer(status: u16, correlation: Option<String>, subject: &str, body: &[u8]) -> Self {
        let kind = match status {
            401 => Kind::Unauthenticated,
            403 => Kind::Denied,
            404 | 410 => Kind::NotFound,
            409 | 412 => Kind::Conflict,
            429 => Kind::Throttled,
            500.. => Kind::Failed,
            _ => Kind::Refused,
        };
        let said = serde_json::from_slice::<ErrorAnswer>(body).ok().map(|answer| answer.error);
        let mut error = match said {
            Some(said) => Self::of_body(kind, subject, &said),
            None => {
                Self::new(kind, subject, format!("the server answered with status {status} and no reason"))
            }
        };
        error.0.status = Some(status);
        error.0.correlation = correlation;
        error
    }

    /// Of what the server says of a failure, with what it says of its parts.
    pub(crate) fn of_body(kind: Kind, subject: &str, said: &ErrorBody) -> Self {
        let mut message = said.message.clone();
        for detail in said.details.iter().filter(|detail| detail.message != said.message) {
            message.push_str(&format!("\n  {}", detail.message));
        }
        let mut error = Self::new(kind, subject, message);
        error.0.code = Some(said.code.clone()).filter(|code| !code.is_empty());
        error.0.place = Place::of(said).filter(|place| place.line > 0);
        error
    }

    /// Of a request that got no answer.
    pub(crate) fn of_transport(subject: &str, error: &reqwest::Error) -> Self {
        let mut deepest: &dyn StdError = error;
        while let Some(cause) = deepest.source() {
            deepest = cause;
        }
        let why = deepest.to_string();
        // the TLS library's error is not at hand here; every one of its words about trust has this one in it
        let kind = if why.contains("certificate") { Kind::Tls } else { Kind::Unreachable };
        let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { why };
        Self::new(kind, subject, why)
    }

    pub(crate) fn with_correlation(mut self, correlation: Option<String>) -> Self {
        self.0.correlation = correlation;
        self
    }

    /// What kind.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// On what: the path of a resource, or the server's address.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Why, in the server's words where it had some.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The server's code, where there was an answer with one.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The answer's status, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Under what the server's log and audit log have it.
    pub fn correlation(&self) -> Option<&str> {
        self.0.correlation.as_deref()
    }

    /// Where in the template it is, where it is about one.
    pub fn place(&self) -> Option<Place> {
        self.0.place
    }

    /// Whether the same may well work a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, Kind::Unreachable | Kind::Throttled | Kind::Failed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subject.as_str() {
            "" => f.write_str(&self.0.message),
            subject => write!(f, "{subject}: {}", self.0.message),
        }
    }
}

impl StdError for Error {}
