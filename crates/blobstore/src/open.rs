//! From a location to an open store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use secrecy::SecretString;

use crate::azure::AzureStore;
use crate::error::Error;
use crate::file::FileStore;
use crate::gcs::{GcsIdentity, GcsOptions, GcsStore};
use crate::location::{Bucket, Location, Provider};
use crate::retry::RetryLimits;
use crate::s3::{S3Identity, S3Options, S3Store};
use crate::sas::{AccountKey, Sas};
use crate::store::BlobStore;

/// What a store is asked with.
#[derive(Clone, Default)]
pub enum Credential {
    /// The token that came with the location's URL, if there is one.
    #[default]
    None,
    /// This SAS token, also when the URL has one.
    Sas(Sas),
    /// An Azure storage account's key, which makes a SAS token for each request.
    AccountKey(AccountKey),
    /// Entra ID: tokens for `https://storage.azure.com/.default` from here. HTTPS only.
    Entra(Arc<dyn TokenCredential>),
    /// Who signs requests to S3.
    S3(S3Identity),
    /// Whose tokens go to Google Cloud Storage.
    Gcs(GcsIdentity),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Sas(sas) => f.debug_tuple("Sas").field(sas).finish(),
            Self::AccountKey(key) => key.fmt(f),
            Self::Entra(_) => f.write_str("Entra"),
            Self::S3(identity) => identity.fmt(f),
            Self::Gcs(identity) => identity.fmt(f),
        }
    }
}

/// How stores on the network are reached.
#[derive(Debug, Clone, Default)]
pub struct StoreOptions {
    /// Certificates of authorities to trust besides the system's, PEM, any number in each.
    pub ca_pem: Vec<Vec<u8>>,
    /// The way through proxies.
    pub proxy: ProxyOptions,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How often to try.
    pub retry: RetryLimits,
    /// Where buckets of S3 are.
    pub s3: S3Options,
    /// Where buckets of Google Cloud Storage are.
    pub gcs: GcsOptions,
}

/// Proxies. The environment is not asked.
#[derive(Debug, Clone, Default)]
pub struct ProxyOptions {
    /// URL of the proxy for HTTPS, perhaps with user and password.
    pub https: Option<SecretString>,
    /// URL of the proxy for HTTP.
    pub http: Option<SecretString>,
    /// Hosts that are reached without one, in the form of the `NO_PROXY` variable.
    pub no_proxy: Option<String>,
}

/// How long to wait for a server.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For an answer or its next bytes. Requests with a body get, besides, the time to send it at [`Timeouts::SLOWEST`].
    pub idle: Duration,
}

impl Timeouts {
    /// The slowest link that is still waited for, in bytes a second and request.
    pub const SLOWEST: u64 = 16 * 1024;
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(20), idle: Duration::from_secs(60) }
    }
}

/// Opens the place of a location, and says which blob in it was named. Nothing is asked of the store yet.
///
/// # Errors
/// `LocationInvalid` and `Unauthenticated` for what cannot work: a certificate that is none, a proxy's URL that is none, an
/// Entra ID credential for a URL that is not HTTPS.
pub fn open(
    location: &Location,
    credential: Credential,
    options: &StoreOptions,
) -> Result<(Arc<dyn BlobStore>, Option<String>), Error> {
    let name = location.name().map(str::to_owned);
    if let Some(bucket) = location.bucket() {
        return Ok((open_bucket(bucket, credential, options)?, name));
    }
    let Some(container) = location.container() else {
        let folder = location.folder().unwrap_or(std::path::Path::new("."));
        return Ok((Arc::new(FileStore::new(folder)), name));
    };
    let credential = match (credential, location.sas()) {
        (Credential::None, Some(sas)) => Credential::Sas(sas.clone()),
        (credential, _) => credential,
    };
    let store = AzureStore::new(container.clone(), credential, options)?;
    Ok((Arc::new(store), name))
}

fn open_bucket(
    bucket: &Bucket,
    credential: Credential,
    options: &StoreOptions,
) -> Result<Arc<dyn BlobStore>, Error> {
    Ok(match (bucket.provider, credential) {
        (Provider::S3, Credential::S3(identity)) => Arc::new(S3Store::new(&bucket.name, identity, options)?),
        (Provider::S3, _) => Arc::new(S3Store::new(&bucket.name, S3Identity::Anonymous, options)?),
        (Provider::Gcs, Credential::Gcs(identity)) => {
            Arc::new(GcsStore::new(&bucket.name, identity, options)?)
        }
        (Provider::Gcs, _) => Arc::new(GcsStore::new(&bucket.name, GcsIdentity::Anonymous, options)?),
    })
}
