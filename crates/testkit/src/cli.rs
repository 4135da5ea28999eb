//! Running a built program away from the user's own settings.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::hog::peak_rss_bytes;
use crate::peers::environment;

/// Longest that a program may run unless the test says otherwise.
const RUN_LIMIT: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(3);

/// A program to run. The environment is empty but for `PATH` and a `HOME` in a temporary folder: no proxy, no
/// credentials, no locale of the machine's.
#[derive(Debug)]
pub struct Cli {
    program: PathBuf,
    home: TempDir,
    envs: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
    limit: Duration,
}

/// How a program ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit status.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it printed as diagnostics.
    pub stderr: String,
    /// Largest resident set that was seen, bytes. Looked at every few milliseconds, so a growth in the very last
    /// of them is missed.
    pub peak_rss_bytes: u64,
    /// From start to end.
    pub duration: Duration,
}

/// A program that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: TempDir,
    started: Instant,
    peak_rss_bytes: u64,
    limit: Duration,
}

impl Cli {
    /// Of the program at this path: `Cli::new(env!("CARGO_BIN_EXE_transload"))`.
    pub fn new(program: impl AsRef<Path>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        Self { program: program.as_ref().to_owned(), home, envs: Vec::new(), folder: None, limit: RUN_LIMIT }
    }

    /// With an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.envs.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// In this working folder instead of the program's `HOME`.
    #[must_use]
    pub fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.folder = Some(folder.as_ref().to_owned());
        self
    }

    /// Killed, and the test failed, when it runs longer than this.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The program's `HOME`, for a `.docker/config.json`.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it to its end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Finished {
        self.spawn(arguments).wait()
    }

    /// Runs it to its end with this on standard input.
    pub fn run_with_input<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Finished {
        self.start(arguments, Some(input)).wait()
    }

    /// Starts it. Standard input is empty.
    pub fn spawn<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        self.start(arguments, None)
    }

    fn start<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: Option<&[u8]>,
    ) -> Running {
        let output = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| output.path().join(name);
        let stdin = match input {
            None => Stdio::null(),
            Some(input) => {
                std::fs::write(file("stdin"), input).expect("a temporary file can be written");
                File::open(file("stdin")).expect("what was written can be read").into()
            }
        };
        // files, not pipes: nobody has to read along, and what a killed program printed is kept
        let create = |name: &str| File::create(file(name)).expect("a temporary file can be made");
        let child = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("PATH", environment("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .envs(self.envs.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.as_deref().unwrap_or(self.home.path()))
            .stdin(stdin)
            .stdout(create("stdout"))
            .stderr(create("stderr"))
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", self.program.display()));
        Running { child, output, started: Instant::now(), peak_rss_bytes: 0, limit: self.limit }
    }
}

impl Running {
    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        self.read("stdout")
    }

    /// What it has printed as diagnostics so far.
    pub fn stderr(&self) -> String {
        self.read("stderr")
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_some()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Finished {
        self.wait_for(|| false);
        self.finish()
    }

    /// Kills it (SIGKILL) as soon as `condition` holds, and says how it ended: `status.success()` when it was
    /// quicker than the condition.
    pub fn kill_when(mut self, condition: impl FnMut() -> bool) -> Finished {
        self.wait_for(condition);
        let _ = self.child.kill();
        self.finish()
    }

    /// Sends Ctrl-C (SIGINT) as soon as `condition` holds, and waits for its end. `duration` of what comes back
    /// counts from the signal.
    pub fn interrupt_when(mut self, condition: impl FnMut() -> bool) -> Finished {
        self.wait_for(condition);
        self.started = Instant::now();
        self.signal(Signal::INT);
        self.wait_for(|| false);
        self.finish()
    }

    /// Waits until `condition` holds. Panics with what it printed when it ends before that.
    pub fn wait_until(&mut self, mut condition: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + self.limit;
        while !condition(self) {
            let ended = self.child.try_wait().expect("a child can be waited for").is_some();
            // it may have come about since it was looked at
            let waits = !ended && Instant::now() < end;
            assert!(waits || condition(self), "waited in vain: {}{}", self.stdout(), self.stderr());
            std::thread::sleep(POLL);
        }
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Tells it to open its files anew (SIGHUP).
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process has an id");
        // it may have ended by itself in between
        let _ = kill_process(pid, signal);
    }

    /// Until it has ended or the condition holds.
    fn wait_for(&mut self, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + self.limit;
        while !condition() {
            self.peak_rss_bytes = self.peak_rss_bytes.max(peak_rss_bytes(self.pid()).unwrap_or(0));
            if self.child.try_wait().expect("a child can be waited for").is_some() {
                return;
            }
            if Instant::now() > end {
                let _ = self.child.kill();
                panic!("it still runs after {:?}: {}{}", self.limit, self.stdout(), self.stderr());
            }
            std::thread::sleep(POLL);
        }
    }

    fn finish(mut self) -> Finished {
        let status = self.child.wait().expect("a child can be waited for");
        Finished {
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
            peak_rss_bytes: self.peak_rss_bytes,
            duration: self.started.elapsed(),
        }
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.output.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Exit code; panics when a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {}{}", self.stdout, self.stderr))
    }

    /// Itself, if it succeeded; panics with what it printed otherwise.
    pub fn ok(self) -> Self {
        assert!(self.status.success(), "{}: {}{}", self.status, self.stdout, self.stderr);
        self
    }
}
