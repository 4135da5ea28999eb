//! `transload context`.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use transload_transfer::{Code, Error};

use super::url;
use crate::cli::plane::{ContextAddArgs, ContextArgs, ContextCommand};
use crate::commands::login;
use crate::config::Environment;
use crate::contexts::{Context, Handed, SecretPlace, Store};
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

/// A context, without its secret.
#[derive(Serialize)]
struct Shown {
    name: String,
    current: bool,
    #[serde(flatten)]
    context: Context,
}

pub(crate) async fn run(
    args: ContextArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let mut store = Store::read(environment)?;
    match args.command {
        ContextCommand::Add(args) => {
            let name = args.name.clone();
            add(*args, &mut store).await?;
            let shown = shown(&store, Some(&name));
            output.list("contexts", &shown, || page(&shown))?;
        }
        ContextCommand::Use(args) => {
            store.choose(&args.name)?;
            super::follow::fine(&format!("{} is used from now on", args.name), output)?;
        }
        ContextCommand::List => {
            let shown = shown(&store, None);
            output.list("contexts", &shown, || page(&shown))?;
        }
        ContextCommand::Remove(args) => {
            let text = match store.remove(&args.name)? {
                true => format!("context {} is gone", args.name),
                false => format!("nothing to do: there is no context {}", args.name),
            };
            super::follow::fine(&text, output)?;
        }
    }
    Ok(Exit::Success)
}

async fn add(args: ContextAddArgs, store: &mut Store) -> Result<(), Error> {
    let ca_file = match args.trust.ca_file.as_slice() {
        [] => None,
        [one] => Some(absolute("--ca-file", one)?),
        _ => {
            return Err(Error::new(Code::Usage, "--ca-file", "a context has one file of authorities")
                .with_next("put them into one file: PEM certificates may stand one behind the other"));
        }
    };
    let mut context = Context { group: args.group, registry: args.registry, ca_file, ..Context::default() };
    if let Some(file) = &args.file {
        let handed = Handed::read("--file", file)?;
        context.server = bare(&handed.server)?;
        context.tenant = handed.tenant;
        context.client_id = Some(handed.client_id);
        if context.ca_file.is_none() && handed.ca_pem.is_none() {
            context.ca_file = handed.ca_file.map(|file| absolute("caFile", &file)).transpose()?;
        }
        let pem = handed.ca_pem.filter(|_| context.ca_file.is_none());
        return store.add(&args.name, context, Some(&handed.client_secret), pem.as_deref());
    }
    context.server = bare(args.server.as_deref().unwrap_or_default())?;
    context.tenant = args.tenant;
    context.client_id = args.client_id;
    let place = match (args.secret_file, args.secret_env, args.token_file, args.token_env) {
        (Some(file), ..) => Some(SecretPlace::File(absolute("--secret-file", &file)?)),
        (_, Some(name), ..) => Some(SecretPlace::Env(name)),
        (_, _, Some(file), _) => Some(SecretPlace::TokenFile(absolute("--token-file", &file)?)),
        (.., Some(name)) => Some(SecretPlace::TokenEnv(name)),
        _ => None,
    };
    let is_token = matches!(place, Some(SecretPlace::TokenFile(_) | SecretPlace::TokenEnv(_)));
    if context.client_id.is_none() && !is_token {
        return Err(Error::new(Code::Usage, "--client-id", "it is not said who asks")
            .with_next("give --client-id, or --token-file or --token-env, or --file"));
    }
    let secret = match place {
        Some(place) => {
            context.secret = Some(place);
            None
        }
        None => Some(ask(args.secret_stdin, context.client_id.as_deref().unwrap_or_default()).await?),
    };
    store.add(&args.name, context, secret.as_ref(), None)
}

async fn ask(is_piped: bool, client_id: &str) -> Result<SecretString, Error> {
    let secret = match is_piped {
        true => login::piped("--secret-stdin")?,
        false => login::prompt(&format!("Secret of {client_id} (not shown): "), "--secret-stdin").await?,
    };
    if secret.expose_secret().is_empty() {
        return Err(Error::new(Code::Usage, "--secret-stdin", "the secret is empty"));
    }
    Ok(secret)
}

/// Scheme, host and port: a password has no place in it.
fn bare(server: &str) -> Result<String, Error> {
    let url = url(server)?;
    let odd = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
    if odd || url.path() != "/" || !["http", "https"].contains(&url.scheme()) {
        return Err(Error::new(Code::Usage, "--server", "it is more or less than scheme, host and port")
            .with_next("write it as https://host:port"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn absolute(option: &str, path: &std::path::Path) -> Result<std::path::PathBuf, Error> {
    std::path::absolute(path)
        .map_err(|error| Error::new(Code::Usage, format!("{option} {}", path.display()), error.to_string()))
}

fn shown(store: &Store, only: Option<&str>) -> Vec<Shown> {
    let wanted = store.all().filter(|(name, _)| only.is_none_or(|only| only == name.as_str()));
    let shown = |(name, context): (&String, &Context)| Shown {
        name: name.clone(),
        current: store.current() == Some(name.as_str()),
        context: context.clone(),
    };
    wanted.map(shown).collect()
}

fn page(contexts: &[Shown]) -> Page {
    let mut table =
        Table::new(["", "CONTEXT", "SERVER", "CLIENT ID", "SECRET", "GROUP", "REGISTRY"]).wraps(&[2, 4]);
    for Shown { name, current, context } in contexts {
        table.row([
            if *current { "*" } else { "" }.into(),
            name.as_str().into(),
            context.server.as_str().into(),
            context.client_id.clone().unwrap_or_default().into(),
            context.secret.as_ref().map(SecretPlace::shown).unwrap_or_default().into(),
            context.group.clone().unwrap_or_default().into(),
            context.registry.clone().unwrap_or_default().into(),
        ]);
    }
    if contexts.is_empty() {
        Page::new().text("no context yet; add one with `transload context add`\n").rows(table)
    } else {
        Page::new().table(table)
    }
}
