//! A registry that knows its people: passwords, tokens, rules.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use transload_depot::Depot;
use transload_depot::access::{AccessLimits, Anonymous, Guard, GuardOptions, with_user};
use transload_oci::Digest;
use transload_testkit::peers::Answer;

use crate::support::{Fixture, code};

pub(crate) const SERVICE: &str = "registry.test";
pub(crate) const ISSUER: &str = "issuer.test";

/// A folder with users, rules and a key, and what goes by them.
pub(crate) struct People {
    folder: TempDir,
    pub(crate) options: GuardOptions,
}

impl People {
    /// Alice and Bob, whose passwords are their names twice; nothing else.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = AccessLimits { file_look: Duration::ZERO, ..AccessLimits::default() };
        let options = GuardOptions {
            token_service: SERVICE.to_owned(),
            token_issuer: Some(ISSUER.to_owned()),
            limits,
            ..GuardOptions::default()
        };
        let mut people = Self { folder, options };
        let users = user(&user("", "alice", "alicealice"), "bob", "bobbob");
        people.options.htpasswd = Some(people.write("users", &users));
        people
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn rules(mut self, text: &str) -> Self {
        self.options.rules = Some(self.write("rules.toml", text));
        self
    }

    /// With tokens; gives a certificate of their key too.
    pub(crate) fn tokens(mut self) -> (Self, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        self.options.token_key = Some(self.write("token.key", &key.serialize_pem()));
        (self, certificate.pem())
    }

    pub(crate) fn anonymous(mut self, may: Anonymous) -> Self {
        self.options.anonymous = may;
        self
    }

    /// The same content twice: open to everybody, and behind the guard.
    pub(crate) fn serve(&self) -> (Fixture, Fixture) {
        let depot = Depot::temporary().unwrap();
        let guard = Guard::new(&self.options).unwrap();
        (Fixture::new(depot.clone()), Fixture::new(depot.behind(Arc::new(guard))))
    }
}

fn user(text: &str, name: &str, password: &str) -> String {
    with_user(text, name, &SecretString::from(password), 4).unwrap()
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

pub(crate) fn with(fixture: &Fixture, authorization: &str, method: &str, path: &str) -> Answer {
    fixture.send(method, path, &[("Authorization", authorization)], b"")
}

fn challenge(answer: &Answer) -> &str {
    assert_eq!((answer.status, code(answer).as_str()), (401, "UNAUTHORIZED"), "{}", answer.text());
    answer.header("www-authenticate").unwrap()
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// A token for these scopes.
pub(crate) fn token(fixture: &Fixture, user: Option<&str>, scopes: &str) -> String {
    let path = format!("/token?service={SERVICE}&{scopes}");
    let answer = match user {
        Some(user) => with(fixture, &basic(user, &user.repeat(2)), "GET", &path),
        None => fixture.ask("GET", &path),
    };
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    format!("Bearer {}", json(&answer)["token"].as_str().unwrap())
}

fn form(fixture: &Fixture, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    fixture.send("POST", path, &[kind], body.finish().as_bytes())
}

#[test]
fn a_password_opens_everything_and_nothing_opens_without_one() {
    let (open, guarded) = People::new().serve();
    open.image("team/app", "v1");
    let path = "/v2/team/app/manifests/v1";
    for path in ["/v2/", "/v2/_catalog", path, "/v2/nobodys/tags/list"] {
        assert_eq!(challenge(&guarded.ask("GET", path)), format!("Basic realm=\"{SERVICE}\""));
    }
    for (user, password) in [("alice", "alicealice"), ("bob", "bobbob")] {
        assert_eq!(with(&guarded, &basic(user, password), "GET", path).status, 200);
    }
    let upload = with(&guarded, &basic("bob", "bobbob"), "POST", "/v2/team/app/blobs/uploads/");
    assert_eq!(upload.status, 202);
    // the token service is nobody's without a key
    assert_eq!(guarded.ask("GET", "/token").status, 404);
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    for people in [People::new(), People::new().tokens().0] {
        let (_, guarded) = people.serve();
        let answers: Vec<_> = [("alice", "wrong"), ("nobody", "alicealice"), ("", "x"), ("alice", "")]
            .iter()
            .map(|(user, password)| {
                let answer = with(&guarded, &basic(user, password), "GET", "/v2/");
                (challenge(&answer).replace(&guarded.endpoint.addr.to_string(), ""), answer.text())
            })
            .collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
}

#[test]
fn a_challenge_names_the_token_service_and_the_scope() {
    let (people, _) = People::new().tokens();
    let (_, guarded) = people.serve();
    let realm = format!("Bearer realm=\"{}/token\",service=\"{SERVICE}\"", guarded.endpoint.url());
    let digest = Digest::sha256(b"");
    for (method, path, scope) in [
        ("GET", "/v2/".to_owned(), String::new()),
        ("GET", "/v2/_catalog".to_owned(), ",scope=\"registry:catalog:*\"".to_owned()),
        ("GET", "/v2/a/b/tags/list".to_owned(), ",scope=\"repository:a/b:pull\"".to_owned()),
        ("POST", "/v2/a/blobs/uploads/".to_owned(), ",scope=\"repository:a:pull,push\"".to_owned()),
        ("DELETE", format!("/v2/a/manifests/{digest}"), ",scope=\"repository:a:delete\"".to_owned()),
        (
            "POST",
            format!("/v2/a/blobs/uploads/?mount={digest}&from=b"),
            ",scope=\"repository:a:pull,push repository:b:pull\"".to_owned(),
        ),
    ] {
        assert_eq!(challenge(&guarded.ask(method, &path)), format!("{realm}{scope}"), "{method} {path}");
    }
    let broken = with(&guarded, "Bearer x.y.z", "GET", "/v2/");
    assert_eq!(challenge(&broken), format!("{realm},error=\"invalid_token\""));
    let little = token(&guarded, Some("alice"), "scope=repository:a:pull");
    let more = with(&guarded, &little, "POST", "/v2/a/blobs/uploads/");
    assert!(challenge(&more).ends_with(",scope=\"repository:a:pull,push\",error=\"insufficient_scope\""));
    // somebody in the middle cannot send people elsewhere: the name is the client's own
    let evil = guarded.send("GET", "/v2/", &[("X-Forwarded-Host", "evil.test")], b"");
    assert!(!challenge(&evil).contains("evil"));
}

#[test]
fn a_token_does_what_it_says_and_passwords_do_too() {
    let (people, _) = People::new().tokens();
    let (open, guarded) = people.serve();
    open.image("a", "v1");
    open.image("b", "v1");
    let pull = token(&guarded, Some("alice"), "scope=repository:a:pull");
    assert_eq!(with(&guarded, &pull, "GET", "/v2/").status, 200);
    assert_eq!(with(&guarded, &pull, "GET", "/v2/a/manifests/v1").status, 200);
    assert_eq!(with(&guarded, &pull, "GET", "/v2/b/manifests/v1").status, 401);
    assert_eq!(with(&guarded, &pull, "DELETE", "/v2/a/manifests/v1").status, 401);
    let both = token(&guarded, Some("alice"), "scope=repository:a:pull,push&scope=repository:b:delete");
    assert_eq!(with(&guarded, &both, "POST", "/v2/a/blobs/uploads/").status, 202);
    assert_eq!(with(&guarded, &both, "DELETE", "/v2/b/manifests/v1").status, 202);
    let catalog = token(&guarded, Some("alice"), "scope=registry:catalog:*");
    assert_eq!(json(&with(&guarded, &catalog, "GET", "/v2/_catalog"))["repositories"][0], "a");
    assert_eq!(with(&guarded, &pull, "GET", "/v2/_catalog").status, 401);
    // scripts send a password
    assert_eq!(with(&guarded, &basic("bob", "bobbob"), "GET", "/v2/a/manifests/v1").status, 200);
    // nobody signs in without a password, and a token gets no other
    for authorization in ["", &basic("alice", "wrong"), &both] {
        let headers: &[_] = if authorization.is_empty() { &[] } else { &[("Authorization", authorization)] };
        let answer = guarded.send("GET", "/token?scope=repository:a:pull", headers, b"");
        assert_eq!(challenge(&answer), format!("Basic realm=\"{SERVICE}\""));
    }
    assert_eq!(guarded.ask("PUT", "/token").status, 405);
}

#[test]
fn rules_say_who_may_what_and_hold_from_the_moment_they_change() {
    let rules = "[[rules]]\nrepositories = ['team/**']\nusers = ['alice']\nallow = ['pull', 'push']\n\
                 [[rules]]\nrepositories = ['public']\nusers = ['*']\nallow = ['pull']\n";
    let people = People::new().rules(rules);
    let (open, guarded) = people.serve();
    for repository in ["team/app", "public", "secret"] {
        open.image(repository, "v1");
    }
    let (alice, bob) = (basic("alice", "alicealice"), basic("bob", "bobbob"));
    let status = |user: &str, method: &str, path: &str| with(&guarded, user, method, path).status;
    assert_eq!(status(&alice, "GET", "/v2/team/app/manifests/v1"), 200);
    assert_eq!(status(&alice, "POST", "/v2/team/new/blobs/uploads/"), 202);
    assert_eq!(status(&alice, "DELETE", "/v2/team/app/manifests/v1"), 403);
    assert_eq!(status(&bob, "GET", "/v2/public/tags/list"), 200);
    // the same whether it is there or not
    for path in ["/v2/team/app/manifests/v1", "/v2/secret/manifests/v1", "/v2/nothing/manifests/v1"] {
        let refused = with(&guarded, &bob, "GET", path);
        assert_eq!((refused.status, code(&refused).as_str()), (403, "DENIED"), "{path}");
        assert!(refused.header("www-authenticate").is_none());
    }
    let listed = |user: &str| json(&with(&guarded, user, "GET", "/v2/_catalog"))["repositories"].to_string();
    assert_eq!((listed(&alice), listed(&bob)), (r#"["public","team/app"]"#.into(), r#"["public"]"#.into()));
    // a wrong file changes nothing, a right one everything
    people.write("rules.toml", "[[rules]]\nrepositories = 'x'");
    assert_eq!(status(&bob, "GET", "/v2/public/tags/list"), 200);
    people.write("rules.toml", &rules.replace("'public'", "'secret'"));
    assert_eq!(status(&bob, "GET", "/v2/public/tags/list"), 403);
    assert_eq!(status(&bob, "GET", "/v2/secret/tags/list"), 200);
}

#[test]
fn a_token_holds_only_what_the_rules_allow() {
    let rules = "[[rules]]\nrepositories = ['a', 'b']\nusers = ['alice']\nallow = ['pull', 'push']\n\
                 [[rules]]\nrepositories = ['a']\nusers = ['anonymous']\nallow = ['pull']\n";
    let (people, _) = People::new().rules(rules).tokens();
    let (open, guarded) = people.serve();
    for repository in ["a", "b", "c"] {
        open.image(repository, "v1");
    }
    let digest = open.blob("b", b"shared");
    open.blob("c", b"shared");
    let wish =
        "scope=repository:a:*&scope=repository:b:pull,push&scope=repository:c:pull&scope=registry:catalog:*";
    let alice = token(&guarded, Some("alice"), wish);
    let status = |user: &str, method: &str, path: &str| with(&guarded, user, method, path).status;
    assert_eq!(status(&alice, "GET", "/v2/a/manifests/v1"), 200);
    assert_eq!(status(&alice, "DELETE", "/v2/a/manifests/v1"), 401);
    assert_eq!(status(&alice, "GET", "/v2/c/manifests/v1"), 401);
    assert_eq!(
        json(&with(&guarded, &alice, "GET", "/v2/_catalog"))["repositories"].to_string(),
        r#"["a","b"]"#
    );
    // a mount from where one may pull, and from where one may not
    let mount = |from: &str| format!("/v2/a/blobs/uploads/?mount={digest}&from={from}");
    assert_eq!(status(&alice, "POST", &mount("c")), 202);
    assert_eq!(status(&alice, "POST", &mount("b")), 201);
    // anonymous gets a token too, for what anonymous may
    let nobody = token(&guarded, None, wish);
    assert_eq!(status(&nobody, "GET", "/v2/a/manifests/v1"), 200);
    assert_eq!(status(&nobody, "POST", "/v2/a/blobs/uploads/"), 401);
    assert_eq!(status(&nobody, "GET", "/v2/b/manifests/v1"), 401);
    assert_eq!(json(&with(&guarded, &nobody, "GET", "/v2/_catalog"))["repositories"].to_string(), r#"["a"]"#);
    // and needs none, who asks straight away
    assert_eq!(guarded.ask("GET", "/v2/a/manifests/v1").status, 200);
    assert_eq!(guarded.ask("GET", "/v2/b/manifests/v1").status, 401);
    // more scopes than anybody needs
    let many = vec!["scope=repository:a:pull"; 101].join("&");
    assert_eq!(guarded.ask("GET", &format!("/token?{many}")).status, 400);
}

#[test]
fn where_some_come_without_a_password_the_others_get_tokens() {
    let people = People::new().anonymous(Anonymous::Pull);
    let (open, guarded) = people.serve();
    open.image("a", "v1");
    // a client that was asked for a password would not go on without one
    assert!(challenge(&guarded.ask("GET", "/v2/")).starts_with("Bearer "));
    let nobody = token(&guarded, None, "scope=repository:a:pull,push");
    assert_eq!(with(&guarded, &nobody, "GET", "/v2/").status, 200);
    assert_eq!(with(&guarded, &nobody, "GET", "/v2/a/manifests/v1").status, 200);
    assert_eq!(with(&guarded, &nobody, "POST", "/v2/a/blobs/uploads/").status, 401);
    let alice = token(&guarded, Some("alice"), "scope=repository:a:pull,push");
    assert_eq!(with(&guarded, &alice, "POST", "/v2/a/blobs/uploads/").status, 202);
    // what another process signed is nothing here
    let (_, other) = people.serve();
    assert_eq!(with(&other, &alice, "GET", "/v2/").status, 401);
}

fn with_refresh(token: &str) -> [(&'static str, &str); 5] {
    [
        ("grant_type", "refresh_token"),
        ("service", SERVICE),
        ("client_id", "c"),
        ("scope", "repository:a:pull"),
        ("refresh_token", token),
    ]
}

#[test]
fn refresh_tokens_are_for_getting_tokens_and_end_with_the_password() {
    let (people, _) = People::new().tokens();
    let (open, guarded) = people.serve();
    open.image("a", "v1");
    let path = format!("/token?service={SERVICE}&offline_token=true&client_id=docker&account=alice");
    let login = json(&with(&guarded, &basic("alice", "alicealice"), "GET", &path));
    let refresh = login["refresh_token"].as_str().unwrap();
    assert_eq!(with(&guarded, &format!("Bearer {refresh}"), "GET", "/v2/").status, 401);
    let scope = "repository:a:pull";
    for path in ["/token", "/oauth2/token"] {
        let got = json(&form(&guarded, path, &with_refresh(refresh)));
        assert_eq!((got["scope"].as_str(), got["expires_in"].as_u64()), (Some(scope), Some(300)));
        let bearer = format!("Bearer {}", got["access_token"].as_str().unwrap());
        assert_eq!(with(&guarded, &bearer, "GET", "/v2/a/manifests/v1").status, 200);
        // the one kind is not taken for the other
        let wrong = form(&guarded, path, &with_refresh(got["access_token"].as_str().unwrap()));
        assert_eq!(wrong.status, 401);
        let text: Value = serde_json::from_slice(&wrong.body).unwrap();
        assert_eq!(
            (text["error"].as_str(), text["errors"][0]["code"].as_str()),
            (Some("invalid_grant"), Some("UNAUTHORIZED"))
        );
    }
    // as Azure's clients send it
    let azure = basic("00000000-0000-0000-0000-000000000000", refresh);
    let got = json(&with(&guarded, &azure, "GET", &format!("/oauth2/token?scope={scope}")));
    let bearer = format!("Bearer {}", got["access_token"].as_str().unwrap());
    assert_eq!(with(&guarded, &bearer, "GET", "/v2/a/manifests/v1").status, 200);
    people.write("users", &user("", "alice", "changed"));
    assert_eq!(form(&guarded, "/token", &with_refresh(refresh)).status, 401);
    assert_eq!(with(&guarded, &azure, "GET", "/oauth2/token").status, 401);
    people.write("users", &user("", "bob", "bobbob"));
    assert_eq!(form(&guarded, "/token", &with_refresh(refresh)).status, 401);
}

#[test]
fn passwords_are_changed_for_tokens_in_a_form_too() {
    let (people, _) = People::new().tokens();
    let (open, guarded) = people.serve();
    open.image("a", "v1");
    let fields = |password, more| {
        let scope = ("scope", "repository:a:pull repository:b:push");
        [
            ("grant_type", "password"),
            ("username", "alice"),
            ("password", password),
            ("service", SERVICE),
            scope,
            more,
        ]
    };
    let got = json(&form(&guarded, "/oauth2/token", &fields("alicealice", ("access_type", "online"))));
    assert_eq!(got["scope"], "repository:a:pull repository:b:push");
    assert!(got.get("refresh_token").is_none());
    let got = json(&form(&guarded, "/oauth2/token", &fields("alicealice", ("access_type", "offline"))));
    assert!(got["refresh_token"].is_string());
    assert_eq!(form(&guarded, "/oauth2/token", &fields("wrong", ("x", "y"))).status, 401);
    let other = form(&guarded, "/oauth2/token", &[("grant_type", "client_credentials")]);
    assert_eq!(other.status, 400);
    assert!(other.text().contains("unsupported_grant_type"));
    let long = form(&guarded, "/oauth2/token", &[("grant_type", &"x".repeat(70_000))]);
    assert_eq!(long.status, 400);
    assert_eq!(form(&guarded, "/oauth2/exchange", &[]).status, 404);
}

#[test]
fn tokens_of_another_issuer_are_taken_and_its_address_is_named() {
    let (issuer, certificate) = People::new().tokens();
    let (_, issuing) = issuer.serve();
    let mut people = People::new();
    people.options.htpasswd = None;
    people.options.token_trust = Some(people.write("trust.pem", &certificate));
    people.options.token_realm = Some(format!("{}/token", issuing.endpoint.url()));
    let (open, guarded) = people.serve();
    open.image("a", "v1");
    open.image("b", "v1");
    let realm = format!("Bearer realm=\"{}/token\"", issuing.endpoint.url());
    assert!(challenge(&guarded.ask("GET", "/v2/")).starts_with(&realm));
    assert_eq!(guarded.ask("GET", "/token").status, 404);
    let theirs = token(&issuing, Some("alice"), "scope=repository:a:pull&scope=registry:catalog:*");
    assert_eq!(with(&guarded, &theirs, "GET", "/v2/a/manifests/v1").status, 200);
    assert_eq!(with(&guarded, &theirs, "GET", "/v2/b/manifests/v1").status, 401);
    assert_eq!(
        json(&with(&guarded, &theirs, "GET", "/v2/_catalog"))["repositories"].to_string(),
        r#"["a","b"]"#
    );
    // passwords are the issuer's business
    assert_eq!(with(&guarded, &basic("alice", "alicealice"), "GET", "/v2/").status, 401);
    people.options.token_realm = None;
    assert!(Guard::new(&people.options).unwrap_err().next_step().unwrap().contains("--token-realm"));
}

#[test]
fn what_is_sent_before_access_is_decided_is_not_read() {
    use std::io::{Read as _, Write as _};
    let (_, guarded) = People::new().serve();
    let mut stream = std::net::TcpStream::connect(guarded.endpoint.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // the body never comes: whoever waited for it would wait for ever
    let head = "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 401");
}
