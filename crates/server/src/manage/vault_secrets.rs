//! Secrets of vaults as deployments set them: through the resource manager, which never shows a value.

use http::StatusCode;
use serde_json::{Value as Json, json};
use transload_api::secret::SecretChange;
use transload_control::resource::kind;
use transload_vault::SecretInfo;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

/// A new version of a secret. The vault's rules hold: a Contributor, or who has `set` by a policy.
pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let vault = face.control.get(&call.caller, &call.id("vault")?).await?;
    let mut sent: Json = call.json()?;
    let mut properties = sent.get_mut("properties").map(Json::take).unwrap_or_default();
    if let (Some(members), Some(tags)) = (properties.as_object_mut(), sent.get_mut("tags").map(Json::take)) {
        members.insert("tags".to_owned(), tags);
    }
    // what was sent is not repeated in errors: it is the secret
    let asked: SecretChange = crate::call::read_json(properties.to_string().as_bytes())?;
    let asked = map::secret_asked(asked)?;
    let name = call.params.get("secret");
    let secret = face.control.secrets(&call.caller).set(vault.id.name(), name, asked).await?;
    Ok(Answer::json(StatusCode::CREATED, &shown(face, &vault.id.to_string(), &secret.info)))
}

/// A secret without its value.
pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let vault = face.control.get(&call.caller, &call.id("vault")?).await?;
    let (secrets, name) = (face.control.secrets(&call.caller), call.params.get("secret"));
    let found = secrets.latest(vault.id.name(), name).await?;
    Ok(Answer::ok(&shown(face, &vault.id.to_string(), &found)))
}

fn shown(face: &Face, vault: &str, info: &SecretInfo) -> Json {
    let tenant = face.tenant();
    let item = map::secret_item(info, true, face.place(&tenant));
    let bare = map::secret_item(info, false, face.place(&tenant));
    let mut shown = json!({
        "id": format!("{vault}/secrets/{}", info.name),
        "name": info.name,
        "type": kind::SECRET,
        "tags": item.tags,
        "properties": {
            "attributes": item.attributes,
            "contentType": item.content_type,
            "secretUri": bare.id,
            "secretUriWithVersion": item.id,
        },
    });
    // what it does not have is left out
    if let Some(members) = shown.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    if let Some(members) = shown["properties"].as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    shown
}
