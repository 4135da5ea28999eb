//! What Azure's registries have beside the distribution API, beneath `/acr/v1/`: what `az acr repository` and `az acr
//! manifest` ask for (contract § 8). Attributes are shown; locking them (PATCH) is nothing that this registry has.

mod lists;
mod path;
mod show;

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transload_depot::access::{Action, Gate, Grant};
use transload_depot::{Depot, Fault, FaultKind, Folder, Reference};

use self::path::Place;

/// Names of one answer where the client asks for no other number, and at most.
const NAMES_MAX: usize = 100;

/// Whether a path is one of these.
pub(super) fn is_here(path: &str) -> bool {
    path.starts_with("/acr/v1/")
}

/// A registry, asked by somebody who may.
struct Asked<'a> {
    depot: &'a Depot,
    login_server: &'a str,
    path: &'a str,
    query: &'a str,
}

impl Asked<'_> {
    fn folder(&self) -> Result<&Folder, Fault> {
        self.depot
            .folder()
            .ok_or_else(|| Fault::new(FaultKind::Unavailable, "this registry cannot be written to"))
    }

    fn query(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// What is asked for, for whoever may.
pub(super) async fn answer(
    depot: &Depot,
    gate: &Arc<dyn Gate>,
    login_server: &str,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let Some(place) = Place::of(parts.uri.path()) else {
        return super::hosted::refused(
            StatusCode::NOT_FOUND,
            "NAME_UNKNOWN",
            "there is nothing at this path",
        );
    };
    let action = match parts.method {
        Method::GET => Action::Pull,
        Method::DELETE if place != Place::Catalog => Action::Delete,
        _ => {
            let text = "it can be shown and deleted here, and not be locked or changed";
            return super::hosted::refused(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", text);
        }
    };
    let wanted = match place.repository() {
        Some(repository) => Grant::to(action, repository),
        None => Grant::Catalog,
    };
    if let Err(refused) = gate.admit(&parts, &[wanted]).await {
        return refused.into_response();
    }
    let asked =
        Asked { depot, login_server, path: parts.uri.path(), query: parts.uri.query().unwrap_or_default() };
    let answered = match action {
        Action::Delete => delete(&asked, &place).await,
        _ => show(&asked, &place).await,
    };
    answered.unwrap_or_else(|fault| refused(&fault))
}

async fn show(asked: &Asked<'_>, place: &Place) -> Result<Response, Fault> {
    match place {
        Place::Catalog => lists::repositories(asked).await,
        Place::Repository(repository) => show::repository(asked, repository).await,
        Place::Tags(repository) => lists::tags(asked, repository).await,
        Place::Manifests(repository) => lists::manifests(asked, repository).await,
        Place::Tag(repository, tag) => show::tag(asked, repository, tag).await,
        Place::Manifest(repository, digest) => show::manifest(asked, repository, digest).await,
    }
}

async fn delete(asked: &Asked<'_>, place: &Place) -> Result<Response, Fault> {
    let folder = asked.folder()?;
    let gone = match place {
        Place::Repository(repository) => {
            let removed = folder.remove_repository(repository).await?;
            let digests: Vec<String> = removed.manifests.iter().map(ToString::to_string).collect();
            json!({ "manifestsDeleted": digests, "tagsDeleted": removed.tags })
        }
        Place::Tag(repository, tag) => {
            folder.delete_manifest(repository, &Reference::Tag(tag.clone())).await?;
            Value::Null
        }
        Place::Manifest(repository, digest) => {
            folder.delete_manifest(repository, &Reference::Digest(*digest)).await?;
            Value::Null
        }
        // a list is no thing to be deleted
        Place::Catalog | Place::Tags(_) | Place::Manifests(_) => {
            let text = "name what is to be deleted: a repository, a tag or a manifest";
            return Ok(super::hosted::refused(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", text));
        }
    };
    Ok(match gone {
        Value::Null => StatusCode::ACCEPTED.into_response(),
        gone => said(StatusCode::ACCEPTED, &gone),
    })
}

fn said(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// With the link to the page behind, where there is one.
fn linked(mut response: Response, asked: &Asked<'_>, last: Option<&str>, most: usize) -> Response {
    if let Some(last) = last {
        let last: String = url::form_urlencoded::byte_serialize(last.as_bytes()).collect();
        let order = asked.query("orderby").map(|order| {
            let order: String = url::form_urlencoded::byte_serialize(order.as_bytes()).collect();
            format!("&orderby={order}")
        });
        let link =
            format!("<{}?last={last}&n={most}{}>; rel=\"next\"", asked.path, order.unwrap_or_default());
        if let Ok(value) = HeaderValue::from_str(&link) {
            response.headers_mut().insert(LINK, value);
        }
    }
    response
}

/// As Azure writes times: to the 10,000,000th of a second.
fn moment(at: Option<SystemTime>) -> Value {
    let at = at.map(OffsetDateTime::from).and_then(|at| {
        let ticks = at.nanosecond() / 100 * 100;
        at.replace_nanosecond(ticks).ok()?.format(&Rfc3339).ok()
    });
    at.map_or(Value::Null, Value::String)
}

/// Nothing is ever locked here.
fn attributes() -> Value {
    json!({ "deleteEnabled": true, "listEnabled": true, "readEnabled": true, "writeEnabled": true })
}

fn refused(fault: &Fault) -> Response {
    let (status, code) = match fault.kind {
        FaultKind::NameUnknown => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
        FaultKind::ManifestUnknown => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    };
    super::hosted::refused(status, code, &fault.to_string())
}
