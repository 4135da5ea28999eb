//! Whoever asks, and what they may do.

use std::fmt;
use std::sync::Arc;

use super::grant::{Action, Grant};

type May = Arc<dyn Fn(&Grant) -> bool + Send + Sync>;
type Sees = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Whoever sent a request. It goes with the answer too (in its extensions), for the log.
#[derive(Clone)]
pub struct Caller {
    user: Option<String>,
    may: May,
    sees: Option<Sees>,
    pulls_everything: bool,
}

impl Caller {
    /// A caller (`None`: anonymous) of whom `may` says what they may do. In the list of repositories they see those
    /// that they may pull from.
    pub fn new(user: Option<String>, may: impl Fn(&Grant) -> bool + Send + Sync + 'static) -> Self {
        Self { user, may: Arc::new(may), sees: None, pulls_everything: false }
    }

    /// With another answer to which repositories they see listed.
    #[must_use]
    pub fn seeing(mut self, sees: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.sees = Some(Arc::new(sees));
        self
    }

    /// One who may pull from every repository there is, so that a blob may be mounted for them from anywhere.
    #[must_use]
    pub fn pulling_everything(mut self, yes: bool) -> Self {
        self.pulls_everything = yes;
        self
    }

    /// Whether they are known to be allowed to pull from every repository.
    pub fn pulls_everything(&self) -> bool {
        self.pulls_everything
    }

    /// The name they signed in with.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Whether they may do this.
    pub fn may(&self, grant: &Grant) -> bool {
        (self.may)(grant)
    }

    /// Whether the list of repositories shows them this one.
    pub fn sees(&self, repository: &str) -> bool {
        match &self.sees {
            Some(sees) => sees(repository),
            None => self.may(&Grant::to(Action::Pull, repository)),
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("user", &self.user).finish_non_exhaustive()
    }
}
