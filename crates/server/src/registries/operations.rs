//! Actions that go on after their answer, and looking at them (contract, § 3).

use http::header::LOCATION;
use http::{HeaderName, StatusCode};
use transload_api::ImportImage;
use transload_control::ResourceId;
use transload_control::run::{Run, RunState};
use uuid::Uuid;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

/// In the link of an operation that an equal request had before: nothing was started, and its error says so.
pub(crate) const ASKED_AGAIN: &str = "askedAgain";

impl Face {
    /// Where an operation is looked at; `what` is `operationStatuses` or `operationResults`. It is asked for with the
    /// api-version of the request.
    pub(crate) fn operation_link(&self, call: &Call, what: &str, id: Uuid, location: Option<&str>) -> String {
        let path = self.operation_path(what, id, location);
        let version = call.query.get("api-version").unwrap_or("2019-12-01-preview");
        call.links.to(&format!("{path}?api-version={version}"))
    }

    fn operation_path(&self, what: &str, id: Uuid, location: Option<&str>) -> String {
        // a place is a word for people (`West US`); in a path it is one segment
        let word = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
        };
        let place = location.map(word).filter(|place| !place.is_empty());
        let place = place.unwrap_or_else(|| word(&self.options.location));
        let place = if place.is_empty() { "local" } else { &place };
        let subscription = self.control.subscription();
        format!("{subscription}/providers/Microsoft.ContainerRegistry/locations/{place}/{what}/{id}")
    }

    /// 202 for something that was begun.
    fn accepted(&self, call: &Call, run: &Run) -> Answer {
        let link = |what| self.operation_link(call, what, run.operation, run.location.as_deref());
        Answer::empty(StatusCode::ACCEPTED)
            .header(ASYNC_OPERATION, &link("operationStatuses"))
            .header(LOCATION, &link("operationResults"))
            .retry_after(self.options.limits.poll_seconds)
    }
}

/// `az acr import`.
pub(crate) async fn import_image(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let sent: ImportImage = call.json()?;
    let asked = map::import_asked(sent)?;
    let run = face.control.import_image(&call.caller, &call.id("registry")?, asked).await?;
    Ok(face.accepted(call, &run))
}

pub(crate) async fn check_registry(face: &Face, call: &Call) -> Result<Answer, Fault> {
    check(face, call, call.id("registry")?).await
}

pub(crate) async fn check_pipeline(face: &Face, call: &Call) -> Result<Answer, Fault> {
    check(face, call, call.id("pipeline")?).await
}

/// Has a worker try whether something can be reached: a web request moves no bytes.
async fn check(face: &Face, call: &Call, id: ResourceId) -> Result<Answer, Fault> {
    let run = face.control.check(&call.caller, &id).await?;
    Ok(face.accepted(call, &run))
}

fn operation_id(call: &Call) -> Result<Uuid, Fault> {
    let name = call.params.get("operation");
    Uuid::parse_str(name).map_err(|_| {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        Fault::not_found("ResourceNotFound", format!("The operation '{shown}' was not found."))
    })
}

/// How far an operation is. Every answer says when to ask again (contract, § 0.4).
pub(crate) async fn status(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let operation = face.control.operation(&call.caller, operation_id(call)?).await?;
    let path = face.operation_path("operationStatuses", operation.id, Some(call.params.get("location")));
    let mut shown = map::operation(&operation, &path);
    if call.query.get(ASKED_AGAIN).is_some() {
        map::say_asked_again(&mut shown);
    }
    Ok(Answer::ok(&shown).retry_after(face.options.limits.poll_seconds))
}

/// 202 until the operation has ended, then 200; for one that failed the error itself.
pub(crate) async fn result(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let operation = face.control.operation(&call.caller, operation_id(call)?).await?;
    let place = Some(call.params.get("location"));
    if !operation.state.is_final() {
        let again = face.operation_link(call, "operationResults", operation.id, place);
        return Ok(Answer::empty(StatusCode::ACCEPTED)
            .header(LOCATION, &again)
            .retry_after(face.options.limits.poll_seconds));
    }
    // what was stopped so that it could be removed is removed: that is what was asked for
    match (operation.state, operation.error) {
        (RunState::Failed, Some(error)) => {
            let fault = Fault::new(StatusCode::CONFLICT, "OperationFailed", error.message);
            Err(Fault { code: error.code.into(), ..fault })
        }
        _ => Ok(Answer::empty(StatusCode::OK)),
    }
}
