//! From a pipeline to its two ends, open.

use std::sync::Arc;

use transload_control::resource::{
    Body, Direction, Identity, Pipeline, Registry, RegistryCredential, RegistryPlace, StorageAccess,
};
use transload_control::run::{Run, Work};
use transload_control::{Ledger, ResourceId, storage};
use transload_endpoints::{
    Access, ContainerAt, Endpoints, Job, OpenContainer, RegistryAt, RegistryCredential as At, Source,
    StoreSecret, Target,
};

use crate::fault::Fault;
use crate::outside::{Hosted, SecretRequest, Secrets};

/// Opens ends.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    ledger: Ledger,
    endpoints: Endpoints,
    secrets: Arc<dyn Secrets>,
    hosted: Arc<dyn Hosted>,
    /// What follows `ACCOUNT.blob` in the hosts of registered storage accounts.
    storage_suffix: Option<String>,
}

/// A registry, open.
#[derive(Debug, Clone)]
pub(crate) struct OpenRegistry {
    open: transload_endpoints::OpenRegistry,
    /// `host[:port]`.
    pub(crate) host: String,
    /// What stands in front of every repository's name. Empty for nothing.
    pub(crate) prefix: String,
}

impl OpenRegistry {
    pub(crate) fn source(&self) -> Arc<dyn Source> {
        self.open.source()
    }

    pub(crate) fn target(&self) -> Arc<dyn Target> {
        self.open.target()
    }

    /// A repository's whole name there.
    pub(crate) fn beneath(&self, repository: &str) -> String {
        if self.prefix.is_empty() { repository.to_owned() } else { format!("{}/{repository}", self.prefix) }
    }

    /// An artifact's reference, with the registry.
    pub(crate) fn named(&self, artifact: &str) -> String {
        format!("{}/{}", self.host, self.beneath(artifact))
    }
}

impl Reach {
    pub(crate) fn new(
        ledger: Ledger,
        endpoints: Endpoints,
        secrets: Arc<dyn Secrets>,
        hosted: Arc<dyn Hosted>,
        storage_suffix: Option<String>,
    ) -> Self {
        Self { ledger, endpoints, secrets, hosted, storage_suffix }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What a resource is.
    pub(crate) async fn body(&self, id: &ResourceId) -> Result<Body, Fault> {
        match self.ledger.get(id).await? {
            Some(stored) => Ok(stored.body),
            None => Err(Fault::missing(id, "resource")),
        }
    }

    /// The pipeline of a run, as it is now.
    pub(crate) async fn pipeline(&self, id: &ResourceId, direction: Direction) -> Result<Pipeline, Fault> {
        match self.ledger.get(id).await?.map(|stored| stored.body) {
            Some(Body::Pipeline(pipeline)) if pipeline.direction == direction => Ok(pipeline),
            _ => Err(Fault::missing(id, "pipeline")),
        }
    }

    /// The registry that a pipeline is beneath.
    pub(crate) async fn registry_of(
        &self,
        pipeline: &ResourceId,
        correlation: &str,
    ) -> Result<OpenRegistry, Fault> {
        let Some(id) = pipeline.parent() else {
            return Err(Fault::missing(pipeline, "registry of the pipeline"));
        };
        self.registry(&id, correlation).await
    }

    /// A registry.
    pub(crate) async fn registry(&self, id: &ResourceId, correlation: &str) -> Result<OpenRegistry, Fault> {
        let Some(Body::Registry(registry)) = self.ledger.get(id).await?.map(|stored| stored.body) else {
            return Err(Fault::missing(id, "registry"));
        };
        let at = match &registry.place {
            RegistryPlace::Hosted { .. } => self.hosted.reach(id, &registry).await?,
            RegistryPlace::External { login_server, plain_http, credential } => RegistryAt {
                plain_http: *plain_http,
                credential: self.credential(id, &registry, credential, correlation).await?,
                ..RegistryAt::anonymous(login_server.as_str())
            },
        };
        self.open(&at)
    }

    /// A registry that is no resource: the source that a request to import an image names.
    pub(crate) async fn any_registry(&self, host: &str, run: &Run) -> Result<OpenRegistry, Fault> {
        let Work::ImportImage { user, password_sealed, .. } = &run.work else {
            return Err(Fault::lasting(
                "Internal",
                "only an import of an image names a registry by its host",
            ));
        };
        let mut at = RegistryAt::anonymous(host);
        if let Some(sealed) = password_sealed {
            at.credential = At::Basic {
                user: user.clone().unwrap_or_default(),
                password: self.secrets.password(sealed).await?,
                origin: "the request to import the image".to_owned(),
            };
        }
        self.open(&at)
    }

    fn open(&self, at: &RegistryAt) -> Result<OpenRegistry, Fault> {
        let open = self.endpoints.open_registry(at)?;
        Ok(OpenRegistry { host: open.host.clone(), prefix: open.prefix.clone(), open })
    }

    async fn credential(
        &self,
        id: &ResourceId,
        registry: &Registry,
        credential: &RegistryCredential,
        correlation: &str,
    ) -> Result<At, Fault> {
        match credential {
            RegistryCredential::Anonymous => Ok(At::Anonymous),
            RegistryCredential::WorkloadIdentity => Ok(At::WorkloadIdentity),
            RegistryCredential::Secret { user, secret_uri, identity } => {
                let none = Identity::None;
                let identity = identity.as_ref().unwrap_or(&none);
                let request = SecretRequest { uri: secret_uri, identity, reader: id, correlation };
                let value = self.secrets.secret(&request).await?;
                tracing::debug!(registry = registry.place.login_server(), "read the registry's secret");
                Ok(At::of_secret(user.as_deref(), &value, secret_uri)?)
            }
        }
    }

    /// Where the storage account is that a container's URI names by this installation's suffix, if it does.
    async fn account_endpoint(&self, uri: &str) -> Result<Option<String>, Fault> {
        let Some(suffix) = &self.storage_suffix else { return Ok(None) };
        Ok(storage::account_of(&self.ledger, uri, suffix).await?.map(|(_, account)| account.endpoint))
    }

    /// A pipeline's container, for this job.
    pub(crate) async fn container(
        &self,
        id: &ResourceId,
        pipeline: &Pipeline,
        job: Job,
        correlation: &str,
    ) -> Result<OpenContainer, Fault> {
        let container = &pipeline.container;
        let is_folder = container.uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"));
        let access = match (container.access, &container.key_vault_uri) {
            _ if is_folder => Access::Nobody,
            // identities of pipelines are this installation's own; to stores the worker is who its machine says
            (StorageAccess::ManagedIdentity, _) => Access::ManagedIdentity { client_id: None },
            (StorageAccess::SasToken, Some(uri)) => {
                let request = SecretRequest { uri, identity: &pipeline.identity, reader: id, correlation };
                Access::Secret(StoreSecret { value: self.secrets.secret(&request).await?, uri: uri.clone() })
            }
            (StorageAccess::SasToken, None) => {
                let message = format!(
                    "the pipeline '{}' names no secret with the token of its container; next: put it again with keyVaultUri, \
                     or with storageAccessMode ManagedIdentity",
                    id.name()
                );
                return Err(Fault::lasting("StoreCredentialMissing", message));
            }
        };
        let endpoint = self.account_endpoint(&container.uri).await?;
        Ok(self.endpoints.open_container(&ContainerAt {
            uri: container.uri.clone(),
            endpoint,
            access,
            job,
        })?)
    }
}
