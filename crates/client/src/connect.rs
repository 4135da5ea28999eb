//! The client and what it is made of.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::{Certificate, NoProxy, Proxy};
use secrecy::SecretString;
use transload_api::ResourceId;
use transload_api::cloud::CloudMetadata;
use url::Url;

use crate::error::{Error, Kind};
use crate::limits::Limits;
use crate::token::Kept;

const NEVER_BY_PROXY: &str = "localhost,127.0.0.0/8,::1";

/// How a server is reached, and who we are there.
#[derive(Clone)]
pub struct Options {
    /// Scheme, host and port.
    pub server: Url,
    /// Certificate authorities (PEM) that are trusted besides the system's.
    pub ca_pem: Vec<Vec<u8>>,
    /// Proxies for hosts that are not this machine.
    pub proxies: Proxies,
    /// The tenant's id; without it the server is asked.
    pub tenant: Option<String>,
    /// Who we are.
    pub credential: Credential,
    /// How this program names itself.
    pub user_agent: String,
    /// Every bound.
    pub limits: Limits,
}

/// Who we are.
#[derive(Clone)]
pub enum Credential {
    /// A service principal of the server.
    Secret {
        /// Its client id.
        client_id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// A token that an issuer gave which the server trusts.
    Token(SecretString),
}

/// Proxies, as the variables of that name say it.
#[derive(Clone, Default)]
pub struct Proxies {
    /// For `http://`.
    pub http: Option<String>,
    /// For `https://`.
    pub https: Option<String>,
    /// For which hosts none.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { client_id, .. } => write!(f, "Secret({client_id}, …)"),
            Self::Token(_) => f.write_str("Token(…)"),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("server", &self.server.as_str())
            .field("tenant", &self.tenant)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// A client of one server, as one principal. Cheap to clone; clones share connections and token.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) options: Options,
    pub(crate) token: tokio::sync::Mutex<Option<Kept>>,
    pub(crate) secrets_token: tokio::sync::Mutex<Option<Kept>>,
    pub(crate) metadata: Mutex<Option<CloudMetadata>>,
    pub(crate) subscription: Mutex<Option<ResourceId>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.options).finish()
    }
}

impl Client {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    /// `Invalid` for a URL that names no server, `Tls` for certificates that cannot be read.
    pub fn new(options: Options) -> Result<Self, Error> {
        let server = &options.server;
        let known_scheme = ["http", "https"].contains(&server.scheme());
        if !known_scheme || !server.has_host() || !server.username().is_empty() || server.password().is_some()
        {
            let text = "it is no URL of a server; write it as https://host:port";
            return Err(Error::new(Kind::Invalid, shown(server), text));
        }
        let http = http(&options)?;
        Ok(Self(Arc::new(Inner {
            http,
            options,
            token: tokio::sync::Mutex::default(),
            secrets_token: tokio::sync::Mutex::default(),
            metadata: Mutex::default(),
            subscription: Mutex::default(),
        })))
    }

    /// The server's address, for people.
    pub fn server(&self) -> String {
        shown(&self.0.options.server)
    }
}

/// Scheme, host and port; whatever else is in it is not told.
fn shown(url: &Url) -> String {
    match url.host_str() {
        Some(host) => {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{host}{port}", url.scheme())
        }
        None => format!("{}:…", url.scheme()),
    }
}

fn http(options: &Options) -> Result<reqwest::Client, Error> {
    let subject = shown(&options.server);
    let unusable = |what: &str| Error::new(Kind::Tls, &subject, what);
    let mut authorities = Vec::new();
    for pem in &options.ca_pem {
        let found = Certificate::from_pem_bundle(pem).unwrap_or_default();
        if found.is_empty() {
            return Err(unusable("no certificate (PEM) in the file of certificate authorities"));
        }
        authorities.extend(found);
    }
    let built = builder(options)?.tls_certs_merge(authorities).build();
    match built {
        Ok(client) => Ok(client),
        // a machine without any authority can still speak plain HTTP, and is told on the first HTTPS request
        Err(_) if options.ca_pem.is_empty() => builder(options)?
            .tls_certs_only([])
            .build()
            .map_err(|_| unusable("the TLS settings cannot be used")),
        Err(_) => Err(unusable("the certificate authorities that were given cannot be used")),
    }
}

/// No redirect is followed: a token would go along.
fn builder(options: &Options) -> Result<reqwest::ClientBuilder, Error> {
    let Options { limits, proxies, user_agent, .. } = options;
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(limits.connect_timeout)
        .timeout(limits.request_timeout)
        .user_agent(user_agent);
    let direct = match proxies.no_proxy.as_deref() {
        Some(list) => format!("{NEVER_BY_PROXY},{list}"),
        None => NEVER_BY_PROXY.to_owned(),
    };
    for (is_http, url) in [(true, &proxies.http), (false, &proxies.https)] {
        let Some(url) = url.as_deref().filter(|url| !url.is_empty()) else { continue };
        let proxy = if is_http { Proxy::http(url) } else { Proxy::https(url) };
        let proxy = proxy.map_err(|_| {
            Error::new(Kind::Invalid, shown(&options.server), "the proxy's address is no URL")
        })?;
        builder = builder.proxy(proxy.no_proxy(NoProxy::from_string(&direct)));
    }
    Ok(builder)
}
