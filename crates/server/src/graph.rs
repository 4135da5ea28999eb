//! The two questions that `az keyvault create` has for the Graph API: who am I?

use http::StatusCode;
use serde_json::json;
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
    let value: Vec<_> = found
        .iter()
        .map(|found| json!({"id": found.object_id, "appId": found.client_id, "displayName": found.name}))
        .collect();
    Ok(Answer::ok(&json!({ "value": value })))
}
