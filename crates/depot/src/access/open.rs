//! A registry that asks nobody who they are.

use async_trait::async_trait;
use axum::http::request::Parts;

use super::Gate;
use super::caller::Caller;
use super::grant::{Action, Grant};
use super::refused::{Refused, RefusedKind};

/// What those may do who have not said who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Anonymous {
    /// Nothing.
    #[default]
    Nothing,
    /// Pull from every repository.
    Pull,
    /// Pull from and push to every repository.
    Push,
    /// Delete too.
    Everything,
}

impl Anonymous {
    /// Whether that is among it.
    pub fn allows(self, action: Action) -> bool {
        match action {
            Action::Pull => self >= Self::Pull,
            Action::Push => self >= Self::Push,
            Action::Delete => self >= Self::Everything,
        }
    }
}

/// A gate through which everybody may do the same.
#[derive(Debug, Clone, Copy)]
pub struct Open(pub Anonymous);

#[async_trait]
impl Gate for Open {
    async fn admit(&self, _request: &Parts, wanted: &[Grant]) -> Result<Caller, Refused> {
        let Self(level) = *self;
        let caller = Caller::new(None, move |grant| match grant {
            Grant::Base => true,
            Grant::Catalog => level.allows(Action::Pull),
            Grant::Repository { action, .. } => level.allows(*action),
        });
        let caller = caller.pulling_everything(level.allows(Action::Pull));
        match wanted.iter().find(|grant| !caller.may(grant)) {
            None => Ok(caller),
            Some(grant) => Err(Refused::new(
                RefusedKind::Denied,
                format!("{grant} is not allowed here, and nobody can sign in to this registry"),
            )),
        }
    }
}
