//! Where bundles are: from a container's URI to an open store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use transload_blobstore::{BlobStore, Credential, Location, Provider, StoreOptions};

use crate::beneath::Beneath;
use crate::error::{Error, ErrorKind};
use crate::{Endpoints, folders, keys, sas};

const FORMS: &str = "write it as https://<account>.blob.core.windows.net/<container>, s3://<bucket>, gs://<bucket> or \
                     file:///<folder>, with /<prefix> behind it if need be";

const ENDPOINT_FORMS: &str = "write the account's endpoint as https://<account>.blob.core.windows.net or \
                              http://127.0.0.1:10000/<account>";

/// A container, and what it is opened for.
#[derive(Debug, Clone)]
pub struct ContainerAt {
    /// Its URI: `https://…` of an Azure container in either style, `s3://bucket`, `gs://bucket`, `file:///folder`, each
    /// perhaps with a prefix behind it. No token is in it.
    pub uri: String,
    /// Where the account of an Azure container is asked, when its host is a name that only we know: `https://host[:port]`, or
    /// with the account behind it. Messages have the URI.
    pub endpoint: Option<String>,
    /// Who asks.
    pub access: Access,
    /// What for.
    pub job: Job,
}

impl ContainerAt {
    /// What needs HTTPS fails at an endpoint without, though the URI may say https.
    fn told(&self, error: Error) -> Error {
        let needs_https = matches!(error.kind(), ErrorKind::SasHttpsOnly | ErrorKind::CredentialRefused);
        match &self.endpoint {
            Some(endpoint) if needs_https && !endpoint.to_ascii_lowercase().starts_with("https:") => {
                let next = format!(
                    "the account's endpoint is registered as {endpoint}, which is not HTTPS: register it with its https endpoint; or {}",
                    error.next_step()
                );
                Error::new(error.kind(), error.subject(), error.detail(), next)
            }
            _ => error,
        }
    }
}

/// Who asks a store.
#[derive(Debug, Clone)]
pub enum Access {
    /// Nobody, where a store lets everybody in. Folders are opened alike whatever is said here.
    Nobody,
    /// Whoever this secret is of: a SAS token for Azure, a key for a bucket (see [`StoreSecret`]).
    Secret(StoreSecret),
    /// The worker itself.
    ManagedIdentity {
        /// Client id of one of the machine's identities in Entra ID; without one the worker's own.
        client_id: Option<String>,
    },
}

/// A secret that opens a store, and where it was read.
///
/// - Azure: a SAS token, with or without a leading `?`.
/// - S3: JSON `{"accessKeyId":…,"secretAccessKey":…}` with `sessionToken`, `region` and `endpoint` if need be, or
///   `id:key`.
/// - Google Cloud Storage: the JSON of a service account's key.
#[derive(Clone)]
pub struct StoreSecret {
    /// The value.
    pub value: SecretString,
    /// The secret's URI, for messages.
    pub uri: String,
}

impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreSecret({})", self.uri)
    }
}

/// What is done with a container. It decides what a SAS token has to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// A bundle is written: `w`.
    Export,
    /// A named bundle is read: `r`; and deleted afterwards: `d`.
    Import {
        /// Whether it is deleted.
        delete: bool,
    },
    /// Bundles that arrive are looked for: `l` and `r`.
    Watch {
        /// Whether the imports that follow delete the blob: a token that has to be made anew should have `d` as well.
        delete: bool,
    },
}

/// A container, open.
#[derive(Debug, Clone)]
pub struct OpenContainer {
    /// The store. Names are beneath the prefix, where the URI has one.
    pub store: Arc<dyn BlobStore>,
    /// The container with its prefix, for people and as a name of its own: the host in lower case, no slash at the end.
    pub place: String,
    /// The folder on this machine, where it is one.
    pub folder: Option<PathBuf>,
    /// What a person should know though the job can be tried.
    pub warnings: Vec<String>,
}

impl Endpoints {
    /// Opens a container. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// Every kind but `RegistryInvalid`; see [`ErrorKind`].
    pub fn open_container(&self, at: &ContainerAt) -> Result<OpenContainer, Error> {
        let uri = at.uri.trim();
        if uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:")) {
            return self.open_folder(uri);
        }
        let location = parse(uri)?;
        let location = match &at.endpoint {
            Some(endpoint) => {
                location.reached_at(endpoint).map_err(|error| Error::of_store(&error, ENDPOINT_FORMS))?
            }
            None => location,
        };
        match location.bucket().map(|bucket| bucket.provider) {
            None => self.open_azure(&location, at).map_err(|error| at.told(error)),
            Some(Provider::S3) => {
                let (credential, options) = self.s3(&location, &at.access)?;
                open(&location, credential, &options, &at.access, Vec::new())
            }
            Some(Provider::Gcs) => {
                let credential = self.gcs(&location, &at.access)?;
                open(&location, credential, &self.options.stores, &at.access, Vec::new())
            }
        }
    }

    fn open_folder(&self, uri: &str) -> Result<OpenContainer, Error> {
        let folder = folders::allowed(uri, &self.options.folders)?;
        let store = Beneath::folder(folder.path.clone(), folder.root);
        Ok(OpenContainer {
            place: format!("file://{}", folder.path.display()),
            store: Arc::new(store),
            folder: Some(folder.path),
            warnings: Vec::new(),
        })
    }

    fn open_azure(&self, location: &Location, at: &ContainerAt) -> Result<OpenContainer, Error> {
        let https = location.container().is_some_and(transload_blobstore::ContainerUrl::is_https);
        let (credential, warnings) = match &at.access {
            Access::Nobody => (Credential::None, Vec::new()),
            Access::Secret(secret) => {
                let (sas, warnings) = sas::checked(secret, at.job, https, self.options.limits.sas_warning)?;
                (Credential::Sas(sas), warnings)
            }
            Access::ManagedIdentity { client_id } => {
                let tokens = self.entra(client_id.as_deref(), &location.to_string())?;
                (Credential::Entra(tokens), Vec::new())
            }
        };
        open(location, credential, &self.options.stores, &at.access, warnings)
    }

    fn s3(&self, location: &Location, access: &Access) -> Result<(Credential, StoreOptions), Error> {
        let mut options = self.options.stores.clone();
        let identity = match access {
            Access::Nobody => transload_blobstore::S3Identity::Anonymous,
            Access::Secret(secret) => {
                let key = keys::S3Key::parse(secret)?;
                if key.endpoint.is_some() {
                    // what the operator allowed for their own endpoint is not meant for another
                    options.s3.plain_http = false;
                    options.s3.virtual_host = None;
                }
                options.s3.endpoint = key.endpoint.or(options.s3.endpoint);
                options.s3.region = key.region.or(options.s3.region);
                key.identity
            }
            Access::ManagedIdentity { .. } => {
                self.options.ambient.s3.clone().ok_or_else(|| no_identity(location, "Amazon's"))?
            }
        };
        Ok((Credential::S3(identity), options))
    }

    fn gcs(&self, location: &Location, access: &Access) -> Result<Credential, Error> {
        Ok(Credential::Gcs(match access {
            Access::Nobody => transload_blobstore::GcsIdentity::Anonymous,
            Access::Secret(secret) => keys::service_account(secret)?,
            Access::ManagedIdentity { .. } => {
                self.options.ambient.gcs.clone().ok_or_else(|| no_identity(location, "Google's"))?
            }
        }))
    }
}

fn no_identity(location: &Location, whose: &str) -> Error {
    let detail = format!("the worker has no identity of {whose} to open it with");
    Error::new(
        ErrorKind::CredentialMissing,
        location.to_string(),
        detail,
        "give the worker a role or a key by its environment, or put a key in a secret and use storage access mode SasToken",
    )
}

/// A location that names a container or a bucket, and perhaps a prefix, with nothing secret in it.
fn parse(uri: &str) -> Result<Location, Error> {
    let bare = uri.split('?').next().unwrap_or_default();
    if bare.len() < uri.len() {
        return Err(Error::new(
            ErrorKind::LocationInvalid,
            bare,
            "there is a '?' in the container's URI: a token is not part of it",
            "leave out what stands behind '?', and put the token in a secret",
        ));
    }
    let location =
        Location::parse(uri.trim_end_matches('/')).map_err(|error| Error::of_store(&error, FORMS))?;
    // a path is a location too, and no pipeline names one: folders have their own way in
    match location.folder() {
        None => Ok(location),
        Some(_) => Err(Error::new(
            ErrorKind::LocationInvalid,
            "the container's URI",
            "this is no container's URI",
            FORMS,
        )),
    }
}

fn open(
    location: &Location,
    credential: Credential,
    options: &StoreOptions,
    access: &Access,
    warnings: Vec<String>,
) -> Result<OpenContainer, Error> {
    let (store, prefix) = transload_blobstore::open(location, credential, options).map_err(|error| {
        let told = Error::of_store(&error, FORMS);
        match access {
            Access::Secret(secret) if told.kind() == ErrorKind::CredentialRefused => {
                let next = format!("{}; {}", told.next_step(), sas::renew(&secret.uri));
                Error::new(
                    ErrorKind::CredentialInvalid,
                    format!("secret {}", secret.uri),
                    told.detail(),
                    next,
                )
            }
            _ => told,
        }
    })?;
    let renew = match access {
        Access::Secret(secret) => Some(sas::renew(&secret.uri)),
        Access::Nobody | Access::ManagedIdentity { .. } => None,
    };
    Ok(OpenContainer {
        place: location.to_string(),
        store: Arc::new(Beneath::new(store, prefix, renew)),
        folder: None,
        warnings,
    })
}
