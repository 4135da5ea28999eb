//! Registries: ours, and any other in the world.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use transload_resource_id::ResourceId;
use uuid::Uuid;

use super::pipelines::IdentitySpec;
use super::{Control, action};
use crate::access::{Caller, Role};
use crate::error::{Code, Error};
use crate::ledger::Put;
use crate::names;
use crate::resource::{Body, Identity, Registry, RegistryCredential, RegistryPlace, kind};

/// A registry as it is asked for.
#[derive(Debug, Clone, Default)]
pub struct RegistrySpec {
    /// Where it is said to be.
    pub location: Option<String>,
    /// Words of its owner.
    pub tags: BTreeMap<String, String>,
    /// The service tier; `Premium` where none is named.
    pub sku: Option<String>,
    /// Whether export pipelines may be; they may where nothing is said.
    pub exports_allowed: Option<bool>,
    /// Members that are only kept.
    pub extra: Map<String, Value>,
    /// Where it is; where nothing is said it stays where it was, and a new one is hosted.
    pub place: Option<PlaceSpec>,
}

/// Where a registry is, as it is asked for.
#[derive(Debug, Clone)]
pub enum PlaceSpec {
    /// Ours, under this `host[:port]` or one that is made of its name.
    Hosted {
        /// `host[:port]`.
        login_server: Option<String>,
    },
    /// Somewhere else.
    External {
        /// `host[:port][/prefix]`.
        login_server: String,
        /// Whether it is spoken to without TLS.
        plain_http: bool,
        /// Who we are there.
        credential: CredentialSpec,
    },
}

/// Who we are at an external registry, as it is asked for.
#[derive(Debug, Clone)]
pub enum CredentialSpec {
    /// Nobody.
    Anonymous,
    /// User and password.
    Secret {
        /// The user's name.
        user: Option<String>,
        /// URI of the secret.
        secret_uri: String,
        /// Who reads the secret; nothing for an identity of its own.
        identity: IdentitySpec,
    },
    /// The worker's own identity.
    WorkloadIdentity,
}

impl Control {
    /// Makes or changes a registry.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], names, [`Code::InvalidRequest`], [`Code::Conflict`] for a login server that another has.
    pub async fn put_registry(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: RegistrySpec,
    ) -> Result<Put, Error> {
        self.allow(caller, id, Role::Contributor, "write").await?;
        let work = self.settled(id, || self.put_registry_allowed(caller, id, spec.clone()));
        self.audited(caller, &action(kind::REGISTRY, "write"), id.as_str(), work).await
    }

    async fn put_registry_allowed(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: RegistrySpec,
    ) -> Result<Put, Error> {
        self.parent_exists(id).await?;
        names::check(id, kind::REGISTRY)?;
        self.check_tags(&spec.tags)?;
        let (revision, old) = self.read(id).await?;
        let old = match old {
            Some(Body::Registry(old)) => Some(old),
            _ => None,
        };
        let exports_allowed =
            spec.exports_allowed.or(old.as_ref().map(|o| o.exports_allowed)).unwrap_or(true);
        if !exports_allowed {
            self.refuse_while_exporting(id).await?;
        }
        let host_is_asked_for = matches!(spec.place, Some(PlaceSpec::Hosted { login_server: Some(_) }));
        let place = self.place(caller, id, spec.place, old.as_ref().map(|old| &old.place)).await?;
        let host = hosted(&place).map(str::to_ascii_lowercase);
        // of this server's own host it learns that it is taken, and gets the one of its name
        let had_host = old.as_ref().is_some_and(|old| hosted(&old.place).is_some());
        let has_own_host = !host_is_asked_for
            && !had_host
            && host.as_ref().is_some_and(|host| *host != self.host_of_name(id));
        let body = Body::Registry(Registry {
            location: spec.location.or(old.as_ref().and_then(|old| old.location.clone())),
            tags: spec.tags,
            sku: spec.sku.or(old.map(|old| old.sku)).unwrap_or_else(|| "Premium".to_owned()),
            exports_allowed,
            extra: spec.extra,
            place,
        });
        let put = self.keep_registry(caller, id, revision, &body, host).await;
        put.map_err(|error| match other_holder(id, &error) {
            Some(other) => {
                let is_its_name = revision.is_none() && is_of_same_name(id, other);
                let taken = taken(id, other, is_its_name);
                if has_own_host && !is_its_name { taken.about(id.as_str()) } else { taken }
            }
            None => error,
        })
    }

    /// Writes it with its names: clients name a registry without its group, and a hosted one is found by its host, so that no two
    /// have the same. One that was there before names were unique stays what it is, if need be without its name.
    async fn keep_registry(
        &self,
        caller: &Caller,
        id: &ResourceId,
        revision: Option<i64>,
        body: &Body,
        host: Option<String>,
    ) -> Result<Put, Error> {
        let host: Vec<String> = host.map(|host| format!("host:{host}")).into_iter().collect();
        let own = format!("registry:{}", id.name().to_ascii_lowercase());
        let both: Vec<String> = host.iter().cloned().chain([own]).collect();
        match self.replace(caller, id, revision, body, &both).await {
            Err(error)
                if revision.is_some()
                    && other_holder(id, &error).is_some_and(|other| is_of_same_name(id, other)) =>
            {
                self.replace(caller, id, revision, body, &host).await
            }
            put => put,
        }
    }

    async fn place(
        &self,
        caller: &Caller,
        id: &ResourceId,
        spec: Option<PlaceSpec>,
        old: Option<&RegistryPlace>,
    ) -> Result<RegistryPlace, Error> {
        let store = match old {
            Some(RegistryPlace::Hosted { store, .. }) => *store,
            _ => Uuid::new_v4(),
        };
        match (spec, old) {
            (None, Some(old)) => Ok(old.clone()),
            (None | Some(PlaceSpec::Hosted { login_server: None }), _) => {
                if let Some(RegistryPlace::Hosted { .. }) = old {
                    return old
                        .cloned()
                        .ok_or_else(|| Error::new(Code::Conflict, "the registry changed meanwhile"));
                }
                let login_server = self.own_host(id).await?;
                Ok(RegistryPlace::Hosted { login_server, store })
            }
            (Some(PlaceSpec::Hosted { login_server: Some(host) }), _) => {
                check_host(&host, false)?;
                Ok(RegistryPlace::Hosted { login_server: host.to_ascii_lowercase(), store })
            }
            (Some(PlaceSpec::External { login_server, plain_http, credential }), old) => {
                check_host(&login_server, true)?;
                let credential = self.credential(caller, credential, old).await?;
                Ok(RegistryPlace::External { login_server, plain_http, credential })
            }
        }
    }

    /// The login server of a new hosted registry: this server's own host for the first, else one made of its name.
    async fn own_host(&self, id: &ResourceId) -> Result<String, Error> {
        if let Some(host) = &self.options().registry_host
            && self.ledger().named(&format!("host:{}", host.to_ascii_lowercase())).await?.is_none()
        {
            return Ok(host.to_ascii_lowercase());
        }
        Ok(self.host_of_name(id))
    }

    fn host_of_name(&self, id: &ResourceId) -> String {
        format!("{}{}", id.name().to_ascii_lowercase(), self.options().registry_suffix).to_ascii_lowercase()
    }

    async fn credential(
        &self,
        caller: &Caller,
        spec: CredentialSpec,
        old: Option<&RegistryPlace>,
    ) -> Result<RegistryCredential, Error> {
        Ok(match spec {
            CredentialSpec::Anonymous => RegistryCredential::Anonymous,
            CredentialSpec::WorkloadIdentity => RegistryCredential::WorkloadIdentity,
            CredentialSpec::Secret { user, secret_uri, identity } => {
                self.check_secret_uri(&secret_uri, "secretUri")?;
                let old_identity = match old {
                    Some(RegistryPlace::External {
                        credential: RegistryCredential::Secret { identity, .. },
                        ..
                    }) => identity.as_ref(),
                    _ => None,
                };
                let identity = match identity {
                    IdentitySpec::None => IdentitySpec::System,
                    other => other,
                };
                let identity = self.identity(caller, identity, old_identity).await?;
                RegistryCredential::Secret {
                    user,
                    secret_uri,
                    identity: Some(identity).filter(|i| *i != Identity::None),
                }
            }
        })
    }

    async fn refuse_while_exporting(&self, id: &ResourceId) -> Result<(), Error> {
        let pipelines = self.ledger().list(id, kind::EXPORT_PIPELINE, None, 1).await?;
        let Some(pipeline) = pipelines.items.first() else { return Ok(()) };
        Err(Error::new(
            Code::InUse,
            format!(
                "The export policy of registry '{}' cannot be disabled while it has export pipelines ('{}' is one). Delete \
                 them first.",
                id.name(),
                pipeline.id.name()
            ),
        ))
    }

    /// The hosted registry that a request's `Host` names.
    ///
    /// # Errors
    /// Those of the ledger.
    pub async fn hosted_at(&self, host: &str) -> Result<Option<(ResourceId, Registry)>, Error> {
        let found = self.ledger().named(&format!("host:{}", host.to_ascii_lowercase())).await?;
        Ok(match found.map(|stored| (stored.id, stored.body)) {
            Some((id, Body::Registry(registry))) => Some((id, registry)),
            _ => None,
        })
    }
}

/// The login server of a registry that is ours.
fn hosted(place: &RegistryPlace) -> Option<&str> {
    match place {
        RegistryPlace::Hosted { login_server, .. } => Some(login_server),
        RegistryPlace::External { .. } => None,
    }
}

/// The other resource that has a name which this one was to have.
fn other_holder<'a>(id: &ResourceId, error: &'a Error) -> Option<&'a str> {
    let other = error.target.as_deref().filter(|_| error.code == Code::Conflict)?;
    (!other.eq_ignore_ascii_case(id.as_str())).then_some(other)
}

/// Whether the other is a registry of the same name, in another group.
fn is_of_same_name(id: &ResourceId, other: &str) -> bool {
    other.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(id.name()))
}

fn taken(id: &ResourceId, other: &str, is_its_name: bool) -> Error {
    let text = if is_its_name {
        format!("The registry name '{}' is already in use by '{other}': choose another name.", id.name())
    } else {
        format!("The login server of this registry is that of '{other}': choose another name or host.")
    };
    Error::new(Code::Conflict, text)
}

/// `host[:port]`, with a prefix of repositories behind it where that is taken.
fn check_host(text: &str, prefix_taken: bool) -> Result<(), Error> {
    let refuse = |detail: &str| {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        let shown = shown.rsplit('@').next().unwrap_or_default().to_owned();
        Err(Error::new(Code::InvalidRequest, format!("'{shown}' cannot be a login server: {detail}"))
            .about("loginServer"))
    };
    if text.contains("://") {
        return refuse("leave out the scheme");
    }
    let (host, prefix) = text.split_once('/').map_or((text, None), |(host, rest)| (host, Some(rest)));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') => (name, Some(port)),
        _ => (host, None),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || ".-:_".contains(c)) {
        return refuse("write it as host or host:port");
    }
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return refuse("the port is a number up to 65535");
    }
    match prefix {
        None => Ok(()),
        Some(prefix) if prefix_taken && transload_oci::is_repository(prefix) => Ok(()),
        Some(_) => refuse("what follows the slash is no prefix of repositories"),
    }
}
