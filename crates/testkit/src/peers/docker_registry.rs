//! Debian's `docker-registry`: the distribution project's registry, an independent peer for the client.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::http::{Answer, Endpoint};
use super::pki::{Identity, Pki};
use super::process::{NotReady, Process, require_program};
use crate::hog::free_port;

/// User of a registry started with `auth`.
pub const USER: &str = "alice";
/// Password of [`USER`].
pub const PASSWORD: &str = "correct horse";
/// bcrypt of [`PASSWORD`], of the lowest cost: tests log in often.
const HTPASSWD: &str = "alice:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n";
/// How often another port is tried when somebody took the first one.
const STARTS_MAX: usize = 4;

/// How the registry is set up.
#[derive(Debug, Default)]
pub struct DockerRegistryOptions {
    /// Basic authentication with [`USER`] and [`PASSWORD`].
    pub auth: bool,
    /// Tokens of this service instead.
    pub token: Option<TokenService>,
    /// TLS with this certificate; the CA is what clients have to trust.
    pub tls: Option<(Identity, String)>,
    /// With TLS: only clients with a certificate of this CA (PEM) are let in.
    pub client_ca_pem: Option<String>,
    /// Upload locations without host name.
    pub relative_urls: bool,
    /// Refuses every write.
    pub read_only: bool,
    /// Refuses deletes.
    pub no_delete: bool,
    /// Keeps descriptors of blobs in memory, as Debian's own configuration has it.
    pub descriptor_cache: bool,
}

/// A service whose tokens a registry takes.
#[derive(Debug, Clone)]
pub struct TokenService {
    /// URL where tokens are to be had.
    pub realm: String,
    /// What the registry is called there.
    pub service: String,
    /// What the service calls itself.
    pub issuer: String,
    /// A certificate of the key that signs.
    pub cert_pem: String,
}

/// A running registry.
#[derive(Debug)]
pub struct DockerRegistry {
    process: Option<Process>,
    endpoint: Endpoint,
    options: DockerRegistryOptions,
    folder: TempDir,
}

impl DockerRegistry {
    /// A registry open to everybody over HTTP, deletes allowed, its storage in a temporary folder.
    pub fn start() -> Self {
        Self::start_with(DockerRegistryOptions::default())
    }

    /// A registry with a certificate for loopback from this authority.
    pub fn start_tls(pki: &Pki) -> Self {
        let tls = Some((pki.loopback(), pki.ca_pem()));
        Self::start_with(DockerRegistryOptions { tls, ..DockerRegistryOptions::default() })
    }

    /// A registry as asked for.
    pub fn start_with(options: DockerRegistryOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ca_pem = options.tls.as_ref().map(|(_, ca)| ca.clone());
        let mut failed = String::new();
        for _ in 0..STARTS_MAX {
            let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let endpoint = Endpoint { addr, ca_pem: ca_pem.clone() };
            write_config(folder.path(), addr, &options);
            match launch(folder.path(), &endpoint, options.client_ca_pem.is_some()) {
                Ok(process) => return Self { process: Some(process), endpoint, options, folder },
                Err(NotReady(why)) if why.contains("address already in use") => failed = why,
                Err(NotReady(why)) => panic!("{why}"),
            }
        }
        panic!("{failed}");
    }

    /// Kills the registry and starts it on the same port and storage.
    pub fn restart(&mut self) {
        self.stop();
        let client_certificates = self.options.client_ca_pem.is_some();
        match launch(self.folder.path(), &self.endpoint, client_certificates) {
            Ok(process) => self.process = Some(process),
            Err(NotReady(why)) => panic!("{why}"),
        }
    }

    /// Kills the registry; its storage stays. [`restart`](Self::restart) brings it back.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.endpoint.addr
    }

    /// `127.0.0.1:PORT`, as it stands in references.
    pub fn host(&self) -> String {
        self.endpoint.addr.to_string()
    }

    /// Address and CA.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The folder that holds `docker/registry/v2/…`.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Process id; panics while it is stopped.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the registry runs").id()
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Asks it something, with the credential where it wants one.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let basic = format!("Basic {basic}");
        let mut headers = headers.to_vec();
        if self.options.auth {
            headers.push(("Authorization", &basic));
        }
        self.endpoint.request(method, path, &headers, body).expect("the registry answers")
    }
}

fn launch(folder: &Path, endpoint: &Endpoint, client_certificates: bool) -> Result<Process, NotReady> {
    let program = require_program("docker-registry", &[], "install the package 'docker-registry'");
    let arguments = [OsString::from("serve"), folder.join("config.yml").into_os_string()];
    let log = folder.join("log");
    // each start has its own log, so that an old complaint is not read as a new one
    let _ = std::fs::remove_file(&log);
    Process::start("docker-registry", &program, &arguments, &log, || {
        if client_certificates {
            return std::net::TcpStream::connect(endpoint.addr).is_ok();
        }
        // 401 is an answer too
        endpoint.request("GET", "/v2/", &[], &[]).is_ok_and(|answer| answer.status < 500)
    })
}

fn write_config(folder: &Path, addr: SocketAddr, options: &DockerRegistryOptions) {
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("a temporary file can be written");
    };
    let path = |name: &str| folder.join(name).display().to_string();
    // the secret signs upload state: fixed, so that a session outlives a restart
    let mut config = format!(
        "version: 0.1\nlog:\n  level: info\n  formatter: text\nstorage:\n{}  filesystem:\n    rootdirectory: {}\n  \
         delete:\n    enabled: {}\n  maintenance:\n    uploadpurging:\n      enabled: false\n    readonly:\n      \
         enabled: {}\nvalidation:\n  manifests:\n    urls:\n      allow: ['.*']\nhttp:\n  addr: {addr}\n  \
         secret: fixed-for-tests\n  relativeurls: {}\n",
        if options.descriptor_cache { "  cache:\n    blobdescriptor: inmemory\n" } else { "" },
        path("data"),
        !options.no_delete,
        options.read_only,
        options.relative_urls,
    );
    if let Some((identity, _)) = &options.tls {
        write("cert.pem", &identity.cert_pem);
        write("key.pem", &identity.key_pem);
        config += &format!("  tls:\n    certificate: {}\n    key: {}\n", path("cert.pem"), path("key.pem"));
        if let Some(ca) = &options.client_ca_pem {
            write("client-ca.pem", ca);
            config += &format!("    clientcas:\n      - {}\n", path("client-ca.pem"));
        }
    }
    if options.auth {
        write("htpasswd", HTPASSWD);
        config += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", path("htpasswd"));
    }
    if let Some(token) = &options.token {
        write("token.pem", &token.cert_pem);
        let TokenService { realm, service, issuer, .. } = token;
        config += &format!(
            "auth:\n  token:\n    realm: {realm}\n    service: {service}\n    issuer: {issuer}\n    \
             rootcertbundle: {}\n",
            path("token.pem")
        );
    }
    write("config.yml", &config);
}
