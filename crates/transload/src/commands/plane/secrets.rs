//! `transload vault secret`.

use std::io::{IsTerminal as _, Read as _};

use secrecy::SecretString;
use transload_client::api::secret::{SecretAttributes, SecretChange, SecretItem};
use transload_transfer::{Code, Error};

use super::{Plane, trouble};
use crate::cli::plane::{SecretCommand, SecretSetArgs, SecretValueArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};
use crate::settings::secret;

/// The longest value that vaults take, and more.
const VALUE_BYTES_MAX: u64 = 64 * 1024;

pub(super) async fn run(
    command: SecretCommand,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match command {
        SecretCommand::Set(args) => return set(&args, environment, output).await,
        SecretCommand::Get(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let secrets = plane.client.secrets(&args.vault);
            let found =
                secrets.get(&args.name, args.secret_version.as_deref()).await.map_err(trouble::error)?;
            let mut rows = Table::new(["VALUE"]);
            let value = found.value.clone().unwrap_or_default();
            rows.row([value.as_str().into()]);
            output.show("secret", &found, || Page::new().text(format!("{value}\n")).rows(rows))?;
        }
        SecretCommand::List(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let items = plane.client.secrets(&args.vault).list().await.map_err(trouble::error)?;
            output.list("secrets", &items, || page(&items, "SECRET"))?;
        }
        SecretCommand::Versions(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let items =
                plane.client.secrets(&args.vault).versions(&args.name).await.map_err(trouble::error)?;
            output.list("secret_versions", &items, || page(&items, "VERSION"))?;
        }
        SecretCommand::Delete(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let deleted =
                plane.client.secrets(&args.vault).delete(&args.name).await.map_err(trouble::error)?;
            output.announce("secret_deleted", &deleted, || {
                Page::new().text(format!("secret {} is gone from vault {}\n", args.name, args.vault))
            })?;
        }
    }
    Ok(Exit::Success)
}

async fn set(args: &SecretSetArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let value = value(&args.value, &args.name).await?;
    let exp = args.expires_in.map(|lasts| {
        let now = jiff::Timestamp::now().as_second();
        now.saturating_add(i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX))
    });
    let more = SecretChange {
        content_type: args.content_type.clone(),
        attributes: exp.map(|exp| SecretAttributes { exp: Some(exp), ..SecretAttributes::default() }),
        ..SecretChange::default()
    };
    let item =
        plane.client.secrets(&args.vault).set(&args.name, &value, more).await.map_err(trouble::error)?;
    output.announce("secret_set", &item, || {
        Page::new()
            .text(format!("secret {} is set in vault {}\n", args.name, args.vault))
            .rows(rows(std::slice::from_ref(&item), "VERSION"))
    })?;
    Ok(Exit::Success)
}

/// The value, from where it is said to be; nothing on the command line can be it.
async fn value(args: &SecretValueArgs, name: &str) -> Result<SecretString, Error> {
    if let Some(value) = secret("--value", args.value_file.as_deref(), args.value_env.as_deref())? {
        return Ok(value);
    }
    if std::io::stdin().is_terminal() {
        return crate::commands::login::prompt(&format!("Value of {name} (not shown): "), name).await;
    }
    let subject = "standard input";
    let mut text = String::new();
    let read = std::io::stdin().take(VALUE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| Error::new(Code::Usage, subject, error.to_string()))?;
    if text.len() as u64 > VALUE_BYTES_MAX {
        return Err(Error::new(
            Code::Usage,
            subject,
            format!("the value is longer than {VALUE_BYTES_MAX} bytes"),
        ));
    }
    let value = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if value.is_empty() {
        return Err(Error::new(Code::Usage, subject, "the value is empty")
            .with_next("pipe it in, or give --value-file or --value-env"));
    }
    Ok(SecretString::from(value))
}

fn page(items: &[SecretItem], name: &'static str) -> Page {
    let rows = rows(items, name);
    if items.is_empty() { Page::new().text("no secret yet\n").rows(rows) } else { Page::new().table(rows) }
}

fn rows(items: &[SecretItem], name: &'static str) -> Table {
    let mut table = Table::new([name, "ENABLED", "CHANGED", "EXPIRES"]);
    for item in items {
        let attributes = &item.attributes;
        let last = item.id.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        table.row([
            last.into(),
            if attributes.enabled.unwrap_or(true) { "yes" } else { "no" }.into(),
            attributes.updated.map(seconds).unwrap_or_default().into(),
            attributes.exp.map(seconds).unwrap_or_default().into(),
        ]);
    }
    table
}

fn seconds(seconds: i64) -> String {
    let at = jiff::Timestamp::from_second(seconds);
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default()
}
