//! Deployments: who may ask for them, see, stop and remove them. What they make is checked resource by resource, by the
//! rules of each, as whoever asked.

use secrecy::{ExposeSecret as _, SecretString};
use time::format_description::well_known::Rfc3339;
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::deployment::{
    Deployment, DeploymentCaller, DeploymentMode, DeploymentRecord, DeploymentState, DeploymentStep,
    DeploymentText,
};
use crate::error::{Code, Error};
use crate::ledger::{DeletedDeployment, NewDeployment, Page, PutDeployment};
use crate::names;
use crate::resource::kind;

/// A deployment as it is asked for.
#[derive(Debug, Clone)]
pub struct DeploymentSpec {
    /// Names it; a new one.
    pub operation: Uuid,
    /// Deployments that it is nested in.
    pub depth: u32,
    /// Accepted; or Failed, where it is known already that it cannot be done and a client is to learn it later.
    pub state: DeploymentState,
    /// What is known of it; the caller is put in.
    pub record: DeploymentRecord,
    /// What was sent.
    pub text: DeploymentText,
}

impl Control {
    /// Whether a deployment (`write`), its validation (`validate/action`) or what-if (`whatIf/action`) may be asked for.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`] for whoever is no Contributor of the group; [`Code::ResourceGroupNotFound`];
    /// [`Code::InvalidResourceName`].
    pub async fn may_deploy(&self, caller: &Caller, id: &ResourceId, verb: &str) -> Result<(), Error> {
        self.allow(caller, id, Role::Contributor, verb).await?;
        self.parent_exists(id).await?;
        names::check(id, kind::DEPLOYMENT)
    }

    /// Whether a resource could have its name.
    ///
    /// # Errors
    /// [`Code::InvalidResourceName`] with the rule.
    pub fn check_name(&self, id: &ResourceId) -> Result<(), Error> {
        names::check_any(id)
    }

    /// Asks for a deployment. One of the same name that is under way is left alone, and is what is given back where it was
    /// asked for the same.
    ///
    /// # Errors
    /// As of [`may_deploy`](Self::may_deploy); [`Code::DeploymentActive`] while another of that name is under way.
    pub async fn put_deployment(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: DeploymentSpec,
    ) -> Result<PutDeployment, Error> {
        self.may_deploy(caller, id, "write").await?;
        let work = self.put_deployment_allowed(caller, id, spec);
        self.audited(caller, &action(kind::DEPLOYMENT, "write"), id.as_str(), work).await
    }

    async fn put_deployment_allowed(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: DeploymentSpec,
    ) -> Result<PutDeployment, Error> {
        self.check_tags(&spec.record.tags)?;
        let new = NewDeployment {
            id: id.clone(),
            operation: spec.operation,
            depth: spec.depth,
            state: spec.state,
            record: DeploymentRecord { caller: DeploymentCaller::from(caller), ..spec.record },
            sealed: self.seal_deployment(spec.operation, &spec.text)?,
        };
        loop {
            let put = self.ledger().put_deployment(&new).await?;
            if let PutDeployment::Put(..) = put {
                return Ok(put);
            }
            if let Some(there) = self.same_deployment(id, &spec.text, new.record.mode).await? {
                return Ok(PutDeployment::Active(there));
            }
            // it has ended since
        }
    }

    /// The deployment of a name that is under way, if it is what is asked for now: clients repeat a PUT whose answer was lost, and
    /// people a command. None, when none of that name is under way.
    ///
    /// # Errors
    /// [`Code::DeploymentActive`] while another of that name is under way; [`Code::LedgerUnavailable`].
    pub async fn same_deployment(
        &self,
        id: &ResourceId,
        text: &DeploymentText,
        mode: DeploymentMode,
    ) -> Result<Option<Deployment>, Error> {
        let Some((there, sealed)) = self.ledger().active_deployment(id).await? else { return Ok(None) };
        // what cannot be read is not known to be the same
        let is_same = || self.unsealed(&there, &sealed).is_ok_and(|kept| kept == *text);
        if there.record.mode == mode && is_same() { Ok(Some(there)) } else { Err(active(&there)) }
    }

    /// What was sent, for the ledger.
    ///
    /// # Errors
    /// [`Code::LedgerUnavailable`] when there are no random numbers.
    pub fn seal_deployment(&self, operation: Uuid, text: &DeploymentText) -> Result<String, Error> {
        // a map of texts: there is nothing that cannot be written
        let plain = SecretString::from(serde_json::to_string(text).unwrap_or_default());
        self.seal(&context(operation), &plain)
    }

    /// What was sent for a deployment; of one that has ended only the template.
    ///
    /// # Errors
    /// [`Code::VaultDamaged`] when the vault's key is another than they were sealed with; [`Code::DeploymentNotFound`] when it is
    /// gone since; [`Code::LedgerUnavailable`].
    pub async fn deployment_text(&self, deployment: &Deployment) -> Result<DeploymentText, Error> {
        let sealed = self.ledger().sealed_deployment(deployment.operation).await?;
        let sealed = sealed.ok_or_else(|| not_found(&deployment.id))?;
        self.unsealed(deployment, &sealed)
    }

    fn unsealed(&self, deployment: &Deployment, sealed: &str) -> Result<DeploymentText, Error> {
        let plain = self.unseal(&context(deployment.operation), sealed)?;
        serde_json::from_str(plain.expose_secret()).map_err(|_| {
            let text = format!("The text of deployment '{}' cannot be read.", deployment.id.name());
            Error::new(Code::VaultDamaged, text)
        })
    }

    /// A deployment.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; [`Code::ResourceGroupNotFound`], [`Code::DeploymentNotFound`].
    pub async fn deployment(&self, caller: &Caller, id: &ResourceId) -> Result<Deployment, Error> {
        self.allow(caller, id, Role::Reader, "read").await?;
        self.deployment_there(id).await
    }

    async fn deployment_there(&self, id: &ResourceId) -> Result<Deployment, Error> {
        self.parent_exists(id).await?;
        let found = self.ledger().deployment(id).await?;
        found.ok_or_else(|| not_found(id))
    }

    /// Deployments of a group, the newest first.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; [`Code::ResourceGroupNotFound`].
    pub async fn deployments(
        &self,
        caller: &Caller,
        group: &ResourceId,
        state: Option<DeploymentState>,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Deployment>, Error> {
        self.allow(caller, group, Role::Reader, "deployments/read").await?;
        self.scope_exists(group).await?;
        let most = most.clamp(1, self.limits().page_items_max);
        self.ledger().deployments(group, state, after, most).await
    }

    /// What a deployment did, in the order in which it was begun.
    ///
    /// # Errors
    /// As of [`deployment`](Self::deployment).
    pub async fn deployment_steps(
        &self,
        caller: &Caller,
        id: &ResourceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<(Deployment, Page<DeploymentStep>), Error> {
        let deployment = self.deployment(caller, id).await?;
        let most = most.clamp(1, self.limits().page_items_max);
        let page = self.ledger().deployment_steps(deployment.operation, after, most).await?;
        Ok((deployment, page))
    }

    /// One thing that a deployment did.
    ///
    /// # Errors
    /// As of [`deployment`](Self::deployment); [`Code::ResourceNotFound`].
    pub async fn deployment_step(
        &self,
        caller: &Caller,
        id: &ResourceId,
        name: &str,
    ) -> Result<(Deployment, DeploymentStep), Error> {
        let deployment = self.deployment(caller, id).await?;
        let found = self.ledger().deployment_step(deployment.operation, name).await?;
        let step = found.ok_or_else(|| {
            let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
            let text = format!("Deployment '{}' has no operation '{shown}'.", id.name());
            Error::new(Code::ResourceNotFound, text)
        })?;
        Ok((deployment, step))
    }

    /// Has a deployment stopped: nothing new is begun, and what has been made stays.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; [`Code::DeploymentNotFound`]; [`Code::Conflict`] for one that has ended.
    pub async fn cancel_deployment(&self, caller: &Caller, id: &ResourceId) -> Result<(), Error> {
        self.allow(caller, id, Role::Contributor, "cancel/action").await?;
        let work = async {
            let there = self.deployment_there(id).await?;
            if self.ledger().stop_deployment(id).await?.is_some() {
                return Ok(());
            }
            let text = format!(
                "The deployment '{}' has ended ({}): there is nothing to cancel.",
                id.name(),
                there.state.name()
            );
            Err(Error::new(Code::Conflict, text))
        };
        self.audited(caller, &action(kind::DEPLOYMENT, "cancel/action"), id.as_str(), work).await
    }

    /// Removes what is known of a deployment; what it made stays. Whether it was there.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; [`Code::DeploymentActive`] for one that is under way.
    pub async fn delete_deployment(&self, caller: &Caller, id: &ResourceId) -> Result<bool, Error> {
        self.allow(caller, id, Role::Contributor, "delete").await?;
        let work = async {
            match self.ledger().delete_deployment(id).await? {
                DeletedDeployment::Absent => Ok(false),
                DeletedDeployment::Gone => Ok(true),
                DeletedDeployment::Active(there) => Err(active(&there)),
            }
        };
        self.audited(caller, &action(kind::DEPLOYMENT, "delete"), id.as_str(), work).await
    }
}

fn context(operation: Uuid) -> String {
    format!("deployments/{operation}")
}

fn not_found(id: &ResourceId) -> Error {
    Error::new(Code::DeploymentNotFound, format!("Deployment '{}' could not be found.", id.name()))
}

fn active(there: &Deployment) -> Error {
    let begun = there.created_at.replace_nanosecond(0).unwrap_or(there.created_at).format(&Rfc3339);
    Error::new(
        Code::DeploymentActive,
        format!(
            "Unable to edit, replace or remove deployment '{}': the previous deployment of that name, begun{}, is still \
             active. Wait for it, cancel it (`az deployment group cancel`), or use another name.",
            there.id.name(),
            begun.map(|at| format!(" at {at}")).unwrap_or_default(),
        ),
    )
}
