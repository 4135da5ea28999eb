//! Export and import pipelines.

use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::{Control, action};
use crate::access::{Caller, Role};
use crate::container::{ContainerUri, Form};
use crate::error::{Code, Error};
use crate::ledger::Put;
use crate::names;
use crate::resource::{
    Body, Container, Direction, Identity, Pipeline, PipelineOption, StorageAccess, TriggerStatus,
    UserIdentityRef, kind,
};
use crate::storage::{self, AccountUri};

/// A pipeline as it is asked for.
#[derive(Debug, Clone)]
pub struct PipelineSpec {
    /// Its direction.
    pub direction: Direction,
    /// Given back where it was sent.
    pub location: Option<String>,
    /// Who it is.
    pub identity: IdentitySpec,
    /// The word of the wire (`AzureStorageBlobContainer`).
    pub kind: String,
    /// The container's URI.
    pub uri: String,
    /// `SasToken` or `ManagedIdentity`, in whatever case; `SasToken` where nothing is said.
    pub access: Option<String>,
    /// URI of the secret with the token.
    pub key_vault_uri: Option<String>,
    /// Options, in whatever case.
    pub options: Vec<String>,
    /// `Enabled` or `Disabled`, in whatever case. Only of import pipelines, which have an enabled one where nothing is said.
    pub trigger: Option<String>,
}

/// Members of a pipeline that have been looked at.
struct Checked {
    uri: ContainerUri,
    access: StorageAccess,
    options: Vec<PipelineOption>,
    trigger: Option<TriggerStatus>,
}

/// An identity as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySpec {
    /// None.
    None,
    /// One of its own.
    System,
    /// These: ids as they were sent.
    User(Vec<String>),
}

impl Control {
    /// Makes or changes a pipeline. Its type says which direction it has to have.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`]; names, options and URIs that cannot be; a parent that is missing;
    /// [`Code::ContainerInUse`] with the name of the import pipeline that has the same container and prefix;
    /// [`Code::StorageAccountNotRegistered`].
    pub async fn put_pipeline(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: PipelineSpec,
    ) -> Result<Put, Error> {
        let kind = match spec.direction {
            Direction::Export => kind::EXPORT_PIPELINE,
            Direction::Import => kind::IMPORT_PIPELINE,
        };
        self.allow(caller, id, Role::Contributor, "write").await?;
        let work = self.settled(id, || self.put_pipeline_allowed(caller, id, kind, &spec));
        self.audited(caller, &action(kind, "write"), id.as_str(), work).await
    }

    async fn put_pipeline_allowed(
        &self,
        caller: &Caller,
        id: &ResourceId,
        kind: &str,
        spec: &PipelineSpec,
    ) -> Result<Put, Error> {
        self.parent_exists(id).await?;
        names::check(id, kind)?;
        let Checked { uri, access, options, trigger } = self.checked_pipeline(id, spec).await?;
        let place = self.place_of(&spec.uri, &uri).await?;
        let (revision, old) = self.read(id).await?;
        let old = match old {
            Some(Body::Pipeline(old)) => Some(old),
            _ => None,
        };
        let pipeline = Pipeline {
            direction: spec.direction,
            location: spec.location.clone(),
            identity: self
                .identity(caller, spec.identity.clone(), old.as_ref().map(|old| &old.identity))
                .await?,
            container: Container {
                kind: spec.kind.clone(),
                uri: spec.uri.trim().trim_end_matches('/').to_owned(),
                access,
                key_vault_uri: spec.key_vault_uri.clone(),
            },
            options,
            trigger,
        };
        // two that imported the same bundles would race for the same tags
        let names = match spec.direction {
            Direction::Import => vec![format!("import:{place}")],
            Direction::Export => Vec::new(),
        };
        let body = Body::Pipeline(pipeline);
        let put = self.replace(caller, id, revision, &body, &names).await;
        put.map_err(|error| match (error.code, &error.target) {
            (Code::Conflict, Some(other)) if !other.eq_ignore_ascii_case(id.as_str()) => in_use(other),
            _ => error,
        })
    }

    /// Whether a pipeline could be so, as far as that can be told without making it.
    ///
    /// # Errors
    /// As of [`put_pipeline`](Self::put_pipeline), but for those of its name, its parent, its identity and other pipelines.
    pub async fn check_pipeline(&self, id: &ResourceId, spec: &PipelineSpec) -> Result<(), Error> {
        let Checked { uri, .. } = self.checked_pipeline(id, spec).await?;
        self.place_of(&spec.uri, &uri).await.map(drop)
    }

    async fn checked_pipeline(&self, id: &ResourceId, spec: &PipelineSpec) -> Result<Checked, Error> {
        if spec.direction == Direction::Export {
            self.exports_are_allowed(id).await?;
        }
        let uri = ContainerUri::parse(&spec.uri, &self.options().folders)?;
        let access = storage_access(spec.access.as_deref())?;
        self.check_secret(spec, &uri, access)?;
        let options = options(spec.direction, &spec.options)?;
        let trigger = trigger(spec.direction, spec.trigger.as_deref())?;
        Ok(Checked { uri, access, options, trigger })
    }

    /// What is equal for two URIs of the same container: of a registered account where that is.
    async fn place_of(&self, uri: &str, parsed: &ContainerUri) -> Result<String, Error> {
        let suffix = &self.options().storage_suffix;
        let found = storage::account_of(self.ledger(), uri, suffix).await?;
        let (Some((_, account)), Some(named)) = (found, AccountUri::parse(uri, suffix)) else {
            return Ok(parsed.key().to_owned());
        };
        ContainerUri::key_at(&account.endpoint, &named.path)
    }

    fn check_secret(
        &self,
        spec: &PipelineSpec,
        uri: &ContainerUri,
        access: StorageAccess,
    ) -> Result<(), Error> {
        match spec.key_vault_uri.as_deref() {
            Some(secret) => self.check_secret_uri(secret, "keyVaultUri"),
            None if access == StorageAccess::SasToken && uri.form() != Form::Folder => {
                let text = "'keyVaultUri' is required with storageAccessMode SasToken: the URI of the secret that holds the \
                            token. Store one with `transload vault secret set` or `az keyvault secret set`, or use \
                            storageAccessMode ManagedIdentity.";
                Err(Error::new(Code::InvalidRequest, text).about("keyVaultUri"))
            }
            None => Ok(()),
        }
    }

    async fn exports_are_allowed(&self, id: &ResourceId) -> Result<(), Error> {
        let Some(registry) = id.parent() else { return Ok(()) };
        match self.ledger().get(&registry).await?.map(|stored| stored.body) {
            Some(Body::Registry(body)) if !body.exports_allowed => Err(Error::new(
                Code::Conflict,
                format!(
                    "The export policy of registry '{}' is disabled, which forbids export pipelines. Enable \
                     policies.exportPolicy first.",
                    registry.name()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// The identity that is asked for. One of its own stays what it was. Whoever gives a resource an identity of the user's
    /// needs the right to that identity: it may read secrets that the caller may not.
    pub(super) async fn identity(
        &self,
        caller: &Caller,
        spec: IdentitySpec,
        old: Option<&Identity>,
    ) -> Result<Identity, Error> {
        Ok(match (spec, old) {
            (IdentitySpec::None, _) => Identity::None,
            (IdentitySpec::System, Some(Identity::System { principal_id })) => {
                Identity::System { principal_id: *principal_id }
            }
            (IdentitySpec::System, _) => Identity::System { principal_id: Uuid::new_v4() },
            (IdentitySpec::User(ids), _) => {
                let most = self.limits().identities_per_resource_max;
                if ids.is_empty() || ids.len() > most {
                    let text = format!("One to {most} user-assigned identities are taken.");
                    return Err(Error::new(Code::InvalidRequest, text).about("identity"));
                }
                let mut identities = Vec::new();
                let had = |id: &str| match old {
                    Some(Identity::User { identities }) => {
                        identities.iter().any(|one| one.id.eq_ignore_ascii_case(id))
                    }
                    _ => false,
                };
                for id in ids {
                    if let Ok(parsed) = ResourceId::parse(&id)
                        && !had(&id)
                    {
                        self.allow(caller, &parsed, Role::Contributor, "assign/action").await?;
                    }
                    let found = self.user_identity(&id).await?;
                    let (principal_id, client_id) = (found.principal_id, found.client_id);
                    identities.push(UserIdentityRef { id, principal_id, client_id });
                }
                Identity::User { identities }
            }
        })
    }
}

fn in_use(other: &str) -> Error {
    let name = other.rsplit('/').next().unwrap_or(other);
    Error::new(
        Code::ContainerInUse,
        format!(
            "Import pipeline '{name}' ({other}) imports from the same container and prefix: a bundle would be imported \
             twice. Give this one another container or prefix, or delete that one."
        ),
    )
    .about("uri")
}

fn storage_access(word: Option<&str>) -> Result<StorageAccess, Error> {
    match word.map(str::to_ascii_lowercase).as_deref() {
        None | Some("sastoken") => Ok(StorageAccess::SasToken),
        Some("managedidentity") => Ok(StorageAccess::ManagedIdentity),
        Some(_) => {
            let text = "The storageAccessMode is SasToken or ManagedIdentity.";
            Err(Error::new(Code::InvalidRequest, text).about("storageAccessMode"))
        }
    }
}

fn options(direction: Direction, words: &[String]) -> Result<Vec<PipelineOption>, Error> {
    use PipelineOption as P;
    let known: &[(&str, P)] = match direction {
        Direction::Export => {
            &[("OverwriteBlobs", P::OverwriteBlobs), ("ContinueOnErrors", P::ContinueOnErrors)]
        }
        Direction::Import => &[
            ("OverwriteTags", P::OverwriteTags),
            ("DeleteSourceBlobOnSuccess", P::DeleteSourceBlobOnSuccess),
            ("ContinueOnErrors", P::ContinueOnErrors),
        ],
    };
    let mut options = Vec::new();
    for word in words {
        let Some((_, option)) = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim())) else {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let shown: String = word.chars().filter(|c| !c.is_control()).take(60).collect();
            let what = if direction == Direction::Export { "an export" } else { "an import" };
            let mut text =
                format!("'{shown}' is no option of {what} pipeline; these are: {}.", names.join(", "));
            if direction == Direction::Import && shown.trim().eq_ignore_ascii_case("DisableSourceTrigger") {
                text.push_str(
                    " The trigger is switched off by trigger.sourceTrigger.status 'Disabled' (az: --source-trigger-enabled \
                     false, in short -e false; templates: sourceTriggerStatus).",
                );
            }
            return Err(Error::new(Code::InvalidRequest, text).about("options"));
        };
        if !options.contains(option) {
            options.push(*option);
        }
    }
    Ok(options)
}

fn trigger(direction: Direction, word: Option<&str>) -> Result<Option<TriggerStatus>, Error> {
    let status = match word.map(str::to_ascii_lowercase).as_deref() {
        None if direction == Direction::Export => None,
        None | Some("enabled") => Some(TriggerStatus::Enabled),
        Some("disabled") => Some(TriggerStatus::Disabled),
        Some(_) => {
            let text = "The status of a source trigger is Enabled or Disabled.";
            return Err(Error::new(Code::InvalidRequest, text).about("trigger.sourceTrigger.status"));
        }
    };
    if direction == Direction::Export && status == Some(TriggerStatus::Enabled) {
        let text = "An export pipeline has no source trigger.";
        return Err(Error::new(Code::InvalidRequest, text).about("trigger"));
    }
    Ok(status.filter(|_| direction == Direction::Import))
}
