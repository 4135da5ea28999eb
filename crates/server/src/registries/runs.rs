//! Runs of pipelines.

use std::collections::{HashMap, HashSet};

use http::{HeaderName, StatusCode};
use transload_control::ResourceId;
use transload_control::ledger::{DeletedRun, PutOutcome};
use transload_control::resource::Stored;
use transload_control::run::{Run, RunState};

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;
use crate::registries::operations::ASKED_AGAIN;

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

impl Face {
    /// Whatever is there of a run's pipeline: its container is in the run's response.
    async fn pipeline_of(&self, run: &Run) -> Result<Option<Stored>, Fault> {
        match run.work.pipeline() {
            Some(id) => Ok(self.control.ledger().get(id).await?),
            None => Ok(None),
        }
    }

    /// The answer that shows a run, and where its operation is watched while it is under way (contract, § 3).
    pub(crate) async fn answer_run(
        &self,
        call: &Call,
        status: StatusCode,
        run: &Run,
    ) -> Result<Answer, Fault> {
        let pipeline = self.pipeline_of(run).await?;
        let answer = Answer::json(status, &map::run(run, pipeline.as_ref()));
        if run.state.is_final() {
            return Ok(answer);
        }
        Ok(self.with_link(answer, &self.link_of(call, run)))
    }

    fn link_of(&self, call: &Call, run: &Run) -> String {
        self.operation_link(call, "operationStatuses", run.operation, run.location.as_deref())
    }

    fn with_link(&self, answer: Answer, link: &str) -> Answer {
        answer.header(ASYNC_OPERATION, link).retry_after(self.options.limits.poll_seconds)
    }
}

/// Oldest first: clients take the last ones of the list (contract, § 1).
pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let after = call.query.cursor()?;
    let most = face.page_items(call)?;
    let page = face.control.runs(&call.caller, &call.id("registry")?, after.as_deref(), most).await?;
    let named: HashSet<ResourceId> =
        page.items.iter().filter_map(|run| run.work.pipeline()).cloned().collect();
    let named: Vec<ResourceId> = named.into_iter().collect();
    let pipelines = face.control.ledger().get_many(&named).await?.into_iter();
    let pipelines: HashMap<ResourceId, Stored> = pipelines.map(|one| (one.id.clone(), one)).collect();
    let of = |run: &Run| run.work.pipeline().and_then(|id| pipelines.get(id));
    let value: Vec<_> = page.items.iter().map(|run| map::run(run, of(run))).collect();
    Ok(Answer::ok(&call.page(value, page.next.as_deref())))
}

pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = face.canonical(call.id("run")?).await?;
    let asked = map::run_asked(call.json()?)?;
    let put = face.control.put_run(&call.caller, &id, asked).await?;
    let status = match put.outcome {
        PutOutcome::Created => StatusCode::CREATED,
        // one that is busy is refused by the control plane
        PutOutcome::Requeued | PutOutcome::Unchanged | PutOutcome::Busy => StatusCode::OK,
    };
    let answer = face.answer_run(call, status, &put.run).await?;
    // clients take an end that the first answer shows for a good one (contract, § 0.5): its operation says what it was
    let ended_badly = matches!(put.run.state, RunState::Failed | RunState::Canceled);
    Ok(if put.outcome == PutOutcome::Unchanged && ended_badly {
        let link = face.link_of(call, &put.run);
        face.with_link(answer, &format!("{link}&{ASKED_AGAIN}=true"))
    } else {
        answer
    })
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let run = face.control.run(&call.caller, &call.id("run")?).await?;
    let pipeline = face.pipeline_of(&run).await?;
    let answer = Answer::ok(&map::run(&run, pipeline.as_ref()));
    // some clients poll the run itself
    Ok(if run.state.is_final() { answer } else { answer.retry_after(face.options.limits.poll_seconds) })
}

/// Removes the record; blobs and images stay. A run that is under way is cancelled first: 202 until it has ended.
pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    match face.control.delete_run(&call.caller, &call.id("run")?).await? {
        DeletedRun::Absent => Ok(Answer::empty(StatusCode::NO_CONTENT)),
        DeletedRun::Gone => Ok(Answer::empty(StatusCode::OK)),
        DeletedRun::Stopping(operation) => Ok(face.stopping(call, operation)),
    }
}

/// Stops a run; its record stays.
pub(crate) async fn cancel(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let run = face.control.cancel_run(&call.caller, &call.id("run")?).await?;
    face.answer_run(call, StatusCode::OK, &run).await
}
