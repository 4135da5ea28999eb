//! Registries.

use serde_json::Value;
use transload_api::Registry;
use transload_api::registry::{NameAnswer, NameCheck};
use transload_control::resource::kind;

use crate::answer::Answer;
use crate::call::{Call, read_json};
use crate::face::Face;
use crate::fault::Fault;
use crate::map;
use crate::merge::merge;

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = face.tenant();
    let place = face.place(&tenant);
    face.list(call, &call.scope()?, kind::REGISTRY, |stored| map::registry(stored, place)).await
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("registry")?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::registry(&stored, face.place(&tenant))?))
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
    let stored = face.control.get(&call.caller, &call.id("registry")?).await?;
    let tenant = face.tenant();
    let shown = map::registry(&stored, face.place(&tenant))?;
    let mut merged = serde_json::to_value(shown).unwrap_or_default();
    merge(&mut merged, change);
    write(face, call, read_json(merged.to_string().as_bytes())?).await
}

async fn write(face: &Face, call: &Call, sent: Registry) -> Result<Answer, Fault> {
    let id = face.canonical(call.id("registry")?).await?;
    let put = face.control.put_registry(&call.caller, &id, map::registry_asked(sent)?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::registry(&put.stored, face.place(&tenant))?))
}

pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    face.delete(call, &call.id("registry")?).await
}

/// Whether a registry's name is free: hosted ones have it in their host, and az finds all of them by their names.
pub(crate) async fn check_name(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let NameCheck { name, .. } = call.json()?;
    let fits = (5..=50).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric());
    let host = format!("{name}{}", face.control.options().registry_suffix);
    let (reason, text) = if !fits {
        ("Invalid", "A registry's name has 5 to 50 letters and digits.".to_owned())
    } else if face.control.hosted_at(&host).await?.is_some() || is_there(face, &name).await? {
        ("AlreadyExists", format!("The registry {name} is already in use."))
    } else {
        return Ok(Answer::ok(&NameAnswer { name_available: true, reason: None, message: None }));
    };
    Ok(Answer::ok(&NameAnswer {
        name_available: false,
        reason: Some(reason.to_owned()),
        message: Some(text),
    }))
}

/// Whether any group has a registry of that name.
async fn is_there(face: &Face, name: &str) -> Result<bool, Fault> {
    let (scope, most) = (face.control.subscription(), face.control.limits().page_items_max);
    let mut after = None;
    loop {
        let page = face.control.ledger().list(&scope, kind::REGISTRY, after.as_deref(), most).await?;
        if page.items.iter().any(|stored| stored.id.name().eq_ignore_ascii_case(name)) {
            return Ok(true);
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}

/// There is no user `admin`: who may do what is said by roles.
pub(crate) async fn credentials(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("registry")?).await?;
    Err(Fault::bad(
        "UnAuthorizedForCredentialOperations",
        format!(
            "Cannot perform credential operations for {} as admin user is disabled: registries of this server have none. Sign in \
             with a service principal, for example by `az acr login`.",
            stored.id
        ),
    ))
}
