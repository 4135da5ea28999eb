//! How the HTTP face is set up.

use std::sync::Arc;

use secrecy::SecretString;
use transload_vault::{AzureKeyVault, Sealer};

use crate::limits::Limits;
use crate::token::OuterIssuer;

/// How the HTTP face is set up. Tenant, subscription and suffixes it has from
/// [`ControlOptions`](transload_control::ControlOptions).
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Seals the signing keys of tokens; the one of the embedded vault.
    pub sealer: Arc<Sealer>,
    /// Where clients reach it: `https://host[:port]`. Tokens have it as issuer and audience. Addresses in answers begin with
    /// whatever host the client used, and with this where that cannot be one.
    pub base_uri: String,
    /// What `az cloud list` shows.
    pub cloud_name: String,
    /// What the subscription is called.
    pub subscription_name: String,
    /// Where things are said to be whose location nobody said.
    pub location: String,
    /// A proxy on this machine that leads to all names of this server (`http://127.0.0.1:3128`), if there is one.
    pub connect_proxy: Option<String>,
    /// Reads secrets of vaults elsewhere: keys of storage accounts. Without it they are refused.
    pub outer_vaults: Option<AzureKeyVault>,
    /// The key that senders of events give as `?key=…`, as `aeg-sas-key` or as a bearer; without one they need a token.
    pub event_key: Option<SecretString>,
    /// Issuers besides this server.
    pub outer_issuers: Vec<OuterIssuer>,
    /// Asks outer issuers for their keys.
    pub client: reqwest::Client,
    /// The description of the API, in JSON.
    pub description: &'static str,
    /// Bounds.
    pub limits: Limits,
    /// Bounds of templates.
    pub templates: transload_templates::Limits,
}

impl ServerOptions {
    /// Everything else as it is where nobody says anything.
    pub fn new(sealer: Arc<Sealer>, base_uri: impl Into<String>) -> Self {
        Self {
            sealer,
            base_uri: base_uri.into(),
            cloud_name: "Transload".to_owned(),
            subscription_name: "Transload".to_owned(),
            location: "local".to_owned(),
            connect_proxy: None,
            outer_vaults: None,
            event_key: None,
            outer_issuers: Vec::new(),
            client: reqwest::Client::new(),
            description: "{}",
            limits: Limits::default(),
            templates: transload_templates::Limits::default(),
        }
    }
}
