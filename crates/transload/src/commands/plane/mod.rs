//! The commands that ask a control plane.

pub(crate) mod audit;
pub(crate) mod az;
pub(crate) mod context;
pub(crate) mod deployments;
mod follow;
pub(crate) mod groups;
pub(crate) mod identities;
mod lookup;
mod offline;
pub(crate) mod pipelines;
pub(crate) mod principals;
pub(crate) mod registries;
pub(crate) mod roles;
mod run_page;
pub(crate) mod runs;
mod secrets;
pub(crate) mod storage;
mod trouble;
pub(crate) mod vaults;

use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Serialize;
use transload_client::api::ResourceId;
use transload_client::{Client, Credential, Deleted, Limits, Options, Proxies};
use transload_transfer::{Code, Error};

use crate::cli::TrustArgs;
use crate::cli::plane::{ConnectArgs, GroupArg, InRegistryArgs, YesArg};
use crate::config::Environment;
use crate::contexts::{Context, SecretPlace, Store};
use crate::exit::Exit;
use crate::output::{Output, Page, error_text};
use crate::registries::ca_pem;
use crate::settings::secret;

/// Where things are said to be, for clients that want a place.
const LOCATION: &str = "local";
const REGISTRIES: &str = "Microsoft.ContainerRegistry/registries";
const VAULTS: &str = "Microsoft.KeyVault/vaults";
const IDENTITIES: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// A control plane, and what is meant when nothing is named.
struct Plane {
    client: Client,
    group: Option<String>,
    registry: Option<String>,
}

impl Plane {
    /// From what the command line says, else the context. Nothing is asked yet.
    fn open(args: &ConnectArgs, environment: &Environment) -> Result<Self, Error> {
        let context = match (&args.context, &args.server) {
            // without a HOME there are no contexts, and none is needed
            (None, Some(_)) if environment.config_folder.is_none() => Context::default(),
            (name, _) => Store::read(environment)?.find(name.as_deref())?.cloned().unwrap_or_default(),
        };
        let server = args.server.clone().unwrap_or_else(|| context.server.clone());
        if server.is_empty() {
            let text = "it is not said which control plane is meant";
            return Err(Error::new(Code::Usage, "--server", text).with_next(
                "add a context with `transload context add`, or give --server, --client-id and --secret-file",
            ));
        }
        let url = url(&server)?;
        // a context's secret is for the context's server: another one does not get it
        let is_contexts = context.server.is_empty() || url_of(&context) == Some(url.clone());
        let context_secret = context.secret.as_ref().filter(|_| is_contexts);
        let client = Client::new(Options {
            server: url,
            ca_pem: authorities(&args.trust, &context)?,
            proxies: Proxies {
                http: environment.proxy.http.clone(),
                https: environment.proxy.https.clone(),
                no_proxy: environment.proxy.no_proxy.clone(),
            },
            tenant: args.tenant.clone().or_else(|| context.tenant.clone().filter(|_| is_contexts)),
            credential: credential(args, &context, context_secret, environment)?,
            user_agent: super::TOOL.to_owned(),
            limits: Limits::default(),
        });
        Ok(Self { client: client.map_err(trouble::error)?, group: context.group, registry: context.registry })
    }

    async fn subscription(&self) -> Result<ResourceId, Error> {
        self.client.subscription().await.map_err(trouble::error)
    }

    async fn group_named(&self, name: &str) -> Result<ResourceId, Error> {
        let subscription = self.subscription().await?;
        Ok(ResourceId::group_of(subscription.subscription(), &segment(name)?))
    }

    async fn group(&self, group: &GroupArg) -> Result<ResourceId, Error> {
        let named = group.group.as_ref().or(self.group.as_ref());
        let name = named.ok_or_else(|| missing("--group", "resource group"))?;
        self.group_named(name).await
    }

    async fn resource(&self, group: &GroupArg, kind: &str, name: &str) -> Result<ResourceId, Error> {
        Ok(self.group(group).await?.resource(kind, &segment(name)?))
    }

    async fn registry(&self, within: &InRegistryArgs) -> Result<ResourceId, Error> {
        let named = within.registry.as_ref().or(self.registry.as_ref());
        let name = named.ok_or_else(|| missing("--registry", "registry"))?;
        self.resource(&within.group, REGISTRIES, name).await
    }

    /// Removes a resource, waits until it is gone, and says so.
    async fn remove(&self, id: &ResourceId, what: &str, output: &Output) -> Result<Exit, Error> {
        let name = id.name().to_owned();
        let was_there = match self.client.delete(id).await.map_err(trouble::error)? {
            Deleted::Absent => false,
            Deleted::Gone => true,
            Deleted::Pending(operation) => {
                self.client.wait(&operation, |_| {}).await.map_err(trouble::error)?;
                true
            }
        };
        let done = Removed { name, was_there };
        let text = match was_there {
            true => format!("{what} {} is gone\n", done.name),
            false => format!("nothing to do: there is no {what} {}\n", done.name),
        };
        output.announce("removed", &done, || Page::new().text(text))?;
        Ok(Exit::Success)
    }
}

/// What became of a removal.
#[derive(Serialize)]
struct Removed {
    name: String,
    was_there: bool,
}

fn missing(option: &str, what: &str) -> Error {
    Error::new(Code::Usage, option, format!("it is not said which {what} is meant"))
        .with_next(format!("give {option}, or set it in the context: transload context add … {option} NAME"))
}

/// A name as it stands in an id. What would be two segments is none.
fn segment(name: &str) -> Result<String, Error> {
    let odd =
        name.is_empty() || name.contains(['/', '?', '#', '%', '\\']) || name.chars().any(char::is_control);
    if odd || name.chars().any(char::is_whitespace) || name == "." || name == ".." {
        return Err(Error::new(Code::Usage, format!("'{name}'"), "it is no name of a resource"));
    }
    Ok(name.to_owned())
}

fn url(text: &str) -> Result<url::Url, Error> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    with_scheme.parse().map_err(|error: url::ParseError| {
        Error::new(Code::Usage, "--server", error.to_string()).with_next("write it as https://host:port")
    })
}

fn url_of(context: &Context) -> Option<url::Url> {
    url(&context.server).ok()
}

/// The authorities of the server's certificate as one text (PEM), for whoever connects from elsewhere.
fn authority(args: &ConnectArgs, environment: &Environment) -> Result<Option<String>, Error> {
    let context = match environment.config_folder {
        Some(_) => Store::read(environment)?.find(args.context.as_deref())?.cloned().unwrap_or_default(),
        None => Context::default(),
    };
    let all: Vec<String> = authorities(&args.trust, &context)?
        .iter()
        .map(|pem| String::from_utf8_lossy(pem).into_owned())
        .collect();
    Ok((!all.is_empty()).then(|| all.join("\n")))
}

fn authorities(trust: &TrustArgs, context: &Context) -> Result<Vec<Vec<u8>>, Error> {
    let mut trust = trust.clone();
    trust.ca_file.extend(context.ca_file.clone());
    ca_pem(&trust)
}

fn credential(
    args: &ConnectArgs,
    context: &Context,
    kept: Option<&SecretPlace>,
    environment: &Environment,
) -> Result<Credential, Error> {
    if let Some(token) = secret("--token", args.token_file.as_deref(), args.token_env.as_deref())? {
        return Ok(Credential::Token(token));
    }
    let given = secret("--secret", args.secret_file.as_deref(), args.secret_env.as_deref())?;
    let given = given
        .or_else(|| environment.variables.get("TRANSLOAD_SECRET").map(|s| SecretString::from(s.as_str())));
    let secret = match (given, kept) {
        (Some(secret), _) => Some(secret),
        (None, Some(SecretPlace::Kept(file) | SecretPlace::File(file))) => {
            secret("--secret", Some(file), None)?
        }
        (None, Some(SecretPlace::Env(name))) => secret("--secret", None, Some(name))?,
        (None, Some(SecretPlace::TokenFile(file))) => {
            return Ok(secret("--token", Some(file), None)?.map_or_else(no_token, Credential::Token));
        }
        (None, Some(SecretPlace::TokenEnv(name))) => {
            return Ok(secret("--token", None, Some(name))?.map_or_else(no_token, Credential::Token));
        }
        (None, None) => None,
    };
    let client_id = args.client_id.clone().or_else(|| context.client_id.clone());
    match (client_id, secret) {
        (Some(client_id), Some(secret)) => Ok(Credential::Secret { client_id, secret }),
        (None, _) => Err(missing_credential("--client-id", "it is not said who asks")),
        (_, None) => Err(missing_credential("--secret-file", "there is no secret to sign in with")),
    }
}

/// Where the secret of a principal is, for programs that read it themselves.
enum SecretAt {
    File(PathBuf),
    Env(String),
}

/// Who asks, and where the secret is.
///
/// # Errors
/// `Usage`, also where it is a token and no secret.
fn secret_at(args: &ConnectArgs, environment: &Environment) -> Result<(String, SecretAt), Error> {
    let context = match environment.config_folder {
        Some(_) => Store::read(environment)?.find(args.context.as_deref())?.cloned().unwrap_or_default(),
        None => Context::default(),
    };
    let token = || {
        Error::new(Code::Usage, "az", "az signs in with a client id and a secret, and there is a token alone")
            .with_next("make a principal for it: transload principal create NAME --role … --save FILE")
    };
    if args.token_file.is_some() || args.token_env.is_some() {
        return Err(token());
    }
    let named = match (&args.secret_file, &args.secret_env) {
        (Some(file), _) => Some(SecretAt::File(file.clone())),
        (None, Some(name)) => Some(SecretAt::Env(name.clone())),
        (None, None) if environment.variables.contains_key("TRANSLOAD_SECRET") => {
            Some(SecretAt::Env("TRANSLOAD_SECRET".to_owned()))
        }
        (None, None) => None,
    };
    let at = match (named, context.secret) {
        (Some(at), _) => at,
        (None, Some(SecretPlace::Kept(file) | SecretPlace::File(file))) => SecretAt::File(file),
        (None, Some(SecretPlace::Env(name))) => SecretAt::Env(name),
        (None, Some(SecretPlace::TokenFile(_) | SecretPlace::TokenEnv(_))) => return Err(token()),
        (None, None) => {
            return Err(missing_credential("--secret-file", "there is no secret to sign in with"));
        }
    };
    let client_id = args.client_id.clone().or(context.client_id);
    let client_id = client_id.ok_or_else(|| missing_credential("--client-id", "it is not said who asks"))?;
    Ok((client_id, at))
}

/// A place that was named and is empty has been refused before.
fn no_token() -> Credential {
    Credential::Token(SecretString::default())
}

fn missing_credential(option: &str, why: &str) -> Error {
    Error::new(Code::Usage, option, why).with_next(
        "use a context that has it (`transload context list`), or give --client-id and --secret-file, --secret-env or TRANSLOAD_SECRET",
    )
}

/// Asks on a terminal whether it is meant.
fn confirm(yes: &YesArg, question: &str) -> Result<(), Error> {
    if yes.yes {
        return Ok(());
    }
    let refused =
        |why: &str| Err(Error::new(Code::Usage, "--yes", why).with_next("give --yes if it is meant"));
    if !std::io::stdin().is_terminal() {
        return refused("it is asked whether this is meant, and there is no terminal to ask on");
    }
    error_text(&format!("{question} [y/N] "));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Error::new(Code::Usage, "--yes", error.to_string()))?;
    if ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str()) {
        Ok(())
    } else {
        refused("it is not meant")
    }
}

/// A moment of the API as people read it.
fn moment(text: &str) -> String {
    match text.get(..19) {
        Some(front) if text.ends_with('Z') || text.ends_with("+00:00") => {
            format!("{}Z", front.replace('T', " "))
        }
        _ => text.to_owned(),
    }
}
