//! Running what is timed: transload itself, skopeo, openssl.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use transload_testkit::cli::Cli;
use transload_testkit::peers::find_program;

/// Longest that one run may take.
const RUN_LIMIT: Duration = Duration::from_secs(1800);

/// How long a program ran, and what it took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timed {
    pub(crate) seconds: f64,
    pub(crate) peak_rss_bytes: Option<u64>,
}

/// What of a report this program reads.
#[derive(Debug, Deserialize)]
pub(crate) struct Told {
    pub(crate) outcome: String,
    pub(crate) totals: Totals,
}

/// The sums of a report.
#[derive(Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) artifacts: usize,
    pub(crate) failed: usize,
    pub(crate) bytes_moved: u64,
}

/// The program to time.
pub(crate) struct Transload {
    cli: Cli,
}

impl Transload {
    pub(crate) fn new(program: &Path) -> Self {
        Self { cli: Cli::new(program).limit(RUN_LIMIT) }
    }

    /// Runs it and reads its report.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<(Timed, Told)> {
        let report = tempfile::NamedTempFile::new()?;
        let mut all: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        all.extend([OsStr::new("--quiet"), OsStr::new("--report"), report.path().as_os_str()]);
        let timed = run(&self.cli, &all)?;
        let told: Told =
            serde_json::from_slice(&std::fs::read(report.path())?).context("reading a report")?;
        if told.totals.failed > 0 {
            bail!("{} of {} artifacts failed", told.totals.failed, told.totals.artifacts);
        }
        Ok((timed, told))
    }
}

/// skopeo, away from the machine's credentials.
pub(crate) struct Skopeo {
    cli: Cli,
}

impl Skopeo {
    pub(crate) fn new() -> Result<Self> {
        let program = find_program("skopeo", &[]).context("skopeo is not installed")?;
        // it unpacks into TMPDIR, else into a folder on disk whatever else is used
        let cli = Cli::new(program).limit(RUN_LIMIT).env("TMPDIR", tempfile::env::temp_dir());
        std::fs::write(cli.home().join("auth.json"), "{}")?;
        let auth = cli.home().join("auth.json");
        Ok(Self { cli: cli.env("REGISTRY_AUTH_FILE", auth) })
    }

    /// Copies one image.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<Timed> {
        let arguments =
            ["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false"];
        run(&self.cli, &[&arguments[..], &[from, to]].concat())
    }
}

fn run<A: AsRef<OsStr>>(cli: &Cli, arguments: &[A]) -> Result<Timed> {
    let finished = cli.run(arguments);
    if !finished.status.success() {
        let line: Vec<_> = arguments.iter().map(|a| a.as_ref().to_string_lossy()).collect();
        bail!("{}: {}: {}{}", line.join(" "), finished.status, finished.stdout, finished.stderr);
    }
    Ok(Timed { seconds: finished.duration.as_secs_f64(), peak_rss_bytes: Some(finished.peak_rss_bytes) })
}
