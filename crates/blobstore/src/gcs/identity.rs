//! Whose tokens are sent.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder};
use object_store::{BackoffConfig, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::error::{Error, ErrorKind};
use crate::open::{StoreOptions, Timeouts};
use crate::outward::Connector;
use crate::wire::Wire;

/// A file of credentials is some kilobytes long.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Who asks.
#[derive(Clone, Default)]
pub enum GcsIdentity {
    /// Nobody: requests without a token, for public buckets and emulators.
    #[default]
    Anonymous,
    /// Whoever this file is of: a service account's key, or what `gcloud auth application-default login` writes.
    File(PathBuf),
    /// The service account whose key this JSON is: a secret. Made by [`Self::of_key`].
    Key(SecretString),
    /// The machine's or the workload's service account (Compute Engine, GKE, Cloud Run), from the metadata service.
    Instance,
}

impl fmt::Debug for GcsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Key(_) => f.write_str("Key"),
            Self::Instance => f.write_str("Instance"),
        }
    }
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    name: String,
}

impl GcsIdentity {
    /// A service account's key, in the JSON that Google gives.
    ///
    /// # Errors
    /// `Unauthenticated` for what is none, never with the text in it.
    pub fn of_key(json: SecretString) -> Result<Self, Error> {
        let failed = |detail: String| Error::new(ErrorKind::Unauthenticated, "the credential", detail);
        match kind_of(json.expose_secret().as_bytes()).map_err(failed)?.as_str() {
            "service_account" => Ok(Self::Key(json)),
            other => Err(failed(format!("credentials of type '{other}' cannot be used here"))),
        }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// What gives tokens and renews them; `None` for nobody.
    pub(super) fn provider(
        &self,
        subject: &str,
        options: &StoreOptions,
        wire: &Arc<Wire>,
    ) -> Result<Option<GcpCredentialProvider>, Error> {
        let retries = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 2,
            retry_timeout: Duration::from_secs(20),
        };
        // the bucket is not asked for anything through this client
        let builder = GoogleCloudStorageBuilder::new().with_bucket_name("none").with_retry(retries);
        let (builder, wire) = match self {
            Self::Anonymous => return Ok(None),
            Self::File(path) => {
                check_file(path)?;
                (builder.with_application_credentials(path.to_string_lossy()), Arc::clone(wire))
            }
            Self::Key(json) => (builder.with_service_account_key(json.expose_secret()), Arc::clone(wire)),
            Self::Instance => {
                // on this machine's link: it answers at once or is not there
                let timeouts = Timeouts { connect: Duration::from_secs(1), idle: Duration::from_secs(5) };
                (builder, Arc::new(Wire::new(&StoreOptions { timeouts, ..options.clone() })?))
            }
        };
        // its words may quote the file, which is a secret
        let client = builder.with_http_connector(Connector(wire)).build().map_err(|_| {
            Error::new(ErrorKind::Unauthenticated, subject, "the credential cannot be used")
                .with_hint("make a new key of the service account, or log in again")
        })?;
        Ok(Some(Arc::clone(client.credentials())))
    }

    /// No token came.
    pub(super) fn failed(&self, subject: &str, error: &object_store::Error) -> Error {
        let because = crate::outward::words_of(error);
        match self {
            Self::Instance => {
                let detail =
                    format!("no credential was given, and this machine has none of its own ({because})");
                Error::new(ErrorKind::CredentialMissing, subject, detail).with_hint(
                    "set GOOGLE_APPLICATION_CREDENTIALS to a service account's key, run 'gcloud auth application-default login', or give --anonymous for a public bucket",
                )
            }
            _ => Error::new(ErrorKind::Unauthenticated, subject, format!("no token could be had: {because}"))
                .with_hint("the key or the login may have been withdrawn, or this machine's clock be wrong"),
        }
    }
}

/// Says what is wrong with a file in words of our own.
fn check_file(path: &Path) -> Result<(), Error> {
    let failed = |detail: String| {
        Error::new(ErrorKind::Unauthenticated, path.display().to_string(), detail)
            .with_hint("it should be a service account's key in JSON, or what 'gcloud auth application-default login' writes")
    };
    let len = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if len > FILE_BYTES_MAX {
        return Err(failed(format!("{len} bytes are too many for a credential")));
    }
    let text = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
    match kind_of(&text).map_err(failed)?.as_str() {
        "service_account" | "authorized_user" => Ok(()),
        other => Err(failed(format!("credentials of type '{other}' are not supported"))),
    }
}

/// What kind of credential it is; what the parser says would quote it.
fn kind_of(text: &[u8]) -> Result<String, String> {
    let kind: Result<Kind, _> = serde_json::from_slice(text);
    kind.map(|kind| kind.name).map_err(|_| "it is no credential of Google's".to_owned())
}
