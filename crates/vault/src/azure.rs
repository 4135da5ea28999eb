//! Secrets out of Azure Key Vault, as whoever a machine or a workload is.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::error::{ErrorKind as CoreKind, ErrorResponse};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_security_keyvault_secrets::models::{Secret as Answer, SecretClientGetSecretOptions};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::secret::{Attributes, Secret, SecretInfo};
use crate::uri::SecretUri;

/// Most vaults whose client is kept.
const CLIENTS_MAX: usize = 64;
/// Longest answer in words that is repeated.
const WORDS_CHARS_MAX: usize = 300;

/// How vaults of Azure are reached.
#[derive(Clone)]
pub struct KeyVaultOptions {
    /// What the hosts of vaults end with. Others are not asked: a pipeline must not make this machine ask any host of
    /// its network.
    pub suffixes: Vec<String>,
    /// Certificates of authorities to trust besides the system's, PEM, any number in each.
    pub ca_pem: Vec<Vec<u8>>,
    /// URL of the proxy for HTTPS, perhaps with user and password.
    pub proxy: Option<SecretString>,
    /// Hosts that are reached without it, in the form of the `NO_PROXY` variable.
    pub no_proxy: Option<String>,
    /// Addresses to use for hosts, instead of asking for them.
    pub resolve: Vec<(String, SocketAddr)>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for a whole answer.
    pub answer_timeout: Duration,
    /// How often a request is made again.
    pub retries_max: u32,
}

impl Default for KeyVaultOptions {
    fn default() -> Self {
        let suffixes = ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"];
        Self {
            suffixes: suffixes.map(str::to_owned).to_vec(),
            ca_pem: Vec::new(),
            proxy: None,
            no_proxy: None,
            resolve: Vec::new(),
            connect_timeout: Duration::from_secs(20),
            answer_timeout: Duration::from_secs(60),
            retries_max: 3,
        }
    }
}

impl fmt::Debug for KeyVaultOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyVaultOptions")
            .field("suffixes", &self.suffixes)
            .field("ca_pem", &self.ca_pem.len())
            .field("proxy", &self.proxy.is_some())
            .finish_non_exhaustive()
    }
}

/// Reads secrets of Azure Key Vault. Clones share connections and tokens.
#[derive(Clone)]
pub struct AzureKeyVault {
    inner: Arc<Inner>,
}

struct Inner {
    /// `None` when this machine has no identity to show.
    credential: Option<Arc<dyn TokenCredential>>,
    options: KeyVaultOptions,
    http: reqwest::Client,
    clients: Mutex<HashMap<String, Arc<SecretClient>>>,
}

impl fmt::Debug for AzureKeyVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureKeyVault").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl AzureKeyVault {
    /// Asks as this credential; without one every read is refused with what to do about it.
    ///
    /// # Errors
    /// `Invalid` for certificates or a proxy that cannot be used.
    pub fn new(
        credential: Option<Arc<dyn TokenCredential>>,
        options: KeyVaultOptions,
    ) -> Result<Self, Error> {
        let http = client(&options)?;
        Ok(Self { inner: Arc::new(Inner { credential, options, http, clients: Mutex::default() }) })
    }

    /// The secret at this URI: its latest version, unless it names another.
    ///
    /// # Errors
    /// `Denied` for a host that is no vault of Azure's or a policy that does not let us; `Unauthenticated`, `NotFound`,
    /// `Disabled`, `Unavailable`.
    pub async fn read(&self, uri: &SecretUri) -> Result<Secret, Error> {
        let client = self.client(uri)?;
        let options = SecretClientGetSecretOptions {
            secret_version: uri.version().map(str::to_owned),
            ..Default::default()
        };
        let answer =
            client.get_secret(uri.name(), Some(options)).await.map_err(|error| failed(uri, error))?;
        // its words would quote the answer, which is the secret
        let answer = answer.into_model().map_err(|_| no_secret(uri))?;
        secret_of(uri, answer).ok_or_else(|| no_secret(uri))
    }

    fn client(&self, uri: &SecretUri) -> Result<Arc<SecretClient>, Error> {
        if !self.inner.options.suffixes.iter().any(|suffix| uri.vault_under(suffix).is_some()) {
            let detail = "it is neither a vault of this server nor one of Azure's";
            return Err(Error::new(ErrorKind::Denied, uri.to_string(), detail).with_hint(format!(
                "check the URI; vaults elsewhere end with {}, and the operator may allow more suffixes",
                self.inner.options.suffixes.join(", ")
            )));
        }
        let mut clients = self.inner.clients.lock();
        if let Some(client) = clients.get(&uri.authority()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.new_client(uri)?);
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(uri.authority(), Arc::clone(&client));
        Ok(client)
    }

    fn new_client(&self, uri: &SecretUri) -> Result<SecretClient, Error> {
        let credential = self.inner.credential.clone().ok_or_else(|| {
            let detail = "it is a vault of Azure's, and this worker has no identity in Entra ID to read it with";
            Error::new(ErrorKind::Unauthenticated, uri.to_string(), detail).with_hint(
                "give the worker a workload identity or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or keep the secret in a vault of this server",
            )
        })?;
        let retry = match self.inner.options.retries_max {
            0 => RetryOptions::none(),
            max_retries => RetryOptions::exponential(azure_core::http::ExponentialRetryOptions {
                max_retries,
                ..Default::default()
            }),
        };
        let client_options = ClientOptions {
            retry,
            transport: Some(Transport::new(Arc::new(self.inner.http.clone()))),
            ..ClientOptions::default()
        };
        let options = SecretClientOptions { client_options, ..SecretClientOptions::default() };
        SecretClient::new(&uri.vault_url(), credential, Some(options))
            .map_err(|_| Error::new(ErrorKind::Invalid, uri.to_string(), "the vault's URL cannot be used"))
    }
}

fn client(options: &KeyVaultOptions) -> Result<reqwest::Client, Error> {
    let unusable = |detail: &str| Error::new(ErrorKind::Invalid, "the way to Azure Key Vault", detail);
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(options.connect_timeout)
        .timeout(options.answer_timeout);
    for pem in &options.ca_pem {
        let found = reqwest::Certificate::from_pem_bundle(pem).unwrap_or_default();
        if found.is_empty() {
            return Err(unusable("there is no certificate in a file of certificate authorities"));
        }
        builder = builder.tls_certs_merge(found);
    }
    if let Some(url) = &options.proxy {
        // the cause would show the URL, which may have a password
        let proxy = reqwest::Proxy::https(url.expose_secret())
            .map_err(|_| unusable("the proxy's URL cannot be read"))?;
        let direct = options.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
        builder = builder.proxy(proxy.no_proxy(direct));
    }
    for (host, address) in &options.resolve {
        builder = builder.resolve(host, *address);
    }
    builder.build().map_err(|_| unusable("the HTTP client cannot be set up"))
}

fn secret_of(uri: &SecretUri, answer: Answer) -> Option<Secret> {
    let id = answer.id.as_deref().and_then(|id| SecretUri::parse(id).ok());
    let attributes = answer.attributes.unwrap_or_default();
    let seconds = |at: Option<azure_core::time::OffsetDateTime>| at.map(|at| at.unix_timestamp());
    let created = seconds(attributes.created).unwrap_or_default();
    let info = SecretInfo {
        vault: uri.authority(),
        name: uri.name().to_owned(),
        version: id.as_ref().and_then(SecretUri::version).or(uri.version()).unwrap_or_default().to_owned(),
        attributes: Attributes {
            enabled: attributes.enabled.unwrap_or(true),
            not_before: seconds(attributes.not_before),
            expires: seconds(attributes.expires),
            created,
            updated: seconds(attributes.updated).unwrap_or(created),
        },
        content_type: answer.content_type,
        tags: answer.tags.unwrap_or_default().into_iter().collect(),
    };
    Some(Secret { value: SecretString::from(answer.value?), info })
}

fn no_secret(uri: &SecretUri) -> Error {
    Error::new(ErrorKind::Unavailable, uri.to_string(), "the vault answered what is no secret")
}

/// What went wrong, in the vault's words where it has some.
fn failed(uri: &SecretUri, error: azure_core::Error) -> Error {
    let about = |kind, detail: String| Error::new(kind, uri.to_string(), detail);
    let Some(status) = error.http_status().map(u16::from) else {
        return unanswered(uri, &error);
    };
    let answer = ErrorResponse::try_from(error).ok().and_then(|answer| answer.error);
    let words: String = answer
        .as_ref()
        .and_then(|error| error.message.as_deref())
        .unwrap_or("without a word")
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(WORDS_CHARS_MAX)
        .collect();
    match status {
        401 => about(ErrorKind::Unauthenticated, format!("the vault does not accept our token: {words}"))
            .with_hint("check that the worker's identity is of the vault's tenant"),
        403 if words.to_ascii_lowercase().contains("disabled") => {
            about(ErrorKind::Disabled, format!("the secret is disabled: {words}"))
                .with_hint("enable it, or set a new version")
        }
        403 => about(ErrorKind::Denied, format!("the vault does not let the worker's identity read it: {words}"))
            .with_hint("give it 'get' on secrets: az keyvault set-policy --name <vault> --object-id <id> --secret-permissions get, or the role Key Vault Secrets User; and check the vault's firewall"),
        404 => about(ErrorKind::NotFound, format!("there is no such secret: {words}"))
            .with_hint("check the name in the URI, or set it: az keyvault secret set"),
        _ => about(ErrorKind::Unavailable, format!("the vault answers with status {status}: {words}")),
    }
}

/// No answer: no token, no connection, or a challenge that is not believed.
fn unanswered(uri: &SecretUri, error: &azure_core::Error) -> Error {
    let mut cause: &dyn StdError = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let cause: String = cause.to_string().chars().take(WORDS_CHARS_MAX).collect();
    let (kind, detail, hint) = match error.kind() {
        CoreKind::Credential => (
            ErrorKind::Unauthenticated,
            format!("no token could be had from Entra ID: {cause}"),
            "check the worker's identity: AZURE_TENANT_ID, AZURE_CLIENT_ID and what proves it",
        ),
        CoreKind::Connection | CoreKind::Io => (
            ErrorKind::Unavailable,
            format!("the vault cannot be reached: {cause}"),
            "check the vault's name, and whether a firewall or a proxy is in between",
        ),
        _ => (
            ErrorKind::Unauthenticated,
            format!("the vault asks for what it should not: {cause}"),
            "check that the URI is of a vault of Azure's",
        ),
    };
    Error::new(kind, uri.to_string(), detail).with_hint(hint)
}
