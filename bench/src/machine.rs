//! What the figures were made on.

use std::process::Command;
use std::{fmt, fs};

use serde::Serialize;
use time::OffsetDateTime;

/// Above this load somebody else is at work, and figures are noise.
const QUIET_LOAD: f64 = 0.7;

/// A machine and the programs on it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    /// Day of the run.
    pub(crate) date: String,
    /// Model of the processor.
    pub(crate) processor: String,
    /// Cores that may be used.
    pub(crate) cores: usize,
    /// Memory in bytes.
    pub(crate) memory_bytes: u64,
    /// Kernel.
    pub(crate) kernel: String,
    /// File system that everything is written to.
    pub(crate) file_system: String,
    /// Programs that are compared with.
    pub(crate) programs: Vec<String>,
}

impl fmt::Display for Machine {
    /// One line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, processor, cores, memory_bytes, kernel, file_system, programs } = self;
        let (gib, programs) = (memory_bytes >> 30, programs.join(", "));
        write!(f, "{date}: {processor}, {cores} cores, {gib} GiB, {kernel}, {file_system}; {programs}")
    }
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        Self {
            date: OffsetDateTime::now_utc().date().to_string(),
            processor: line_after("/proc/cpuinfo", "model name").unwrap_or_default(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: line_after("/proc/meminfo", "MemTotal")
                .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
                .map_or(0, |kib| kib * 1024),
            kernel: said("uname", &["-sr"]),
            file_system: file_system(),
            programs: vec![
                said("curl", &["--version"])
                    .chars()
                    .take_while(|c| *c != '(')
                    .collect::<String>()
                    .trim()
                    .to_owned(),
                said("openssl", &["version"]),
                said("docker-registry", &["--version"]),
                said("skopeo", &["--version"]),
            ],
        }
    }
}

/// Load of the last minute, when it is too high for figures.
pub(crate) fn noise() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split(' ').next()?.parse().ok()?;
    (load > QUIET_LOAD).then_some(load)
}

fn file_system() -> String {
    let folder = tempfile::env::temp_dir();
    said("stat", &["-f", "-c", "%T", &folder.to_string_lossy()])
}

fn line_after(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The first line that a program prints.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("not there").to_owned()
}
