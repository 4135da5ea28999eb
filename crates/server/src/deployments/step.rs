//! One resource of a deployment: asked for as a client would, and waited for.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;
use http::{Method, StatusCode};
use serde_json::Value as Json;
use time::OffsetDateTime;
use transload_api::ErrorBody;
use transload_control::ResourceId;
use transload_control::deployment::{DeploymentState, DeploymentStep};

use super::job::{Job, Outcome};
use super::prepare::{Prepared, is_passing};
use super::types::resource_id;
use super::words::{json_of, template_body};
use super::world::{Known, Untold};
use crate::fault::Fault;

/// Pauses between two looks at something that is under way: from the first, doubled up to the last.
pub(super) const LOOK_FIRST: Duration = Duration::from_millis(50);
pub(super) const LOOK_LAST: Duration = Duration::from_secs(2);

/// How a resource was not made.
pub(super) enum Unmade {
    /// Refused or failed: the status and why.
    Failed(u16, ErrorBody),
    /// Not waited for any longer.
    Stopped,
    /// The ledger did not answer.
    Again,
}

impl From<Fault> for Unmade {
    fn from(fault: Fault) -> Self {
        if is_passing(&fault) { Self::Again } else { Self::Failed(fault.status.as_u16(), fault.body()) }
    }
}

impl From<transload_control::Error> for Unmade {
    fn from(error: transload_control::Error) -> Self {
        Fault::from(error).into()
    }
}

impl Job<'_> {
    /// Makes one resource, unless an earlier attempt has made it.
    pub(super) async fn resource(
        &self,
        prepared: &Prepared,
        at: usize,
        done: &HashMap<String, DeploymentStep>,
    ) -> Outcome {
        let planned = &prepared.plan.resources()[at];
        let step = self.step("Create", Some(&planned.id));
        let earlier = done.get(&step.id);
        let step = DeploymentStep {
            started_at: earlier.map_or(step.started_at, |one| one.started_at),
            symbolic_name: planned.symbolic_name.clone(),
            ..step
        };
        let mut known = self.knows(prepared);
        if let Some(earlier) = earlier.filter(|step| step.state == DeploymentState::Succeeded) {
            return match self.made_by(planned, earlier).await {
                Ok(ids) => Outcome::Done(ids),
                Err(Unmade::Failed(status, body)) => {
                    self.failed_step(prepared, step, status, body, &known).await
                }
                Err(_) => Outcome::Again,
            };
        }
        if let Err(outcome) = self.note(&step).await {
            return outcome;
        }
        let made = match planned.is_nested {
            true => self.nested(prepared, at, &mut known).await,
            false => self.put(prepared, at, &mut known).await,
        };
        match made {
            Ok((status, ids)) => {
                let step = DeploymentStep {
                    state: DeploymentState::Succeeded,
                    status: Some(status),
                    made: planned.is_nested.then(|| ids.clone()),
                    finished_at: Some(OffsetDateTime::now_utc()),
                    ..step
                };
                self.note(&step).await.err().unwrap_or(Outcome::Done(ids))
            }
            Err(Unmade::Failed(status, body)) => {
                let body = ErrorBody { target: Some(planned.id.clone()), ..body };
                self.failed_step(prepared, step, status, body, &known).await
            }
            Err(Unmade::Stopped) => {
                let finished_at = Some(OffsetDateTime::now_utc());
                let step = DeploymentStep { state: DeploymentState::Canceled, finished_at, ..step };
                self.note(&step).await.err().unwrap_or(Outcome::Stopped)
            }
            Err(Unmade::Again) => Outcome::Again,
        }
    }

    /// Writes down how far a step is.
    pub(super) async fn note(&self, step: &DeploymentStep) -> Result<(), Outcome> {
        let operation = self.deployment().operation;
        match self.face.control.ledger().note_deployment_step(operation, self.claim.fence, step).await {
            Ok(true) => Ok(()),
            // another has it: what is done from here on, that one does
            Ok(false) | Err(_) => Err(Outcome::Again),
        }
    }

    /// A step that is begun now.
    pub(super) fn step(&self, action: &str, target: Option<&str>) -> DeploymentStep {
        let key = target.unwrap_or_default().to_ascii_lowercase();
        let named = format!("{}\n{action}\n{key}", self.deployment().operation);
        let hash = digest::digest(&digest::SHA256, named.as_bytes());
        DeploymentStep {
            id: hex::encode_upper(&hash.as_ref()[..8]),
            action: action.to_owned(),
            target: target.and_then(|id| ResourceId::parse(id).ok()),
            symbolic_name: None,
            made: None,
            state: DeploymentState::Running,
            status: None,
            error: None,
            started_at: OffsetDateTime::now_utc(),
            finished_at: None,
        }
    }

    /// Writes down that a step failed; no secret is in what is written.
    pub(super) async fn failed_step(
        &self,
        prepared: &Prepared,
        step: DeploymentStep,
        status: u16,
        body: ErrorBody,
        known: &Known,
    ) -> Outcome {
        let blotted = known.blots.json(prepared.blots.json(json_of(&body)));
        let body = serde_json::from_value(blotted.clone()).unwrap_or(body);
        let step = DeploymentStep {
            state: DeploymentState::Failed,
            status: Some(status),
            error: Some(blotted),
            finished_at: Some(OffsetDateTime::now_utc()),
            ..step
        };
        self.note(&step).await.err().unwrap_or(Outcome::Failed(body))
    }

    pub(super) fn untold(&self, prepared: &Prepared, untold: Untold) -> Unmade {
        match untold {
            Untold::Template(error) => Unmade::Failed(400, template_body(&error, Some(&prepared.asked))),
            Untold::Fault(fault, _) => fault.into(),
        }
    }

    /// A resource that a PUT makes.
    async fn put(
        &self,
        prepared: &Prepared,
        at: usize,
        known: &mut Known,
    ) -> Result<(u16, Vec<String>), Unmade> {
        let plan = &prepared.plan;
        let planned = &plan.resources()[at];
        resource_id(&planned.id)?;
        let body = self.face.told(&self.caller, plan, known, move |plan, world| plan.body(at, world)).await;
        let body = body.map_err(|untold| self.untold(prepared, untold))?;
        let target = format!("{}?api-version={}", planned.id, planned.api_version);
        let reply = self.face.inner(&self.caller, Method::PUT, &target, Some(&body)).await;
        let reply = reply.map_err(|fault| match fault.status {
            StatusCode::NOT_FOUND if super::types::is_unknown(&planned.id) => {
                Unmade::Failed(404, super::types::unknown(planned))
            }
            _ => fault.into(),
        })?;
        let status = reply.status.as_u16();
        // one that ended badly before is watched as well: its operation tells why, and that nothing was started
        if let Some(watched) = &reply.watched {
            self.watch(watched).await?;
        }
        Ok((status, vec![planned.id.clone()]))
    }

    /// Until an operation has ended.
    async fn watch(&self, target: &str) -> Result<(), Unmade> {
        let mut pause = LOOK_FIRST;
        loop {
            self.pause(pause).await?;
            pause = (pause * 2).min(LOOK_LAST);
            let reply = match self.face.inner(&self.caller, Method::GET, target, None).await {
                Err(fault) if is_passing(&fault) => continue,
                reply => reply?,
            };
            let status = reply.body["status"].as_str().unwrap_or_default().to_ascii_lowercase();
            match status.as_str() {
                "succeeded" => return Ok(()),
                "failed" | "canceled" => return Err(Unmade::Failed(409, operation_error(&reply.body))),
                _ => {}
            }
        }
    }

    /// Waits a moment, unless the deployment is canceled.
    pub(super) async fn pause(&self, pause: Duration) -> Result<(), Unmade> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Unmade::Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

/// Why an operation failed.
fn operation_error(body: &Json) -> ErrorBody {
    let said = body.get("error").cloned().and_then(|error| serde_json::from_value(error).ok());
    said.unwrap_or_else(|| ErrorBody {
        code: "ResourceDeploymentFailure".to_owned(),
        message: "The resource operation completed with terminal provisioning state 'Failed'.".to_owned(),
        ..ErrorBody::default()
    })
}
