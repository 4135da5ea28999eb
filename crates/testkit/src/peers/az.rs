//! Microsoft's command line, told about a cloud of the test's own.

use std::path::Path;

use tempfile::TempDir;

use super::python::Venv;
use crate::cli::{Cli, Finished};

/// The name under which the cloud is registered.
const CLOUD: &str = "lab";

/// `az` with settings of its own in a temporary folder.
#[derive(Debug)]
pub struct Az {
    cli: Cli,
    _settings: TempDir,
}

/// Who signs in.
#[derive(Debug, Clone, Copy)]
pub struct AzLogin<'a> {
    /// The tenant's id.
    pub tenant: &'a str,
    /// The service principal's client id.
    pub client_id: &'a str,
    /// Its secret.
    pub secret: &'a str,
}

impl Az {
    /// Registers the cloud whose resource manager is at `endpoint` (`https://127.0.0.1:PORT`) and signs in to it.
    /// Names are resolved by the proxy; panics when a step fails.
    pub fn sign_in(endpoint: &str, proxy_url: &str, ca_file: &Path, login: AzLogin<'_>) -> Self {
        let settings = tempfile::tempdir().expect("a temporary folder");
        let cli = Venv::named("azure")
            .behind(proxy_url, ca_file)
            .env("AZURE_CONFIG_DIR", settings.path().to_str().expect("a path that is text"))
            .env("AZURE_CORE_INSTANCE_DISCOVERY", "false")
            .env("AZURE_CORE_COLLECT_TELEMETRY", "false")
            .env("AZURE_CORE_NO_COLOR", "true")
            .program("az");
        let az = Self { cli, _settings: settings };
        az.ok(&["cloud", "register", "-n", CLOUD, "--endpoint-resource-manager", endpoint]);
        az.ok(&["cloud", "set", "-n", CLOUD]);
        let who = ["-u", login.client_id, "-p", login.secret, "--tenant", login.tenant];
        az.ok(&[&["login", "--service-principal"], &who[..]].concat());
        az
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.cli.run(arguments)
    }

    /// Runs a command and gives what it printed (JSON, unless asked for otherwise); panics with its complaint when it
    /// fails.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let words = arguments.iter().take(3).copied().collect::<Vec<_>>().join(" ");
        let finished = self.run(arguments);
        assert!(finished.status.success(), "az {words}: {}{}", finished.stdout, finished.stderr);
        finished.stdout
    }
}
