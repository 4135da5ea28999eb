//! Storage accounts: registered here, made and kept elsewhere.

use http::StatusCode;
use serde_json::Value;
use transload_api::StorageAccount;
use transload_api::registry::{NameAnswer, NameCheck};
use transload_control::SecretPlace;
use transload_control::resource::kind;
use transload_vault::ErrorKind;

use crate::answer::Answer;
use crate::call::{Call, read_json};
use crate::face::Face;
use crate::fault::Fault;
use crate::map;
use crate::merge::merge;

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = face.tenant();
    let place = face.place(&tenant);
    face.list(call, &call.scope()?, kind::STORAGE_ACCOUNT, |stored| map::storage(stored, place)).await
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("account")?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::storage(&stored, face.place(&tenant))?))
}

pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    write(face, call, call.json()?).await
}

/// A PATCH over what is there, member by member (RFC 7396).
pub(crate) async fn patch(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let change: Value = call.json()?;
    if !change.is_object() {
        return Err(Fault::bad("InvalidRequestContent", "The request content has to be an object."));
    }
    let stored = face.control.get(&call.caller, &call.id("account")?).await?;
    let tenant = face.tenant();
    let mut merged = serde_json::to_value(map::storage(&stored, face.place(&tenant))?).unwrap_or_default();
    merge(&mut merged, change);
    write(face, call, read_json(merged.to_string().as_bytes())?).await
}

async fn write(face: &Face, call: &Call, sent: StorageAccount) -> Result<Answer, Fault> {
    let id = face.canonical(call.id("account")?).await?;
    let put = face.control.put_storage_account(&call.caller, &id, map::storage_asked(sent)?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::storage(&put.stored, face.place(&tenant))?))
}

pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    face.delete(call, &call.id("account")?).await
}

/// The key, to whoever could change the account.
pub(crate) async fn keys(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = call.id("account")?;
    let key = match face.control.storage_key(&call.caller, &id).await? {
        SecretPlace::Ours(key) => key,
        SecretPlace::Elsewhere(uri) => {
            let Some(vaults) = &face.options.outer_vaults else {
                let text = format!(
                    "The key of storage account '{}' is in a vault elsewhere ({uri}), which this server does not read. Put it \
                     into one of this server's vaults.",
                    id.name()
                );
                return Err(Fault::new(StatusCode::CONFLICT, "Conflict", text));
            };
            vaults.read(&uri).await.map(|secret| secret.value).map_err(|error| elsewhere(&error))?
        }
    };
    Ok(Answer::ok(&map::storage_keys(&key, id.name())?))
}

/// What another vault said; no value is in it.
fn elsewhere(error: &transload_vault::Error) -> Fault {
    let status = match error.kind() {
        ErrorKind::Unavailable => StatusCode::BAD_GATEWAY,
        _ => StatusCode::CONFLICT,
    };
    let text = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    Fault::new(status, "SecretUnavailable", text)
}

/// Keys are changed where the account is.
pub(crate) async fn renew(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("account")?).await?;
    let text = format!(
        "The keys of storage account '{}' are not made here. Renew one where the account is, and put it into the vault's secret \
         that properties.transload.keySecretUri names.",
        stored.id.name()
    );
    Err(Fault::new(StatusCode::CONFLICT, "Conflict", text))
}

/// Whether a storage account's name is free: it is part of a host, so all of the server has it once.
pub(crate) async fn check_name(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let NameCheck { name, .. } = call.json()?;
    let fits = (3..=24).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let (reason, text) = if !fits {
        (
            "AccountNameInvalid",
            format!(
                "{name} is not a valid storage account name: it has 3 to 24 digits and letters in lower case."
            ),
        )
    } else if face.control.storage_account_named(&name).await?.is_some() {
        ("AlreadyExists", format!("The storage account named {name} is already registered."))
    } else {
        return Ok(Answer::ok(&NameAnswer { name_available: true, reason: None, message: None }));
    };
    Ok(Answer::ok(&NameAnswer {
        name_available: false,
        reason: Some(reason.to_owned()),
        message: Some(text),
    }))
}
