//! Who signs: credentials that are given, and those that a machine or a workload has.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::{BackoffConfig, RetryConfig};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::open::{StoreOptions, Timeouts};
use crate::outward::Connector;
use crate::wire::Wire;

/// Who asks.
#[derive(Clone, Default)]
pub enum S3Identity {
    /// Nobody: requests without a signature, for public buckets.
    #[default]
    Anonymous,
    /// A key, and the token of a session if it is a temporary one.
    Key {
        /// Access key id.
        id: String,
        /// Secret access key.
        secret: SecretString,
        /// Session token.
        session: Option<SecretString>,
    },
    /// A role that a workload takes on with a token from a file (EKS with IAM roles for service accounts).
    WebIdentity {
        /// ARN of the role.
        role: String,
        /// File with the token; read anew whenever a credential is asked for.
        token_file: PathBuf,
        /// Name of the session.
        session_name: Option<String>,
    },
    /// The task's role (ECS): path on the agent's address.
    Task {
        /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
        relative_uri: String,
    },
    /// The pod's role (EKS Pod Identity).
    Pod {
        /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
        uri: String,
        /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`.
        token_file: PathBuf,
    },
    /// The machine's role (EC2), from the instance's metadata service.
    Instance {
        /// Another address of that service than the usual one.
        endpoint: Option<String>,
    },
}

impl fmt::Debug for S3Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Key { id, .. } => f.debug_struct("Key").field("id", id).finish_non_exhaustive(),
            Self::WebIdentity { role, .. } => write!(f, "WebIdentity({role})"),
            Self::Task { .. } => f.write_str("Task"),
            Self::Pod { .. } => f.write_str("Pod"),
            Self::Instance { .. } => f.write_str("Instance"),
        }
    }
}

impl S3Identity {
    /// What gives credentials and renews them; `None` for nobody.
    pub(super) fn provider(
        &self,
        region: &str,
        options: &StoreOptions,
        wire: &Arc<Wire>,
    ) -> Result<Option<AwsCredentialProvider>, Error> {
        use AmazonS3ConfigKey as Key;
        // the bucket is not asked for anything through this client
        let builder =
            AmazonS3Builder::new().with_bucket_name("none").with_region(region).with_retry(retries());
        let connector = match self {
            Self::Instance { .. } => Connector(Arc::new(Wire::new(&nearby(options))?)),
            _ => Connector(Arc::clone(wire)),
        };
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        let builder = match self {
            Self::Anonymous => return Ok(None),
            Self::Key { id, secret, session } => {
                let builder = builder.with_access_key_id(id).with_secret_access_key(secret.expose_secret());
                match session {
                    Some(session) => builder.with_token(session.expose_secret()),
                    None => builder,
                }
            }
            Self::WebIdentity { role, token_file, session_name } => builder
                .with_config(Key::RoleArn, role)
                .with_config(Key::WebIdentityTokenFile, path(token_file))
                .with_config(Key::RoleSessionName, session_name.as_deref().unwrap_or("transload")),
            Self::Task { relative_uri } => {
                builder.with_config(Key::ContainerCredentialsRelativeUri, relative_uri)
            }
            Self::Pod { uri, token_file } => builder
                .with_config(Key::ContainerCredentialsFullUri, uri)
                .with_config(Key::ContainerAuthorizationTokenFile, path(token_file)),
            Self::Instance { endpoint } => match endpoint {
                Some(endpoint) => builder.with_metadata_endpoint(endpoint),
                None => builder,
            },
        };
        let client = builder.with_http_connector(connector).build().map_err(|e| self.failed("S3", &e))?;
        Ok(Some(Arc::clone(client.credentials())))
    }

    /// No credential came.
    pub(super) fn failed(&self, subject: &str, error: &object_store::Error) -> Error {
        let because = crate::outward::words_of(error);
        match self {
            Self::Instance { .. } => {
                let detail = "no credential was given, and this machine has none of its own";
                Error::new(ErrorKind::CredentialMissing, subject, format!("{detail} ({because})")).with_hint(
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or give --anonymous for a public bucket",
                )
            }
            _ => Error::new(
                ErrorKind::Unauthenticated,
                subject,
                format!("no credential could be had: {because}"),
            )
            .with_hint("check the role, the token's file and the keys that the environment names"),
        }
    }
}

fn retries() -> RetryConfig {
    RetryConfig { backoff: BackoffConfig::default(), max_retries: 2, retry_timeout: Duration::from_secs(20) }
}

/// The metadata service is on this machine's link: it answers at once or is not there.
fn nearby(options: &StoreOptions) -> StoreOptions {
    let timeouts = Timeouts { connect: Duration::from_secs(1), idle: Duration::from_secs(5) };
    StoreOptions { timeouts, ..options.clone() }
}
