//! Azurite: Microsoft's emulator of Azure Blob storage.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::http::{Answer, Endpoint};
use super::pki::{Identity, Pki};
use super::process::{NotReady, Process, peer_folders, require_program};
use super::sas::Sas;
use crate::hog::free_port;

/// The emulator's well-known account.
pub const ACCOUNT: &str = "devstoreaccount1";
/// The well-known key of [`ACCOUNT`]: published by Microsoft, no secret.
pub const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const STARTS_MAX: usize = 4;

/// How the emulator is set up.
#[derive(Debug, Default)]
pub struct AzuriteOptions {
    /// TLS with this certificate; the CA is what clients have to trust.
    pub tls: Option<(Identity, String)>,
    /// Accounts besides [`ACCOUNT`], each with its key (Base64).
    pub accounts: Vec<(String, String)>,
}

/// A running emulator.
#[derive(Debug)]
pub struct Azurite {
    process: Option<Process>,
    endpoint: Endpoint,
    /// As the emulator reads them: `name:key;…`.
    accounts: String,
    folder: TempDir,
}

impl Azurite {
    /// An emulator over HTTP.
    pub fn start() -> Self {
        Self::start_with(&AzuriteOptions::default())
    }

    /// An emulator with a certificate for loopback from this authority.
    pub fn start_tls(pki: &Pki) -> Self {
        let tls = Some((pki.loopback(), pki.ca_pem()));
        Self::start_with(&AzuriteOptions { tls, ..AzuriteOptions::default() })
    }

    /// An emulator as asked for.
    pub fn start_with(options: &AzuriteOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if let Some((identity, _)) = &options.tls {
            std::fs::write(folder.path().join("cert.pem"), &identity.cert_pem)
                .expect("a file can be written");
            std::fs::write(folder.path().join("key.pem"), &identity.key_pem).expect("a file can be written");
        }
        let own = (ACCOUNT.to_owned(), ACCOUNT_KEY.to_owned());
        let all = [&own].into_iter().chain(&options.accounts).map(|(name, key)| format!("{name}:{key}"));
        let accounts = all.collect::<Vec<_>>().join(";");
        let mut failed = String::new();
        for _ in 0..STARTS_MAX {
            let addr = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let ca_pem = options.tls.as_ref().map(|(_, ca)| ca.clone());
            let endpoint = Endpoint { addr, ca_pem };
            match launch(folder.path(), &endpoint, &accounts) {
                Ok(process) => return Self { process: Some(process), endpoint, accounts, folder },
                Err(NotReady(why)) if why.contains("EADDRINUSE") || why.contains("in use") => failed = why,
                Err(NotReady(why)) => panic!("{why}"),
            }
        }
        panic!("{failed}");
    }

    /// Ends the emulator and starts it on the same port and data.
    pub fn restart(&mut self) {
        // a killed emulator loses the last seconds
        if let Some(process) = self.process.take() {
            process.end();
        }
        match launch(self.folder.path(), &self.endpoint, &self.accounts) {
            Ok(process) => self.process = Some(process),
            Err(NotReady(why)) => panic!("{why}"),
        }
    }

    /// Address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.endpoint.addr
    }

    /// Address and CA.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `http://127.0.0.1:PORT/devstoreaccount1`: path style, as the emulator wants it.
    pub fn account_url(&self) -> String {
        format!("{}/{ACCOUNT}", self.endpoint.url())
    }

    /// URL of a container (or of `container/blob`), without a token.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.account_url())
    }

    /// URL of a container (or of `container/blob`) with this token.
    pub fn url_with(&self, path: &str, sas: &Sas) -> String {
        format!("{}?{}", self.url(path), sas.token())
    }

    /// URL of a container with a token that allows everything for a day.
    pub fn full_url(&self, container: &str) -> String {
        self.url_with(container, &Sas::container(container).permissions("racwdl"))
    }

    /// The folder that holds the emulator's data.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Makes a container; panics when that fails.
    pub fn create_container(&self, name: &str) {
        let answer = self.request("PUT", name, "restype=container", &[], &[]);
        assert_eq!(answer.status, 201, "creating container '{name}': {}", answer.text());
    }

    /// Puts a block blob in one request; panics when that fails.
    pub fn put_blob(&self, container: &str, name: &str, bytes: &[u8]) {
        let path = format!("{container}/{name}");
        let answer = self.request("PUT", &path, "", &[("x-ms-blob-type", "BlockBlob")], bytes);
        assert_eq!(answer.status, 201, "putting blob '{path}': {}", answer.text());
    }

    /// A blob's bytes; `None` when there is none.
    pub fn get_blob(&self, container: &str, name: &str) -> Option<Vec<u8>> {
        let answer = self.request("GET", &format!("{container}/{name}"), "", &[], &[]);
        match answer.status {
            200 => Some(answer.body),
            404 => None,
            status => panic!("getting blob '{container}/{name}': {status} {}", answer.text()),
        }
    }

    /// Asks the emulator with a token that allows everything on the whole account. `path` is behind the account's
    /// name; `query` carries no token and may be empty.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let token = Sas::account().permissions("rwdlacup").token();
        let and = if query.is_empty() { "" } else { "&" };
        let target = format!("/{ACCOUNT}/{path}?{query}{and}{token}");
        let mut headers = headers.to_vec();
        headers.push(("x-ms-version", "2022-11-02"));
        self.endpoint.request(method, &target, &headers, body).expect("azurite answers")
    }
}

fn launch(folder: &Path, endpoint: &Endpoint, accounts: &str) -> Result<Process, NotReady> {
    let how = "install it with 'npm install --prefix .peers azurite' at the repository's root, \
               or name the folder of an installation in TRANSLOAD_PEERS";
    let program = require_program("azurite-blob", &peer_folders(), how);
    let log = folder.join("log");
    let _ = std::fs::remove_file(&log);
    let mut arguments: Vec<OsString> =
        ["--blobHost", "127.0.0.1", "--skipApiVersionCheck", "--disableTelemetry"]
            .map(OsString::from)
            .to_vec();
    arguments.extend(["--silent".into(), "--blobPort".into(), endpoint.addr.port().to_string().into()]);
    arguments.extend(["--location".into(), folder.join("data").into_os_string()]);
    if endpoint.is_tls() {
        arguments.extend(["--cert".into(), folder.join("cert.pem").into_os_string()]);
        arguments.extend(["--key".into(), folder.join("key.pem").into_os_string()]);
    }
    let mut command = Command::new(program);
    command.args(&arguments).env("AZURITE_ACCOUNTS", accounts);
    Process::start_command("azurite-blob", command, &log, || {
        // without a token it refuses, which is an answer
        endpoint.request("GET", &format!("/{ACCOUNT}?comp=list"), &[], &[]).is_ok()
    })
}
