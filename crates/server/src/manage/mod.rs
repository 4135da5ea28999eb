//! Resources of the resource manager that are no registries: groups, identities, storage accounts, vaults.

mod filter;
pub(crate) mod groups;
pub(crate) mod identities;
pub(crate) mod resources;
pub(crate) mod storage;
pub(crate) mod vault_secrets;
pub(crate) mod vaults;

use http::StatusCode;
use http::header::LOCATION;
use serde::Serialize;
use transload_control::resource::Stored;
use transload_control::{Deleted, ResourceId};
use uuid::Uuid;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

use filter::Filter;

impl Face {
    /// A page of resources of a type beneath a scope.
    pub(crate) async fn list<T: Serialize>(
        &self,
        call: &Call,
        scope: &ResourceId,
        kind: &str,
        map: impl Fn(&Stored) -> Result<T, Fault>,
    ) -> Result<Answer, Fault> {
        let after = call.query.cursor()?;
        let most = self.page_items(call)?;
        let page = self.control.list(&call.caller, scope, kind, after.as_deref(), most).await?;
        let value = page.items.iter().map(map).collect::<Result<Vec<_>, _>>()?;
        Ok(Answer::ok(&call.page(value, page.next.as_deref())))
    }

    /// A page of resources of several types beneath what the path names, one type behind the other, with those that the
    /// filter lets pass. Clients look at the first page and no further where it is empty, so pages are filled.
    pub(crate) async fn list_filtered<T: Serialize>(
        &self,
        call: &Call,
        kinds: &[&str],
        filter: &Filter,
        map: impl Fn(&Stored) -> Result<T, Fault>,
    ) -> Result<Answer, Fault> {
        let (scope, most) = (call.scope()?, self.page_items(call)?);
        let tenant = self.tenant();
        let place = self.place(&tenant);
        let (mut at, mut after) = cursor(call)?;
        let mut found = Vec::new();
        while let Some(kind) = kinds.get(at).filter(|_| found.len() < most) {
            after = if filter.may_have(kind) {
                let left = most - found.len();
                let page = self.control.list(&call.caller, &scope, kind, after.as_deref(), left).await?;
                for stored in &page.items {
                    if filter.passes(&map::generic(stored, place, "")) {
                        found.push(map(stored)?);
                    }
                }
                page.next
            } else {
                None
            };
            at += usize::from(after.is_none());
        }
        let more = kinds.iter().skip(at).any(|kind| filter.may_have(kind));
        let more = more.then(|| format!("{at}.{}", after.unwrap_or_default()));
        Ok(Answer::ok(&call.page(found, more.as_deref())))
    }

    /// How many items a page has: what is asked for, within bounds.
    pub(crate) fn page_items(&self, call: &Call) -> Result<usize, Fault> {
        let most = self.control.limits().page_items_max;
        let asked = call.query.number("$top")?.and_then(|top| usize::try_from(top).ok());
        Ok(asked.unwrap_or(most).clamp(1, most.max(1)))
    }

    /// Removes a resource: 200 when it is gone, 204 when it was not there, 202 while something has to end first
    /// (contract, § 3).
    pub(crate) async fn delete(&self, call: &Call, id: &ResourceId) -> Result<Answer, Fault> {
        match self.control.delete(&call.caller, id).await? {
            Deleted::Absent => Ok(Answer::empty(StatusCode::NO_CONTENT)),
            Deleted::Gone => Ok(Answer::empty(StatusCode::OK)),
        }
    }

    /// 202 for what is gone when an operation has ended.
    pub(crate) fn stopping(&self, call: &Call, operation: Uuid) -> Answer {
        let place = self.operation_link(call, "operationResults", operation, None);
        Answer::empty(StatusCode::ACCEPTED)
            .header(LOCATION, &place)
            .retry_after(self.options.limits.poll_seconds)
    }
}

/// Where a filtered list goes on: the place of the type, and what was last seen of it.
fn cursor(call: &Call) -> Result<(usize, Option<String>), Fault> {
    let Some(text) = call.query.cursor()? else { return Ok((0, None)) };
    let read = text.split_once('.').and_then(|(at, after)| Some((at.parse().ok()?, after)));
    let (at, after) = read.ok_or_else(|| {
        Fault::invalid("$skipToken", "This is no token of an earlier page. Use nextLink as it stands.")
    })?;
    Ok((at, Some(after.to_owned()).filter(|after| !after.is_empty())))
}

/// The status of a PUT: 201 for what is new.
pub(crate) fn put_status(created: bool) -> StatusCode {
    if created { StatusCode::CREATED } else { StatusCode::OK }
}
