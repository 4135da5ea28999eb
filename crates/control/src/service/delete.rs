//! Deleting resources.

use transload_resource_id::ResourceId;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::resource::{Body, kind};

/// What came of deleting a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It was not there.
    Absent,
    /// It is gone, and all that was beneath it.
    Gone,
}

impl Control {
    /// Deletes a resource and all that is beneath it. Images of external registries and blobs stay; those of a hosted registry
    /// can be pulled no more, and the secrets of a vault with that.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; [`Code::InUse`] while a run of it is under way.
    pub async fn delete(&self, caller: &Caller, id: &ResourceId) -> Result<Deleted, Error> {
        self.allow(caller, id, Role::Contributor, "delete").await?;
        let work = self.delete_allowed(id);
        self.audited(caller, &action(&id.kind(), "delete"), id.as_str(), work).await
    }

    async fn delete_allowed(&self, id: &ResourceId) -> Result<Deleted, Error> {
        self.in_subscription(id)?;
        if *id == self.subscription() {
            let text = "The subscription cannot be deleted: it is this server's only one.";
            return Err(Error::new(Code::Conflict, text));
        }
        let Some(stored) = self.ledger().get(id).await? else { return Ok(Deleted::Absent) };
        self.refuse_while_running(id, &stored.body).await?;
        self.forget_secrets(id, &stored.body).await?;
        Ok(if self.ledger().delete(id).await? { Deleted::Gone } else { Deleted::Absent })
    }

    async fn refuse_while_running(&self, id: &ResourceId, body: &Body) -> Result<(), Error> {
        let running = match body {
            Body::Pipeline(_) => self.ledger().unfinished_runs(id, 1).await?.into_iter().next(),
            _ => self.ledger().unfinished_beneath(id).await?,
        };
        let Some(run) = running else { return Ok(()) };
        Err(Error::new(
            Code::InUse,
            format!(
                "'{}' cannot be deleted while its run '{}' is under way ({run}). Wait for the run, or stop it first \
                 (`az acr pipeline-run delete`, `transload run cancel`).",
                id.name(),
                run.name()
            ),
        ))
    }

    /// Secrets go with their vault, before it: what is left of a deletion that was cut off can be deleted again.
    async fn forget_secrets(&self, id: &ResourceId, body: &Body) -> Result<(), Error> {
        let gone = |error: transload_vault::Error| Error::new(Code::LedgerUnavailable, error.to_string());
        match body {
            Body::Vault(_) => self.vault().delete_vault(id.name()).await.map_err(gone),
            Body::Group(_) => {
                let mut after = None;
                loop {
                    let page = self.ledger().list(id, kind::VAULT, after.as_deref(), 100).await?;
                    for vault in &page.items {
                        self.vault().delete_vault(vault.id.name()).await.map_err(gone)?;
                    }
                    after = page.next;
                    if after.is_none() {
                        return Ok(());
                    }
                }
            }
            _ => Ok(()),
        }
    }
}
