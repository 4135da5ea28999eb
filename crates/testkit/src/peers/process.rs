//! A child process that dies with its value.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::hog::wait_until;

/// Longest that a peer may take until it answers. Node on a busy machine needs several seconds.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Longest that a peer may take to save its data.
const END_LIMIT: Duration = Duration::from_secs(60);
const LOG_BYTES_SHOWN: usize = 4_000;

/// A running program whose output goes to a file.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    name: &'static str,
    log: PathBuf,
}

/// The program ended, or did not answer in time.
pub(super) struct NotReady(pub(super) String);

impl Process {
    /// Starts `program` with its output appended to `log` and waits until `ready` holds.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[OsString],
        log: &Path,
        ready: impl Fn() -> bool,
    ) -> Result<Self, NotReady> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::start_command(name, command, log, ready)
    }

    /// The same as the user and group of this number, for programs that refuse to run as root.
    pub(super) fn start_as(
        name: &'static str,
        user: Option<u32>,
        program: &Path,
        arguments: &[OsString],
        log: &Path,
        ready: impl Fn() -> bool,
    ) -> Result<Self, NotReady> {
        let mut command = Command::new(program);
        command.args(arguments);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        Self::start_command(name, command, log, ready)
    }

    /// The same of a command that has its arguments and environment.
    pub(super) fn start_command(
        name: &'static str,
        mut command: Command,
        log: &Path,
        ready: impl Fn() -> bool,
    ) -> Result<Self, NotReady> {
        let out = File::options().create(true).append(true).open(log).expect("the peer's log can be written");
        let err = out.try_clone().expect("a file handle can be cloned");
        let program = command.get_program().to_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|e| panic!("{name} ({}) does not start: {e}", program.display()));
        let mut process = Self { child, name, log: log.to_owned() };
        process.wait_ready(ready)?;
        Ok(process)
    }

    fn wait_ready(&mut self, ready: impl Fn() -> bool) -> Result<(), NotReady> {
        let end = Instant::now() + READY_LIMIT;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(NotReady(format!("{} ended with {status}: {}", self.name, self.log())));
            }
            if ready() {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(NotReady(format!("{} does not answer: {}", self.name, self.log())));
            }
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// What the program printed, its last few thousand bytes.
    pub(super) fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let from = bytes.len().saturating_sub(LOG_BYTES_SHOWN);
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }

    /// Asks it to end (SIGTERM), so that it can save what it holds, and waits; what does not end is killed.
    pub(super) fn end(self) {
        self.end_by(Signal::TERM);
    }

    /// The same with another signal.
    pub(super) fn end_by(mut self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // it fails only when it has ended already
            let _ = kill_process(pid, signal);
        }
        let ended = wait_until(END_LIMIT, || !matches!(self.child.try_wait(), Ok(None)));
        debug_assert!(ended, "{} does not end when asked to", self.name);
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // both fail only when it has ended already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of these that is a file: `name` in a folder of `PATH`, then in each of `folders`.
pub fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = environment("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Panics with the name of the package to install when the program is missing.
pub(super) fn require_program(name: &str, folders: &[PathBuf], how: &str) -> PathBuf {
    find_program(name, folders).unwrap_or_else(|| panic!("this test needs the program '{name}': {how}"))
}

/// Where programs that no distribution packages may be, besides `PATH`.
pub(super) fn peer_folders() -> Vec<PathBuf> {
    installed()
        .into_iter()
        .flat_map(|folder| [folder.join("node_modules/.bin"), folder.join("bin")])
        .collect()
}

/// A `PATH` on which a shell finds every peer, `az` too.
pub fn search_path() -> OsString {
    let path = environment("PATH").unwrap_or_default();
    let own = std::env::split_paths(&path).collect::<Vec<_>>().into_iter();
    let azure = installed().into_iter().map(|folder| folder.join("azure/bin"));
    std::env::join_paths(own.chain(peer_folders()).chain(azure)).expect("folders whose names have no colon")
}

/// The folders that `dev/peers` installs into.
fn installed() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let named = environment("TRANSLOAD_PEERS").map(PathBuf::from);
    [named, Some(repository.join(".peers"))].into_iter().flatten().collect()
}

/// An environment variable. Tests may be told where their peers are; nothing else of the project reads them here.
#[expect(clippy::disallowed_methods, reason = "where the peers are is the test machine's affair")]
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
