//! A deployment in a deployment: one of its own, that is asked for and waited for.

use http::StatusCode;
use serde_json::json;
use transload_control::ResourceId;
use transload_control::deployment::{Deployment, DeploymentState, DeploymentStep};
use transload_control::ledger::PutDeployment;
use transload_templates::{NestedDeployment, Planned, Value};
use uuid::Uuid;

use super::job::Job;
use super::prepare::Prepared;
use super::step::{LOOK_FIRST, LOOK_LAST, Unmade};
use super::submit::Submission;
use super::types::resource_id;
use super::world::Known;
use crate::fault::Fault;

impl Job<'_> {
    /// Ids of what an earlier attempt made. Where that is not known the deployment does not go on: complete mode would remove
    /// what it does not know.
    pub(super) async fn made_by(
        &self,
        planned: &Planned,
        earlier: &DeploymentStep,
    ) -> Result<Vec<String>, Unmade> {
        if !planned.is_nested {
            return Ok(vec![planned.id.clone()]);
        }
        if let Some(made) = &earlier.made {
            return Ok(made.clone());
        }
        // an earlier version of this server has not written it down
        let id = resource_id(&planned.id)?;
        let there = self.face.control.ledger().deployment(&id).await?;
        let there = there.filter(|there| there.record.parent.as_ref() == Some(&self.own()));
        there.map(|there| there.record.output_resources).ok_or_else(|| unknown(&id))
    }

    /// How what is nested in this deployment names it.
    pub(super) fn own(&self) -> (ResourceId, Uuid) {
        (self.deployment().id.clone(), self.deployment().operation)
    }

    /// A deployment of its own, in this one.
    pub(super) async fn nested(
        &self,
        prepared: &Prepared,
        at: usize,
        known: &mut Known,
    ) -> Result<(u16, Vec<String>), Unmade> {
        let plan = &prepared.plan;
        let id = resource_id(&plan.resources()[at].id)?;
        let parent = self.own();
        let there = self.face.control.ledger().deployment(&id).await?;
        let mut child = match there.filter(|there| there.record.parent.as_ref() == Some(&parent)) {
            // begun by an earlier attempt
            Some(there) => there,
            None => {
                let nested = self
                    .face
                    .told(&self.caller, plan, known, move |plan, world| plan.nested(at, world))
                    .await;
                let nested = nested.map_err(|untold| self.untold(prepared, untold))?;
                let request = request(&nested);
                let depth = self.deployment().depth + 1;
                let hidden = known.hidden(&nested);
                let sent = Submission {
                    request,
                    // one that is asked for again after a crash makes the same names
                    operation: Uuid::new_v5(&self.deployment().operation, id.key().as_bytes()),
                    depth,
                    parent: Some(parent),
                    evaluated: plan.resources()[at].is_outer,
                    hidden,
                };
                let now = self.deployment().created_at;
                let put = self.face.submit(&self.caller, &id, sent, now).await?;
                let (PutDeployment::Put(child, _) | PutDeployment::Active(child)) = put;
                child
            }
        };
        let operation = child.operation;
        let mut pause = LOOK_FIRST;
        while !child.state.is_final() {
            // that this one has ended stops it
            self.pause(pause).await?;
            pause = (pause * 2).min(LOOK_LAST);
            let found = self.face.control.ledger().deployment(&id).await?;
            child = found.filter(|found| found.operation == operation).ok_or_else(|| replaced(&id))?;
        }
        self.of_child(child)
    }

    fn of_child(&self, child: Deployment) -> Result<(u16, Vec<String>), Unmade> {
        let error = child.record.error.map(serde_json::from_value).and_then(Result::ok);
        match child.state {
            DeploymentState::Succeeded => Ok((200, child.record.output_resources)),
            DeploymentState::Canceled => {
                Err(Unmade::Failed(409, error.unwrap_or_else(super::show::canceled)))
            }
            _ => {
                Err(Unmade::Failed(409, error.unwrap_or_else(|| super::words::deployment_failed(Vec::new()))))
            }
        }
    }
}

/// A nested deployment as a request: members stay in their order, which `string()` shows.
fn request(nested: &NestedDeployment) -> String {
    let parameters = Value::Object(nested.parameters.clone()).json_text();
    let template = nested.template.clone().into_value().json_text();
    format!(
        r#"{{"location":{},"properties":{{"mode":{},"parameters":{parameters},"template":{template}}}}}"#,
        json!(nested.location),
        json!(nested.mode),
    )
}

fn unknown(id: &ResourceId) -> Unmade {
    let text = format!(
        "What the nested deployment '{}' has made is not known any more: its record was replaced or removed while the \
         deployment that it is nested in was under way. Deploy that one again.",
        id.name()
    );
    Fault::new(StatusCode::CONFLICT, "DeploymentActive", text).into()
}

fn replaced(id: &ResourceId) -> Unmade {
    let text =
        format!("The nested deployment '{}' was replaced or removed while it was under way.", id.name());
    Fault::new(StatusCode::CONFLICT, "DeploymentActive", text).into()
}
