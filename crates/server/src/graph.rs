//! The questions that `az keyvault create` and `az ad sp show` have for the Graph API: who am I?

use http::StatusCode;
use serde_json::{Value, json};
use transload_control::Principal;
use uuid::Uuid;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;

/// People have themselves here, programs do not; clients then ask for the program.
pub(crate) async fn me(_face: &Face, _call: &Call) -> Result<Answer, Fault> {
    let text = "/me request is only valid with delegated authentication flow.";
    Err(Fault::new(StatusCode::FORBIDDEN, "Authorization_RequestDenied", text))
}

/// The caller itself, if the filter names its client id; nobody else is told of.
pub(crate) async fn principals(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let filter = call.query.get("$filter").unwrap_or_default();
    let named = filter.split(['\'', '"']).find_map(|word| Uuid::parse_str(word).ok());
    let found = match named {
        Some(client_id) => face.control.ledger().principal(client_id).await?,
        None => None,
    };
    let found = found.filter(|found| found.object_id.to_string() == call.caller.principal);
    let value: Vec<_> = found.iter().map(shown).collect();
    Ok(Answer::ok(&json!({ "value": value })))
}

/// The caller itself by its object id or its client id; nobody else is told of.
pub(crate) async fn principal(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let named = call.params.get("principal");
    let all = face.control.ledger().principals().await?;
    let own = all.iter().find(|found| found.object_id.to_string() == call.caller.principal);
    let is_named = |found: &&Principal| {
        [found.object_id, found.client_id].iter().any(|id| id.to_string().eq_ignore_ascii_case(named))
    };
    match own.filter(is_named) {
        Some(found) => Ok(Answer::ok(&shown(found))),
        None => Err(Fault::not_found(
            "Request_ResourceNotFound",
            "Whoever asks is told of itself here, and of nobody else. All service principals: `transload principal list`.",
        )),
    }
}

fn shown(found: &Principal) -> Value {
    json!({"id": found.object_id, "appId": found.client_id, "displayName": found.name})
}
