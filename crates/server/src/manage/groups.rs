//! Resource groups.

use http::{Method, StatusCode};
use transload_api::Group;
use transload_control::Deleted;
use transload_control::resource::{self, Body, kind};

use super::filter::Filter;
use super::put_status;
use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

/// Whoever asks for groups with a tag may go on to delete them: a filter is never passed over.
pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let filter = Filter::parse(call.query.said("$filter").unwrap_or_default())?;
    face.list_filtered(call, &[kind::GROUP], &filter, map::group).await
}

/// PUT, and PATCH: what a PATCH does not say stays.
pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = call.id("group")?;
    let sent: Group = call.json()?;
    let mut group = resource::Group { location: sent.location, tags: sent.tags.clone().unwrap_or_default() };
    if call.method == Method::PATCH {
        let stored = face.control.get(&call.caller, &id).await?;
        if let Body::Group(old) = stored.body {
            group = resource::Group { location: old.location, tags: sent.tags.unwrap_or(old.tags) };
        }
    }
    let put = face.control.put_group(&call.caller, &id, group).await?;
    Ok(Answer::json(put_status(put.created), &map::group(&put.stored)?))
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("group")?).await?;
    Ok(Answer::ok(&map::group(&stored)?))
}

pub(crate) async fn head(face: &Face, call: &Call) -> Result<Answer, Fault> {
    face.control.get(&call.caller, &call.id("group")?).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// A group that is not there is told of: clients take no 204 here.
pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = call.id("group")?;
    match face.control.delete(&call.caller, &id).await? {
        Deleted::Gone => Ok(Answer::empty(StatusCode::OK)),
        Deleted::Absent => {
            let text = format!("Resource group '{}' could not be found.", id.name());
            Err(Fault::not_found("ResourceGroupNotFound", text))
        }
    }
}
