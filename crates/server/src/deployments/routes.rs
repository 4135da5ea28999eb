//! Routes of deployments. They are reached with and without the segment of the provider.

use http::{HeaderName, StatusCode};
use serde_json::Value as Json;
use transload_api as api;
use transload_api::deployment::{DeploymentProperties, ExportedTemplate};
use transload_control::deployment::{Deployment, DeploymentState};
use transload_control::ledger::PutDeployment;
use transload_control::resource::kind;
use transload_control::{Code, ResourceId};
use uuid::{Builder, Uuid, Version};

use super::blot::Hidden;
use super::show;
use super::submit::Submission;
use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

/// The deployment that a path names, its group as it is stored.
pub(crate) async fn deployment_id(face: &Face, call: &Call) -> Result<ResourceId, Fault> {
    let group = call.id("group")?;
    let text = group.resource(kind::DEPLOYMENT, call.params.get("deployment")).to_string();
    let id = ResourceId::parse(&text)
        .map_err(|error| Fault::bad("InvalidResourceName", error.to_string()).about("deployment"))?;
    face.canonical(id).await
}

/// What was sent, as text.
pub(crate) fn text_of(call: &Call) -> Result<&str, Fault> {
    std::str::from_utf8(&call.body)
        .map_err(|_| Fault::bad("InvalidRequestContent", "The request content is no UTF-8."))
}

impl Face {
    fn deployment_link(&self, call: &Call, id: &ResourceId, operation: Uuid) -> String {
        let version = call.query.get("api-version").unwrap_or("2025-04-01");
        call.links.to(&format!("{id}/operationStatuses/{operation}?api-version={version}"))
    }
}

/// Accepts a deployment; how far it is, its operation tells (contract, § 6).
pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    let request = text_of(call)?.to_owned();
    let sent = Submission {
        request,
        operation: Uuid::new_v4(),
        depth: 0,
        parent: None,
        evaluated: false,
        hidden: Hidden::default(),
    };
    let put = match face.submit(&call.caller, &id, sent, call.now).await {
        Err(fault) if fault.code == Code::DeploymentActive.to_string() => {
            return not_begun(face, call, &id, &fault);
        }
        put => put?,
    };
    let (PutDeployment::Put(deployment, _) | PutDeployment::Active(deployment)) = put;
    let link = face.deployment_link(call, &id, deployment.operation);
    // a failure that stands in the first answer is not seen by clients (contract, § 0.5)
    let state = if deployment.state.is_final() { DeploymentState::Accepted } else { deployment.state };
    let shown = Deployment { state, ..deployment };
    let mut shown = show::deployment(&shown);
    shown.properties.error = None;
    // 201 for one that replaces another as well: clients that are told 200 may take it for done
    Ok(Answer::json(StatusCode::CREATED, &shown)
        .header(ASYNC_OPERATION, &link)
        .retry_after(face.options.limits.poll_seconds))
}

/// Takes a deployment that is not begun, because another of its name is under way: its operation has failed. Clients hide
/// what the PUT itself is refused with (contract, § 0.2).
fn not_begun(face: &Face, call: &Call, id: &ResourceId, fault: &Fault) -> Result<Answer, Fault> {
    let asked = super::ask::Asked::read(text_of(call)?, &face.options)?;
    let shown = api::Deployment {
        id: id.to_string(),
        name: id.name().to_owned(),
        kind: kind::DEPLOYMENT.to_owned(),
        properties: DeploymentProperties {
            mode: asked.mode.name().to_owned(),
            provisioning_state: DeploymentState::Accepted.name().to_owned(),
            ..DeploymentProperties::default()
        },
        error: Some(fault.body()),
        ..api::Deployment::default()
    };
    let link =
        face.deployment_link(call, id, Builder::from_custom_bytes(Uuid::new_v4().into_bytes()).into_uuid());
    Ok(Answer::json(StatusCode::CREATED, &shown)
        .header(ASYNC_OPERATION, &link)
        .retry_after(face.options.limits.poll_seconds))
}

/// Whether an operation is none of a deployment, but of one that was not begun.
fn is_not_begun(operation: &str) -> bool {
    Uuid::parse_str(operation).is_ok_and(|operation| operation.get_version() == Some(Version::Custom))
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    let deployment = face.control.deployment(&call.caller, &id).await?;
    let answer = Answer::ok(&show::deployment(&deployment));
    // some clients poll the deployment itself
    Ok(match deployment.state.is_final() {
        true => answer,
        false => answer.retry_after(face.options.limits.poll_seconds),
    })
}

pub(crate) async fn head(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    face.control.deployment(&call.caller, &id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Removes the record; what was deployed stays.
pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    face.control.delete_deployment(&call.caller, &id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// The newest first.
pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let state = match call.query.said("$filter") {
        None => None,
        Some(filter) => Some(state_of(filter)?),
    };
    let after = call.query.cursor()?;
    let most = face.page_items(call)?;
    let group = call.id("group")?;
    let page = face.control.deployments(&call.caller, &group, state, after.as_deref(), most).await?;
    let value: Vec<_> = page.items.iter().map(show::deployment).collect();
    Ok(Answer::ok(&call.page(value, page.next.as_deref())))
}

/// `provisioningState eq 'Failed'`: all that can be asked for.
fn state_of(filter: &str) -> Result<DeploymentState, Fault> {
    let words: Vec<&str> = filter.split_whitespace().collect();
    let read = match words.as_slice() {
        [member, word, value]
            if member.eq_ignore_ascii_case("provisioningState") && word.eq_ignore_ascii_case("eq") =>
        {
            DeploymentState::parse(value.trim_matches('\''))
        }
        _ => None,
    };
    read.ok_or_else(|| {
        let text = "The filter is taken as provisioningState eq 'State': Accepted, Running, Succeeded, Failed or Canceled.";
        Fault::bad("InvalidFilterInQueryString", text)
    })
}

pub(crate) async fn cancel(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    face.control.cancel_deployment(&call.caller, &id).await?;
    face.deployments.notify_one();
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// The template as it was sent, comments gone. One with values of the deployment that it is nested in is not given out.
pub(crate) async fn export(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    let deployment = face.control.deployment(&call.caller, &id).await?;
    if let Some((parent, _)) = deployment.record.parent.as_ref().filter(|_| deployment.record.evaluated) {
        let text = format!(
            "The template of '{}' has values of the deployment that it is nested in: export '{}' instead.",
            id.name(),
            parent.name()
        );
        return Err(Fault::new(StatusCode::CONFLICT, "ExportTemplateNotSupported", text));
    }
    let text = face.control.deployment_text(&deployment).await?;
    let template = match text.request {
        Some(request) => super::ask::Asked::read(&request, &face.options)?.template.to_json(),
        None => text.template,
    };
    Ok(Answer::ok(&ExportedTemplate { template, error: None }))
}

/// Number for the same template: what `templateHash` shows.
pub(crate) async fn hash(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let root = transload_templates::Node::parse(text_of(call)?, &face.options.templates)
        .map_err(|error| super::words::template_fault(&error, None))?;
    let template: Json = root.to_json();
    let hash = super::prepare::template_hash(&template);
    Ok(Answer::ok(&serde_json::json!({"minifiedTemplate": template.to_string(), "templateHash": hash})))
}

pub(crate) async fn operations(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    let (after, most) = (call.query.cursor()?, face.page_items(call)?);
    let found = face.control.deployment_steps(&call.caller, &id, after.as_deref(), most).await?;
    let (deployment, page) = found;
    let value: Vec<_> = page.items.iter().map(|step| show::operation(&deployment, step)).collect();
    Ok(Answer::ok(&call.page(value, page.next.as_deref())))
}

pub(crate) async fn operation(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    let name = call.params.get("operation");
    let (deployment, step) = face.control.deployment_step(&call.caller, &id, name).await?;
    Ok(Answer::ok(&show::operation(&deployment, &step)))
}

/// How far a deployment is. Every answer says when to ask again (contract, § 0.4).
pub(crate) async fn status(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = deployment_id(face, call).await?;
    let deployment = face.control.deployment(&call.caller, &id).await?;
    let asked = call.params.get("operation");
    if is_not_begun(asked) {
        let status = show::not_begun(&id, asked);
        return Ok(Answer::ok(&status).retry_after(face.options.limits.poll_seconds));
    }
    if !deployment.operation.to_string().eq_ignore_ascii_case(asked) {
        let text = format!("Deployment '{}' has been replaced by another of that name since.", id.name());
        return Err(Fault::not_found("DeploymentNotFound", text));
    }
    let path = format!("{id}/operationStatuses/{}", deployment.operation);
    Ok(Answer::ok(&show::status(&deployment, path)).retry_after(face.options.limits.poll_seconds))
}
