//! What people name shortly: secrets, identities, pipelines.

use std::collections::BTreeMap;

use transload_client::api::vault::{AccessPolicy, Permissions};
use transload_client::api::{Pipeline, ResourceId, ResourceIdentity, UserAssignedIdentity, Vault};
use transload_client::{Direction, Kind};
use transload_transfer::{Code, Error};

use super::{IDENTITIES, Plane, VAULTS, segment, trouble};
use crate::output::Output;
use crate::settings::Keys;

/// A secret that something is to read.
pub(super) struct SecretRef {
    pub(super) uri: String,
    /// The vault, where it is one of this server.
    vault: Option<ResourceId>,
}

impl Plane {
    /// A secret's URI, or `VAULT/SECRET` of the group.
    pub(super) async fn secret_ref(&self, group: &ResourceId, text: &str) -> Result<SecretRef, Error> {
        if text.contains("://") {
            return Ok(SecretRef { uri: text.to_owned(), vault: self.vault_of(text).await? });
        }
        let Some((vault, secret)) = text.split_once('/').filter(|(_, secret)| !secret.contains('/')) else {
            let why = "it is neither the URI of a secret nor VAULT/SECRET";
            return Err(Error::new(Code::Usage, format!("'{text}'"), why));
        };
        let id = group.resource(VAULTS, &segment(vault)?);
        let found: Vault = self.client.get(&id).await.map_err(trouble::error)?;
        let base = found.properties.vault_uri.unwrap_or_default();
        let uri = format!("{}/secrets/{}", base.trim_end_matches('/'), segment(secret)?);
        Ok(SecretRef { uri, vault: Some(id) })
    }

    /// The vault whose secret this is. Of a vault that is not ours, or that may not be seen, `None`.
    async fn vault_of(&self, uri: &str) -> Result<Option<ResourceId>, Error> {
        let scope = self.subscription().await?;
        let vaults: Vec<Vault> = match self.client.list(&scope, VAULTS).await {
            Ok(vaults) => vaults,
            Err(error) if error.kind() == Kind::Denied => return Ok(None),
            Err(error) => return Err(trouble::error(error)),
        };
        let uri = uri.to_ascii_lowercase();
        let holds = |vault: &&Vault| {
            let base = vault.properties.vault_uri.as_deref().unwrap_or_default().to_ascii_lowercase();
            !base.is_empty() && uri.starts_with(&format!("{}/", base.trim_end_matches('/')))
        };
        let id = vaults.iter().find(holds).and_then(|vault| vault.id.as_deref());
        Ok(id.and_then(|id| ResourceId::parse(id).ok()))
    }

    /// Lets principals read the secret. Who may not give that right is told, and goes on.
    pub(super) async fn let_read(
        &self,
        secret: &SecretRef,
        principals: &[String],
        output: &Output,
    ) -> Result<(), Error> {
        let Some(vault) = secret.vault.as_ref().filter(|_| !principals.is_empty()) else { return Ok(()) };
        match self
            .client
            .change_policies(vault, "add", self.policies(principals, &["get".to_owned()]).await?)
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == Kind::Denied => {
                output.warning(&format!(
                    "the right to read the secret could not be given ({error}); ask for: transload vault grant {} --object-id {}",
                    vault.name(),
                    principals.join(" --object-id ")
                ));
                Ok(())
            }
            Err(error) => Err(trouble::error(error)),
        }
    }

    /// Policies that allow principals this.
    pub(super) async fn policies(
        &self,
        principals: &[String],
        permissions: &[String],
    ) -> Result<Vec<AccessPolicy>, Error> {
        let tenant_id = self.client.metadata().await.map_err(trouble::error)?.authentication.tenant;
        let policy = |object_id: &String| AccessPolicy {
            tenant_id: tenant_id.clone(),
            object_id: object_id.clone(),
            permissions: Permissions { secrets: permissions.to_vec(), ..Permissions::default() },
        };
        Ok(principals.iter().map(policy).collect())
    }

    /// Identities by names in the group, or ids; none is one of the resource's own. The second are their principal ids.
    pub(super) async fn identities(
        &self,
        group: &ResourceId,
        names: &[String],
    ) -> Result<(ResourceIdentity, Vec<String>), Error> {
        if names.is_empty() {
            let own =
                ResourceIdentity { kind: Some("SystemAssigned".to_owned()), ..ResourceIdentity::default() };
            return Ok((own, Vec::new()));
        }
        let (mut ids, mut principals) = (BTreeMap::new(), Vec::new());
        for name in names {
            let (id, principal) = self.identity(group, name).await?;
            ids.insert(id, Some(Default::default()));
            principals.push(principal);
        }
        let kind = Some("UserAssigned".to_owned());
        Ok((
            ResourceIdentity { kind, user_assigned_identities: ids, ..ResourceIdentity::default() },
            principals,
        ))
    }

    /// The id of an identity, by its name in the group or its id, and its principal id.
    pub(super) async fn identity(&self, group: &ResourceId, name: &str) -> Result<(String, String), Error> {
        let id = match name.starts_with('/') {
            true => parse(name)?,
            false => group.resource(IDENTITIES, &segment(name)?),
        };
        let found: UserAssignedIdentity = self.client.get(&id).await.map_err(trouble::error)?;
        let principal = found.properties.map(|properties| properties.principal_id).unwrap_or_default();
        Ok((found.id.unwrap_or_else(|| id.as_str().to_owned()), principal))
    }

    /// A pipeline by its id, as export/NAME or import/NAME, or by its name where only one direction has it.
    pub(super) async fn pipeline(
        &self,
        registry: &ResourceId,
        text: &str,
    ) -> Result<(ResourceId, Direction, Pipeline), Error> {
        let directed = [("export/", Direction::Export), ("import/", Direction::Import)];
        let directed =
            directed.iter().find_map(|(word, direction)| Some((text.strip_prefix(word)?, *direction)));
        let known = match directed {
            Some((name, direction)) => {
                Some((registry.child(direction.segment(), &segment(name)?), direction))
            }
            None if text.starts_with('/') => {
                let id = parse(text)?;
                let direction = Direction::of(&id)
                    .ok_or_else(|| Error::new(Code::Usage, text, "it is no id of a pipeline"))?;
                Some((id, direction))
            }
            None => None,
        };
        if let Some((id, direction)) = known {
            let pipeline = self.client.get(&id).await.map_err(trouble::error)?;
            return Ok((id, direction, pipeline));
        }
        let [export, import] =
            [Direction::Export, Direction::Import].map(|direction| registry.child(direction.segment(), text));
        segment(text)?;
        let (exports, imports) =
            tokio::join!(self.client.get::<Pipeline>(&export), self.client.get::<Pipeline>(&import));
        match (exports, imports) {
            (Ok(_), Ok(_)) => {
                Err(Error::new(Code::Usage, text, "an export and an import pipeline have this name")
                    .with_next(format!("write export/{text} or import/{text}")))
            }
            (Ok(found), _) => Ok((export, Direction::Export, found)),
            (_, Ok(found)) => Ok((import, Direction::Import, found)),
            (Err(error), Err(other)) if [error.kind(), other.kind()] == [Kind::NotFound; 2] => {
                Err(self.no_pipeline(registry, text).await?)
            }
            (Err(error), Err(other)) => {
                Err(trouble::error(if error.kind() == Kind::NotFound { other } else { error }))
            }
        }
    }

    /// That there is no such pipeline, with the one that may be meant; another error where there is no such registry.
    async fn no_pipeline(&self, registry: &ResourceId, text: &str) -> Result<Error, Error> {
        let mut names = Vec::new();
        for direction in Direction::ALL {
            let some: Vec<Pipeline> =
                self.client.list(registry, direction.segment()).await.map_err(trouble::error)?;
            names.extend(some.into_iter().filter_map(|pipeline| pipeline.name));
        }
        let next = match (Keys::nearest(text, names.iter().map(String::as_str)), names.as_slice()) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, []) => "make one with `transload pipeline create`".to_owned(),
            (None, names) => format!("there are: {}", names.join(", ")),
        };
        let detail = format!("registry {} has no pipeline of this name", registry.name());
        Ok(Error::new(Code::ResourceNotFound, format!("pipeline {text}"), detail).with_next(next))
    }
}

pub(super) fn parse(id: &str) -> Result<ResourceId, Error> {
    ResourceId::parse(id).map_err(|error| Error::new(Code::Usage, id, error.to_string()))
}
