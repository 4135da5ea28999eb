//! The rules over the ledger: who may, what can be, what happens. The one way in for the server, for workers and for
//! commands on their own data.

mod access;
mod audits;
mod delete;
mod deployments;
mod groups;
mod identities;
mod images;
mod pipelines;
mod registries;
mod runs;
mod secrets;
mod settle;
mod storage;
mod vaults;

use std::path::PathBuf;
use std::sync::Arc;

use transload_resource_id::ResourceId;
use transload_vault::Embedded;
use uuid::Uuid;

use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::{Expect, Ledger, Page, Put};
use crate::limits::Limits;
use crate::resource::{Body, Stored, kind};

pub use access::{NewPrincipal, OneTimeSecret};
pub use delete::Deleted;
pub use deployments::DeploymentSpec;
pub use images::{ImageSource, ImportImage, PASSWORD_CONTEXT};
pub use pipelines::{IdentitySpec, PipelineSpec};
pub use registries::{CredentialSpec, PlaceSpec, RegistrySpec};
pub use runs::{RunSpec, WorkSpec};
pub use secrets::{SecretPlace, Secrets};
pub use storage::{KeySpec, StoragePlaceSpec, StorageSpec};
pub use vaults::{PolicyChange, VaultSpec};

/// How the control plane is set up.
#[derive(Debug, Clone)]
pub struct ControlOptions {
    /// The tenant that there is.
    pub tenant: Uuid,
    /// The subscription that there is.
    pub subscription: Uuid,
    /// What follows a hosted registry's name in its login server, with the dot and the port: `.registry.example:8443`.
    pub registry_suffix: String,
    /// `host[:port]` of this server, which the first hosted registry has as its login server: on a machine without names of
    /// its own that is what clients can reach.
    pub registry_host: Option<String>,
    /// What follows a vault's name in its host, with the dot and the port: `.vault.example:8443`.
    pub vault_suffix: String,
    /// What follows `ACCOUNT.blob` in the host of a registered storage account, with the dot and the port:
    /// `.storage.example:8443`.
    pub storage_suffix: String,
    /// `host[:port]` of this server, beneath which vaults have paths too: `https://host/vaults/NAME/secrets/…`.
    pub host: String,
    /// Folders beneath which `file://` containers may be.
    pub folders: Vec<PathBuf>,
    /// Bounds.
    pub limits: Limits,
}

/// The control plane. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    vault: Embedded,
    options: ControlOptions,
    sign_ins: access::SignIns,
}

impl Control {
    /// The control plane over a ledger and a vault.
    pub fn new(ledger: Ledger, vault: Embedded, options: ControlOptions) -> Self {
        let sign_ins = access::SignIns::new(options.limits.sign_in_failures_max);
        Self(Arc::new(Inner { ledger, vault, options, sign_ins }))
    }

    /// How it is set up.
    pub fn options(&self) -> &ControlOptions {
        &self.0.options
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.0.options.limits
    }

    /// What it keeps things in.
    pub fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    fn vault(&self) -> &Embedded {
        &self.0.vault
    }

    /// The id of the subscription that there is.
    pub fn subscription(&self) -> ResourceId {
        ResourceId::subscription_of(&self.0.options.subscription.to_string())
    }

    /// A resource.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; `…NotFound` for the first that is missing of subscription, group, parent, resource.
    pub async fn get(&self, caller: &Caller, id: &ResourceId) -> Result<Stored, Error> {
        self.allow(caller, id, Role::Reader, "read").await?;
        self.stored(id).await
    }

    /// Resources of a type beneath a scope, oldest first: at most `most` of those behind the cursor `after`, and of those
    /// only what the caller may see.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`] when it may see nothing there; `…NotFound` for a scope that is missing.
    pub async fn list(
        &self,
        caller: &Caller,
        scope: &ResourceId,
        kind: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<Stored>, Error> {
        let grants = self.may_see(caller, scope, "read").await?;
        self.scope_exists(scope).await?;
        let most = most.clamp(1, self.limits().page_items_max);
        let mut page = self.ledger().list(scope, kind, after, most).await?;
        page.items.retain(|item| grants.iter().any(|seen| seen.contains(&item.id)));
        Ok(page)
    }

    /// The resource, or what is missing on the way to it.
    async fn stored(&self, id: &ResourceId) -> Result<Stored, Error> {
        self.in_subscription(id)?;
        match self.ledger().get(id).await? {
            Some(stored) => Ok(stored),
            None => Err(self.missing(id).await?),
        }
    }

    /// What a scope is has to be there.
    async fn scope_exists(&self, scope: &ResourceId) -> Result<(), Error> {
        self.in_subscription(scope)?;
        if *scope == self.subscription() {
            return Ok(());
        }
        self.stored(scope).await.map(drop)
    }

    fn in_subscription(&self, id: &ResourceId) -> Result<(), Error> {
        if self.subscription().contains(id) {
            return Ok(());
        }
        Err(Error::new(
            Code::SubscriptionNotFound,
            format!("The subscription '{}' could not be found.", id.subscription()),
        ))
    }

    /// The parent of a resource that is to be made has to be there.
    async fn parent_exists(&self, id: &ResourceId) -> Result<(), Error> {
        self.in_subscription(id)?;
        let Some(parent) = id.parent().filter(|parent| *parent != self.subscription()) else { return Ok(()) };
        if self.ledger().get(&parent).await?.is_some() {
            return Ok(());
        }
        let error = self.missing(&parent).await?;
        if error.code != Code::ResourceNotFound {
            return Err(error);
        }
        Err(Error::new(
            Code::ParentResourceNotFound,
            format!(
                "Failed to perform 'write' on resource(s) of type '{}', because the parent resource '{parent}' could not \
                 be found. Create it first.",
                id.kind()
            ),
        ))
    }

    /// The words for a resource that is not there.
    async fn missing(&self, id: &ResourceId) -> Result<Error, Error> {
        if id.is_kind(kind::GROUP) {
            return Ok(Error::new(
                Code::ResourceGroupNotFound,
                format!("Resource group '{}' could not be found.", id.name()),
            ));
        }
        if let Some(group) = id.group_id()
            && self.ledger().get(&group).await?.is_none()
        {
            return Ok(Error::new(
                Code::ResourceGroupNotFound,
                format!("Resource group '{}' could not be found.", group.name()),
            ));
        }
        Ok(Error::new(
            Code::ResourceNotFound,
            format!(
                "The Resource '{}' under resource group '{}' was not found. For more details please go to \
                 https://aka.ms/ARMResourceNotFoundFix",
                typed_name(id),
                id.group().unwrap_or_default()
            ),
        ))
    }

    /// Makes a resource or replaces what it is.
    async fn write(&self, caller: &Caller, id: &ResourceId, body: &Body) -> Result<Put, Error> {
        self.ledger().put(id, body, &caller.name, Expect::Any).await
    }

    /// Whether a role of at least this kind holds at a scope; a denial is written down.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`].
    pub async fn allow(
        &self,
        caller: &Caller,
        scope: &ResourceId,
        role: Role,
        verb: &str,
    ) -> Result<(), Error> {
        let grants = self.grants_of(caller).await?;
        if grants.iter().any(|(has, at)| *has >= role && at.contains(scope)) {
            return Ok(());
        }
        let action = action(&scope.kind(), verb);
        let error = Error::new(
            Code::AuthorizationFailed,
            format!(
                "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope \
                 '{scope}' or the scope is invalid. It needs the role {} there; an Owner grants it with `transload role \
                 grant`.",
                caller.name,
                caller.principal,
                role.name()
            ),
        );
        self.deny(caller, &action, scope.as_str(), &error).await?;
        Err(error)
    }

    /// Scopes that the caller may read, at `scope` or beneath it.
    async fn may_see(
        &self,
        caller: &Caller,
        scope: &ResourceId,
        verb: &str,
    ) -> Result<Vec<ResourceId>, Error> {
        let grants = self.grants_of(caller).await?;
        let seen: Vec<ResourceId> = grants
            .into_iter()
            .map(|(_, at)| at)
            .filter(|at| at.contains(scope) || scope.contains(at))
            .collect();
        if seen.is_empty() {
            self.allow(caller, scope, Role::Reader, verb).await?;
        }
        Ok(seen)
    }

    /// Every role of a caller: what its token brought, and what the ledger has.
    pub async fn grants_of(&self, caller: &Caller) -> Result<Vec<(Role, ResourceId)>, Error> {
        let mut grants = caller.grants.clone();
        let kept = self.ledger().grants_of(&caller.principal).await?;
        grants.extend(kept.into_iter().map(|grant| (grant.role, grant.scope)));
        Ok(grants)
    }
}

/// `Namespace/type/name` as the resource manager writes it: types and names in turn.
fn typed_name(id: &ResourceId) -> String {
    let text = id.as_str();
    match text.to_ascii_lowercase().find("/providers/") {
        Some(at) => {
            let kind = id.kind();
            let names: Vec<&str> = text[at + 11..].split('/').skip(2).step_by(2).collect();
            format!("{kind}/{}", names.join("/"))
        }
        None => text.to_owned(),
    }
}

/// `Microsoft.ContainerRegistry/registries/write`.
fn action(kind: &str, verb: &str) -> String {
    format!("{kind}/{verb}")
}
