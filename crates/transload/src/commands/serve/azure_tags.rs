//! What Azure's registries have beside the distribution API: tags with their digests (`GET /acr/v1/{repository}/_tags`), which
//! `az acr repository show-tags` asks for (contract § 8).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use transload_depot::access::{Action, Gate, Grant};
use transload_depot::{Depot, Fault, FaultKind, Reference};

/// Tags of one answer where the client asks for no other number, and at most.
const TAGS_MAX: usize = 100;

/// Whether a path is one of these: the repository.
pub(super) fn repository_of(path: &str) -> Option<&str> {
    path.strip_prefix("/acr/v1/")?.strip_suffix("/_tags").filter(|name| !name.is_empty())
}

/// Tags of a repository, for whoever may pull from it.
pub(super) async fn answer(
    depot: &Depot,
    gate: &Arc<dyn Gate>,
    login_server: &str,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let Some(repository) = repository_of(parts.uri.path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if parts.method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Err(refused) = gate.admit(&parts, &[Grant::to(Action::Pull, repository)]).await {
        return refused.into_response();
    }
    let asked = |name: &str| {
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        url::form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let most = asked("n").and_then(|text| text.parse().ok()).unwrap_or(TAGS_MAX).clamp(1, TAGS_MAX);
    match tags(depot, repository, &asked("last").unwrap_or_default(), most).await {
        Ok(tags) => {
            let body = json!({ "registry": login_server, "imageName": repository, "tags": tags });
            let mut response = Response::new(Body::from(body.to_string()));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(fault) => refused(&fault),
    }
}

async fn tags(
    depot: &Depot,
    repository: &str,
    after: &str,
    most: usize,
) -> Result<Vec<serde_json::Value>, Fault> {
    let contents = depot.contents();
    let mut tags = Vec::new();
    for name in contents.tags(repository, after, most).await?.names {
        // one that was deleted meanwhile is left out
        if let Ok(manifest) = contents.manifest(repository, &Reference::Tag(name.clone())).await {
            tags.push(json!({ "name": name, "digest": manifest.digest.to_string(), "signed": false }));
        }
    }
    Ok(tags)
}

fn refused(fault: &Fault) -> Response {
    let (status, code) = match fault.kind {
        FaultKind::NameUnknown => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    };
    super::hosted::refused(status, code, &fault.to_string())
}
