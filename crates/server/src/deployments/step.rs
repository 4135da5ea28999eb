//! One resource of a deployment: asked for as a client would, and waited for.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest;
use http::{Method, StatusCode};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use transload_api::ErrorBody;
use transload_control::ResourceId;
use transload_control::deployment::{Deployment, DeploymentState, DeploymentStep};
use transload_control::ledger::PutDeployment;
use transload_templates::{NestedDeployment, Planned, Value};

use super::blot::Blots;
use super::job::{Job, Outcome};
use super::prepare::{Prepared, is_passing};
use super::submit::Submission;
use super::words::{json_of, template_body};
use super::world::{Known, Untold};
use crate::fault::Fault;

/// Pauses between two looks at something that is under way: from the first, doubled up to the last.
const LOOK_FIRST: Duration = Duration::from_millis(50);
const LOOK_LAST: Duration = Duration::from_secs(2);

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
        if earlier.is_some_and(|step| step.state == DeploymentState::Succeeded) {
            return Outcome::Done(self.made_by(planned).await);
        }
        let step =
            DeploymentStep { started_at: earlier.map_or(step.started_at, |one| one.started_at), ..step };
        if let Err(outcome) = self.note(&step).await {
            return outcome;
        }
        let mut known = Known::hiding(&prepared.blots);
        let made = match planned.is_nested {
            true => self.nested(prepared, at, &mut known).await,
            false => self.put(prepared, at, &mut known).await,
        };
        match made {
            Ok((status, ids)) => {
                let step = DeploymentStep {
                    state: DeploymentState::Succeeded,
                    status: Some(status),
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

    /// Ids of what an earlier attempt made.
    async fn made_by(&self, planned: &Planned) -> Vec<String> {
        if !planned.is_nested {
            return vec![planned.id.clone()];
        }
        let id = ResourceId::parse(&planned.id);
        let kept = match id {
            Ok(id) => self.face.control.ledger().deployment(&id).await.ok().flatten(),
            Err(_) => None,
        };
        kept.map(|kept| kept.record.output_resources).unwrap_or_default()
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
        let target = target.and_then(|id| ResourceId::parse(id).ok());
        let key = target.as_ref().map_or("", |id| id.key());
        let named = format!("{}\n{action}\n{key}", self.deployment().operation);
        let hash = digest::digest(&digest::SHA256, named.as_bytes());
        DeploymentStep {
            id: hex::encode_upper(&hash.as_ref()[..8]),
            action: action.to_owned(),
            target,
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

    fn untold(&self, prepared: &Prepared, untold: Untold) -> Unmade {
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
        match &reply.watched {
            Some(watched) => self.watch(watched).await?,
            None => already_ended(&reply.body)?,
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
    async fn pause(&self, pause: Duration) -> Result<(), Unmade> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Unmade::Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// A deployment of its own, in this one.
    async fn nested(
        &self,
        prepared: &Prepared,
        at: usize,
        known: &mut Known,
    ) -> Result<(u16, Vec<String>), Unmade> {
        let plan = &prepared.plan;
        let id = ResourceId::parse(&plan.resources()[at].id)
            .map_err(|error| Fault::bad("InvalidResourceName", error.to_string()))?;
        let parent = (self.deployment().id.clone(), self.deployment().operation);
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
                let mut hidden = known.blots.clone();
                hidden.join(&Blots::of(nested.secrets.clone()));
                let sent = Submission {
                    request,
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
            if self.pause(pause).await.is_err() {
                self.face.control.ledger().stop_deployment(&id).await?;
                return Err(Unmade::Stopped);
            }
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

fn replaced(id: &ResourceId) -> Unmade {
    let text =
        format!("The nested deployment '{}' was replaced or removed while it was under way.", id.name());
    Fault::new(StatusCode::CONFLICT, "DeploymentActive", text).into()
}

/// A resource that is not watched has ended: well, or not (contract, § 0.5).
fn already_ended(body: &Json) -> Result<(), Unmade> {
    let properties = &body["properties"];
    let state = properties["provisioningState"].as_str().unwrap_or("Succeeded");
    if !["failed", "canceled"].contains(&state.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    let response = &properties["response"];
    let said = response["pipelineRunErrorMessage"].as_str().unwrap_or("It ended without a word.");
    let code = response["transload"]["errorCode"].as_str().unwrap_or("ResourceDeploymentFailure");
    Err(Unmade::Failed(
        409,
        ErrorBody {
            code: code.to_owned(),
            message: format!(
                "{said}\nThis is how it ended when it was asked for before ({state}); the same again starts nothing: give \
                 another forceUpdateTag."
            ),
            ..ErrorBody::default()
        },
    ))
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
