//! What ends are opened with. Nothing here is read from the environment.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use transload_blobstore::{GcsIdentity, S3Identity, StoreOptions};
use transload_registry::ClientOptions;

use crate::aws::AwsEnvironment;
use crate::entra::EntraEnvironment;
use crate::error::Error;
use crate::google::GoogleEnvironment;

/// Options of [`Endpoints`](crate::Endpoints).
#[derive(Debug, Clone)]
pub struct Options {
    /// How stores are reached: certificates, proxies, patience, and where buckets are when a secret does not say.
    pub stores: StoreOptions,
    /// How registries are reached. Credentials, plain HTTP and addresses come with each registry.
    pub registries: ClientOptions,
    /// Folders whose files and folders may be containers, at any depth. None by default.
    pub folders: Vec<PathBuf>,
    /// Who the worker is where it is to be itself.
    pub ambient: Ambient,
    /// What the hosts of Azure's registries end with. A token of Entra ID is shown to no other: whoever has it could be
    /// us at a registry of Azure's.
    pub acr_suffixes: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stores: StoreOptions::default(),
            registries: ClientOptions::default(),
            folders: Vec::new(),
            ambient: Ambient::default(),
            acr_suffixes: ["azurecr.io", "azurecr.cn", "azurecr.us"].map(str::to_owned).to_vec(),
            limits: Limits::default(),
        }
    }
}

/// Who the worker is.
#[derive(Clone, Default)]
pub struct Ambient {
    /// In Entra ID; see [`entra`](crate::entra).
    pub entra: Option<Arc<dyn TokenCredential>>,
    /// At S3; see [`aws`](crate::aws).
    pub s3: Option<S3Identity>,
    /// At Google Cloud Storage; see [`google`](crate::google).
    pub gcs: Option<GcsIdentity>,
}

impl Options {
    /// Who a worker is, and where its buckets are, by an environment that somebody has read. What the options say of
    /// endpoints and regions already goes before it.
    ///
    /// # Errors
    /// `CredentialInvalid` and `CredentialRefused` for what is set and cannot be used.
    pub fn with_environment(
        mut self,
        entra: &EntraEnvironment,
        aws: &AwsEnvironment,
        google: &GoogleEnvironment,
    ) -> Result<Self, Error> {
        let aws = aws.with_profile()?;
        self.ambient =
            Ambient { entra: Some(entra.worker()?), s3: Some(aws.identity()?), gcs: Some(google.identity()) };
        let s3 = &mut self.stores.s3;
        s3.endpoint = s3.endpoint.take().or_else(|| aws.endpoint());
        s3.region = s3.region.take().or_else(|| aws.region());
        match self.stores.gcs.endpoint {
            Some(_) => self.ambient.gcs = Some(google.account()),
            None => self.stores.gcs = google.options(),
        }
        Ok(self)
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient")
            .field("entra", &self.entra.is_some())
            .field("s3", &self.s3)
            .field("gcs", &self.gcs)
            .finish()
    }
}

/// Every bound of this crate.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long before its end a SAS token is warned of.
    pub sas_warning: Duration,
    /// Most identities of the machine that are kept with their tokens.
    pub identities_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sas_warning: Duration::from_secs(24 * 60 * 60), identities_max: 64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_says_who_and_where_and_options_go_before_it() {
        let aws = AwsEnvironment {
            region: Some("eu-west-1".to_owned()),
            endpoint: Some("https://s3.example".to_owned()),
            metadata_disabled: true,
            ..AwsEnvironment::default()
        };
        let google = GoogleEnvironment { emulator: Some("gcs.example:1".to_owned()), ..Default::default() };
        let entra = EntraEnvironment::default();
        let options = Options::default().with_environment(&entra, &aws, &google).unwrap();
        assert_eq!(options.stores.s3.endpoint.as_deref(), Some("https://s3.example"));
        assert_eq!(options.stores.gcs.endpoint.as_deref(), Some("http://gcs.example:1"));
        assert!(options.ambient.entra.is_some());
        let mut said = Options::default();
        said.stores.s3.region = Some("here".to_owned());
        said.stores.gcs.endpoint = Some("https://private.example".to_owned());
        let options = said.with_environment(&entra, &aws, &google).unwrap();
        assert_eq!(options.stores.s3.region.as_deref(), Some("here"));
        assert_eq!(options.stores.gcs.endpoint.as_deref(), Some("https://private.example"));
        assert!(format!("{:?}", options.ambient).contains("Instance"), "{:?}", options.ambient);
        let half = AwsEnvironment { access_key_id: Some("x".to_owned()), ..aws };
        Options::default().with_environment(&entra, &half, &google).unwrap_err();
    }
}
