//! Who may do what.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use transload_depot::Depot;
use transload_depot::access::{Action, Anonymous, Caller, Gate, Grant, Open, Refused, RefusedKind};
use transload_oci::Digest;

use crate::support::{Fixture, code};

/// Depots over the same content: everybody may everything, and this gate.
fn pair(gate: impl Gate) -> (Fixture, Fixture) {
    let depot = Depot::temporary().unwrap();
    (Fixture::new(depot.clone()), Fixture::new(depot.behind(Arc::new(gate))))
}

/// Lets those in who name themselves, to where it is said; nobody else.
#[derive(Debug)]
struct Named(&'static [(&'static str, Action)]);

#[async_trait]
impl Gate for Named {
    async fn admit(&self, request: &Parts, wanted: &[Grant]) -> Result<Caller, Refused> {
        let user = request.headers.get("x-user").and_then(|user| user.to_str().ok());
        let user = user.ok_or_else(|| Refused::new(RefusedKind::Unauthorized, "who are you?"))?;
        let allowed = self.0;
        let caller = Caller::new(Some(user.to_owned()), move |grant| match grant {
            Grant::Base | Grant::Catalog => true,
            Grant::Repository { name, action } => allowed.contains(&(name.as_str(), *action)),
        });
        match wanted.iter().find(|grant| !caller.may(grant)) {
            None => Ok(caller),
            Some(grant) => Err(Refused::new(RefusedKind::Denied, grant.to_string())),
        }
    }

    fn owns(&self, path: &str) -> bool {
        path == "/door"
    }

    async fn answer(&self, request: &Parts, _body: Body) -> Response {
        request.method.to_string().into_response()
    }
}

const ME: (&str, &str) = ("X-User", "me");

#[test]
fn a_registry_that_is_only_read_refuses_the_rest() {
    let (open, pull) = pair(Open(Anonymous::Pull));
    let text = open.image("team/app", "v1");
    let digest = Digest::sha256(text.as_bytes());
    for path in ["/v2/", "/v2/_catalog", "/v2/team/app/tags/list", "/v2/team/app/manifests/v1"] {
        assert_eq!(pull.ask("GET", path).status, 200, "{path}");
    }
    let there = format!("/v2/team/app/manifests/{digest}");
    for (method, path) in [
        ("POST", "/v2/team/app/blobs/uploads/"),
        ("PUT", "/v2/team/app/manifests/v2"),
        ("DELETE", "/v2/team/app/manifests/v1"),
        ("DELETE", &there),
    ] {
        let refused = pull.ask(method, path);
        assert_eq!((refused.status, code(&refused).as_str()), (403, "DENIED"), "{method} {path}");
    }
    let (_, push) = pair(Open(Anonymous::Push));
    push.image("a", "v1");
    assert_eq!(push.ask("DELETE", "/v2/a/manifests/v1").status, 403);
    let (_, nothing) = pair(Open(Anonymous::Nothing));
    assert_eq!(nothing.ask("GET", "/v2/a/tags/list").status, 403);
}

#[test]
fn a_gate_of_ones_own_decides_and_has_paths_of_its_own() {
    let (open, named) = pair(Named(&[("mine", Action::Pull)]));
    open.image("mine", "v1");
    open.image("theirs", "v1");
    let stranger = named.ask("GET", "/v2/mine/manifests/v1");
    assert_eq!((stranger.status, code(&stranger).as_str()), (401, "UNAUTHORIZED"));
    assert_eq!(named.send("GET", "/v2/mine/manifests/v1", &[ME], b"").status, 200);
    // the same answer whether it is there or not
    for repository in ["theirs", "nobodys"] {
        let refused = named.send("GET", &format!("/v2/{repository}/manifests/v1"), &[ME], b"");
        assert_eq!((refused.status, code(&refused).as_str()), (403, "DENIED"), "{repository}");
    }
    assert_eq!(named.ask("GET", "/door").text(), "GET");
    assert_eq!(named.ask("GET", "/other").status, 404);
}

#[test]
fn the_catalog_shows_what_one_may_see_in_whole_pages() {
    let (open, named) = pair(Named(&[("b", Action::Pull), ("d", Action::Pull), ("f", Action::Pull)]));
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        open.blob(name, b"x");
    }
    let page = |query: &str| {
        let answer = named.send("GET", &format!("/v2/_catalog{query}"), &[ME], b"");
        let link = answer.header("link").map(str::to_owned);
        (answer.text().replace(r#"{"repositories":"#, "").replace("}", ""), link)
    };
    assert_eq!(page(""), (r#"["b","d","f"]"#.to_owned(), None));
    let (names, link) = page("?n=2");
    assert_eq!(names, r#"["b","d"]"#);
    assert_eq!(link.as_deref(), Some(r#"</v2/_catalog?n=2&last=d>; rel="next""#));
    assert_eq!(page("?n=2&last=d"), (r#"["f"]"#.to_owned(), None));
    assert_eq!(page("?n=3"), (r#"["b","d","f"]"#.to_owned(), None));
    assert_eq!(page("?n=0"), ("[]".to_owned(), None));
}

#[test]
fn a_mount_from_where_one_may_not_pull_is_an_upload_whatever_is_there() {
    let (open, named) = pair(Named(&[("to", Action::Push), ("to", Action::Pull), ("mine", Action::Pull)]));
    let digest = open.blob("mine", b"same");
    open.blob("theirs", b"same");
    let absent = Digest::sha256(b"absent");
    let mount = |from: &str, digest: &Digest| {
        let path = format!("/v2/to/blobs/uploads/?mount={digest}&from={from}");
        named.send("POST", &path, &[ME], b"").status
    };
    assert_eq!(mount("theirs", &digest), 202);
    assert_eq!(mount("theirs", &absent), 202);
    assert_eq!(named.send("GET", &format!("/v2/to/blobs/{digest}"), &[ME], b"").status, 404);
    assert_eq!(mount("mine", &digest), 201);
    let elsewhere = format!("/v2/mine/blobs/uploads/?mount={digest}&from=to");
    assert_eq!(named.send("POST", &elsewhere, &[ME], b"").status, 403);
}
