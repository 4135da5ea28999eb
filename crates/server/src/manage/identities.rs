//! User-assigned identities.

use http::Method;
use transload_api::UserAssignedIdentity;
use transload_control::resource::{Body, kind};

use super::put_status;
use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = face.tenant();
    let place = face.place(&tenant);
    face.list(call, &call.scope()?, kind::USER_IDENTITY, |stored| map::user_identity(stored, place)).await
}

/// PUT, and PATCH: what a PATCH does not say stays.
pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = face.canonical(call.id("identity")?).await?;
    let sent: UserAssignedIdentity = call.json()?;
    let (mut location, mut tags) = (sent.location, sent.tags);
    if call.method == Method::PATCH
        && let Body::UserIdentity(old) = face.control.get(&call.caller, &id).await?.body
    {
        location = old.location;
        tags = tags.or(Some(old.tags));
    }
    if location.trim().is_empty() {
        location.clone_from(&face.options.location);
    }
    let put = face.control.put_identity(&call.caller, &id, location, tags.unwrap_or_default()).await?;
    let tenant = face.tenant();
    Ok(Answer::json(put_status(put.created), &map::user_identity(&put.stored, face.place(&tenant))?))
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("identity")?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::user_identity(&stored, face.place(&tenant))?))
}

pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    face.delete(call, &call.id("identity")?).await
}
