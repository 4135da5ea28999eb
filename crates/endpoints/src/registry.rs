//! Registries: from a login server and a credential to an open source or target.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::SecretString;
use transload_registry::credentials::{Anonymous, Credential, CredentialProvider, Static};
use transload_registry::{Client, ClientOptions, Source, Target};

use crate::Endpoints;
use crate::error::{Error, ErrorKind};
use crate::exchange::Entra;

/// A registry and who asks it.
#[derive(Debug, Clone)]
pub struct RegistryAt {
    /// `host[:port]`, perhaps with `/prefix` behind it.
    pub login_server: String,
    /// Speak HTTP without TLS.
    pub plain_http: bool,
    /// Who asks.
    pub credential: RegistryCredential,
    /// Addresses to use for hosts, instead of asking for them: a registry that this server hosts is reached without a
    /// name that anybody else knows. The port is the login server's, whatever the address has.
    pub resolve: Vec<(String, SocketAddr)>,
    /// Certificate authorities (PEM) to trust besides those of the options.
    pub ca_pem: Vec<Vec<u8>>,
}

impl RegistryAt {
    /// A registry that is asked as nobody, by HTTPS.
    pub fn anonymous(login_server: impl Into<String>) -> Self {
        Self {
            login_server: login_server.into(),
            plain_http: false,
            credential: RegistryCredential::Anonymous,
            resolve: Vec::new(),
            ca_pem: Vec::new(),
        }
    }
}

/// Who asks a registry.
#[derive(Clone)]
pub enum RegistryCredential {
    /// Nobody.
    Anonymous,
    /// User and password.
    Basic {
        /// The user's name.
        user: String,
        /// The password.
        password: SecretString,
        /// Where it was found, for messages ("secret https://…").
        origin: String,
    },
    /// An access token that the registry takes as it is.
    Token {
        /// The token.
        token: SecretString,
        /// Where it was found, for messages.
        origin: String,
    },
    /// Who this says, asked now and then: for credentials that end before a transfer may.
    Provided(Arc<dyn CredentialProvider>),
    /// The worker itself: its token of Entra ID, exchanged as Azure's registries do (contract § 8).
    WorkloadIdentity,
}

impl RegistryCredential {
    /// Out of a secret: a password where the user is known, else `user:password`.
    ///
    /// # Errors
    /// `CredentialInvalid` for a secret without a user.
    pub fn of_secret(user: Option<&str>, value: &SecretString, uri: &str) -> Result<Self, Error> {
        use secrecy::ExposeSecret;
        let text = value.expose_secret();
        let (user, password) = match user {
            Some(user) => (user, text),
            None => text.split_once(':').filter(|(user, _)| !user.is_empty()).ok_or_else(|| {
                Error::new(
                    ErrorKind::CredentialInvalid,
                    format!("secret {uri}"),
                    "the registry names no user, and there is none in the secret",
                    "name the user with the registry, or write the secret as user:password",
                )
            })?,
        };
        let origin = format!("secret {uri}");
        Ok(Self::Basic { user: user.to_owned(), password: password.into(), origin })
    }
}

impl fmt::Debug for RegistryCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Basic { user, origin, .. } => write!(f, "Basic({user} from {origin})"),
            Self::Token { origin, .. } => write!(f, "Token(from {origin})"),
            Self::Provided(provider) => write!(f, "Provided({})", provider.places()),
            Self::WorkloadIdentity => f.write_str("WorkloadIdentity"),
        }
    }
}

/// A registry, open.
#[derive(Debug, Clone)]
pub struct OpenRegistry {
    client: Arc<Client>,
    /// `host[:port]` in lower case.
    pub host: String,
    /// What stands behind it: repositories are beneath. Empty where nothing does.
    pub prefix: String,
}

impl OpenRegistry {
    /// To read from.
    pub fn source(&self) -> Arc<dyn Source> {
        self.client.clone()
    }

    /// To write to.
    pub fn target(&self) -> Arc<dyn Target> {
        self.client.clone()
    }

    /// The client itself.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Endpoints {
    /// Opens a registry. Nothing is asked of it yet.
    ///
    /// # Errors
    /// `RegistryInvalid`; `CredentialMissing` and `CredentialRefused` for a workload identity that there is none of, or
    /// that must not be shown to this host.
    pub fn open_registry(&self, at: &RegistryAt) -> Result<OpenRegistry, Error> {
        let (host, prefix) = split(&at.login_server)?;
        let mut options = ClientOptions {
            credentials: Arc::new(Anonymous),
            plain_http: at.plain_http,
            ..self.options.registries.clone()
        };
        options.ca_pem.extend(at.ca_pem.iter().cloned());
        options.resolve.extend(at.resolve.iter().cloned());
        options.credentials = self.provider(at, &host)?;
        let client = Client::new(&host, options).map_err(|error| Error::of_registry(&error))?;
        Ok(OpenRegistry { client: Arc::new(client), host, prefix })
    }

    fn provider(&self, at: &RegistryAt, host: &str) -> Result<Arc<dyn CredentialProvider>, Error> {
        Ok(match &at.credential {
            RegistryCredential::Anonymous => Arc::new(Anonymous),
            RegistryCredential::Basic { user, password, origin } => {
                let credential = Credential::Basic { user: user.clone(), secret: password.clone() };
                Arc::new(Static::new(credential, origin))
            }
            RegistryCredential::Token { token, origin } => {
                Arc::new(Static::new(Credential::Bearer(token.clone()), origin))
            }
            RegistryCredential::Provided(provider) => Arc::clone(provider),
            RegistryCredential::WorkloadIdentity => {
                self.check_is_azures(at, host)?;
                let tokens = self.entra(None, host)?;
                Arc::new(Entra(tokens))
            }
        })
    }

    fn check_is_azures(&self, at: &RegistryAt, host: &str) -> Result<(), Error> {
        let refuse =
            |detail: &str, next: String| Err(Error::new(ErrorKind::CredentialRefused, host, detail, next));
        let name = host.split(':').next().unwrap_or_default();
        let suffixes = &self.options.acr_suffixes;
        let beneath = |suffix: &String| {
            let suffix = suffix.trim_start_matches('.').to_ascii_lowercase();
            name.strip_suffix(&suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        if at.plain_http {
            return refuse("a token of Entra ID is sent by HTTPS only", "turn plain HTTP off".to_owned());
        }
        if !suffixes.iter().any(beneath) {
            let next = format!(
                "use a password out of a vault; registries of Azure's end with {}, and the operator may allow more",
                suffixes.join(", ")
            );
            return refuse("a token of Entra ID is shown to registries of Azure's only", next);
        }
        Ok(())
    }
}

/// Host in lower case and prefix.
fn split(login_server: &str) -> Result<(String, String), Error> {
    let text = login_server.trim().trim_end_matches('/');
    if text.contains("://") || text.contains(['@', '?', '#']) {
        return Err(Error::new(
            ErrorKind::RegistryInvalid,
            "the login server",
            "there is a scheme, a user or a query in it",
            "write it as host, host:port or host/prefix",
        ));
    }
    let (host, prefix) = text.split_once('/').unwrap_or((text, ""));
    Ok((host.to_ascii_lowercase(), prefix.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn open(login_server: &str, credential: RegistryCredential) -> Result<OpenRegistry, Error> {
        let at = RegistryAt { credential, ..RegistryAt::anonymous(login_server) };
        Endpoints::new(Options::default()).open_registry(&at)
    }

    #[test]
    fn a_login_server_is_a_host_and_perhaps_a_prefix() {
        let at = open("Registry.Example:5000/team/web/", RegistryCredential::Anonymous).unwrap();
        assert_eq!((at.host.as_str(), at.prefix.as_str()), ("registry.example:5000", "team/web"));
        for bad in ["", "https://r.example", "u:PLANTED@r.example", "r example"] {
            let error = open(bad, RegistryCredential::Anonymous).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RegistryInvalid, "{bad}");
            assert!(!format!("{error:?}").contains("PLANTED"));
        }
    }

    #[test]
    fn secrets_have_a_user_or_get_one() {
        let of =
            |user, text: &str| RegistryCredential::of_secret(user, &text.into(), "https://v.x/secrets/a");
        let shown = |credential: RegistryCredential| {
            let RegistryCredential::Basic { user, password, .. } = credential else { panic!() };
            use secrecy::ExposeSecret;
            format!("{user} {}", password.expose_secret())
        };
        assert_eq!(shown(of(Some("me"), "pass:word").unwrap()), "me pass:word");
        assert_eq!(shown(of(None, "me:pass:word").unwrap()), "me pass:word");
        let error = of(None, "PLANTED").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialInvalid);
        assert!(!format!("{error:?} {:?}", of(Some("me"), "PLANTED")).contains("PLANTED"));
    }

    #[test]
    fn a_token_of_entra_is_shown_to_nobody_else() {
        for host in ["evil.example", "azurecr.io", ".azurecr.io", "azurecr.io.evil.example", "xazurecr.io"] {
            let error = open(host, RegistryCredential::WorkloadIdentity).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CredentialRefused, "{host}");
        }
        let error = open("mine.azurecr.io", RegistryCredential::WorkloadIdentity).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialMissing, "{error:?}");
        let at = RegistryAt {
            plain_http: true,
            credential: RegistryCredential::WorkloadIdentity,
            ..RegistryAt::anonymous("mine.azurecr.io")
        };
        let error = Endpoints::new(Options::default()).open_registry(&at).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CredentialRefused, "{error:?}");
    }
}
