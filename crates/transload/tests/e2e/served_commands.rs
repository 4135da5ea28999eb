//! The commands that ask a control plane, against one that runs.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use transload_testkit::cli::{Cli, Finished};
use transload_testkit::images::{image, layer};
use transload_testkit::peers::DockerRegistry;
use transload_testkit::site::{Site, SiteOptions};

use crate::support::{Said, catalog, folder, path, push_one, transload};

/// A control plane whose pipelines may use a folder, and a person who knows it by a context.
struct Stage {
    site: Site,
    person: Cli,
    inbox: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let inbox = folder();
        // one attempt: what is not there does not come by waiting
        let both = ["--attempts-max", "1", "--allow-folder", inbox.path().to_str().unwrap()]
            .map(str::to_owned)
            .to_vec();
        let options = SiteOptions { both, ..SiteOptions::default() };
        let site = Site::start(env!("CARGO_BIN_EXE_transload"), options);
        let person = transload();
        let file = path_of(&site, "administrator.json");
        let ca = site.ca_file().to_str().unwrap().to_owned();
        let known = [
            "--server",
            &site.url(),
            "--client-id",
            &site.admin().client_id,
            "--secret-stdin",
            "--ca-file",
            &ca,
        ];
        let context =
            [&["context", "add", "lab", "--group", "lab", "--registry", "central"], known.as_slice()]
                .concat();
        let said = person.run_with_input(context, site.admin().secret.as_bytes()).ok();
        said.keeps_secret(&site.admin().secret);
        assert!(std::fs::metadata(file).is_ok());
        Self { site, person, inbox }
    }

    fn run(&self, line: &str) -> Finished {
        let said = self.person.run(line.split(' '));
        said.keeps_secret(&self.site.admin().secret);
        said
    }

    fn ok(&self, line: &str) -> Finished {
        self.run(line).ok()
    }

    fn json(&self, line: &str) -> Value {
        let said = self.ok(&format!("{line} --output json"));
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {}", said.stdout))
    }

    /// With the groups and registries that pipelines need; `central` is where `host` is.
    fn furnished(host: &str) -> Self {
        let stage = Self::new();
        stage.ok("group create lab");
        stage.ok(&format!("registry create central --at {host} --without-tls"));
        stage
    }

    fn container(&self) -> String {
        format!("file://{}", self.inbox.path().display())
    }
}

fn path_of(site: &Site, name: &str) -> String {
    site.data().join(name).to_str().unwrap().to_owned()
}

#[test]
fn an_export_and_an_import_go_through_pipelines_and_runs() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    push_one(&source.host(), "team/web:v1", &image(&[layer(7001, 40_000)]));
    let stage = Stage::furnished(&source.host());
    stage.ok(&format!("registry create farside --at {} --without-tls", target.host()));
    stage.ok(&format!("pipeline create export weekly --container {} --managed-storage", stage.container()));
    let import = "pipeline create import arrivals --registry farside --trigger disabled --managed-storage";
    stage.ok(&format!("{import} --container {}", stage.container()));
    let names = stage.json("pipeline list --query [].name");
    assert_eq!(names, serde_json::json!(["weekly"]));

    let said =
        stage.ok("run create first1 --pipeline weekly --artifacts team/web:v1 --blob release.tar --wait");
    assert!(said.stdout.contains("run first1: Succeeded"), "{}", said.all());
    assert!(std::fs::metadata(stage.inbox.path().join("release.tar")).is_ok());
    // the same again is the same run, and it has ended
    stage.ok("run create first1 --pipeline weekly --artifacts team/web:v1 --blob release.tar --wait");
    assert_eq!(stage.json("run show first1")["properties"]["response"]["transload"]["generation"], 1);

    stage.ok("run create second --registry farside --pipeline import/arrivals --blob release.tar --wait");
    assert_eq!(catalog(&target.host()), ["team/web"]);
    let events = stage.ok("run watch second --registry farside --json").events();
    assert_eq!(events.last().unwrap()["event"], "run");
    let logs = stage.json("run logs second --registry farside");
    assert!(!logs.as_array().unwrap().is_empty());
    assert_eq!(stage.ok("run list --output tsv").stdout.lines().count(), 1);
    stage.ok("run delete first1");
    stage.run("run show first1").refused(4, "ResourceNotFound");
}

#[test]
fn a_run_that_fails_ends_the_command_as_the_same_transfer_would() {
    let source = DockerRegistry::start();
    push_one(&source.host(), "team/web:v1", &image(&[layer(7002, 4_000)]));
    let stage = Stage::furnished(&source.host());
    stage.ok(&format!("pipeline create export weekly --container {} --managed-storage", stage.container()));
    let said = stage.run("run create broken --pipeline weekly --artifacts team/web:v9 --wait");
    let next = said.refused(4, "TagNotFound");
    assert!(next.contains("transload run logs broken"), "{next}");
    stage.run("run create other1 --pipeline nowhere --artifacts a:1").refused(4, "ResourceNotFound");
    stage.run("run create other1 --pipeline weekly").refused(2, "Usage");
    assert!(stage.ok("run clean").stdout.contains("removed 1 run"));
    assert_eq!(stage.json("run list"), serde_json::json!([]));
}

#[test]
fn secrets_come_from_files_variables_and_pipes_and_are_shown_to_nobody_who_did_not_ask() {
    const VALUE: &str = "sv=2026&sig=VALUE-THAT-IS-PLANTED%3D";
    let stage = Stage::furnished("127.0.0.1:1");
    stage.ok("vault create labvault");
    let set =
        stage.person.run_with_input(["vault", "secret", "set", "labvault", "sas"], VALUE.as_bytes()).ok();
    set.keeps_secret(VALUE);
    let got = stage.ok("vault secret get labvault sas --query value --output tsv");
    assert_eq!(got.stdout.trim_end(), VALUE);
    stage.person.run_with_input(["vault", "secret", "set", "labvault", "sas"], b"another").ok();
    assert_eq!(stage.json("vault secret versions labvault sas").as_array().unwrap().len(), 2);
    for line in ["vault secret list labvault", "vault show labvault", "audit --output json", "vault list"] {
        stage.ok(line).keeps_secret(VALUE);
    }
    stage.ok("vault secret delete labvault sas");
    stage.run("vault secret get labvault sas").refused(4, "ResourceNotFound");

    // a pipeline that names a secret of ours gets the right to read it
    stage.person.run_with_input(["vault", "secret", "set", "labvault", "sas"], VALUE.as_bytes()).ok();
    let container = "https://acct.blob.core.windows.net/transfer";
    stage.ok(&format!("pipeline create export weekly --container {container} --secret-uri labvault/sas"));
    let principal =
        stage.json("pipeline show weekly")["identity"]["principalId"].as_str().unwrap().to_owned();
    let policies = stage.json("vault show labvault")["properties"]["accessPolicies"].clone();
    assert!(policies.to_string().contains(&principal), "{policies}");
    stage.ok(&format!("vault revoke labvault --object-id {principal}"));
    let policies = stage.json("vault show labvault")["properties"]["accessPolicies"].clone();
    assert!(!policies.to_string().contains(&principal), "{policies}");
}

#[test]
fn principals_have_roles_and_the_audit_log_tells_of_them() {
    let stage = Stage::furnished("127.0.0.1:1");
    let folder = folder();
    let file = path(&folder, "robot.json");
    let said = stage.ok(&format!("principal create robot --role reader --scope lab --save {file}"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = crate::support::read_json(&file)["clientSecret"].as_str().unwrap().to_owned();
    said.keeps_secret(&secret);

    let robot = transload();
    robot.run(["context", "add", "lab", "--file", &file, "--group", "lab"]).ok();
    robot.run(["registry", "list"]).ok();
    let denied = robot.run(["vault", "create", "robots"]);
    assert!(denied.refused(5, "AccessDenied").contains("transload role grant"));
    stage.ok("role grant --principal robot --role contributor --scope lab");
    robot.run(["vault", "create", "robots"]).ok();
    stage.ok("role revoke --principal robot --role contributor --scope lab");
    robot.run(["vault", "create", "others"]).refused(5, "AccessDenied");

    let denials = stage.json("audit --who robot --outcome denied");
    assert_eq!(denials.as_array().unwrap().len(), 2, "{denials}");
    stage.ok("principal rotate robot --output json");
    robot.run(["registry", "list"]).refused(5, "SignInFailed");
    stage.ok("principal delete robot");
    assert!(!stage.ok("principal list").stdout.contains("robot"));
}

#[test]
fn whoever_lost_the_owners_secret_makes_another_where_the_ledger_is() {
    let stage = Stage::new();
    let data = stage.site.data().to_str().unwrap().to_owned();
    let folder = folder();
    let file = path(&folder, "rescue.json");
    let local = transload();
    let rescue =
        ["principal", "create", "rescue", "--role", "owner", "--offline", "--data", &data, "--save", &file];
    local.run(rescue).ok();
    local.run(["context", "add", "lab", "--file", &file, "--group", "lab"]).ok();
    local.run(["group", "create", "lab", "--ca-file", stage.site.ca_file().to_str().unwrap()]).ok();
    let audit = local.run(["audit", "--offline", "--data", &data, "--output", "json"]).ok();
    assert!(
        audit.stdout.contains("transload --offline") && audit.stdout.contains("principals/write"),
        "{}",
        audit.stdout
    );
    local.run(["principal", "rotate", "administrator", "--offline", "--data", &data]).ok();
    stage.run("group list").refused(5, "SignInFailed");
    let nowhere = path(&folder, "nowhere");
    local.run(["principal", "list", "--offline", "--data", &nowhere]).refused(4, "ResourceNotFound");
    assert!(std::fs::metadata(nowhere).is_err(), "no ledger is made by the way");
}

#[test]
fn what_takes_others_along_wants_a_yes_and_what_is_gone_is_no_error() {
    let stage = Stage::furnished("127.0.0.1:1");
    assert!(stage.run("group delete lab").refused(2, "Usage").contains("--yes"));
    stage.ok("identity create robot");
    assert_eq!(stage.json("identity list").as_array().unwrap().len(), 1);
    stage.ok("registry delete central --yes");
    assert!(stage.ok("registry delete central --yes").stdout.contains("nothing to do"));
    stage.ok("group delete lab --yes");
    assert_eq!(stage.json("group list"), serde_json::json!([]));
}

#[test]
fn an_image_is_imported_and_a_registry_tried() {
    let (source, target) = (DockerRegistry::start(), DockerRegistry::start());
    push_one(&source.host(), "team/web:v1", &image(&[layer(7003, 4_000)]));
    let stage = Stage::furnished(&target.host());
    stage.ok(&format!("registry create source --at {} --without-tls", source.host()));
    stage.ok("registry test central");
    stage.ok("registry import-image source:team/web:v1 --image near/web:v1");
    assert_eq!(catalog(&target.host()), ["near/web"]);
    stage.ok("registry create nowhere --at 127.0.0.1:1 --without-tls");
    let refused = stage.run("registry test nowhere");
    refused.refused(8, "RegistryUnreachable");
}

#[test]
fn a_server_that_is_not_there_or_not_trusted_is_told_apart() {
    let stage = Stage::new();
    let program = transload();
    let url = stage.site.url();
    let args = ["group", "list", "--client-id", "x", "--secret-env", "WHO"];
    let program = program.env("WHO", "SECRET-OF-NOBODY");
    let untrusted = program.run(args.iter().copied().chain(["--server", &url]));
    assert!(untrusted.refused(5, "ServerTls").contains("--ca-file"));
    let absent = program.run(args.iter().copied().chain(["--server", "https://127.0.0.1:1"]));
    absent.refused(8, "ServerUnreachable");
    absent.keeps_secret("SECRET-OF-NOBODY");
    program.run(["group", "list"]).refused(2, "Usage");
}
