//! Registries and what is imported into them.

use serde_json::Value;
use transload_api as api;
use transload_api::registry::{
    ExternalCredential, ExternalRegistry, Policies, RegistryProperties, Sku, Status,
};
use transload_control::resource::{
    Body, Identity, Registry, RegistryCredential, RegistryPlace, Stored, kind,
};
use transload_control::{
    CredentialSpec, IdentitySpec, ImageSource, ImportImage, PlaceSpec, RegistrySpec, ResourceId,
};

use super::pipeline::{identity, identity_asked};
use super::{Place, moment, other, some, system_data};
use crate::fault::Fault;

/// A member of `properties` that an older program put into the ledger's `extra`.
const ADMIN: &str = "adminUserEnabled";
/// The member of `properties` that is kept there and given back.
const POLICIES: &str = "policies";

/// A registry.
pub(crate) fn registry(stored: &Stored, place: Place<'_>) -> Result<api::Registry, Fault> {
    let Body::Registry(body) = &stored.body else { return Err(other(stored)) };
    let mut extra = body.extra.clone();
    extra.remove(ADMIN);
    let kept = extra.remove(POLICIES).and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let word = if body.exports_allowed { "enabled" } else { "disabled" };
    let policies = Policies { export_policy: Some(Status { status: Some(word.to_owned()) }), extra: kept };
    Ok(api::Registry {
        kind: Some(kind::REGISTRY.to_owned()),
        id: Some(stored.id.to_string()),
        name: Some(stored.id.name().to_owned()),
        location: Some(body.location.clone().unwrap_or_else(|| place.location.to_owned())),
        tags: some(&body.tags),
        sku: Some(Sku { name: Some(body.sku.clone()), tier: Some(body.sku.clone()) }),
        identity: own_identity(body).and_then(|own| identity(own, place)),
        properties: RegistryProperties {
            login_server: Some(body.place.login_server().to_owned()),
            creation_date: Some(moment(stored.stamps.created_at)),
            provisioning_state: Some("Succeeded".to_owned()),
            // whatever was asked for: there is no such user
            admin_user_enabled: Some(false),
            policies: Some(policies),
            transload: external(body),
            extra,
        },
        system_data: Some(system_data(&stored.stamps)),
    })
}

/// The identity with which a registry's secret is read.
fn own_identity(body: &Registry) -> Option<&Identity> {
    match &body.place {
        RegistryPlace::External { credential: RegistryCredential::Secret { identity, .. }, .. } => {
            identity.as_ref()
        }
        _ => None,
    }
}

fn external(body: &Registry) -> Option<ExternalRegistry> {
    let RegistryPlace::External { login_server, plain_http, credential } = &body.place else { return None };
    let named =
        |kind: &str| ExternalCredential { kind: Some(kind.to_owned()), ..ExternalCredential::default() };
    let credential = match credential {
        RegistryCredential::Anonymous => named("Anonymous"),
        RegistryCredential::WorkloadIdentity => named("WorkloadIdentity"),
        RegistryCredential::Secret { user, secret_uri, identity } => ExternalCredential {
            user: user.clone(),
            secret_uri: Some(secret_uri.clone()),
            identity: match identity {
                Some(Identity::User { identities }) => identities.first().map(|one| one.id.clone()),
                _ => None,
            },
            ..named("Secret")
        },
    };
    Some(ExternalRegistry {
        login_server: Some(login_server.clone()),
        plain_http: *plain_http,
        credential: Some(credential),
    })
}

/// A registry as it is asked for.
pub(crate) fn registry_asked(sent: api::Registry) -> Result<RegistrySpec, Fault> {
    let RegistryProperties { policies, transload, mut extra, .. } = sent.properties;
    let Policies { export_policy, extra: other_policies } = policies.unwrap_or_default();
    if !other_policies.is_empty() {
        extra.insert(POLICIES.to_owned(), Value::Object(other_policies));
    }
    let exports_allowed = match export_policy.and_then(|policy| policy.status) {
        None => None,
        Some(word) if word.eq_ignore_ascii_case("enabled") => Some(true),
        Some(word) if word.eq_ignore_ascii_case("disabled") => Some(false),
        Some(_) => {
            let member = "properties.policies.exportPolicy.status";
            return Err(Fault::invalid(member, format!("'{member}' is enabled or disabled.")));
        }
    };
    Ok(RegistrySpec {
        location: sent.location,
        tags: sent.tags.unwrap_or_default(),
        sku: sent.sku.and_then(|sku| sku.name),
        exports_allowed,
        extra,
        place: transload.map(|external| place_asked(external, sent.identity)).transpose()?,
    })
}

fn place_asked(sent: ExternalRegistry, own: Option<api::ResourceIdentity>) -> Result<PlaceSpec, Fault> {
    let Some(login_server) = sent.login_server else {
        let member = "properties.transload.loginServer";
        return Err(Fault::invalid(member, format!("'{member}' is required: host[:port] of the registry.")));
    };
    let credential = credential_asked(sent.credential.unwrap_or_default(), own)?;
    Ok(PlaceSpec::External { login_server, plain_http: sent.plain_http, credential })
}

fn credential_asked(
    sent: ExternalCredential,
    own: Option<api::ResourceIdentity>,
) -> Result<CredentialSpec, Fault> {
    let said = sent.kind.as_deref().map(str::to_ascii_lowercase);
    let implied = if sent.secret_uri.is_some() { "secret" } else { "anonymous" };
    match said.as_deref().unwrap_or(implied) {
        "anonymous" => Ok(CredentialSpec::Anonymous),
        "workloadidentity" => Ok(CredentialSpec::WorkloadIdentity),
        "secret" => {
            let Some(secret_uri) = sent.secret_uri else {
                let member = "properties.transload.credential.secretUri";
                let text = format!("'{member}' is required: the URI of the secret with the password.");
                return Err(Fault::invalid(member, text));
            };
            let identity = match sent.identity {
                Some(id) => IdentitySpec::User(vec![id]),
                None => identity_asked(own)?,
            };
            Ok(CredentialSpec::Secret { user: sent.user, secret_uri, identity })
        }
        _ => Err(Fault::invalid(
            "properties.transload.credential.type",
            "The type of a credential is Anonymous, Secret or WorkloadIdentity.",
        )),
    }
}

/// An import as it is asked for.
pub(crate) fn import_asked(sent: api::ImportImage) -> Result<ImportImage, Fault> {
    let Some(source) = sent.source else {
        return Err(Fault::invalid(
            "source",
            "'source' is required: registryUri or resourceId, and sourceImage.",
        ));
    };
    let force = match sent.mode.as_deref() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("NoForce") => false,
        Some(word) if word.eq_ignore_ascii_case("Force") => true,
        Some(_) => return Err(Fault::invalid("mode", "The mode is NoForce or Force.")),
    };
    let place = match (source.resource_id, source.registry_uri) {
        (Some(id), _) => {
            let id = ResourceId::parse(&id)
                .map_err(|error| Fault::invalid("source.resourceId", error.to_string()))?;
            ImageSource::Registry(id)
        }
        (None, Some(host)) => ImageSource::Host(host),
        (None, None) => {
            return Err(Fault::invalid("source", "The source is named by registryUri or by resourceId."));
        }
    };
    let (user, password) = match source.credentials {
        Some(credentials) => (credentials.username, Some(credentials.password.into())),
        None => (None, None),
    };
    Ok(ImportImage {
        source: place,
        source_image: source.source_image,
        user,
        password,
        target_tags: sent.target_tags,
        untagged_target_repositories: sent.untagged_target_repositories,
        force,
    })
}
