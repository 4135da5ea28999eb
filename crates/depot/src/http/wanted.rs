//! What a request wants to be allowed.

use axum::http::Method;
use axum::http::request::Parts;

use super::route::Route;
use super::{Query, uploads};
use crate::access::{Action, Caller, Gate, Grant, Refused};

/// Asks the gate. A mount asks for the other repository too, but goes without: then it becomes an upload, whatever
/// that repository holds.
pub(super) async fn admit(gate: &dyn Gate, parts: &Parts, route: &Route) -> Result<Caller, Refused> {
    let grant = grant(&parts.method, route);
    let query = Query(parts.uri.query().unwrap_or_default());
    let from = match route {
        Route::Uploads { .. } if parts.method == Method::POST => uploads::mounts_from(query),
        _ => None,
    };
    let Some(from) = from else { return gate.admit(parts, &[grant]).await };
    match gate.admit(parts, &[grant.clone(), Grant::to(Action::Pull, &from)]).await {
        Ok(caller) => Ok(caller),
        // where neither is allowed, the challenge names both
        Err(refused) => gate.admit(parts, &[grant]).await.map_err(|_| refused),
    }
}

fn grant(method: &Method, route: &Route) -> Grant {
    match route {
        Route::Base => Grant::Base,
        Route::Catalog => Grant::Catalog,
        // also to cancel: whoever began may end
        Route::Uploads { repository } | Route::Upload { repository, .. } => {
            Grant::to(Action::Push, repository)
        }
        Route::Tags { repository }
        | Route::Referrers { repository, .. }
        | Route::Blob { repository, .. }
        | Route::Manifest { repository, .. } => Grant::to(action(method), repository),
    }
}

fn action(method: &Method) -> Action {
    match *method {
        Method::GET | Method::HEAD => Action::Pull,
        Method::DELETE => Action::Delete,
        _ => Action::Push,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_in_has_its_own_key() {
        let digest = transload_oci::Digest::sha256(b"");
        let cases = [
            ("GET", "/v2/".to_owned(), Grant::Base),
            ("GET", "/v2/_catalog".to_owned(), Grant::Catalog),
            ("GET", "/v2/a/tags/list".to_owned(), Grant::to(Action::Pull, "a")),
            ("GET", format!("/v2/a/referrers/{digest}"), Grant::to(Action::Pull, "a")),
            ("HEAD", format!("/v2/a/b/blobs/{digest}"), Grant::to(Action::Pull, "a/b")),
            ("DELETE", format!("/v2/a/blobs/{digest}"), Grant::to(Action::Delete, "a")),
            ("HEAD", "/v2/a/manifests/v1".to_owned(), Grant::to(Action::Pull, "a")),
            ("PUT", "/v2/a/manifests/v1".to_owned(), Grant::to(Action::Push, "a")),
            ("DELETE", "/v2/a/manifests/v1".to_owned(), Grant::to(Action::Delete, "a")),
            ("POST", "/v2/a/blobs/uploads/".to_owned(), Grant::to(Action::Push, "a")),
            ("GET", "/v2/a/blobs/uploads/7".to_owned(), Grant::to(Action::Push, "a")),
            ("DELETE", "/v2/a/blobs/uploads/7".to_owned(), Grant::to(Action::Push, "a")),
            ("TRACE", "/v2/a/manifests/v1".to_owned(), Grant::to(Action::Push, "a")),
        ];
        for (method, path, expected) in cases {
            let route = Route::parse(&path).unwrap();
            assert_eq!(grant(&method.parse().unwrap(), &route), expected, "{method} {path}");
        }
    }
}
