//! `transload az setup`: its lines, run by a shell, point an az that knows nothing at the server.

use std::path::Path;

use transload_testkit::cli::{Cli, Finished};
use transload_testkit::peers::Venv;
use transload_testkit::site::{Site, SiteOptions};

use crate::support::site;

/// A person's shell, with az and this program.
struct Shell {
    cli: Cli,
    site: Site,
}

impl Shell {
    fn new(options: SiteOptions) -> Self {
        let site = site(options);
        let program = Path::new(env!("CARGO_BIN_EXE_transload")).parent().unwrap();
        let az = Venv::named("azure").bin();
        let cli = Cli::new("/bin/sh")
            .env("PATH", format!("{}:{}:/usr/bin:/bin", program.display(), az.display()))
            .env("AZURE_CORE_COLLECT_TELEMETRY", "false")
            .env("DATA", site.data())
            .env("CA", site.ca_file());
        Self { cli, site }
    }

    /// Runs commands; they stop at the first that fails.
    fn run(&self, commands: &str) -> Finished {
        self.cli.run(["-e", "-c", commands])
    }

    fn ok(&self, commands: &str) -> String {
        let finished = self.run(commands).ok();
        let secret = &self.site.admin().secret;
        assert!(
            !finished.stdout.contains(secret) && !finished.stderr.contains(secret),
            "the secret is shown"
        );
        finished.stdout
    }
}

const CONTEXT: &str = "transload context add lab --file $DATA/administrator.json --ca-file $CA >/dev/null";

#[test]
fn az_works_behind_the_lines_and_knows_nothing_of_it_after_undo() {
    let shell = Shell::new(SiteOptions { workers: 0, connect: true, ..SiteOptions::default() });
    shell.site.make_group("lab");
    shell.site.make_vault("lab", "setupvault");
    let me = shell.site.get("/api/whoami")["principalId"].as_str().unwrap().to_owned();
    shell.site.permit("lab", "setupvault", &me, &["get", "set"]);
    let said = shell.ok(&format!(
        "{CONTEXT}; eval \"$(transload az setup)\"; az group list --query [].name -o tsv
        az keyvault secret set --vault-name setupvault -n s1 --value geheim --query value -o tsv
        # what is set up is set up again
        eval \"$(transload az setup)\"; az account show --query id -o tsv
        grep -c BEGIN.CERTIFICATE $REQUESTS_CA_BUNDLE
        eval \"$(transload az setup --undo)\"; az cloud show --query name -o tsv; echo \"$HTTPS_PROXY$REQUESTS_CA_BUNDLE\""
    ));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..3], ["lab", "geheim", shell.site.admin().subscription.as_str()], "{said}");
    assert!(lines[3].parse::<u32>().unwrap() >= 1, "{said}");
    assert_eq!(lines[4..], ["AzureCloud", ""], "{said}");
}

#[test]
fn the_lines_say_what_they_are_for_and_hold_no_secret() {
    let shell = Shell::new(SiteOptions { workers: 0, connect: true, ..SiteOptions::default() });
    shell.ok(CONTEXT);
    let script = shell.ok("transload az setup --config-dir /tmp/some/az");
    let (url, proxy) = (shell.site.url(), shell.site.connect_url());
    for line in [
        "export AZURE_CONFIG_DIR=/tmp/some/az".to_owned(),
        format!("export HTTPS_PROXY={proxy}"),
        // `localhost` would be taken for all that ends so
        "export NO_PROXY=127.0.0.1".to_owned(),
    ] {
        assert!(script.lines().any(|there| there == line), "{line}: {script}");
    }
    assert!(script.contains(&format!("--endpoint-resource-manager {url}")), "{script}");
    assert!(script.contains("-p @/") && script.contains("core.instance_discovery=false"), "{script}");
    let fish = shell.ok("transload az setup --shell fish --no-connect --no-login");
    assert!(fish.contains("set -gx REQUESTS_CA_BUNDLE ") && !fish.contains("az login"), "{fish}");
    assert!(!fish.contains("PROXY") && fish.contains(".vault.transload.test"), "{fish}");
    let by_variable = shell
        .ok("export S=x TRANSLOAD_SECRET=$(cat ~/.config/transload/contexts/lab.secret); transload az setup");
    assert!(by_variable.contains("printf %s \"$TRANSLOAD_SECRET\" | az login"), "{by_variable}");
}

#[test]
fn what_cannot_be_set_up_is_said_before_az_is_asked() {
    let shell = Shell::new(SiteOptions { workers: 0, tls: true, ..SiteOptions::default() });
    shell.ok(CONTEXT);
    let wrong = shell.run("TRANSLOAD_SECRET=wrong transload az setup");
    assert_eq!(wrong.code(), 5, "{}", wrong.stderr);
    assert!(wrong.stdout.is_empty(), "a shell would run it: {}", wrong.stdout);
    let token = shell.run("TOKEN=x transload az setup --token-env TOKEN");
    assert!(token.stderr.contains("principal create"), "{}", token.stderr);
    assert!(shell.run("transload az setup --name AzureCloud").stderr.contains("from the start"));
}
