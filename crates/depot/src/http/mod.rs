//! The HTTP interface: paths to handlers.

mod answer;
mod blobs;
mod lists;
mod manifests;
mod range;
mod refusal;
mod rest;
mod route;
mod uploads;
mod wanted;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};

use crate::access::Caller;
use crate::depot::Depot;
use crate::folder::Folder;
use crate::server::RouteName;
use answer::Answer;
use refusal::{Code, Refusal};
use rest::Rest;
use route::Route;

/// Everything under `/v2/`, and what the gate owns. Repository names have slashes, so paths are taken apart by hand.
pub(crate) fn router(depot: Depot) -> Router {
    Router::new().fallback(handle).with_state(depot)
}

async fn handle(State(depot): State<Depot>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if depot.gate().owns(parts.uri.path()) {
        let mut response = depot.gate().answer(&parts, body).await;
        response.extensions_mut().insert(RouteName("token"));
        return response;
    }
    let (body, rest) = Rest::of(body);
    let route = Route::parse(parts.uri.path());
    let name = route.as_ref().map_or("other", Route::name);
    let mut response = match route {
        Ok(route) => admitted(&depot, route, &parts, body).await,
        Err(refusal) => {
            drop(body);
            refused(&parts, refusal)
        }
    };
    if !response.status().is_success() {
        let limits = depot.limits();
        rest.discard(&parts.headers, limits.refused_body_bytes_max, limits.refused_body_wait).await;
    }
    // for whoever counts
    response.extensions_mut().insert(RouteName(name));
    // what clients of before the OCI specification know a registry by
    let version = HeaderValue::from_static("registry/2.0");
    response.headers_mut().insert("docker-distribution-api-version", version);
    response
}

/// The answer to whoever may have it. Nothing of the body is read before that is known.
async fn admitted(depot: &Depot, route: Route, parts: &Parts, body: Body) -> Response {
    match wanted::admit(depot.gate(), parts, &route).await {
        Err(refusal) => refused(parts, refusal),
        Ok(caller) => {
            let result = dispatch(depot, &caller, route, parts, body).await;
            let mut response = result.unwrap_or_else(|refusal| refused(parts, refusal));
            // for whoever writes the log
            response.extensions_mut().insert(caller);
            response
        }
    }
}

fn refused(parts: &Parts, refusal: impl std::fmt::Display + IntoResponse) -> Response {
    tracing::debug!(method = %parts.method, path = parts.uri.path(), %refusal, "refused");
    refusal.into_response()
}

async fn dispatch(
    depot: &Depot,
    caller: &Caller,
    route: Route,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let query = Query(parts.uri.query().unwrap_or_default());
    let headers = &parts.headers;
    match (parts.method.clone(), route) {
        (Method::GET | Method::HEAD, Route::Base) => Ok(Answer::ok().json(&serde_json::json!({}))),
        (Method::GET | Method::HEAD, Route::Catalog) => lists::catalog(depot, caller, query).await,
        (Method::GET | Method::HEAD, Route::Tags { repository }) => {
            lists::tags(depot, &repository, query).await
        }
        (Method::GET | Method::HEAD, Route::Referrers { repository, digest }) => {
            lists::referrers(depot, &repository, &digest, query).await
        }
        (Method::GET, Route::Blob { repository, digest }) => {
            blobs::get(depot, &repository, &digest, headers).await
        }
        (Method::HEAD, Route::Blob { repository, digest }) => blobs::head(depot, &repository, &digest).await,
        (Method::DELETE, Route::Blob { repository, digest }) => {
            blobs::delete(depot, &repository, &digest).await
        }
        (Method::POST, Route::Uploads { repository }) => {
            uploads::start(depot, caller, &repository, query, headers, body).await
        }
        (Method::GET | Method::HEAD, Route::Upload { repository, id }) => {
            uploads::status(depot, &repository, &id).await
        }
        (Method::PATCH, Route::Upload { repository, id }) => {
            uploads::append(depot, &repository, &id, headers, body).await
        }
        (Method::PUT, Route::Upload { repository, id }) => {
            uploads::finish(depot, &repository, &id, query, headers, body).await
        }
        (Method::DELETE, Route::Upload { repository, id }) => uploads::cancel(depot, &repository, &id).await,
        (Method::GET | Method::HEAD, Route::Manifest { repository, reference }) => {
            manifests::get(depot, &repository, &reference, parts.method == Method::HEAD).await
        }
        (Method::PUT, Route::Manifest { repository, reference }) => {
            manifests::put(depot, &repository, &reference, query, headers, body).await
        }
        (Method::DELETE, Route::Manifest { repository, reference }) => {
            manifests::delete(depot, &repository, &reference).await
        }
        (method, route) => {
            let text = format!("{method} does nothing here");
            Err(Refusal::new(Code::MethodNotAllowed, text).header(header::ALLOW, route.methods()))
        }
    }
}

/// The part that can be written to.
fn writable(depot: &Depot) -> Result<&Folder, Refusal> {
    let text =
        "this registry is read-only: it serves bundles, and nothing can be pushed to or deleted from it";
    depot
        .folder()
        .ok_or_else(|| Refusal::new(Code::MethodNotAllowed, text).header(header::ALLOW, "GET, HEAD"))
}

/// The query of a URL.
#[derive(Debug, Clone, Copy)]
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The first value of that key, decoded.
    fn get(self, key: &str) -> Option<String> {
        self.all(key).next()
    }

    /// Every value of that key, decoded.
    fn all(self, key: &str) -> impl Iterator<Item = String> + use<'a, '_> {
        let pairs = url::form_urlencoded::parse(self.0.as_bytes());
        pairs.filter(move |(k, _)| k == key).map(|(_, v)| v.into_owned())
    }
}
