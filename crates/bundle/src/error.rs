//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are something else: no tar, no image layout, compressed, empty.
    NotABundle,
    /// An image layout that contradicts itself: a digest, a size or a name is wrong.
    Damaged,
    /// An image layout with something in it that no honest writer puts there.
    Hostile,
    /// Written by a newer version of this tool than this one understands.
    TooNew,
    /// One of the bounds in [`Limits`](crate::Limits) is passed.
    LimitExceeded,
    /// The file ends before its content does.
    Truncated,
    /// What was to be laid out contradicts itself: a mistake of the caller.
    PlanInvalid,
}

/// A failure to lay out or to read a bundle. It prints as a fragment that fits behind "failed to …".
///
/// The bundle's location is not in it: this crate never knows where its bytes come from.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    subject: String,
    detail: String,
    hint: Option<String>,
}

/// Longest foreign name that an error repeats.
const QUOTED_CHARS_MAX: usize = 200;

impl Error {
    /// An error about `subject`: an entry's name, a digest, a reference, or empty for the whole bundle.
    pub(crate) fn new(kind: ErrorKind, subject: impl fmt::Display, detail: impl Into<String>) -> Self {
        let subject = subject.to_string().chars().take(QUOTED_CHARS_MAX).collect::<String>();
        Self { kind, subject: on_one_line(&subject), detail: on_one_line(&detail.into()), hint: None }
    }

    /// With what to do next.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What of the bundle it is about (an entry's name, a digest, a reference); empty when it is about all of it.
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
}

/// A text with foreign parts made fit for a terminal: no control characters.
fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        f.write_str(&self.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}

impl StdError for Error {}
