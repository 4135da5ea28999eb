//! One deployment: its resources in the order in which they need each other, its outputs, and in complete mode what is to
//! go.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::Map;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transload_api::ErrorBody;
use transload_control::Caller;
use transload_control::deployment::{
    Deployment, DeploymentMode, DeploymentRecord, DeploymentState, DeploymentStep, DeploymentText,
};
use transload_control::ledger::DeploymentClaim;

use super::ask::Asked;
use super::blot::{Blots, Hidden};
use super::complete::Removed;
use super::execute::End;
use super::order::output_order;
use super::prepare::{Prepared, Unplanned, Which, is_passing, shown_outputs, shown_parameters};
use super::show::canceled;
use super::words::{deployment_failed, json_of, template_body};
use super::world::{Known, Untold};
use crate::face::Face;
use crate::fault::Fault;

/// Values by their names.
type Values = Map<String, serde_json::Value>;

/// One deployment that is being done.
pub(crate) struct Job<'a> {
    pub(crate) face: &'a Face,
    pub(crate) claim: &'a DeploymentClaim,
    pub(crate) caller: Caller,
    /// Nothing new is begun when this is so.
    pub(crate) cancel: CancellationToken,
}

/// What came of one resource.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is there, and so is all that was made for it.
    Done(Vec<String>),
    /// It could not be.
    Failed(ErrorBody),
    /// It was not waited for any longer.
    Stopped,
    /// The ledger did not answer: all of the deployment is gone on with later.
    Again,
}

/// How far a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waiting,
    Begun,
    Done,
    Failed,
}

/// What came of all resources.
#[derive(Debug, Default)]
struct Made {
    ids: Vec<String>,
    errors: Vec<ErrorBody>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(face: &'a Face, claim: &'a DeploymentClaim, cancel: CancellationToken) -> Self {
        let caller = Caller::from(&claim.deployment.record.caller);
        Self { face, claim, caller, cancel }
    }

    pub(crate) fn deployment(&self) -> &Deployment {
        &self.claim.deployment
    }

    /// Does it. Nothing, where it is to be gone on with later.
    pub(crate) async fn run(&self) -> Option<End> {
        if self.claim.attempt > self.face.control.ledger().deployment_attempts_max() {
            return Some(self.failed(lost(self.claim.attempt - 1), None));
        }
        let prepared = match self.prepared().await {
            Ok(prepared) => prepared,
            Err(fault) if is_passing(&fault) => return None,
            Err(fault) => return Some(self.failed(fault.body(), None)),
        };
        let done = self.done().await?;
        let mut made = self.resources(&prepared, &done).await?;
        let record = DeploymentRecord {
            parameters: shown_parameters(&prepared),
            template_hash: prepared.hash.clone(),
            ..self.deployment().record.clone()
        };
        let ids = std::mem::take(&mut made.ids);
        if self.cancel.is_cancelled() {
            let record = DeploymentRecord { output_resources: output_order(ids), ..record };
            return Some(self.ended(DeploymentState::Canceled, record, Some(canceled()), Some(&prepared)));
        }
        let (mut outputs, mut withheld) = (None, Map::new());
        if made.errors.is_empty() {
            match self.outputs(&prepared).await {
                Ok(found) => (outputs, withheld) = found,
                Err(Outcome::Failed(error)) => made.errors.push(error),
                Err(_) => return None,
            }
        }
        let mut stopped = false;
        if made.errors.is_empty() && record.mode == DeploymentMode::Complete {
            match self.remove_leftovers(&prepared, &ids).await? {
                Removed::All => {}
                Removed::Stopped => stopped = true,
                Removed::Failed(error) => made.errors.push(error),
            }
        }
        let record = DeploymentRecord { output_resources: output_order(ids), outputs, ..record };
        let (state, error) = match (stopped, made.errors.is_empty()) {
            (true, _) => (DeploymentState::Canceled, Some(canceled())),
            (false, true) => (DeploymentState::Succeeded, None),
            (false, false) => (DeploymentState::Failed, Some(deployment_failed(made.errors))),
        };
        let mut end = self.ended(state, record, error, Some(&prepared));
        // for the template that this one is a part of
        if end.record.parent.is_some() {
            end.text.outputs = withheld;
        }
        Some(end)
    }

    async fn prepared(&self) -> Result<Prepared, Fault> {
        let deployment = self.deployment();
        let text = self.face.control.deployment_text(deployment).await?;
        let asked = Asked::read(text.request.as_deref().unwrap_or_default(), &self.face.options)?;
        let hidden = Hidden {
            values: Blots::of(text.hidden),
            unmarked: Blots::of(text.unmarked),
            parameters: text.secret_parameters,
        };
        let which = Which {
            id: deployment.id.clone(),
            seed: deployment.operation,
            now: deployment.created_at,
            depth: deployment.depth,
        };
        self.face.prepare(&self.caller, &which, asked, hidden).await.map_err(|(unplanned, asked)| {
            match unplanned {
                Unplanned::Fault(fault) => fault,
                Unplanned::Template(error) => super::words::template_fault(&error, Some(&asked)),
            }
        })
    }

    /// What an earlier attempt has done.
    async fn done(&self) -> Option<HashMap<String, DeploymentStep>> {
        let mut done = HashMap::new();
        let mut after = None;
        loop {
            let ledger = self.face.control.ledger();
            let page =
                ledger.deployment_steps(self.deployment().operation, after.as_deref(), 500).await.ok()?;
            done.extend(page.items.into_iter().map(|step| (step.id.clone(), step)));
            after = page.next;
            if after.is_none() {
                return Some(done);
            }
        }
    }

    /// Every resource that is to be, those first that others need, several at a time.
    async fn resources(&self, prepared: &Prepared, done: &HashMap<String, DeploymentStep>) -> Option<Made> {
        let planned = prepared.plan.resources();
        let mut progress: Vec<Progress> = planned
            .iter()
            .map(|one| if one.condition { Progress::Waiting } else { Progress::Done })
            .collect();
        let mut made = Made::default();
        let most = self.face.options.limits.deployment_resources_at_once.max(1);
        let mut running: FuturesUnordered<BoxFuture<'_, (usize, Outcome)>> = FuturesUnordered::new();
        loop {
            // what exists already is there as soon as what it needs is
            while let Some(at) = ready(prepared, &progress).filter(|at| planned[*at].existing) {
                progress[at] = Progress::Done;
            }
            while running.len() < most
                && !self.cancel.is_cancelled()
                && let Some(at) = ready(prepared, &progress)
            {
                if planned[at].existing {
                    progress[at] = Progress::Done;
                    continue;
                }
                progress[at] = Progress::Begun;
                running.push(Box::pin(async move { (at, self.resource(prepared, at, done).await) }));
            }
            let Some((at, outcome)) = running.next().await else { return Some(made) };
            progress[at] = match outcome {
                Outcome::Done(ids) => {
                    made.ids.extend(ids);
                    Progress::Done
                }
                Outcome::Failed(error) => {
                    made.errors.push(error);
                    Progress::Failed
                }
                Outcome::Stopped => Progress::Failed,
                Outcome::Again => return None,
            };
        }
    }

    /// What a template of this one may know.
    pub(super) fn knows(&self, prepared: &Prepared) -> Known {
        let siblings = self.deployment().record.parent.clone();
        Known { family: siblings.into_iter().chain([self.own()]).collect(), ..Known::hiding(prepared) }
    }

    /// Outputs as they are shown, none where the template has none; and values of those that are not shown.
    async fn outputs(&self, prepared: &Prepared) -> Result<(Option<Values>, Values), Outcome> {
        let (plan, mut known) = (&prepared.plan, self.knows(prepared));
        match self.face.told(&self.caller, plan, &mut known, |plan, world| plan.outputs(world)).await {
            Ok(outputs) if outputs.is_empty() => Ok((None, Map::new())),
            Ok(outputs) => {
                let step = self.step("EvaluateDeploymentOutput", None);
                let step = DeploymentStep {
                    state: DeploymentState::Succeeded,
                    status: Some(200),
                    finished_at: Some(OffsetDateTime::now_utc()),
                    ..step
                };
                self.note(&step).await?;
                let (shown, withheld) = shown_outputs(outputs, &known.unmarked);
                Ok((Some(shown), withheld))
            }
            Err(Untold::Fault(fault, _)) if is_passing(&fault) => Err(Outcome::Again),
            Err(untold) => {
                let body = match untold {
                    Untold::Template(error) => template_body(&error, Some(&prepared.asked)),
                    Untold::Fault(fault, _) => fault.body(),
                };
                let body = ErrorBody { code: "DeploymentOutputEvaluationFailed".to_owned(), ..body };
                let step = self.step("EvaluateDeploymentOutput", None);
                Err(self.failed_step(prepared, step, 400, body, &known).await)
            }
        }
    }

    fn failed(&self, error: ErrorBody, prepared: Option<&Prepared>) -> End {
        self.ended(DeploymentState::Failed, self.deployment().record.clone(), Some(error), prepared)
    }

    fn ended(
        &self,
        state: DeploymentState,
        record: DeploymentRecord,
        error: Option<ErrorBody>,
        prepared: Option<&Prepared>,
    ) -> End {
        let template =
            prepared.filter(|_| !record.evaluated).map(|prepared| prepared.asked.template.to_json());
        let text = DeploymentText { template: template.unwrap_or_default(), ..DeploymentText::default() };
        let record = DeploymentRecord { error: error.map(|error| json_of(&error)), ..record };
        End { state, record, text }
    }
}

/// A resource that nobody has begun and that needs nothing any more.
fn ready(prepared: &Prepared, progress: &[Progress]) -> Option<usize> {
    let planned = prepared.plan.resources();
    let mut waiting = progress.iter().enumerate().filter(|(_, one)| **one == Progress::Waiting);
    waiting
        .find(|(at, _)| planned[*at].needs.iter().all(|need| progress[*need] == Progress::Done))
        .map(|(at, _)| at)
}

fn lost(attempts: u32) -> ErrorBody {
    ErrorBody {
        code: "ServerLost".to_owned(),
        message: format!(
            "The server that did this deployment was gone without a word in each of {attempts} attempts: see the servers' \
             logs for what ends them, then deploy again."
        ),
        ..ErrorBody::default()
    }
}
