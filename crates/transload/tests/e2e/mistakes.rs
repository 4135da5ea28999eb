//! What people get wrong, and what they are told.

use std::fs;

use transload_testkit::fault::{FaultProxy, Rule};
use transload_testkit::hog::free_port;
use transload_testkit::images::{Corpus, image, layer};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, PASSWORD, Pki, USER};

use crate::support::{Said, catalog, folder, names, path, push, push_one, transload};

#[test]
fn a_wrong_name_is_answered_with_the_nearest_right_one() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/webshop:v1.4.2", &image(&[layer(800, 9_000)]));
    let (host, folder) = (source.host(), folder());
    let to = path(&folder, "x.tar");
    let export = |name: &str| transload().run(["export", &format!("{host}/{name}"), "--to", &to]);
    let advice = export("team/webshop:v1.4.3").refused(4, "TagNotFound");
    assert!(advice.contains("team/webshop:v1.4.2"), "{advice}");
    let advice = export("team/webshpo:v1.4.2").refused(4, "RepositoryNotFound");
    assert!(advice.contains("team/webshop"), "{advice}");
    let advice = export("team/webshpo").refused(4, "RepositoryNotFound");
    assert!(advice.contains("team/webshop"), "{advice}");
    let digest = format!("team/webshop@sha256:{}", "0".repeat(64));
    export(&digest).refused(4, "ManifestNotFound");
    for odd in ["team/Webshop:v1", "team//web:v1", "team/web:v 1", "team/web@sha256:12", ":v1"] {
        let said = export(odd);
        assert_eq!(said.code(), 2, "{odd}: {}", said.all());
        said.refused(2, "ReferenceInvalid");
    }
    assert!(names(&folder).is_empty());
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    let folder = folder();
    let to = path(&folder, "x.tar");
    let gone = format!("127.0.0.1:{}", free_port());
    let said = transload().run(["export", &format!("{gone}/app:v1"), "--to", &to]);
    said.refused(8, "RegistryUnreachable");
    assert!(said.stderr.contains(&gone), "{}", said.stderr);
    let said = transload().run(["export", "no-such-host.invalid/app:v1", "--to", &to]);
    said.refused(8, "RegistryUnreachable");
    assert!(said.stderr.contains("no-such-host.invalid"), "{}", said.stderr);
}

#[test]
fn certificates_and_schemes_that_do_not_fit_are_told_apart() {
    let pki = Pki::new();
    let source = DockerRegistry::start_tls(&pki);
    let folder = folder();
    let to = path(&folder, "x.tar");
    let artifact = format!("{}/app:v1", source.host());
    let advice = transload().run(["export", &artifact, "--to", &to]).refused(5, "RegistryTls");
    assert!(advice.contains("--ca-file"), "{advice}");
    let authority = path(&folder, "ca.pem");
    fs::write(&authority, pki.ca_pem()).unwrap();
    let with_ca = ["export", &artifact, "--to", &to, "--ca-file", &authority];
    // it is trusted now, and empty
    transload().run(with_ca).refused(4, "RepositoryNotFound");
    let plain = transload().run(["export", &artifact, "--to", &to, "--plain-http"]);
    assert!(matches!(plain.code(), 5 | 8), "{}", plain.all());
    assert!(plain.stderr.contains("next: "), "{}", plain.stderr);
    fs::write(&authority, "no certificate").unwrap();
    let odd = transload().run(with_ca);
    assert!(matches!(odd.code(), 2 | 5), "{}", odd.all());
    assert!(odd.stderr.contains("ca.pem") || odd.stderr.contains("certificate"), "{}", odd.stderr);
    let missing = transload().run(["export", &artifact, "--to", &to, "--ca-file", "/nowhere/ca.pem"]);
    missing.refused(2, "Usage");
    let other = path(&folder, "other.pem");
    fs::write(&other, Pki::new().ca_pem()).unwrap();
    transload().run(["export", &artifact, "--to", &to, "--ca-file", &other]).refused(5, "RegistryTls");

    // a registry that wants a certificate of ours
    let client = Pki::new();
    let options = DockerRegistryOptions {
        tls: Some((pki.loopback(), pki.ca_pem())),
        client_ca_pem: Some(client.ca_pem()),
        ..DockerRegistryOptions::default()
    };
    let strict = DockerRegistry::start_with(options);
    fs::write(&authority, pki.ca_pem()).unwrap();
    let artifact = format!("{}/app:v1", strict.host());
    let bare = transload().run(["export", &artifact, "--to", &to, "--ca-file", &authority]);
    bare.refused(5, "RegistryTls");
    let ours = client.client("somebody");
    let (cert, key) = (path(&folder, "cert.pem"), path(&folder, "key.pem"));
    fs::write(&cert, ours.cert_pem).unwrap();
    fs::write(&key, ours.key_pem).unwrap();
    let shown = ["--ca-file", &authority, "--client-cert", &cert, "--client-key", &key];
    transload().run(["export", &artifact, "--to", &to].iter().chain(&shown)).refused(4, "RepositoryNotFound");
}

/// A `config.json` with one credential.
fn docker_config(host: &str, user: &str, password: &str) -> String {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!(r#"{{"auths":{{"{host}":{{"auth":"{basic}"}}}}}}"#)
}

#[test]
fn credentials_that_are_missing_or_wrong_are_told_with_where_they_came_from() {
    let options = DockerRegistryOptions { auth: true, ..DockerRegistryOptions::default() };
    let target = DockerRegistry::start_with(options);
    let source = DockerRegistry::start();
    push(&source.host(), &Corpus::small(2, 1_000));
    let folder = folder();
    let bundle = path(&folder, "b.tar");
    transload().run(["export", &format!("{}/small/many", source.host()), "--to", &bundle]).ok();
    let host = target.host();
    let import = ["import", &bundle, "--to", &host];
    let advice = transload().run(import).refused(5, "Unauthorized");
    assert!(advice.contains("login"), "{advice}");

    let config = folder.path().join("config.json");
    let with_config = || transload().env("DOCKER_CONFIG", folder.path());
    fs::write(&config, docker_config(&host, USER, "battery staple")).unwrap();
    let wrong = with_config().run(import);
    wrong.refused(5, "Unauthorized");
    wrong.keeps_secret("battery staple");
    assert!(wrong.stderr.contains(USER), "whose credential it was: {}", wrong.stderr);
    assert!(wrong.stderr.contains("config.json"), "and where it stands: {}", wrong.stderr);
    fs::write(&config, "{ not json").unwrap();
    let odd = with_config().run(import);
    odd.refused(5, "CredentialInvalid");
    assert!(odd.stderr.contains("config.json"), "{}", odd.stderr);

    fs::write(&config, docker_config(&host, USER, PASSWORD)).unwrap();
    with_config().run(import).ok().keeps_secret(PASSWORD);
    let again = with_config().run(import).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.all());
    // named on the command line, for this once
    let file = path(&folder, "config.json");
    transload().run(import.iter().chain(&["--auth-file", &file])).ok();
    transload().run(import.iter().chain(&["--auth-file", "/nowhere.json"])).refused(2, "Usage");
    // refused in the middle, as when a password changes: the same password again would lock accounts
    let proxy = FaultProxy::start(target.addr());
    fs::write(&config, docker_config(&proxy.host(), USER, PASSWORD)).unwrap();
    let asks_again = [("WWW-Authenticate", "Basic realm=\"test\"")];
    let rule = Rule::on("GET", "/blobs/").nth(2).answer(401, &asks_again, b"");
    let fired = proxy.add(rule);
    let export = ["export", &format!("{}/small/many", proxy.host()), "--to", &path(&folder, "again.tar")];
    with_config().run(export).refused(5, "Unauthorized");
    assert_eq!(fired.fired(), 1);
    with_config().run(export).ok().keeps_secret(PASSWORD);
    fs::write(&config, docker_config(&host, USER, PASSWORD)).unwrap();
    // in its usual place
    let at_home = transload();
    fs::create_dir(at_home.home().join(".docker")).unwrap();
    fs::copy(&config, at_home.home().join(".docker/config.json")).unwrap();
    at_home.run(import).ok();
}

#[test]
fn places_that_are_wrong_are_told_before_anything_moves() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "app:v1", &image(&[layer(810, 300_000)]));
    let (artifact, folder) = (format!("{}/app:v1", source.host()), folder());
    let export = |to: &str| transload().run(["export", &artifact, "--to", to]);
    export(&path(&folder, "no/such/folder/x.tar")).refused(4, "ContainerNotFound");
    fs::write(path(&folder, "file"), "x").unwrap();
    let said = export(&path(&folder, "file/x.tar"));
    assert!(matches!(said.code(), 2 | 4 | 8), "{}", said.all());
    let taken = export(&path(&folder, "file"));
    taken.refused(6, "BundleExists");
    assert_eq!(fs::read_to_string(path(&folder, "file")).unwrap(), "x", "a stranger's file is left alone");
    for odd in ["s3://b/x", "ftp://host/x", ""] {
        export(odd).refused(2, "LocationInvalid");
    }
    transload()
        .run(["import", &path(&folder, "none.tar"), "--to", "127.0.0.1:1"])
        .refused(4, "BundleNotFound");
    let said = transload().run(["import", &path(&folder, "file"), "--to", &source.host()]);
    said.refused(7, "NotABundle");
    for odd in ["https://127.0.0.1:5000", "nohost", "", "127.0.0.1:5000/UPPER"] {
        transload().run(["import", &path(&folder, "file"), "--to", odd]).refused(2, "ReferenceInvalid");
    }
    assert_eq!(catalog(&source.host()), ["app"]);
    // the parser's own complaints are usage too
    for arguments in [vec!["export"], vec!["nonsense"], vec!["import", "x"], vec!["export", "a", "--bogus"]] {
        let said = transload().run(&arguments);
        assert_eq!(said.code(), 2, "{arguments:?}: {}", said.all());
    }
    for arguments in [vec!["--help"], vec!["--version"], vec!["export", "--help"], vec!["help", "import"]] {
        transload().run(&arguments).ok();
    }
}
