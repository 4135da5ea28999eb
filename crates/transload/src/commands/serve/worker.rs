//! A worker, and what it needs of this program: ends, secrets, and the way into hosted registries.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use transload_control::resource::Registry;
use transload_control::run::RunError;
use transload_control::{Caller, Control, PASSWORD_CONTEXT, ResourceId, SecretPlace};
use transload_endpoints::{RegistryAt, RegistryCredential};
use transload_server::{Authenticator, RegistryToken};
use transload_transfer::{Code, Error};
use transload_vault::{AzureKeyVault, ErrorKind, KeyVaultOptions};
use transload_worker::{Hosted, Refusal, SecretRequest, Secrets, Worker, WorkerOptions};
use uuid::Uuid;

use super::pass::{Issuer, Pass};
use super::{ends, first, plane};
use crate::cli::TrustArgs;
use crate::commands::TOOL;
use crate::commands::registry::Listening;
use crate::config::Environment;
use crate::location;
use crate::output::Output;
use crate::registries::{ca_pem, read_bounded};
use crate::settings::Work;

/// An authority's certificate is some KiB long.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// The way into registries that are hosted by this installation.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    authenticator: Authenticator,
    control: Control,
    /// Where they are, when it is this process that hosts them.
    at: Option<SocketAddr>,
    ca: Option<std::path::PathBuf>,
    plain_http: bool,
}

impl Reach {
    /// Into registries of this process.
    pub(super) fn here(
        authenticator: Authenticator,
        control: Control,
        listening: &Listening,
        ca: Option<&Path>,
        plain_http: bool,
    ) -> Self {
        let mut at = listening.addr();
        if at.ip().is_unspecified() {
            at.set_ip(if at.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        Self { authenticator, control, at: Some(at), ca: ca.map(Path::to_owned), plain_http }
    }

    /// Into those of another machine: by their names, with a certificate that this machine trusts.
    pub(super) fn elsewhere(authenticator: Authenticator, control: Control) -> Self {
        Self { authenticator, control, at: None, ca: None, plain_http: false }
    }
}

#[async_trait]
impl Hosted for Reach {
    async fn reach(&self, _: &ResourceId, registry: &Registry) -> Result<RegistryAt, Refusal> {
        let pass = Pass::new(Arc::new(self.clone())).await?;
        let login_server = registry.place.login_server();
        let host = login_server.rsplit_once(':').map_or(login_server, |(host, _)| host).to_owned();
        let ca_pem = match &self.ca {
            None => Vec::new(),
            Some(file) => {
                vec![read_bounded("--tls-folder", file, PEM_BYTES_MAX).map_err(|error| Refusal {
                    error: RunError { code: error.code().as_str().to_owned(), message: error.to_string() },
                    transient: true,
                })?]
            }
        };
        Ok(RegistryAt {
            plain_http: self.plain_http,
            credential: RegistryCredential::Provided(Arc::new(pass)),
            resolve: self.at.map(|at| (host, at)).into_iter().collect(),
            ca_pem,
            ..RegistryAt::anonymous(login_server)
        })
    }
}

#[async_trait]
impl Issuer for Reach {
    async fn issue(&self) -> Result<RegistryToken, Refusal> {
        let principal = first::workers(&self.control).await?;
        Ok(self.authenticator.token_for_registries(&principal).await?)
    }
}

/// Secrets of our vaults, by their policies; of Azure's, as who this machine is.
#[derive(Debug)]
struct Vaults {
    control: Control,
    elsewhere: AzureKeyVault,
}

#[async_trait]
impl Secrets for Vaults {
    async fn secret(&self, request: &SecretRequest<'_>) -> Result<SecretString, Refusal> {
        let caller = Caller::itself(&self.control.subscription(), request.correlation);
        let caller =
            Caller { name: request.reader.name().to_owned(), principal: principal(request), ..caller };
        match self.control.secret_at(&caller, request.uri, request.identity, request.reader).await? {
            SecretPlace::Ours(value) => Ok(value),
            SecretPlace::Elsewhere(uri) => {
                self.elsewhere.read(&uri).await.map(|secret| secret.value).map_err(|error| Refusal {
                    error: RunError { code: "SecretUnavailable".to_owned(), message: error.to_string() },
                    transient: error.kind() == ErrorKind::Unavailable,
                })
            }
        }
    }

    async fn password(&self, sealed: &str) -> Result<SecretString, Refusal> {
        Ok(self.control.unseal(PASSWORD_CONTEXT, sealed)?)
    }
}

fn principal(request: &SecretRequest<'_>) -> String {
    let first = request.identity.principals().first().map(Uuid::to_string);
    first.unwrap_or_else(|| "none".to_owned())
}

/// A worker of this process.
pub(super) fn worker(
    control: &Control,
    work: &Work,
    reach: Reach,
    environment: &Environment,
    output: &Output,
) -> Result<Worker, Error> {
    let ends = ends::endpoints(work, environment)?;
    let secrets = Vaults { control: control.clone(), elsewhere: vaults_elsewhere(work, environment)? };
    let name = format!(
        "{}-{}-{}",
        super::super::registry::machine_name(),
        std::process::id(),
        &Uuid::new_v4().to_string()[..8]
    );
    let engine = super::super::engine(Some(&work.resources), output);
    let mut options = WorkerOptions::new(name, TOOL);
    options.lease = work.lease;
    options.heartbeat = work.lease / 4;
    options.interval = work.trigger_interval;
    options.storage_suffix = Some(control.options().storage_suffix.clone());
    options.limits.runs_at_once = usize::from(work.workers);
    options.engine = engine.limits;
    options.pace = engine.pace;
    Ok(Worker::new(control.ledger().clone(), ends, Arc::new(secrets), Arc::new(reach), options))
}

/// Vaults of Azure's, as who this machine is.
///
/// # Errors
/// `Usage` for certificates that cannot be read, and what an identity that cannot be used is.
pub(super) fn vaults_elsewhere(work: &Work, environment: &Environment) -> Result<AzureKeyVault, Error> {
    let identity = environment.azure.worker().map_err(|error| location::told(&error))?;
    let options = KeyVaultOptions {
        ca_pem: ca_pem(&work.trust)?,
        proxy: environment.proxy.https.clone().map(Into::into),
        no_proxy: environment.proxy.no_proxy.clone(),
        ..KeyVaultOptions::default()
    };
    AzureKeyVault::new(Some(identity), options).map_err(|error| plane::sealed(&error))
}

/// Asks issuers of tokens for their keys.
pub(super) fn http_client(trust: &TrustArgs) -> Result<reqwest::Client, Error> {
    let refused = |error: reqwest::Error| Error::new(Code::Usage, "--ca-file", error.to_string());
    let mut builder = reqwest::Client::builder().user_agent(TOOL).redirect(reqwest::redirect::Policy::none());
    for pem in ca_pem(trust)? {
        for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(refused)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(refused)
}
