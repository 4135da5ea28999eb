//! Programs of others against a registry that knows its people, and our tokens against a registry of others.

use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, TokenService, skopeo, skopeo_ok};

use crate::guard::{ISSUER, People, SERVICE, basic, token, with};
use crate::support::Fixture;

/// Runs skopeo in a home of its own.
fn at_home(home: &tempfile::TempDir, arguments: &[&str]) -> std::process::Output {
    let file = home.path().join("auth.json");
    let arguments: Vec<&str> =
        [&arguments[..1], &["--authfile", file.to_str().unwrap()], &arguments[1..]].concat();
    skopeo(&arguments)
}

fn reference(fixture: &Fixture, name: &str) -> String {
    format!("docker://{}/{name}", fixture.endpoint.addr)
}

#[test]
fn skopeo_logs_in_and_copies_with_passwords_and_with_tokens() {
    for people in [People::new(), People::new().tokens().0] {
        let (open, guarded) = people.serve();
        open.image("from", "v1");
        let home = tempfile::tempdir().unwrap();
        let host = guarded.endpoint.addr.to_string();
        let login = |password: &str| {
            let flags = ["login", "--tls-verify=false", "-u", "alice", "-p", password, &host];
            at_home(&home, &flags)
        };
        assert!(!login("wrong").status.success());
        let said = login("alicealice");
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let (from, to) = (reference(&guarded, "from:v1"), reference(&guarded, "to:v1"));
        let copy = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false", &from, &to];
        let said = at_home(&home, &copy);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        assert!(!skopeo(&["inspect", "--tls-verify=false", &to]).status.success());
        let creds = ["--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", "bob:bobbob"];
        let to = reference(&guarded, "other:v1");
        skopeo_ok(&[&["copy"], &creds[..], &["--dest-creds", "bob:bobbob", &from, &to]].concat());
        skopeo_ok(&[
            "list-tags",
            "--tls-verify=false",
            "--creds",
            "bob:bobbob",
            &reference(&guarded, "other"),
        ]);
        skopeo_ok(&["delete", "--tls-verify=false", "--creds", "bob:bobbob", &to]);
    }
}

#[test]
fn skopeo_pushes_with_a_token_that_it_was_given_and_pulls_without_any() {
    use transload_depot::access::Anonymous;
    let (people, _) = People::new().anonymous(Anonymous::Pull).tokens();
    let (open, guarded) = people.serve();
    open.image("from", "v1");
    let (from, to) = (reference(&guarded, "from:v1"), reference(&guarded, "to:v1"));
    skopeo_ok(&["inspect", "--tls-verify=false", &from]);
    let flags = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false"];
    assert!(!skopeo(&[&flags[..], &[&from, &to]].concat()).status.success());
    let bearer = token(&guarded, Some("alice"), "scope=repository:to:pull,push");
    let bearer = bearer.trim_start_matches("Bearer ");
    skopeo_ok(&[&flags[..], &["--dest-registry-token", bearer, &from, &to]].concat());
    let elsewhere = reference(&guarded, "elsewhere:v1");
    let said = skopeo(&[&flags[..], &["--dest-registry-token", bearer, &from, &elsewhere]].concat());
    assert!(!said.status.success());
}

/// The distribution project's registry takes our tokens and says of each what ours says.
#[test]
fn a_registry_of_others_takes_our_tokens_for_what_they_are() {
    let (people, cert_pem) = People::new().tokens();
    let (open, guarded) = people.serve();
    let realm = format!("{}/token", guarded.endpoint.url());
    let token_service =
        TokenService { realm, service: SERVICE.to_owned(), issuer: ISSUER.to_owned(), cert_pem };
    let theirs = DockerRegistry::start_with(DockerRegistryOptions {
        token: Some(token_service),
        ..Default::default()
    });
    open.image("a", "v1");
    let copy =
        ["copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--src-creds", "alice:alicealice"];
    let to = format!("docker://{}/a:v1", theirs.host());
    skopeo_ok(
        &[&copy[..], &["--dest-creds", "alice:alicealice", &reference(&guarded, "a:v1"), &to]].concat(),
    );

    let login = basic("alice", "alicealice");
    let offline = with(&guarded, &login, "GET", "/token?offline_token=true").text();
    let offline: serde_json::Value = serde_json::from_str(&offline).unwrap();
    let refresh = format!("Bearer {}", offline["refresh_token"].as_str().unwrap());
    let pull = token(&guarded, Some("alice"), "scope=repository:a:pull");
    let catalog = token(&guarded, Some("alice"), "scope=registry:catalog:*");
    let broken = format!("{pull}x");
    let accept = ("Accept", "application/vnd.oci.image.manifest.v1+json");
    for (name, bearer) in [("pull", &pull), ("catalog", &catalog), ("refresh", &refresh), ("broken", &broken)]
    {
        for (method, path) in [
            ("GET", "/v2/"),
            ("GET", "/v2/a/manifests/v1"),
            ("GET", "/v2/b/manifests/v1"),
            ("POST", "/v2/a/blobs/uploads/"),
            ("GET", "/v2/_catalog"),
        ] {
            let ours = with(&guarded, bearer, method, path);
            let other = theirs.request(method, path, &[("Authorization", bearer), accept], b"");
            assert_eq!(ours.status, other.status, "{name}: {method} {path}");
            // the same parts, whatever their order
            let parts = |answer: &transload_testkit::peers::Answer| {
                let text = answer.header("www-authenticate").unwrap_or_default().to_owned();
                let mut parts: Vec<String> =
                    text.split(['"', '=', ' ', ',', ':']).map(str::to_owned).collect();
                parts.sort();
                parts
            };
            assert_eq!(parts(&ours), parts(&other), "{name}: {method} {path}");
        }
    }
}
