//! What a client is made with.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::credentials::{Anonymous, CredentialProvider};
use crate::limits::Limits;

/// Options of a [`Client`](crate::Client). Nothing here is read from the environment.
#[derive(Clone)]
pub struct ClientOptions {
    /// Where credentials come from.
    pub credentials: Arc<dyn CredentialProvider>,
    /// Speak HTTP without TLS. Loopback hosts need no asking.
    pub plain_http: bool,
    /// Certificate authorities (PEM, one or more in each) to trust beside those of the system.
    pub ca_pem: Vec<Vec<u8>>,
    /// Our certificate chain and private key, both PEM, one behind the other, for registries that ask for them.
    pub client_identity_pem: Option<Vec<u8>>,
    /// Proxies.
    pub proxy: ProxySettings,
    /// Addresses to use for host names, instead of asking for them and without a proxy. The port is the URL's, unless
    /// that has none and the address has another than 0.
    pub resolve: Vec<(String, SocketAddr)>,
    /// What is sent as `User-Agent`.
    pub user_agent: String,
    /// Bounds.
    pub limits: Limits,
    /// Told when a host asks to come back later, and is going to be given that time.
    pub on_wait: Option<OnWait>,
}

/// Takes note of a wait. Called from within requests: it must be quick.
pub type OnWait = Arc<dyn Fn(&Wait) + Send + Sync>;

/// A host asks to come back later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Host, without a port.
    pub host: String,
    /// How long it is left alone.
    pub pause: Duration,
    /// Its own words and the status.
    pub reason: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            credentials: Arc::new(Anonymous),
            plain_http: false,
            ca_pem: Vec::new(),
            client_identity_pem: None,
            proxy: ProxySettings::default(),
            resolve: Vec::new(),
            user_agent: concat!("transload/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
            on_wait: None,
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("plain_http", &self.plain_http)
            .field("ca_pem", &self.ca_pem.len())
            .field("client_identity_pem", &self.client_identity_pem.is_some())
            .field("proxy", &self.proxy)
            .field("resolve", &self.resolve)
            .field("user_agent", &self.user_agent)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Proxies, as the variables of that name say it. Loopback addresses are never asked for through a proxy.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// Proxy for `http://` (`HTTP_PROXY`). May carry a user and a password.
    pub http: Option<String>,
    /// Proxy for `https://` (`HTTPS_PROXY`), reached by CONNECT. May carry a user and a password.
    pub https: Option<String>,
    /// Hosts, domains and networks, comma-separated, that are asked directly (`NO_PROXY`).
    pub no_proxy: Option<String>,
}

/// Says which are set and keeps their passwords to itself.
impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}
