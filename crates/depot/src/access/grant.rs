//! What a request wants to do.

use std::fmt;

/// What may be done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read tags, manifests, referrers and blobs.
    Pull,
    /// Upload blobs and put manifests and tags.
    Push,
    /// Delete tags, manifests and blobs.
    Delete,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    /// Its name in scopes and rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }

    /// The action of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// One thing that a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// To be known here (`/v2/`): clients ask it to learn what the registry wants of them.
    Base,
    /// To list repositories (`/v2/_catalog`). Which ones are listed is asked of [`Caller::sees`](super::Caller::sees).
    Catalog,
    /// To do something with a repository.
    Repository {
        /// The repository.
        name: String,
        /// What is to be done.
        action: Action,
    },
}

impl Grant {
    /// To do this with a repository.
    pub fn to(action: Action, repository: &str) -> Self {
        Self::Repository { name: repository.to_owned(), action }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => f.write_str("access to this registry"),
            Self::Catalog => f.write_str("the list of repositories"),
            Self::Repository { name, action } => write!(f, "{} of {name}", action.name()),
        }
    }
}
