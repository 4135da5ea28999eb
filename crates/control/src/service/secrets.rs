//! Secrets: the data plane, and what runs read.

use std::net::IpAddr;

use secrecy::SecretString;
use transload_resource_id::ResourceId;
use transload_vault::{Change, ErrorKind, NewSecret, Secret, SecretInfo, SecretUri};
use uuid::Uuid;

use super::Control;
use crate::access::{Caller, Role};
use crate::audit::Outcome;
use crate::error::{Code, Error};
use crate::ledger::Page;
use crate::names;
use crate::resource::{Body, Identity, Stored, Vault};
use crate::storage::split_port;

/// Where a secret is that a resource names.
#[derive(Debug, Clone)]
pub enum SecretPlace {
    /// In a vault of ours; this is it.
    Ours(SecretString),
    /// In a vault elsewhere: whoever runs reads it as who it is.
    Elsewhere(SecretUri),
}

/// The data plane, as one caller sees it.
#[derive(Debug)]
pub struct Secrets<'a> {
    control: &'a Control,
    caller: &'a Caller,
}

impl Control {
    /// The data plane for a caller.
    pub fn secrets<'a>(&'a self, caller: &'a Caller) -> Secrets<'a> {
        Secrets { control: self, caller }
    }

    /// The secret that a pipeline or registry names, for one of its identity's principals.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] naming the principal, the vault and what it lacks; [`Code::SecretNotFound`],
    /// [`Code::SecretDisabled`], [`Code::ResourceNotFound`] for a vault that is missing.
    pub async fn secret_at(
        &self,
        caller: &Caller,
        uri: &str,
        identity: &Identity,
        reader: &ResourceId,
    ) -> Result<SecretPlace, Error> {
        let uri =
            SecretUri::parse(uri).map_err(|error| Error::new(Code::InvalidRequest, error.to_string()))?;
        let Some(name) = self.our_vault(&uri)? else { return Ok(SecretPlace::Elsewhere(uri)) };
        let stored = self.vault_named(&name).await?;
        let target = target(&stored, uri.name());
        let vault = vault_of(&stored)?;
        let (principals, gone) = self.principals_of(identity).await?;
        if !principals.iter().any(|one| permits(vault, &one.to_string(), "get")) {
            let error = match gone.first() {
                Some(gone) => deleted(&stored, uri.name(), gone, reader),
                None => denied(&stored, uri.name(), &principals, reader),
            };
            self.deny(caller, "secrets/get", &target, &error).await?;
            return Err(error);
        }
        let read = self.vault().read(stored.id.name(), uri.name(), uri.version()).await.map_err(refused);
        let detail = Some(format!("read by {reader}"));
        let outcome = if read.is_ok() { Outcome::Done } else { Outcome::Failed };
        self.note(caller, "secrets/get", &target, outcome, read.as_ref().err(), detail).await?;
        Ok(SecretPlace::Ours(read?.value))
    }

    /// The principals that a resource's identity is now, and the ids of those of the user's that are not there any more: what
    /// was deleted reads nothing, and what was made anew under the same name is another.
    async fn principals_of(&self, identity: &Identity) -> Result<(Vec<Uuid>, Vec<String>), Error> {
        let Identity::User { identities } = identity else { return Ok((identity.principals(), Vec::new())) };
        let (mut principals, mut gone) = (Vec::new(), Vec::new());
        for one in identities {
            let found = match ResourceId::parse(&one.id) {
                Ok(id) => self.ledger().get(&id).await?.map(|stored| stored.body),
                Err(_) => None,
            };
            match found {
                Some(Body::UserIdentity(found)) if found.principal_id == one.principal_id => {
                    principals.push(one.principal_id);
                }
                _ => gone.push(one.id.clone()),
            }
        }
        Ok((principals, gone))
    }

    /// The name of the vault of ours that a URI means, if it means one: by its host beneath our suffix, or by its path
    /// beneath our own host.
    ///
    /// # Errors
    /// [`Code::InvalidRequest`] for a path beneath another host: no vaults but ours have paths.
    pub(super) fn our_vault(&self, uri: &SecretUri) -> Result<Option<String>, Error> {
        let Some(vault) = uri.vault_in_path() else {
            return Ok(uri.vault_under(&self.options().vault_suffix));
        };
        if is_same_host(&uri.authority(), &self.options().host) {
            return Ok(Some(vault.to_owned()));
        }
        let text = format!(
            "'{uri}' names a vault by a path, which only this server's vaults have, and '{}' is not this server \
             ({}). Write it as https://{}/vaults/{vault}/secrets/{}, or with the host of the vault.",
            uri.authority(),
            self.options().host,
            self.options().host,
            uri.name()
        );
        Err(Error::new(Code::InvalidRequest, text))
    }

    /// A value sealed with the vault's key, to be kept with a resource.
    ///
    /// # Errors
    /// [`Code::LedgerUnavailable`] when there are no random numbers.
    pub fn seal(&self, context: &str, value: &SecretString) -> Result<String, Error> {
        self.vault().sealer().seal_text(context, value).map_err(refused)
    }

    /// What [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] when the key is another or the text was moved.
    pub fn unseal(&self, context: &str, sealed: &str) -> Result<SecretString, Error> {
        self.vault().sealer().open_text(context, sealed).map_err(refused)
    }
}

impl Secrets<'_> {
    /// Sets a secret: a new version of it.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `set`; names and bounds; [`Code::ResourceNotFound`] for the vault.
    pub async fn set(&self, vault: &str, name: &str, new: NewSecret) -> Result<Secret, Error> {
        let stored = self.entered(vault, name, "set").await?;
        let work = async {
            names::check_secret(name)?;
            self.control.vault().set(stored.id.name(), name, new).await.map_err(refused)
        };
        self.control.audited(self.caller, "secrets/set", &target(&stored, name), work).await
    }

    /// A secret with its value.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `get`, [`Code::SecretNotFound`], [`Code::SecretDisabled`].
    pub async fn get(&self, vault: &str, name: &str, version: Option<&str>) -> Result<Secret, Error> {
        let stored = self.entered(vault, name, "get").await?;
        let work = async { self.control.vault().get(stored.id.name(), name, version).await.map_err(refused) };
        self.control.audited(self.caller, "secrets/get", &target(&stored, name), work).await
    }

    /// Secrets by name, without values.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `list`.
    pub async fn list(
        &self,
        vault: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretInfo>, Error> {
        let stored = self.entered(vault, "", "list").await?;
        let page = self.control.vault().list(stored.id.name(), after, most).await.map_err(refused)?;
        Ok(Page { items: page.items, next: page.next })
    }

    /// Versions of a secret, oldest first, without values.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `list`, [`Code::SecretNotFound`].
    pub async fn versions(
        &self,
        vault: &str,
        name: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Page<SecretInfo>, Error> {
        let stored = self.entered(vault, name, "list").await?;
        let page =
            self.control.vault().versions(stored.id.name(), name, after, most).await.map_err(refused)?;
        Ok(Page { items: page.items, next: page.next })
    }

    /// A secret's latest version, without its value.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `list`, [`Code::SecretNotFound`].
    pub async fn latest(&self, vault: &str, name: &str) -> Result<SecretInfo, Error> {
        let stored = self.entered(vault, name, "list").await?;
        let found = self.control.vault().latest(stored.id.name(), name).await;
        found.map_err(refused)
    }

    /// Changes what is beside the value.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `set`, [`Code::SecretNotFound`].
    pub async fn update(
        &self,
        vault: &str,
        name: &str,
        version: Option<&str>,
        change: Change,
    ) -> Result<SecretInfo, Error> {
        let stored = self.entered(vault, name, "set").await?;
        let work = async {
            self.control.vault().update(stored.id.name(), name, version, change).await.map_err(refused)
        };
        self.control.audited(self.caller, "secrets/update", &target(&stored, name), work).await
    }

    /// Removes a secret with all versions, for good.
    ///
    /// # Errors
    /// [`Code::SecretAccessDenied`] without `delete`, [`Code::SecretNotFound`].
    pub async fn delete(&self, vault: &str, name: &str) -> Result<SecretInfo, Error> {
        let stored = self.entered(vault, name, "delete").await?;
        let work = async { self.control.vault().delete(stored.id.name(), name).await.map_err(refused) };
        self.control.audited(self.caller, "secrets/delete", &target(&stored, name), work).await
    }

    /// The vault, when the caller may: by a policy, or because it could give itself one.
    async fn entered(&self, vault: &str, name: &str, permission: &str) -> Result<Stored, Error> {
        let stored = self.control.vault_named(vault).await?;
        if permits(vault_of(&stored)?, &self.caller.principal, permission) {
            return Ok(stored);
        }
        let grants = self.control.grants_of(self.caller).await?;
        if grants.iter().any(|(role, at)| *role >= Role::Contributor && at.contains(&stored.id)) {
            return Ok(stored);
        }
        let error = Error::new(
            Code::SecretAccessDenied,
            format!(
                "The user, group or application '{}' ({}) does not have secrets {permission} permission on key vault '{}'. \
                 Grant it with `transload vault grant` or `az keyvault set-policy`.",
                self.caller.principal,
                self.caller.name,
                stored.id.name()
            ),
        );
        let action = format!("secrets/{permission}");
        self.control.deny(self.caller, &action, &target(&stored, name), &error).await?;
        Err(error)
    }
}

/// Whether two `host[:port]` are the same server: every name of the loopback is.
fn is_same_host(one: &str, other: &str) -> bool {
    let split = |text: &str| {
        let (host, port) = split_port(text);
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let is_loopback =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        (if is_loopback { "localhost".to_owned() } else { host }, port.unwrap_or(443))
    };
    split(one) == split(other)
}

fn vault_of(stored: &Stored) -> Result<&Vault, Error> {
    match &stored.body {
        Body::Vault(vault) => Ok(vault),
        _ => Err(Error::new(Code::ResourceNotFound, format!("'{}' is no vault", stored.id))),
    }
}

fn permits(vault: &Vault, principal: &str, permission: &str) -> bool {
    let theirs = vault.policies.iter().filter(|policy| policy.object_id.eq_ignore_ascii_case(principal));
    theirs.flat_map(|policy| &policy.secrets).any(|has| has == permission || has == "all")
}

fn target(stored: &Stored, name: &str) -> String {
    if name.is_empty() { stored.id.to_string() } else { format!("{}/secrets/{name}", stored.id) }
}

fn deleted(stored: &Stored, name: &str, gone: &str, reader: &ResourceId) -> Error {
    let text = format!(
        "The user-assigned identity '{gone}' by which '{}' reads secret '{name}' of vault '{}' was deleted since, or made anew. Put \
         '{}' again with an identity that is there, and give that one 'get' on the vault (az keyvault set-policy).",
        reader.name(),
        stored.id.name(),
        reader.name()
    );
    Error::new(Code::SecretAccessDenied, text).about("identity")
}

fn denied(stored: &Stored, name: &str, principals: &[Uuid], reader: &ResourceId) -> Error {
    let vault = stored.id.name();
    let principals: Vec<String> = principals.iter().map(ToString::to_string).collect();
    let text = match principals.first() {
        Some(first) => format!(
            "The identity {} of '{}' may not read secret '{name}' of vault '{vault}': no access policy gives it 'get'. Grant \
             it with: az keyvault set-policy --name {vault} --object-id {first} --secret-permissions get (or `transload \
             vault grant`).",
            principals.join(", "),
            reader.name()
        ),
        None => format!(
            "'{}' has no identity, and reads secret '{name}' of vault '{vault}' as nobody. Give it one (identity type \
             SystemAssigned or UserAssigned), and that one 'get' on the vault.",
            reader.name()
        ),
    };
    Error::new(Code::SecretAccessDenied, text).about("keyVaultUri")
}

/// The vault's error as one of ours.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: transload_vault::Error) -> Error {
    let code = match error.kind() {
        ErrorKind::NotFound => Code::SecretNotFound,
        ErrorKind::Disabled | ErrorKind::NotYetValid | ErrorKind::Expired => Code::SecretDisabled,
        ErrorKind::Invalid => Code::InvalidRequest,
        ErrorKind::Denied | ErrorKind::Unauthenticated => Code::SecretAccessDenied,
        ErrorKind::Unavailable => Code::LedgerUnavailable,
        _ => Code::VaultDamaged,
    };
    let text = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    Error::new(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_every_name_of_the_loopback_and_by_its_port() {
        assert!(is_same_host("localhost:8443", "127.0.0.1:8443"));
        assert!(is_same_host("[::1]:8443", "localhost:8443"));
        assert!(is_same_host("T.example", "t.example:443"));
        assert!(!is_same_host("localhost:8443", "localhost:9443"));
        assert!(!is_same_host("localhost:8443", "t.example:8443"));
    }
}
