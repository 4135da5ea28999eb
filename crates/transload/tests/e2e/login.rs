//! Credentials: kept where other tools find them, and only when they are good.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use transload_testkit::cli::{Cli, Finished};
use transload_testkit::images::{image, layer};
use transload_testkit::peers::{DockerRegistry, DockerRegistryOptions, PASSWORD, USER};

use crate::support::{Said, folder, path, push_one, read_json, transload};

fn guarded() -> DockerRegistry {
    DockerRegistry::start_with(DockerRegistryOptions { auth: true, ..DockerRegistryOptions::default() })
}

/// Logs in with a password on standard input.
fn login(program: &Cli, host: &str, password: &str, more: &[&str]) -> Finished {
    let arguments = [["login", host, "--user", USER, "--password-stdin"].as_slice(), more].concat();
    program.run_with_input(arguments, format!("{password}\n").as_bytes())
}

#[test]
fn a_good_credential_is_kept_and_used_and_forgotten() {
    let (guarded, open, folder) = (guarded(), DockerRegistry::start(), folder());
    push_one(&open.host(), "app:v1", &image(&[layer(970, 40_000)]));
    let bundle = path(&folder, "app.tar");
    transload().run(["export", &format!("{}/app:v1", open.host()), "--to", &bundle]).ok();

    let program = transload();
    let config = program.home().join(".docker/config.json");
    let host = guarded.host();
    program.run(["import", &bundle, "--to", &host]).refused(5, "Unauthorized");
    let said = login(&program, &host, PASSWORD, &[]).ok();
    said.keeps_secret(PASSWORD);
    assert!(said.stdout.contains(&format!("logged in to {host} as {USER}")), "{}", said.stdout);
    assert!(said.stderr.contains("plain text"), "{}", said.stderr);
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    program.run(["import", &bundle, "--to", &host]).ok();

    // other tools find it
    let skopeo = Cli::new("/usr/bin/skopeo").env("REGISTRY_AUTH_FILE", &config);
    skopeo.run(["inspect", "--tls-verify=false", &format!("docker://{host}/app:v1")]).ok();

    let out = program.run(["logout", &host, "--output", "json"]).ok();
    let out: Value = serde_json::from_str(&out.stdout).unwrap();
    assert!(out["forgotten_in"][0].as_str().unwrap().ends_with(".docker/config.json"), "{out}");
    program.run(["import", &bundle, "--to", &host]).refused(5, "Unauthorized");
    let again = program.run(["logout", &host]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
}

#[test]
fn a_wrong_credential_is_not_kept_and_what_is_there_stays() {
    let guarded = guarded();
    let host = guarded.host();
    let program = transload();
    let file = program.home().join("auth.json");
    let before = r#"{"psFormat":"mine","auths":{"other.test":{"auth":"YTox"}}}"#;
    fs::write(&file, before).unwrap();
    let to_file = ["--auth-file", file.to_str().unwrap()];
    let wrong = login(&program, &host, "battery staple", &to_file);
    let advice = wrong.refused(5, "Unauthorized");
    wrong.keeps_secret("battery staple");
    assert!(advice.contains("nothing was kept"), "{advice}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    // nor when nobody is there to say whether it is good
    login(&program, "127.0.0.1:1", PASSWORD, &to_file).refused(8, "RegistryUnreachable");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);

    login(&program, &host, PASSWORD, &to_file).ok();
    let after = read_json(file.to_str().unwrap());
    assert_eq!(after["psFormat"], "mine");
    assert_eq!(after["auths"]["other.test"]["auth"], "YTox");
    assert!(after["auths"][&host]["auth"].is_string(), "{after}");
    let listed = program.run(["logout", "third.test", "--auth-file", to_file[1]]).ok();
    assert!(listed.stdout.contains("other.test") && listed.stdout.contains(&host), "{}", listed.stdout);

    // what cannot be meant
    for odd in ["https://r.test", "r.test/team"] {
        login(&program, odd, PASSWORD, &to_file).refused(2, "ReferenceInvalid");
    }
    login(&program, &host, "", &to_file).refused(2, "Usage");
    let advice = program.run(["login", &host, "-u", USER]).refused(2, "Usage");
    assert!(advice.contains("--password-stdin"), "{advice}");
    fs::write(&file, "{ not json").unwrap();
    login(&program, &host, PASSWORD, &to_file).refused(5, "CredentialInvalid");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{ not json");
}

/// A credential helper that keeps what it is given in a file, as Docker's protocol wants it.
const HELPER: &str = r#"#!/bin/sh
kept="$HOME/kept"
case "$1" in
store) cat > "$kept" ;;
get) if [ -s "$kept" ]; then cat "$kept"; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) rm -f "$kept" ;;
esac
"#;

fn executable(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_helper_keeps_it_where_the_file_names_one() {
    let guarded = guarded();
    let (host, tools) = (guarded.host(), folder());
    executable(&tools.path().join("docker-credential-drawer"), HELPER);
    let search = format!("{}:/usr/bin:/bin", tools.path().display());
    let program = transload().env("PATH", search);
    let docker = program.home().join(".docker");
    fs::create_dir(&docker).unwrap();
    fs::write(docker.join("config.json"), r#"{"credsStore":"drawer"}"#).unwrap();
    let said = login(&program, &host, PASSWORD, &[]).ok();
    assert!(said.stdout.contains("docker-credential-drawer"), "{}", said.stdout);
    assert!(!said.stderr.contains("plain text"), "{}", said.stderr);
    let kept = read_json(program.home().join("kept").to_str().unwrap());
    assert_eq!((&kept["ServerURL"], &kept["Secret"]), (&Value::from(host.as_str()), &Value::from(PASSWORD)));
    let file = fs::read_to_string(docker.join("config.json")).unwrap();
    assert!(file.contains("credsStore") && file.contains(&host) && !file.contains("\"auth\""), "{file}");
    // it is asked, not the file
    let said = program.run(["export", &format!("{host}/none:v1"), "--to", "x.tar"]);
    said.refused(4, "RepositoryNotFound");
    program.run(["logout", &host]).ok();
    assert!(!program.home().join("kept").exists());
    program.run(["export", &format!("{host}/none:v1"), "--to", "x.tar"]).refused(5, "Unauthorized");
}

#[test]
fn on_a_terminal_user_and_password_are_asked_for() {
    let guarded = guarded();
    let script = Cli::new("/usr/bin/script").env("TERM", "xterm");
    let command = format!("{} login {}", env!("CARGO_BIN_EXE_transload"), guarded.host());
    let typed = format!("{USER}\n{PASSWORD}\n");
    let said = script.run_with_input(["-qec", &command, "/dev/null"], typed.as_bytes()).ok();
    assert!(said.stdout.contains("Password of alice"), "{}", said.stdout);
    assert!(said.stdout.contains("logged in to"), "{}", said.stdout);
    assert!(script.home().join(".docker/config.json").exists());
}
