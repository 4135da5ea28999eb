//! Microsoft's clients and other programs in Python, each in an environment of its own that `dev/peers` installs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{Cli, Finished};
use crate::peers::environment;

/// Longest that a script may run. The clients poll every few seconds, and importing them takes some as well.
const SCRIPT_LIMIT: Duration = Duration::from_secs(400);

/// A folder with a Python of its own. What runs in it has an empty environment and a `HOME` of its own.
#[derive(Debug)]
pub struct Venv {
    folder: PathBuf,
    envs: Vec<(String, String)>,
}

impl Venv {
    /// The environment of that name (`mgmt10`, `mgmt15`, `azure`, `schemathesis`); panics when it is not installed.
    pub fn named(name: &str) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let places = [environment("TRANSLOAD_PEERS").map(PathBuf::from), Some(repository.join(".peers"))];
        let folder = places
            .into_iter()
            .flatten()
            .map(|place| place.join(name))
            .find(|folder| folder.join("bin/python").exists())
            .unwrap_or_else(|| panic!("this test needs the Python environment '{name}': run dev/peers"));
        Self { folder, envs: Vec::new() }
    }

    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.envs.push((name.to_owned(), value.into()));
        self
    }

    /// Names are resolved by this proxy, but for loopback addresses, and TLS trusts what is in this file alone: the
    /// three variables that every client over Python's `requests` heeds.
    #[must_use]
    pub fn behind(self, proxy_url: &str, ca_file: &Path) -> Self {
        self.env("HTTPS_PROXY", proxy_url)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .env("REQUESTS_CA_BUNDLE", ca_file.to_str().expect("a path that is text"))
    }

    /// A program of the environment, to be run with these variables.
    pub fn program(&self, name: &str) -> Cli {
        let cli = Cli::new(self.folder.join("bin").join(name)).limit(SCRIPT_LIMIT);
        self.envs.iter().fold(cli, |cli, (name, value)| cli.env(name, value))
    }

    /// The folder of its programs, for a `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Runs a script with this on standard input.
    pub fn script<A: AsRef<OsStr>>(
        &self,
        script: &Path,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Finished {
        let all = [script.as_os_str().to_owned()]
            .into_iter()
            .chain(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self.program("python").run_with_input(all, input)
    }
}
