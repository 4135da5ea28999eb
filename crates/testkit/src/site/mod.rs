//! The control plane as a process: `transload serve`, in a folder and on a port of its own.

mod asking;
mod making;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Cli, Finished, Running};
use crate::hog::{free_port, wait_until};
use crate::peers::{Endpoint, NameProxy, Pki};

/// Longest that it may take to answer. It makes keys and tables at its first start.
const READY_LIMIT: Duration = Duration::from_secs(180);
/// A process of it may run as long as a whole suite.
const RUN_LIMIT: Duration = Duration::from_secs(3600);
/// What is behind the names of vaults and registries; no resolver knows it.
pub const DOMAIN: &str = "transload.test";

/// How the control plane is to be.
#[derive(Debug, Clone)]
pub struct SiteOptions {
    /// URL of a ledger; without one SQLite in the folder.
    pub ledger: Option<String>,
    /// Runs that the server performs itself.
    pub workers: u16,
    /// Speak TLS, with a certificate for every name that the site has.
    pub tls: bool,
    /// Have the server connect clients to its names itself (`--connect-listen`).
    pub connect: bool,
    /// More arguments of `transload serve` and `transload worker`, folders that may be containers for example.
    pub both: Vec<String>,
    /// More arguments of `transload serve` alone.
    pub serve: Vec<String>,
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self { ledger: None, workers: 2, tls: true, connect: false, both: Vec::new(), serve: Vec::new() }
    }
}

/// Who may do everything there, and where.
#[derive(Debug, Clone)]
pub struct Admin {
    /// The tenant.
    pub tenant: String,
    /// The subscription.
    pub subscription: String,
    /// It signs in with this.
    pub client_id: String,
    /// Its secret.
    pub secret: String,
}

/// A control plane. Its processes are killed when this is dropped, and its folder goes.
#[derive(Debug)]
pub struct Site {
    program: PathBuf,
    options: SiteOptions,
    folder: TempDir,
    /// In all of its names, which stay when another server answers to them.
    port: u16,
    /// Where the server is that is asked.
    asked_port: u16,
    connect_port: u16,
    ca_pem: Option<String>,
    pki: Option<Pki>,
    running: Option<Running>,
    told: Mutex<String>,
    admin: Option<Admin>,
    tokens: Mutex<BTreeMap<String, String>>,
}

/// See [`Site::second`].
#[derive(Debug)]
pub struct Second {
    running: Running,
    port: u16,
}

impl Site {
    /// Starts `program serve` and waits until it is ready.
    pub fn start(program: impl AsRef<Path>, options: SiteOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pki = options.tls.then(Pki::new);
        if let Some(pki) = &pki {
            write_certificates(pki, folder.path());
        }
        let port = free_port();
        let mut site = Self {
            program: program.as_ref().to_owned(),
            options,
            folder,
            port,
            asked_port: port,
            connect_port: free_port(),
            ca_pem: pki.as_ref().map(Pki::ca_pem),
            pki,
            running: None,
            told: Mutex::default(),
            admin: None,
            tokens: Mutex::default(),
        };
        site.resume();
        site.admin = Some(read_admin(&site.data()));
        let subscriptions = site.get("/subscriptions");
        let subscription = subscriptions["value"][0]["subscriptionId"].as_str();
        let subscription = subscription.expect("there is one subscription from the start").to_owned();
        site.admin = site.admin.map(|admin| Admin { subscription, ..admin });
        site
    }

    /// Starts it again on the same folder and port, and waits until it is ready.
    pub fn resume(&mut self) {
        let running = self.cli().spawn(self.arguments(self.asked_port, &self.data()));
        self.running = Some(ready(running, &self.endpoint()));
    }

    /// Starts another server of the same ledger, on another machine as it were: with a folder and a port of its own, and the
    /// same names. The ledger is PostgreSQL.
    pub fn second(&self) -> Second {
        assert!(self.options.ledger.is_some(), "several servers need a ledger that can be shared");
        let port = free_port();
        let mut arguments = self.arguments(port, &self.folder.path().join(format!("second-{port}")));
        arguments.extend(["--vault-key-file".to_owned(), text(&self.data().join("vault.key"))]);
        let endpoint = Endpoint { addr: SocketAddr::from(([127, 0, 0, 1], port)), ..self.endpoint() };
        Second { running: ready(self.cli().spawn(arguments), &endpoint), port }
    }

    /// Kills the server (SIGKILL), and asks this one from now on.
    pub fn turn_to(&mut self, second: Second) {
        self.kill();
        self.running = Some(second.running);
        self.asked_port = second.port;
    }

    /// Kills it (SIGKILL) at once.
    pub fn kill(&mut self) {
        self.end(|running| running.kill_when(|| true));
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub fn stop(&mut self) {
        self.end(|running| {
            running.terminate();
            running.wait()
        });
    }

    fn end(&mut self, how: impl FnOnce(Running) -> Finished) {
        if let Some(running) = self.running.take() {
            let finished = how(running);
            self.tell(&finished.stdout, &finished.stderr);
        }
    }

    /// Keeps what a process printed, to be searched for secrets later.
    pub fn tell(&self, stdout: &str, stderr: &str) {
        self.told.lock().push_str(&format!("{stdout}\n{stderr}\n"));
    }

    /// Everything that its processes printed so far.
    pub fn told(&self) -> String {
        let now =
            self.running.as_ref().map(|running| running.stdout() + &running.stderr()).unwrap_or_default();
        self.told.lock().clone() + &now
    }

    /// Starts a `transload worker` of this site. The ledger is the site's, which is PostgreSQL.
    pub fn worker(&self) -> Running {
        let ledger =
            self.options.ledger.as_deref().expect("workers of their own need a ledger that can be shared");
        let key = self.data().join("vault.key");
        let mut arguments: Vec<String> = ["worker", "--ledger-env", "LEDGER"].map(str::to_owned).to_vec();
        arguments.extend(["--vault-key-file".to_owned(), text(&key)]);
        arguments.extend(self.shared());
        self.cli().env("LEDGER", ledger).spawn(arguments)
    }

    fn cli(&self) -> Cli {
        let cli = Cli::new(&self.program).limit(RUN_LIMIT);
        match &self.options.ledger {
            Some(ledger) => cli.env("LEDGER", ledger),
            None => cli,
        }
    }

    fn arguments(&self, port: u16, data: &Path) -> Vec<String> {
        let mut arguments = vec!["serve".to_owned(), "--data".to_owned(), text(data)];
        arguments.extend([
            "--listen".to_owned(),
            format!("127.0.0.1:{port}"),
            "--url".to_owned(),
            self.url(),
        ]);
        arguments.extend(["--workers".to_owned(), self.options.workers.to_string()]);
        if self.options.ledger.is_some() {
            arguments.extend(["--ledger-env", "LEDGER"].map(str::to_owned));
        }
        if self.options.tls {
            let file = |name: &str| text(&self.folder.path().join(name));
            arguments.extend(["--tls-cert".to_owned(), file("cert.pem")]);
            arguments.extend(["--tls-key".to_owned(), file("key.pem")]);
        } else {
            arguments.push("--tls-off".to_owned());
        }
        if self.options.connect {
            arguments.extend(["--connect-listen".to_owned(), format!("127.0.0.1:{}", self.connect_port)]);
        }
        arguments.extend(self.shared());
        arguments.extend(self.options.serve.clone());
        arguments
    }

    /// What servers and workers are told alike.
    fn shared(&self) -> Vec<String> {
        let suffix = |service: &str| format!(".{service}.{DOMAIN}:{}", self.port);
        let mut arguments = vec!["--vault-suffix".to_owned(), suffix("vault")];
        arguments.extend(["--registry-suffix".to_owned(), suffix("registry")]);
        arguments.extend(["--storage-suffix".to_owned(), suffix("storage")]);
        if self.options.tls {
            // workers push to registries that are hosted there
            arguments.extend(["--ca-file".to_owned(), text(&self.ca_file())]);
        }
        arguments.extend(self.options.both.clone());
        arguments
    }

    /// The folder with all that it keeps.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file that clients have to trust; panics without TLS.
    pub fn ca_file(&self) -> PathBuf {
        assert!(self.options.tls, "without TLS there is nothing to trust");
        self.folder.path().join("ca.pem")
    }

    /// Who made the certificates that the site has; panics without TLS.
    pub fn pki(&self) -> &Pki {
        self.pki.as_ref().expect("without TLS there are no certificates")
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `https://127.0.0.1:PORT`, or `http://…` without TLS.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.options.tls { "https" } else { "http" }, self.host())
    }

    /// `https://NAME.vault.transload.test:PORT`.
    pub fn vault_url(&self, name: &str) -> String {
        format!("https://{name}.vault.{DOMAIN}:{}", self.port)
    }

    /// `https://NAME.blob.storage.transload.test:PORT`: what pipelines and az call a registered storage account.
    pub fn account_url(&self, name: &str) -> String {
        format!("https://{name}.blob.storage.{DOMAIN}:{}", self.port)
    }

    /// `NAME.registry.transload.test:PORT`.
    pub fn login_server(&self, name: &str) -> String {
        format!("{name}.registry.{DOMAIN}:{}", self.port)
    }

    /// A proxy that leads every name of the site to it.
    pub fn proxy(&self) -> NameProxy {
        let (addr, end) = (self.endpoint().addr, format!(".{DOMAIN}:{}", self.port));
        NameProxy::start(move |name| name.ends_with(&end).then_some(addr))
    }

    /// The server's own proxy to its names, for `HTTPS_PROXY`; panics where it was not asked for.
    pub fn connect_url(&self) -> String {
        assert!(self.options.connect, "the site has no CONNECT listener");
        format!("http://127.0.0.1:{}", self.connect_port)
    }

    /// Who may do everything there.
    pub fn admin(&self) -> &Admin {
        self.admin.as_ref().expect("it is read when the site starts")
    }

    /// Process id of the server; panics while it does not run.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the control plane runs").pid()
    }

    /// Where it listens, and its CA.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint { addr: SocketAddr::from(([127, 0, 0, 1], self.asked_port)), ca_pem: self.ca_pem.clone() }
    }
}

/// Waits until it is, and panics when it never will be.
fn ready(mut running: Running, endpoint: &Endpoint) -> Running {
    let up = || endpoint.request("GET", "/readyz", &[], b"").is_ok_and(|answer| answer.status == 200);
    let ready = wait_until(READY_LIMIT, || up() || running.has_ended());
    assert!(ready && up(), "the control plane does not start: {}{}", running.stdout(), running.stderr());
    running
}

/// A certificate for every name that a site has, and the authority's.
fn write_certificates(pki: &Pki, folder: &Path) {
    let names = ["127.0.0.1", "localhost", &format!("*.vault.{DOMAIN}"), &format!("*.registry.{DOMAIN}")];
    let identity = pki.server(&names);
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("a temporary file can be written");
    };
    write("cert.pem", &identity.cert_pem);
    write("key.pem", &identity.key_pem);
    write("ca.pem", &pki.ca_pem());
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path that is text").to_owned()
}

/// What the first start wrote down for its owner; the subscription is not in it.
fn read_admin(data: &Path) -> Admin {
    let file = data.join("administrator.json");
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let told: Value = serde_json::from_slice(&bytes).expect("the administrator's file is JSON");
    let member = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("no {name} in it")).to_owned();
    Admin {
        tenant: member("tenant"),
        subscription: String::new(),
        client_id: member("clientId"),
        secret: member("clientSecret"),
    }
}
