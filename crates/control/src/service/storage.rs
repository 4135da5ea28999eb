//! Storage accounts that are somewhere else and known here by name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use transload_resource_id::ResourceId;
use url::{Host, Url};

use super::pipelines::IdentitySpec;
use super::{Control, SecretPlace, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::Put;
use crate::names;
use crate::resource::{AccountKey, Body, StorageAccount, kind};
use crate::storage::{account_of_host, is_public, ledger_name, split_port};

/// A storage account as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct StorageSpec {
    /// Where it is said to be.
    pub location: Option<String>,
    /// Words of its owner.
    pub tags: BTreeMap<String, String>,
    /// The tier; `Standard_LRS` where none is named.
    pub sku: Option<String>,
    /// The kind; `StorageV2` where none is named.
    pub account_kind: Option<String>,
    /// Members that are only kept.
    pub extra: Map<String, Value>,
    /// Where it is; where nothing is said it stays where it was. A new one has to say it.
    pub place: Option<StoragePlaceSpec>,
}

/// Where a storage account is, as it is asked for.
#[derive(Debug, Clone)]
pub struct StoragePlaceSpec {
    /// `http(s)://host[:port]`, or with `/account` behind it.
    pub endpoint: String,
    /// Where its key is; without one nobody is given keys.
    pub key: Option<KeySpec>,
}

/// Where an account's key is, as it is asked for.
#[derive(Debug, Clone)]
pub struct KeySpec {
    /// URI of the secret.
    pub secret_uri: String,
    /// Who reads the secret; nothing for an identity of its own.
    pub identity: IdentitySpec,
}

impl Control {
    /// Registers a storage account, or changes what is known of it.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], names, [`Code::InvalidRequest`] for a new one without an endpoint and for an endpoint
    /// of another account, [`Code::Conflict`] when another group has an account of that name.
    pub async fn put_storage_account(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: StorageSpec,
    ) -> Result<Put, Error> {
        self.allow(caller, id, Role::Contributor, "write").await?;
        let act = async || {
            let spec = spec.clone();
            self.parent_exists(id).await?;
            self.check_tags(&spec.tags)?;
            let (revision, old) = self.read(id).await?;
            let old = match old {
                Some(Body::StorageAccount(old)) => Some(old),
                // an account that is there is meant in whatever case it is written
                _ => {
                    names::check(id, kind::STORAGE_ACCOUNT)?;
                    None
                }
            };
            let (endpoint, key) = self.storage_place(caller, id, spec.place, old.as_ref()).await?;
            let (old_sku, old_kind, old_location) =
                old.map(|old| (Some(old.sku), Some(old.account_kind), old.location)).unwrap_or_default();
            let body = Body::StorageAccount(StorageAccount {
                location: spec.location.or(old_location),
                tags: spec.tags,
                sku: spec.sku.or(old_sku).unwrap_or_else(|| "Standard_LRS".to_owned()),
                account_kind: spec.account_kind.or(old_kind).unwrap_or_else(|| "StorageV2".to_owned()),
                extra: spec.extra,
                endpoint,
                key,
            });
            // an account is found by the name in its host, whatever group it is in
            let names = [ledger_name(id.name())];
            let put = self.replace(caller, id, revision, &body, &names).await;
            put.map_err(|error| match (error.code, &error.target) {
                (Code::Conflict, Some(other)) if !other.eq_ignore_ascii_case(id.as_str()) => {
                    registered(id.name(), other)
                }
                _ => error,
            })
        };
        let work = self.settled(id, act);
        self.audited(caller, &action(kind::STORAGE_ACCOUNT, "write"), id.as_str(), work).await
    }

    /// Whether a storage account could be registered so, as far as that can be told without doing it.
    ///
    /// # Errors
    /// As of [`put_storage_account`](Self::put_storage_account), but for those of its group, its tags and its identity.
    pub async fn check_storage_account(&self, id: &ResourceId, spec: &StorageSpec) -> Result<(), Error> {
        if let Some((other, _)) = self.storage_account_named(id.name()).await?
            && other != *id
        {
            return Err(registered(id.name(), other.as_str()));
        }
        let there = self.ledger().get(id).await?.map(|stored| stored.body);
        match (&spec.place, there) {
            (None, Some(Body::StorageAccount(_))) => Ok(()),
            (None, _) => Err(no_endpoint(id.name())),
            (Some(StoragePlaceSpec { endpoint, key }), _) => {
                let account = id.name().to_ascii_lowercase();
                let endpoint = endpoint_of(&account, endpoint)?;
                is_where_its_name_leads(&account, &endpoint, &self.options().storage_suffix)?;
                key.as_ref().map_or(Ok(()), |key| self.check_secret_uri(&key.secret_uri, "keySecretUri"))
            }
        }
    }

    async fn storage_place(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: Option<StoragePlaceSpec>,
        old: Option<&StorageAccount>,
    ) -> Result<(String, Option<AccountKey>), Error> {
        let Some(StoragePlaceSpec { endpoint, key }) = spec else {
            return match old {
                Some(old) => Ok((old.endpoint.clone(), old.key.clone())),
                None => Err(no_endpoint(id.name())),
            };
        };
        let account = id.name().to_ascii_lowercase();
        let endpoint = endpoint_of(&account, &endpoint)?;
        is_where_its_name_leads(&account, &endpoint, &self.options().storage_suffix)?;
        let Some(KeySpec { secret_uri, identity }) = key else { return Ok((endpoint, None)) };
        self.check_secret_uri(&secret_uri, "keySecretUri")?;
        let identity = match identity {
            IdentitySpec::None => IdentitySpec::System,
            other => other,
        };
        let old_key = old.and_then(|old| old.key.as_ref());
        let identity = self.identity(caller, identity, old_key.map(|key| &key.identity)).await?;
        Ok((endpoint, Some(AccountKey { secret_uri, identity })))
    }

    /// The key of a storage account, for whoever may have it.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`] below the role Contributor; `…NotFound`; [`Code::Conflict`] where none is known here;
    /// those of [`secret_at`](Self::secret_at).
    pub async fn storage_key(&self, caller: &Caller, id: &ResourceId) -> Result<SecretPlace, Error> {
        self.allow(caller, id, Role::Contributor, "listKeys/action").await?;
        let work = async {
            let stored = self.stored(id).await?;
            let Body::StorageAccount(account) = &stored.body else { return Err(self.missing(id).await?) };
            let Some(AccountKey { secret_uri, identity }) = &account.key else {
                return Err(no_key(id.name()));
            };
            self.secret_at(caller, secret_uri, identity, &stored.id).await
        };
        self.audited(caller, &action(kind::STORAGE_ACCOUNT, "listKeys/action"), id.as_str(), work).await
    }

    /// The registered account that a host (`ACCOUNT.blob.<suffix>[:port]`) names.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn storage_account_at(
        &self,
        host: &str,
    ) -> Result<Option<(ResourceId, StorageAccount)>, Error> {
        let (name, port) = split_port(host);
        let suffix = &self.options().storage_suffix;
        let Some(account) = account_of_host(name, port, suffix) else { return Ok(None) };
        let found = self.storage_account_named(&account).await?;
        // one that was registered when the suffix was another
        Ok(found.filter(|(_, is)| is_where_its_name_leads(&account, &is.endpoint, suffix).is_ok()))
    }

    /// The registered account of a name.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn storage_account_named(
        &self,
        name: &str,
    ) -> Result<Option<(ResourceId, StorageAccount)>, Error> {
        let found = self.ledger().named(&ledger_name(name)).await?;
        Ok(match found.map(|stored| (stored.id, stored.body)) {
            Some((id, Body::StorageAccount(account))) => Some((id, account)),
            _ => None,
        })
    }
}

/// An endpoint as it is kept. The account's name has to be in it, where it names one: it is part of what tokens sign.
fn endpoint_of(account: &str, text: &str) -> Result<String, Error> {
    let shown: String = text.split(['?', '#']).next().unwrap_or_default().chars().take(200).collect();
    let refuse = |detail: &str| {
        let text = format!(
            "'{shown}' cannot be the endpoint of storage account '{account}': {detail}. Write it as \
             https://{account}.blob.core.windows.net, or as http://127.0.0.1:10000/{account} for an emulator."
        );
        Err(Error::new(Code::InvalidRequest, text).about("properties.transload.endpoint"))
    };
    let Ok(url) = Url::parse(text.trim()) else { return refuse("it is no URL") };
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return refuse("it is http or https with a host");
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(Error::new(
            Code::InvalidRequest,
            "An endpoint has no user, no '?' and no '#': keys and tokens belong into a vault's secret.",
        )
        .about("properties.transload.endpoint"));
    }
    let path = url.path().trim_matches('/');
    let host = url.host_str().unwrap_or_default();
    let first = host.split_once(".blob.").map(|(first, _)| first);
    match (path, first) {
        ("", Some(first)) if !first.eq_ignore_ascii_case(account) => {
            return refuse("it names another account, and tokens are signed with the account's name");
        }
        ("", None) if matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_))) => {
            return refuse("behind an address stands the account");
        }
        ("", _) => {}
        (path, _) if path.contains('/') => return refuse("it names more than an account"),
        (path, _) if path != account => {
            return refuse("it names another account, and tokens are signed with the account's name");
        }
        _ => {}
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn registered(name: &str, other: &str) -> Error {
    Error::new(Code::Conflict, format!("The storage account named {name} is already registered: '{other}'."))
}

/// Beneath a suffix of Azure's own an account is the real one.
fn is_where_its_name_leads(account: &str, endpoint: &str, suffix: &str) -> Result<(), Error> {
    let real = format!("https://{account}.blob{}", suffix.to_ascii_lowercase());
    if !is_public(suffix) || endpoint.eq_ignore_ascii_case(&real) {
        return Ok(());
    }
    let text = format!(
        "With the storage suffix '{suffix}', names of accounts are those of the real ones, so that the endpoint of '{account}' is \
         {real}, not '{endpoint}'. For accounts that are elsewhere (emulators for example) start the server without \
         --storage-suffix, or with one of this installation's own."
    );
    Err(Error::new(Code::InvalidRequest, text).about("properties.transload.endpoint"))
}

fn no_endpoint(name: &str) -> Error {
    Error::new(
        Code::InvalidRequest,
        format!(
            "No storage accounts are made here; one that exists is registered under its own name. Register it with `transload \
             storage create {name} --endpoint URL --key-secret VAULT/SECRET`, or with a PUT that has \
             properties.transload.endpoint (and properties.transload.keySecretUri, so that az is given the key)."
        ),
    )
    .about("properties.transload.endpoint")
}

fn no_key(name: &str) -> Error {
    Error::new(
        Code::Conflict,
        format!(
            "The key of storage account '{name}' is not known here. Put it into a vault's secret and say which: `transload \
             storage create {name} --endpoint URL --key-secret VAULT/SECRET`; or give az the key itself (--account-key) or a \
             token (--sas-token)."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_real_accounts_are_not_led_elsewhere() {
        let at = |endpoint: &str, suffix: &str| {
            is_where_its_name_leads("acct", endpoint, suffix).map_err(|error| error.message)
        };
        assert_eq!(at("https://acct.blob.core.windows.net", ".core.windows.net"), Ok(()));
        assert_eq!(at("https://acct.blob.core.windows.net", ".Core.Windows.net"), Ok(()));
        assert_eq!(at("http://127.0.0.1:10000/acct", ".storage.localhost:8443"), Ok(()));
        for elsewhere in
            ["http://127.0.0.1:10000/acct", "https://blobs.evil.example", "http://acct.blob.core.windows.net"]
        {
            let refused = at(elsewhere, ".core.windows.net").unwrap_err();
            assert!(refused.contains("is https://acct.blob.core.windows.net, not"), "{refused}");
        }
    }

    #[test]
    fn endpoints_are_those_of_the_account() {
        let at = |text: &str| endpoint_of("acct", text).map_err(|error| error.message);
        for (text, kept) in [
            ("https://acct.blob.core.windows.net/", "https://acct.blob.core.windows.net"),
            ("http://127.0.0.1:10000/acct", "http://127.0.0.1:10000/acct"),
            ("http://127.0.0.1:10000/acct/", "http://127.0.0.1:10000/acct"),
            ("https://blobs.lab.example:10000", "https://blobs.lab.example:10000"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(kept));
        }
        for text in [
            "",
            "acct",
            "s3://acct",
            "https://other.blob.core.windows.net",
            "http://127.0.0.1:10000",
            "http://127.0.0.1:10000/other",
            "http://127.0.0.1:10000/acct/container",
            "https://acct.blob.core.windows.net/acct/x",
        ] {
            assert!(at(text).unwrap_err().contains("acct.blob.core.windows.net"), "{text}");
        }
        for secret in ["https://u:geheim@acct.blob.core.windows.net", "https://acct.blob.x/?sig=geheim"] {
            assert!(!at(secret).unwrap_err().contains("geheim"), "{secret}");
        }
    }
}
