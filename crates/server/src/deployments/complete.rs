//! Complete mode: what is in the group and not in the template goes.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use time::OffsetDateTime;
use transload_api::ErrorBody;
use transload_control::deployment::{DeploymentState, DeploymentStep};
use transload_control::resource::Stored;
use transload_control::{Caller, ResourceId};
use transload_templates::Plan;

use super::job::{Job, Outcome};
use super::prepare::{Prepared, is_passing};
use super::types::resource_id;
use super::world::Known;
use crate::face::Face;
use crate::fault::Fault;
use crate::manage::resources::DELETED_IN_COMPLETE_MODE;

/// The version with which resources are removed.
const VERSION: &str = "2025-06-01-preview";
const PAGE: usize = 500;

/// Keys of what stays: what the template names, what was made for it, and all that these are beneath.
///
/// # Errors
/// A name that cannot be read: nothing may be removed while it is not known what stays.
pub(crate) fn kept(plan: &Plan, made: &[String]) -> Result<BTreeSet<String>, Fault> {
    let named = plan.resources().iter().filter(|one| one.condition).map(|one| one.id.as_str());
    let named = named.chain(made.iter().map(String::as_str));
    let mut kept = BTreeSet::new();
    for id in named {
        let mut next = Some(resource_id(id)?);
        while let Some(id) = next {
            next = id.parent();
            kept.insert(id.key().to_owned());
        }
    }
    Ok(kept)
}

/// What came of removing.
pub(super) enum Removed {
    /// All that was to go is gone.
    All,
    /// Some of it is still there: the deployment was canceled.
    Stopped,
    /// Some of it could not be removed.
    Failed(ErrorBody),
}

impl Face {
    /// Resources of a group that are of a type which complete mode removes, and not kept: in the order in which they go.
    /// As Azure documents it, what is beneath a resource (pipelines, runs, images, secrets) goes with that and never alone.
    pub(crate) async fn leftovers(
        &self,
        caller: &Caller,
        group: &ResourceId,
        kept: &BTreeSet<String>,
    ) -> Result<Vec<Stored>, Fault> {
        let mut found = Vec::new();
        for kind in DELETED_IN_COMPLETE_MODE {
            let mut after = None;
            loop {
                let page = self.control.list(caller, group, kind, after.as_deref(), PAGE).await?;
                found.extend(page.items.into_iter().filter(|stored| !kept.contains(stored.id.key())));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}

impl Job<'_> {
    /// Removes what the template does not name. Nothing, where the deployment is to be gone on with later.
    pub(super) async fn remove_leftovers(&self, prepared: &Prepared, made: &[String]) -> Option<Removed> {
        let Some(group) = self.deployment().id.group_id() else { return Some(Removed::All) };
        let kept = match kept(&prepared.plan, made) {
            Ok(kept) => kept,
            Err(fault) => return Some(Removed::Failed(fault.body())),
        };
        let found = match self.face.leftovers(&self.caller, &group, &kept).await {
            Ok(found) => found,
            Err(fault) if is_passing(&fault) => return None,
            Err(fault) => return Some(Removed::Failed(fault.body())),
        };
        for stored in found {
            if self.cancel.is_cancelled() {
                return Some(Removed::Stopped);
            }
            // a registry that cannot go keeps the vault that it reads
            if let Err(outcome) = self.remove(prepared, &stored).await {
                return match outcome {
                    Outcome::Failed(body) => Some(Removed::Failed(body)),
                    _ => None,
                };
            }
        }
        Some(Removed::All)
    }

    async fn remove(&self, prepared: &Prepared, stored: &Stored) -> Result<(), Outcome> {
        let step = self.step("Delete", Some(stored.id.as_str()));
        self.note(&step).await?;
        let target = format!("{}?api-version={VERSION}", stored.id);
        match self.face.inner(&self.caller, Method::DELETE, &target, None).await {
            Ok(reply) => {
                let step = DeploymentStep {
                    state: DeploymentState::Succeeded,
                    status: Some(reply.status.as_u16()),
                    finished_at: Some(OffsetDateTime::now_utc()),
                    ..step
                };
                self.note(&step).await
            }
            Err(fault) if is_passing(&fault) => Err(Outcome::Again),
            Err(fault) => {
                let status = fault.status.as_u16().max(StatusCode::BAD_REQUEST.as_u16());
                let body = ErrorBody { target: Some(stored.id.to_string()), ..fault.body() };
                Err(self.failed_step(prepared, step, status, body, &Known::default()).await)
            }
        }
    }
}
