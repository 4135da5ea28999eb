//! Taking a deployment: reading it, planning it, and writing it down to be done.

use time::OffsetDateTime;
use transload_control::deployment::{DeploymentRecord, DeploymentState, DeploymentText};
use transload_control::ledger::PutDeployment;
use transload_control::{Caller, DeploymentSpec, ResourceId};
use uuid::Uuid;

use super::ask::Asked;
use super::blot::Hidden;
use super::order::{dependencies, providers};
use super::prepare::{Prepared, Unplanned, Which, is_passing, shown_parameters, template_hash};
use super::words::{json_of, template_body};
use crate::face::Face;
use crate::fault::Fault;

/// A deployment that is asked for.
pub(crate) struct Submission {
    /// As it was sent.
    pub(crate) request: String,
    /// Names it; what `newGuid()` says comes of it.
    pub(crate) operation: Uuid,
    /// Deployments that it is nested in.
    pub(crate) depth: u32,
    /// The one that it is nested in, and which of that name.
    pub(crate) parent: Option<(ResourceId, Uuid)>,
    /// Whether its template has values of the one that it is nested in.
    pub(crate) evaluated: bool,
    /// What must not be shown besides its own secrets: that of the one that it is nested in.
    pub(crate) hidden: Hidden,
}

impl Face {
    /// Writes a deployment down. One whose template cannot be is written down as failed: clients hide what is refused
    /// here, and show how an operation ended (contract, § 0.2).
    ///
    /// # Errors
    /// Whoever may not; a request that has no template in it; a ledger that does not answer.
    pub(crate) async fn submit(
        &self,
        caller: &Caller,
        id: &ResourceId,
        sent: Submission,
        now: OffsetDateTime,
    ) -> Result<PutDeployment, Fault> {
        self.control.may_deploy(caller, id, "write").await?;
        let asked = Asked::read(&sent.request, &self.options)?;
        let which = Which { id: id.clone(), seed: sent.operation, now, depth: sent.depth };
        let record = DeploymentRecord {
            mode: asked.mode,
            location: asked.location.clone(),
            tags: asked.tags.clone(),
            parent: sent.parent,
            evaluated: sent.evaluated,
            ..DeploymentRecord::default()
        };
        let (state, record, text) = match self.prepare(caller, &which, asked, sent.hidden.clone()).await {
            Ok(prepared) => {
                let text = DeploymentText {
                    request: Some(sent.request),
                    hidden: sent.hidden.values.values(),
                    unmarked: sent.hidden.unmarked.values(),
                    secret_parameters: sent.hidden.parameters,
                    ..DeploymentText::default()
                };
                (DeploymentState::Accepted, planned(record, &prepared), text)
            }
            Err((Unplanned::Fault(fault), _)) if is_passing(&fault) => return Err(fault),
            Err((unplanned, asked)) => failed(record, &unplanned, &asked),
        };
        let spec = DeploymentSpec { operation: which.seed, depth: sent.depth, state, record, text };
        let put = self.control.put_deployment(caller, id, spec).await?;
        self.deployments.notify_one();
        Ok(put)
    }
}

/// What is known of a deployment before it is begun.
fn planned(record: DeploymentRecord, prepared: &Prepared) -> DeploymentRecord {
    DeploymentRecord {
        template_hash: prepared.hash.clone(),
        parameters: shown_parameters(prepared),
        providers: prepared.blots.json(providers(&prepared.plan)),
        dependencies: prepared.blots.json(dependencies(&prepared.plan)),
        ..record
    }
}

/// What is known of a deployment that cannot be.
fn failed(
    record: DeploymentRecord,
    unplanned: &Unplanned,
    asked: &Asked,
) -> (DeploymentState, DeploymentRecord, DeploymentText) {
    let error = match unplanned {
        Unplanned::Template(error) => template_body(error, Some(asked)),
        Unplanned::Fault(fault) => fault.body(),
    };
    let template = asked.template.to_json();
    let template_hash = template_hash(&template);
    let record = DeploymentRecord { template_hash, error: Some(json_of(&error)), ..record };
    let template = if record.evaluated { serde_json::Value::Null } else { template };
    (DeploymentState::Failed, record, DeploymentText { template, ..DeploymentText::default() })
}
