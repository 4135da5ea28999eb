//! Routes that are this server's own.

pub(crate) mod access;

use http::StatusCode;
use serde_json::json;
use transload_control::Role;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;

/// Whether the process answers.
pub(crate) async fn health(_face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::ok(&json!({"status": "ok"})))
}

/// Whether the ledger answers.
pub(crate) async fn ready(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    face.control.ledger().meta("ready").await?;
    Ok(Answer::ok(&json!({"status": "ready"})))
}

/// The description of this API.
pub(crate) async fn description(face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::typed(StatusCode::OK, "application/json; charset=utf-8", face.options.description))
}

/// Figures, for whoever may read the subscription.
pub(crate) async fn metrics(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let subscription = face.control.subscription();
    face.control.allow(&call.caller, &subscription, Role::Reader, "metrics/read").await?;
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(Answer::typed(StatusCode::OK, media_type, face.metrics.text()))
}

/// Who asks, and its roles.
pub(crate) async fn who_am_i(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let grants = face.control.grants_of(&call.caller).await?;
    let roles: Vec<_> =
        grants.iter().map(|(role, scope)| json!({"role": role.name(), "scope": scope.as_str()})).collect();
    Ok(Answer::ok(&json!({
        "principalId": call.caller.principal,
        "name": call.caller.name,
        "tenantId": face.tenant(),
        "subscriptionId": face.control.options().subscription,
        "roles": roles,
    })))
}
