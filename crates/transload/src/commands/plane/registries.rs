//! `transload registry create`, `list`, `show`, `delete`, `test` and `import-image`.

use secrecy::ExposeSecret as _;
use transload_client::api::image::{ImportCredentials, ImportSource};
use transload_client::api::registry::{
    ExternalCredential, ExternalRegistry, Policies, RegistryProperties, Sku, Status,
};
use transload_client::api::{ImportImage, Registry, ResourceId};
use transload_transfer::{Code, Error};

use super::follow::operation;
use super::lookup::SecretRef;
use super::{LOCATION, Plane, REGISTRIES, confirm, segment, trouble};
use crate::cli::plane::{
    RegistryCreateArgs, RegistryDeleteArgs, RegistryImportArgs, RegistryListArgs, RegistryNameArgs,
};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};
use crate::settings::secret;

pub(crate) async fn create(
    args: RegistryCreateArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let group = plane.group(&args.group).await?;
    let id = group.resource(REGISTRIES, &segment(&args.name)?);
    let secret = match &args.secret_uri {
        Some(text) => Some(plane.secret_ref(&group, text).await?),
        None => None,
    };
    let names: Vec<String> = args.identity.iter().cloned().collect();
    let (identity, principals) = plane.identities(&group, &names).await?;
    let reader = identity.user_assigned_identities.keys().next().cloned();
    let registry = Registry {
        location: Some(LOCATION.to_owned()),
        sku: Some(Sku { name: Some("Premium".to_owned()), tier: None }),
        identity: secret.is_some().then_some(identity),
        properties: RegistryProperties {
            transload: args.at.clone().map(|at| external(&args, at, secret.as_ref(), reader)),
            policies: Some(export_policy(!args.no_exports)),
            ..RegistryProperties::default()
        },
        ..Registry::default()
    };
    let put = plane.client.put::<Registry>(&id, &registry).await.map_err(trouble::error)?;
    if let Some(secret) = secret.filter(|_| !args.no_grant) {
        let own = put.value.identity.as_ref().and_then(|identity| identity.principal_id.clone());
        let readers = if principals.is_empty() { own.into_iter().collect() } else { principals };
        plane.let_read(&secret, &readers, output).await?;
    }
    output.show("registry", &put.value, || page(std::slice::from_ref(&put.value)))?;
    Ok(Exit::Success)
}

fn external(
    args: &RegistryCreateArgs,
    at: String,
    secret: Option<&SecretRef>,
    identity: Option<String>,
) -> ExternalRegistry {
    let kind = match (secret, args.workload_identity) {
        (Some(_), _) => "Secret",
        (None, true) => "WorkloadIdentity",
        (None, false) => "Anonymous",
    };
    let credential = ExternalCredential {
        kind: Some(kind.to_owned()),
        user: args.user.clone(),
        secret_uri: secret.map(|secret| secret.uri.clone()),
        identity,
    };
    ExternalRegistry { login_server: Some(at), plain_http: args.without_tls, credential: Some(credential) }
}

/// It is said in either case: what an earlier command forbade, a later one without the option allows again.
fn export_policy(is_allowed: bool) -> Policies {
    let word = if is_allowed { "enabled" } else { "disabled" };
    Policies { export_policy: Some(Status { status: Some(word.to_owned()) }), ..Policies::default() }
}

pub(crate) async fn list(
    args: &RegistryListArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let named = args.group.group.is_some() || plane.group.is_some();
    let scope = if named { plane.group(&args.group).await? } else { plane.subscription().await? };
    let registries: Vec<Registry> = plane.client.list(&scope, REGISTRIES).await.map_err(trouble::error)?;
    output.list("registries", &registries, || page(&registries))?;
    Ok(Exit::Success)
}

pub(crate) async fn show(
    args: &RegistryNameArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let id = plane.resource(&args.group, REGISTRIES, &args.name).await?;
    let registry: Registry = plane.client.get(&id).await.map_err(trouble::error)?;
    output.show("registry", &registry, || page(std::slice::from_ref(&registry)))?;
    Ok(Exit::Success)
}

pub(crate) async fn delete(
    args: &RegistryDeleteArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let id = plane.resource(&args.group, REGISTRIES, &args.name).await?;
    confirm(&args.yes, &format!("Remove registry {} with its pipelines and runs?", args.name))?;
    plane.remove(&id, "registry", output).await
}

pub(crate) async fn test(
    args: &RegistryNameArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let id = plane.resource(&args.group, REGISTRIES, &args.name).await?;
    let started = plane.client.check(&id).await.map_err(trouble::error)?;
    operation(&plane, &started, &format!("registry {}", args.name), output).await?;
    super::follow::fine(&format!("registry {} can be reached with what it has", args.name), output)
}

pub(crate) async fn import_image(
    args: RegistryImportArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let registry = plane.registry(&args.within).await?;
    let password = secret("--password", args.password_file.as_deref(), args.password_env.as_deref())?;
    if password.is_none() && args.user.is_some() {
        return Err(Error::new(Code::Usage, "--user", "there is no password for it")
            .with_next("give --password-file or --password-env"));
    }
    let credentials = password.map(|password| ImportCredentials {
        username: args.user.clone(),
        password: password.expose_secret().to_owned(),
    });
    let what = ImportImage {
        source: Some(ImportSource { credentials, ..source(&registry, &args.source)? }),
        target_tags: args.image.clone(),
        mode: Some(if args.force { "Force" } else { "NoForce" }.to_owned()),
        ..ImportImage::default()
    };
    let started = plane.client.import_image(&registry, &what).await.map_err(trouble::error)?;
    let Some(started) = started.filter(|_| !args.no_wait) else {
        return super::follow::fine(&format!("{} is being imported", args.source), output);
    };
    operation(&plane, &started, &args.source, output).await?;
    super::follow::fine(&format!("{} is in {}", args.source, registry.name()), output)
}

/// `host/repository:tag`, or `REGISTRY:repository:tag` of the same group.
fn source(registry: &ResourceId, text: &str) -> Result<ImportSource, Error> {
    let (first, rest) = text.split_once('/').unwrap_or((text, ""));
    let is_host = first.contains('.') || first == "localhost" || first.starts_with("localhost:");
    let is_address = first.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    if !rest.is_empty() && (is_host || is_address) {
        return Ok(ImportSource {
            registry_uri: Some(first.to_owned()),
            source_image: rest.to_owned(),
            ..ImportSource::default()
        });
    }
    match (text.split_once(':'), registry.group_id()) {
        (Some((name, image)), Some(group)) if !name.contains('/') && image.contains([':', '@', '/']) => {
            Ok(ImportSource {
                resource_id: Some(group.resource(REGISTRIES, &segment(name)?).as_str().to_owned()),
                source_image: image.to_owned(),
                ..ImportSource::default()
            })
        }
        _ => Err(Error::new(Code::ReferenceInvalid, text, "it names no registry").with_next(
            "write host/repository:tag, or REGISTRY:repository:tag for a registry of the control plane",
        )),
    }
}

fn page(registries: &[Registry]) -> Page {
    let mut table = Table::new(["REGISTRY", "LOGIN SERVER", "KIND", "CREDENTIAL"]);
    for registry in registries {
        let properties = &registry.properties;
        let external = properties.transload.as_ref();
        let credential = external.and_then(|at| at.credential.as_ref()?.kind.clone());
        table.row([
            registry.name.clone().unwrap_or_default().into(),
            properties.login_server.clone().unwrap_or_default().into(),
            if external.is_some() { "external" } else { "hosted" }.into(),
            credential.unwrap_or_default().into(),
        ]);
    }
    if registries.is_empty() {
        Page::new().text("no registry yet\n").rows(table)
    } else {
        Page::new().table(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_host_or_a_registry_of_the_group() {
        let registry = ResourceId::group_of("s", "g").resource(REGISTRIES, "central");
        let host = source(&registry, "127.0.0.1:5000/team/web:v1").unwrap();
        assert_eq!(
            (host.registry_uri.as_deref(), host.source_image.as_str()),
            (Some("127.0.0.1:5000"), "team/web:v1")
        );
        let named = source(&registry, "far:team/web:v1").unwrap();
        assert!(named.resource_id.unwrap().ends_with("/registries/far"));
        assert_eq!(named.source_image, "team/web:v1");
        assert!(source(&registry, "team/web").is_err() && source(&registry, "web:v1").is_err());
    }
}
