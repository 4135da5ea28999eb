//! What is written down of what was done, and what was not.

use std::future::Future;

use time::OffsetDateTime;

use super::Control;
use crate::access::{Caller, Role};
use crate::audit::{self, Outcome};
use crate::error::{Code, Error};
use crate::ledger::Page;

impl Control {
    pub(super) async fn deny(
        &self,
        caller: &Caller,
        action: &str,
        target: &str,
        error: &Error,
    ) -> Result<(), Error> {
        self.note(caller, action, target, Outcome::Denied, Some(error), None).await
    }

    /// Does something that changes things, and writes down that it was done or why not.
    pub(super) async fn audited<T>(
        &self,
        caller: &Caller,
        action: &str,
        target: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = work.await;
        match &done {
            Ok(_) => self.note(caller, action, target, Outcome::Done, None, None).await?,
            // denials are written down where they are found, and a ledger that is gone takes no entry
            Err(error) if matches!(error.code, Code::AuthorizationFailed | Code::LedgerUnavailable) => {}
            Err(error) => self.note(caller, action, target, Outcome::Failed, Some(error), None).await?,
        }
        done
    }

    /// Adds an entry to the audit log.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        action: &str,
        target: &str,
        outcome: Outcome,
        error: Option<&Error>,
        detail: Option<String>,
    ) -> Result<(), Error> {
        let entry = audit::Entry {
            sequence: 0,
            at: OffsetDateTime::UNIX_EPOCH,
            who: caller.principal.clone(),
            who_name: caller.name.clone(),
            action: action.to_owned(),
            target: target.to_owned(),
            outcome,
            code: error.map(|error| error.code.to_string()),
            correlation: caller.correlation.clone(),
            address: caller.address.clone(),
            detail,
        };
        self.ledger().audit(&entry).await.map(drop)
    }

    /// Entries of the audit log, oldest first.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`] for whoever is no Owner of the subscription.
    pub async fn audit(
        &self,
        caller: &Caller,
        filter: &audit::Filter,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<audit::Entry>, Error> {
        self.allow(caller, &self.subscription(), Role::Owner, "audit/read").await?;
        self.ledger().audit_page(filter, after, most.clamp(1, 1000)).await
    }
}
