//! Who may do what with `registry serve`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tempfile::TempDir;
use transload_testkit::cli::{Cli, Running};
use transload_testkit::images::{image, layer};
use transload_testkit::peers::{DockerRegistry, skopeo, skopeo_ok};

use crate::support::{Said, folder, path, push_one, transload};

/// Other tests look for their passwords on every command line of the machine; this one is on some.
const PASSWORD: &str = "staple and battery";

/// A registry with these options, on a free port of loopback.
struct Registry {
    running: Running,
    greeting: Value,
    folder: TempDir,
}

impl Registry {
    fn start(folder: TempDir, options: &[&str]) -> Self {
        let data = path(&folder, "data");
        let common = ["registry", "serve", "--json", "--data", &data, "--listen", "127.0.0.1:0"];
        let mut running = transload().spawn([&common, options].concat());
        // a line may be half written
        let said = |running: &Running| {
            running
                .stdout()
                .split_inclusive('\n')
                .any(|line| line.contains("\"serving\"") && line.ends_with('\n'))
        };
        running.wait_until(said);
        let said = running.stdout();
        let line = said.lines().find(|line| line.contains("\"serving\"")).unwrap();
        Self { greeting: serde_json::from_str(line).unwrap(), running, folder }
    }

    fn host(&self) -> String {
        self.greeting["urls"][0].as_str().unwrap().split_once("://").unwrap().1.to_owned()
    }

    /// Ends it; nothing of what it said may be a password.
    fn end(self) -> TempDir {
        self.running.terminate();
        let finished = self.running.wait();
        finished.keeps_secret(PASSWORD);
        self.folder
    }
}

fn htpasswd(program: &Cli, file: &str, user: &str, password: &str) -> transload_testkit::cli::Finished {
    let arguments = ["registry", "htpasswd", file, user, "--password-stdin", "--cost", "8"];
    program.run_with_input(arguments, format!("{password}\n").as_bytes())
}

/// A folder with the file of a user.
fn with_alice() -> (TempDir, String) {
    let folder = folder();
    let users = path(&folder, "users");
    htpasswd(&transload(), &users, "alice", PASSWORD).ok().keeps_secret(PASSWORD);
    (folder, users)
}

fn login(program: &Cli, host: &str, password: &str) -> transload_testkit::cli::Finished {
    let arguments = ["login", host, "--user", "alice", "--password-stdin"];
    program.run_with_input(arguments, format!("{password}\n").as_bytes())
}

#[test]
fn a_file_of_users_is_written_without_giving_anything_away() {
    let (folder, program) = (folder(), transload());
    let users = path(&folder, "users");
    let said = htpasswd(&program, &users, "alice", PASSWORD).ok();
    assert_eq!(said.stdout, format!("alice added in {users}\n"));
    said.keeps_secret(PASSWORD);
    htpasswd(&program, &users, "bob", "other password").ok();
    let before = fs::read_to_string(&users).unwrap();
    assert!(before.starts_with("alice:$2y$08$") && before.contains("\nbob:$2y$08$"), "{before}");
    assert_eq!(fs::metadata(&users).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(htpasswd(&program, &users, "alice", "another").ok().stdout.contains("changed"));
    let after = fs::read_to_string(&users).unwrap();
    assert!(after.lines().next() != before.lines().next() && after.lines().nth(1) == before.lines().nth(1));
    // what cannot be meant changes nothing
    htpasswd(&program, &users, "a:b", PASSWORD).refused(2, "Usage");
    htpasswd(&program, &users, "carol", "").refused(2, "Usage");
    htpasswd(&program, &users, "carol", &"x".repeat(73)).refused(2, "Usage");
    program.run(["registry", "htpasswd", &users, "carol", "--delete"]).refused(2, "Usage");
    assert_eq!(fs::read_to_string(&users).unwrap(), after);
    program.run(["registry", "htpasswd", &users, "alice", "--delete"]).ok();
    assert!(fs::read_to_string(&users).unwrap().starts_with("bob:"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

/// Our own client and skopeo against passwords, against tokens, and where anonymous may pull.
#[test]
fn our_own_client_signs_in_with_a_password_and_by_token() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "app:v1", &image(&[layer(1970, 40_000)]));
    let key = new_key();
    for (tokens, options) in
        [(false, &[][..]), (true, &["--token-key"][..]), (true, &["--allow-anonymous", "pull"][..])]
    {
        let (folder, users) = with_alice();
        let key_file = path(&folder, "token.key");
        fs::write(&key_file, &key).unwrap();
        let mut all = vec!["--htpasswd", &*users];
        all.extend(options);
        if options == ["--token-key"] {
            all.push(&key_file);
        }
        let registry = Registry::start(folder, &all);
        let (host, program) = (registry.host(), transload());
        let copy = ["copy", &format!("{}/app:v1", source.host()), "--to", &host];
        program.run(copy).refused(5, "Unauthorized");
        login(&program, &host, "wrong password").refused(5, "Unauthorized");
        login(&program, &host, PASSWORD).ok();
        program.run(copy).ok();
        let creds = format!("alice:{PASSWORD}");
        let reference = format!("docker://{host}/app:v1");
        skopeo_ok(&["inspect", "--tls-verify=false", "--creds", &creds, &reference]);
        let anonymous = options.contains(&"--allow-anonymous");
        let without = skopeo(&["inspect", "--tls-verify=false", &reference]);
        assert_eq!(without.status.success(), anonymous, "{tokens}: {options:?}");
        // a file that becomes wrong leaves the registry as it is, and says so
        fs::write(&users, "alice:{SHA}nothing\n").unwrap();
        skopeo_ok(&["inspect", "--tls-verify=false", "--creds", &creds, &reference]);
        registry.end();
    }
}

fn new_key() -> String {
    let output = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn rules_hold_for_our_own_client() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/app:v1", &image(&[layer(1971, 40_000)]));
    let (folder, users) = with_alice();
    let rules = path(&folder, "rules.toml");
    let text = "[[rules]]\nrepositories = ['team/**']\nusers = ['alice']\nallow = ['pull', 'push']\n";
    fs::write(&rules, text).unwrap();
    let registry = Registry::start(folder, &["--htpasswd", &users, "--rules", &rules]);
    let (host, program) = (registry.host(), transload());
    login(&program, &host, PASSWORD).ok();
    program.run(["copy", &format!("{}/team/app:v1", source.host()), "--to", &host]).ok();
    let elsewhere = format!("{host}/mirror");
    let refused = program.run(["copy", &format!("{}/team/app:v1", source.host()), "--to", &elsewhere]);
    refused.refused(5, "Denied");
    registry.end();
}

#[test]
fn what_nobody_can_mean_is_refused_before_anything_listens() {
    let (folder, users) = with_alice();
    let (data, rules) = (path(&folder, "data"), path(&folder, "rules.toml"));
    fs::write(&rules, "[[rules]]\nrepositories = ['a']\nusers = ['alice']\nallow = ['write']\n").unwrap();
    let serve = |more: &[&str]| transload().run([&["registry", "serve", "--data", &data], more].concat());
    let advice = serve(&["--listen", "0.0.0.0:0"]).refused(2, "Usage");
    assert!(advice.contains("--htpasswd") && advice.contains("--allow-anonymous"), "{advice}");
    let advice = serve(&["--listen", "0.0.0.0:0", "--htpasswd", &users]).refused(2, "Usage");
    assert!(advice.contains("--tls-cert") && advice.contains("--plain-http-credentials"), "{advice}");
    let wrong = serve(&["--listen", "127.0.0.1:0", "--htpasswd", &users, "--rules", &rules]);
    wrong.refused(2, "Usage");
    assert!(
        wrong.stderr.contains("rules.toml, line 4") && wrong.stderr.contains("'write'"),
        "{}",
        wrong.stderr
    );
    serve(&["--listen", "127.0.0.1:0", "--token-key", &users]).refused(2, "Usage");
    assert!(!std::path::Path::new(&data).exists());
}
