//! Authentication: challenges, tokens, and who gets to see a credential.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use futures_util::future::join_all;
use transload_oci::Digest;
use transload_registry::conformance::Sample;
use transload_registry::credentials::{Credential, CredentialProvider, DockerConfig, Static};
use transload_registry::{Client, ErrorKind, Pushed, Source, Target};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, PASSWORD, USER};

use crate::scripted::{Scripted, Seen, answer, refusal};
use crate::support::client_with;

/// User `bob`, password `hunter2`.
pub(crate) fn bob() -> Arc<dyn CredentialProvider> {
    Arc::new(Static::new(Credential::basic("bob", "hunter2"), "/home/x/.docker/config.json"))
}

const BOB: &str = "Basic Ym9iOmh1bnRlcjI=";

fn with(host: &str, credentials: Arc<dyn CredentialProvider>) -> Client {
    client_with(host, |o| o.credentials = credentials)
}

/// A registry with its token service under one roof. Tokens are `t1`, `t2`, …, and `refused` says which of them
/// the registry does not take.
async fn token_registry(
    expires_in: u64,
    refused: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> Scripted {
    let count = Arc::new(AtomicUsize::new(0));
    Scripted::start_slow(Duration::from_millis(5), move |seen| {
        if seen.path.starts_with("/token") {
            let n = count.fetch_add(1, Ordering::Relaxed) + 1;
            return answer(200, &[], format!(r#"{{"token":"t{n}","expires_in":{expires_in}}}"#));
        }
        match seen.header("authorization").and_then(|a| a.strip_prefix("Bearer ")) {
            Some(token) if !refused(token) => answer(404, &[], ""),
            _ => challenge(seen),
        }
    })
    .await
}

fn challenge(seen: &Seen) -> Response {
    let host = seen.header("host").unwrap();
    let text = format!("Bearer realm=\"http://{host}/token?x=1\",service=\"reg.test\"");
    let mut response = refusal(401, "UNAUTHORIZED", "authentication required");
    response.headers_mut().insert("www-authenticate", text.parse().unwrap());
    response
}

fn scopes(seen: &Seen) -> Vec<String> {
    let (_, query) = seen.path.split_once('?').unwrap();
    let pairs = query.split('&').filter_map(|p| p.strip_prefix("scope="));
    pairs.map(|s| s.replace("%3A", ":").replace("%2C", ",").replace("%2F", "/").replace("%2A", "*")).collect()
}

#[tokio::test]
async fn scopes_are_narrow_and_the_credential_goes_to_the_token_service_only() {
    let server = token_registry(300, |_| false).await;
    let client = with(&server.host(), bob());
    let digest = Digest::sha256(b"x");
    client.manifest_stat("team/app", "v1").await.unwrap();
    client.blob_size("team/app", &digest).await.unwrap();
    client.mount_blob("team/app", &digest, "base/os").await.unwrap();
    client.repositories(5).await.unwrap_err();
    let tokens: Vec<Seen> = server.log().into_iter().filter(|s| s.path.starts_with("/token")).collect();
    let asked: Vec<Vec<String>> = tokens.iter().map(scopes).collect();
    assert_eq!(
        asked,
        [
            vec!["repository:team/app:pull"],
            vec!["repository:base/os:pull", "repository:team/app:pull,push"],
            vec!["registry:catalog:*"],
        ]
    );
    for token in &tokens {
        assert!(token.path.contains("x=1") && token.path.contains("service=reg.test"), "{}", token.path);
        assert_eq!(token.header("authorization"), Some(BOB));
    }
    for other in server.log().iter().filter(|s| !s.path.starts_with("/token")) {
        assert_ne!(other.header("authorization"), Some(BOB));
    }
}

#[tokio::test]
async fn fifty_requests_fetch_one_token() {
    let server = token_registry(300, |_| false).await;
    let client = with(&server.host(), bob());
    let digests: Vec<Digest> = (0..50u8).map(|n| Digest::sha256(&[n])).collect();
    let asked = join_all(digests.iter().map(|digest| client.blob_size("team/app", digest))).await;
    assert!(asked.into_iter().all(|size| size.unwrap().is_none()));
    assert_eq!(server.count("GET", "/token"), 1);
    let other = join_all(digests.iter().map(|digest| client.blob_size("team/other", digest))).await;
    assert!(other.into_iter().all(|size| size.unwrap().is_none()));
    assert_eq!(server.count("GET", "/token"), 2);
}

#[tokio::test]
async fn a_refused_credential_is_not_sent_fifty_times() {
    let server = Scripted::start(|seen| match seen.path.starts_with("/token") {
        true => refusal(401, "UNAUTHORIZED", "wrong password"),
        false => challenge(seen),
    })
    .await;
    let client = with(&server.host(), bob());
    let digests: Vec<Digest> = (0..50u8).map(|n| Digest::sha256(&[n])).collect();
    for result in join_all(digests.iter().map(|digest| client.blob_size("a", digest))).await {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        let text = format!("{error} {error:?} {:?}", error.hint());
        assert!(text.contains("user 'bob' from /home/x/.docker/config.json"), "{text}");
        assert!(text.contains("wrong password") && text.contains("login"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("Ym9i"), "{text}");
    }
    assert_eq!(server.count("GET", "/token"), 1);
}

#[tokio::test]
async fn tokens_are_renewed_before_they_expire_and_after_they_are_refused() {
    let server = token_registry(1, |_| false).await;
    let client = with(&server.host(), bob());
    let digest = Digest::sha256(b"x");
    client.blob_size("a", &digest).await.unwrap();
    assert_eq!(server.count("GET", "/token"), 1);
    tokio::time::sleep(Duration::from_millis(700)).await;
    client.blob_size("a", &digest).await.unwrap();
    assert_eq!(server.count("GET", "/token"), 2);

    // The first token is good for two requests and then, all of a sudden, not any more.
    let uses = Arc::new(AtomicUsize::new(0));
    let server =
        token_registry(300, move |token| token == "t1" && uses.fetch_add(1, Ordering::Relaxed) >= 2).await;
    let client = with(&server.host(), bob());
    for _ in 0..4 {
        assert_eq!(client.blob_size("a", &digest).await.unwrap(), None);
    }
    assert_eq!(server.count("GET", "/token"), 2);
    // And one that takes no token at all ends after the second.
    let server = token_registry(300, |_| true).await;
    let error = with(&server.host(), bob()).blob_size("a", &digest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    assert!(server.count("GET", "/token") <= 3);
}

#[tokio::test]
async fn an_identity_token_is_changed_by_post() {
    let server = Scripted::start(|seen| {
        if seen.path.starts_with("/token") {
            assert_eq!(seen.method, "POST");
            return answer(200, &[], r#"{"access_token":"good","expires_in":300}"#);
        }
        match seen.header("authorization") {
            Some("Bearer good") => answer(404, &[], ""),
            _ => challenge(seen),
        }
    })
    .await;
    let provider = Arc::new(Static::new(Credential::identity_token("re fresh"), "the test"));
    with(&server.host(), provider).blob_size("a/b", &Digest::sha256(b"x")).await.unwrap();
    let post = server.log().into_iter().find(|s| s.method == "POST").unwrap();
    let form = String::from_utf8(post.body).unwrap();
    for part in [
        "grant_type=refresh_token",
        "refresh_token=re+fresh",
        "service=reg.test",
        "scope=repository%3Aa%2Fb%3Apull",
    ] {
        assert!(form.contains(part), "{form}");
    }
    assert_eq!(post.headers.get("authorization"), None);
    assert!(!post.path.contains("fresh"));
}

#[tokio::test]
async fn a_token_of_entra_is_exchanged_once_and_shown_to_nobody_else() {
    let server = Scripted::start(|seen| match seen.path.as_str() {
        "/oauth2/exchange" => answer(200, &[], r#"{"refresh_token":"re fresh"}"#),
        "/oauth2/token" => answer(200, &[], r#"{"access_token":"good"}"#),
        _ if seen.header("authorization") == Some("Bearer good") => answer(404, &[], ""),
        _ => {
            let host = seen.header("host").unwrap();
            let challenge = format!("Bearer realm=\"http://{host}/oauth2/token\",service=\"reg.test\"");
            answer(401, &[("www-authenticate", &challenge)], "")
        }
    })
    .await;
    let provider = || Arc::new(Static::new(Credential::Entra("EN TRA".into()), "the test"));
    let client = with(&server.host(), provider());
    for repository in ["a", "b"] {
        client.blob_size(repository, &Digest::sha256(b"x")).await.unwrap();
    }
    let posts: Vec<_> = server.log().into_iter().filter(|seen| seen.method == "POST").collect();
    let paths: Vec<_> = posts.iter().map(|seen| seen.path.as_str()).collect();
    assert_eq!(paths, ["/oauth2/exchange", "/oauth2/token", "/oauth2/token"]);
    let form = |at: usize| String::from_utf8(posts[at].body.clone()).unwrap();
    assert_eq!(form(0), "grant_type=access_token&service=reg.test&access_token=EN+TRA");
    assert!(form(1).contains("refresh_token=re+fresh") && !form(1).contains("TRA"), "{}", form(1));

    let elsewhere = Scripted::start(|_| {
        let challenge = "Bearer realm=\"https://auth.test/oauth2/token\",service=\"x\"";
        answer(401, &[("www-authenticate", challenge)], "")
    })
    .await;
    let error = with(&elsewhere.host(), provider()).blob_size("a", &Digest::sha256(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.detail().contains("auth.test"), "{error:?}");
    assert!(!format!("{error:?}").contains("EN TRA"));
}

#[tokio::test]
async fn a_refused_exchange_is_told_in_the_registrys_words() {
    let server = Scripted::start(|seen| match seen.path.as_str() {
        "/oauth2/exchange" => {
            answer(401, &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"no role here"}]}"#)
        }
        _ => {
            let host = seen.header("host").unwrap();
            let challenge = format!("Bearer realm=\"http://{host}/oauth2/token\",service=\"reg.test\"");
            answer(401, &[("www-authenticate", &challenge)], "")
        }
    })
    .await;
    let provider = Arc::new(Static::new(Credential::Entra("PLANTED".into()), "the test"));
    let error = with(&server.host(), provider).blob_size("a", &Digest::sha256(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.detail().contains("no role here"), "{error:?}");
    assert!(!format!("{error:?}").contains("PLANTED"));
}

#[tokio::test]
async fn no_credential_goes_over_plain_http_to_another_machine() {
    let server = Scripted::start(|_| {
        let challenge = "Bearer realm=\"http://auth.test/token\",service=\"x\"";
        answer(401, &[("www-authenticate", challenge)], "")
    })
    .await;
    let error = with(&server.host(), bob()).blob_size("a", &Digest::sha256(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.detail().contains("plain HTTP"), "{error:?}");
}

#[tokio::test]
async fn huge_token_answers_are_bounded() {
    let server = Scripted::start(|seen| match seen.path.starts_with("/token") {
        true => answer(200, &[], vec![b'x'; 5 << 20]),
        false => challenge(seen),
    })
    .await;
    let error = with(&server.host(), bob()).blob_size("a", &Digest::sha256(b"x")).await.unwrap_err();
    assert!(error.detail().contains("larger than"), "{error:?}");
}

#[tokio::test]
async fn insufficient_rights_of_a_known_user_are_denied() {
    let server = Scripted::start(|seen| {
        if seen.path.starts_with("/token") {
            return answer(200, &[], r#"{"token":"weak"}"#);
        }
        let mut response = challenge(seen);
        if seen.header("authorization").is_some() {
            let host = seen.header("host").unwrap();
            let text = format!("Bearer realm=\"http://{host}/token\",scope=\"repository:a:pull,push\",error=\"insufficient_scope\"");
            response.headers_mut().insert("www-authenticate", text.parse().unwrap());
        }
        response
    })
    .await;
    let sample = Sample::random(10);
    let denied =
        with(&server.host(), bob()).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Denied, "{denied:?}");
    let config = Arc::new(DockerConfig::new(vec!["/nowhere/config.json".into()]));
    let anonymous =
        with(&server.host(), config).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap_err();
    assert_eq!(anonymous.kind(), ErrorKind::Unauthorized, "{anonymous:?}");
    assert!(anonymous.detail().contains("/nowhere/config.json"), "{anonymous:?}");
}

#[tokio::test]
async fn basic_with_a_real_registry() {
    let registry = DockerRegistry::start_with(DockerRegistryOptions { auth: true, ..Default::default() });
    let sample = Sample::random(1000);
    let good = Arc::new(Static::new(Credential::basic(USER, PASSWORD), "the test"));
    let pushed = with(&registry.host(), good).push_blob("a", &sample.descriptor, &[], &sample).await.unwrap();
    assert_eq!(pushed, Pushed::Uploaded { sent: 1000 });
    let error = with(&registry.host(), bob()).tags("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.detail().contains("user 'bob'"), "{error:?}");
    let error = client_with(&registry.host(), |_| {}).tags("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.detail().contains("no credential"), "{error:?}");
}

#[tokio::test]
async fn a_credential_helper_is_run_once_and_its_failures_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let name = "test";
    let runs = folder.path().join("runs");
    let script = format!(
        "#!/bin/sh\nread server\necho run >> {}\ncase $server in\n good.test) echo '{{\"Username\":\"bob\",\"Secret\":\"hunter2\"}}';;\n \
         none.test) echo 'credentials not found in native keychain'; exit 1;;\n *) echo 'the keychain is locked'; exit 1;;\nesac\n",
        runs.display()
    );
    let program = folder.path().join(format!("docker-credential-{name}"));
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, format!(r#"{{"credsStore":"{name}"}}"#)).unwrap();
    let provider = DockerConfig::new(vec![config]).with_helpers_in(folder.path());
    let found = provider.credential("good.test", Some("a")).await;
    let again = provider.credential("good.test", Some("b")).await;
    let none = provider.credential("none.test", None).await;
    let locked = provider.credential("locked.test", None).await;
    assert!(found.unwrap().unwrap().to_string().starts_with("user 'bob' from docker-credential-"));
    assert!(again.unwrap().is_some());
    assert!(none.unwrap().is_none());
    let locked = locked.unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::CredentialInvalid);
    assert!(
        locked.detail().contains("the keychain is locked")
            && locked.detail().contains("docker-credential-test"),
        "{locked:?}"
    );
    assert_eq!(std::fs::read_to_string(runs).unwrap().lines().count(), 3);
}
