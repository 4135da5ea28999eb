//! PostgreSQL as Debian packages it, in a temporary folder, for one test process.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use super::pki::{Identity, Pki};
use super::process::{NotReady, Process, require_program};
use crate::hog::free_port;

/// Name of the database's superuser.
const OWNER: &str = "transload";
/// Its password: with what a URL has to encode.
const OWNER_PASSWORD: &str = "c0rrect/h@rse:b?ttery#";
/// `nobody`: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;
/// How often another port is tried when somebody took the first one.
const STARTS_MAX: usize = 4;
const HOW: &str = "install the package 'postgresql'";

/// A running PostgreSQL that asks for a password.
#[derive(Debug)]
pub struct Postgres {
    process: Option<Process>,
    programs: PathBuf,
    port: u16,
    folder: TempDir,
    databases: AtomicU32,
    tls: bool,
}

impl Postgres {
    /// A server without databases of ours, on a free port of loopback. Its disk writes are not waited for: it is quick, and
    /// survives anything but a loss of power.
    pub fn start() -> Self {
        Self::start_with(None)
    }

    /// The same, that speaks TLS to those who want it, with a certificate of this authority for loopback.
    pub fn start_tls(pki: &Pki) -> Self {
        Self::start_with(Some(pki))
    }

    fn start_with(pki: Option<&Pki>) -> Self {
        let programs = programs();
        let folder = tempfile::tempdir().expect("a temporary folder");
        give_away(folder.path());
        init(&programs, folder.path());
        if let Some(pki) = pki {
            write_certificate(folder.path(), pki);
        }
        let tls = pki.is_some();
        let mut failed = String::new();
        for _ in 0..STARTS_MAX {
            let port = free_port();
            match launch(&programs, folder.path(), port, tls) {
                Ok(process) => {
                    let databases = AtomicU32::new(0);
                    return Self { process: Some(process), programs, port, folder, databases, tls };
                }
                Err(NotReady(why)) if why.contains("Address already in use") => failed = why,
                Err(NotReady(why)) => panic!("{why}"),
            }
        }
        panic!("{failed}");
    }

    /// URL of a new and empty database.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// URL of a database, there or not.
    pub fn url(&self, database: &str) -> String {
        let password = utf8_percent_encode(OWNER_PASSWORD, NON_ALPHANUMERIC);
        format!("postgres://{OWNER}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The password that is in its URLs, as it is.
    pub fn password(&self) -> &'static str {
        OWNER_PASSWORD
    }

    /// Executes statements and gives the rows that they return, a line each, columns separated by `|`.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = self.try_sql(database, statements);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql: {complaint}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The same of statements that may fail: what `psql` printed.
    pub fn try_sql(&self, database: &str, statements: &str) -> Output {
        Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", "127.0.0.1", "-U", OWNER, "-d", database, "-c", statements])
            .arg("-p")
            .arg(self.port.to_string())
            .env("PGPASSWORD", OWNER_PASSWORD)
            .output()
            .expect("psql starts")
    }

    /// Ends it as a crash does: connections break, nothing is written that was not. [`restart`](Self::restart) brings it back.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end_by(Signal::QUIT);
        }
    }

    /// Starts it again, on the same port and data.
    pub fn restart(&mut self) {
        self.stop();
        match launch(&self.programs, self.folder.path(), self.port, self.tls) {
            Ok(process) => self.process = Some(process),
            Err(NotReady(why)) => panic!("{why}"),
        }
    }

    /// The folder with its files.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // asked to end, for a killed one leaves a piece of shared memory behind
        self.stop();
    }
}

/// The folder of the server's programs: Debian keeps them out of `PATH`, by version.
fn programs() -> PathBuf {
    let debian = Path::new("/usr/lib/postgresql");
    let versions = std::fs::read_dir(debian).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    let initdb = require_program("initdb", &folders, HOW);
    // a link leads to where the other programs are
    let initdb = initdb.canonicalize().expect("a program that was found is there");
    initdb.parent().expect("a program lies in a folder").to_owned()
}

fn root() -> bool {
    geteuid().is_root()
}

/// As root: a folder, or a program that is to run, becomes somebody else's.
fn give_away(folder: &Path) {
    if root() {
        std::os::unix::fs::chown(folder, Some(NOBODY), Some(NOBODY)).expect("root may give a folder away");
    }
}

fn as_nobody(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt as _;
    if root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

fn init(programs: &Path, folder: &Path) {
    let password = folder.join("password");
    std::fs::write(&password, OWNER_PASSWORD).expect("a temporary file can be written");
    give_away(&password);
    let mut command = Command::new(programs.join("initdb"));
    command
        // the password in the clear, on loopback: without optimisation clients take a tenth of a second for a hashed one
        .args(["-U", OWNER, "-A", "password", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(folder.join("data"))
        .current_dir(folder);
    let output = as_nobody(&mut command).output().expect("initdb starts");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb: {complaint}");
}

fn write_certificate(folder: &Path, pki: &Pki) {
    let Identity { cert_pem, key_pem, .. } = pki.loopback();
    for (name, text) in [("cert.pem", cert_pem), ("key.pem", key_pem)] {
        let file = folder.join(name);
        std::fs::write(&file, text).expect("a temporary file can be written");
        // a key that others may read is refused
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        give_away(&file);
    }
}

fn launch(programs: &Path, folder: &Path, port: u16, tls: bool) -> Result<Process, NotReady> {
    let port = port.to_string();
    let data = folder.join("data");
    let mut arguments: Vec<OsString> = vec!["-D".into(), data.into(), "-p".into(), port.clone().into()];
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "fsync=off",
        "max_connections=200",
        "log_min_messages=warning",
    ] {
        arguments.extend(["-c".into(), setting.into()]);
    }
    if tls {
        arguments.extend(["-c".into(), "ssl=on".into()]);
        for (setting, file) in [("ssl_cert_file", "cert.pem"), ("ssl_key_file", "key.pem")] {
            arguments.extend(["-c".into(), format!("{setting}={}", folder.join(file).display()).into()]);
        }
    }
    let log = folder.join("log");
    // each start has its own log, so that an old complaint is not read as a new one
    let _ = std::fs::remove_file(&log);
    let ask = || {
        let mut ask = Command::new(programs.join("pg_isready"));
        ask.args(["-q", "-h", "127.0.0.1", "-p", &port]).status().is_ok_and(|status| status.success())
    };
    Process::start_as("postgres", root().then_some(NOBODY), &programs.join("postgres"), &arguments, &log, ask)
}
