//! `transload principal`.

use std::path::Path;

use secrecy::SecretString;
use serde::Serialize;
use transload_client::api::access::{Grant, NewPrincipal, Principal, PrincipalSecret};
use transload_transfer::Error;

use super::roles::{find, unknown};
use super::{Plane, moment, offline, trouble};
use crate::cli::plane::{ConnectArgs, PrincipalArgs, PrincipalCommand, PrincipalCreateArgs};
use crate::config::Environment;
use crate::contexts::Handed;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

/// A principal that was made or got another secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    #[serde(flatten)]
    principal: Principal,
    /// Not where it was written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<String>,
}

pub(crate) async fn run(
    args: PrincipalArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match args.command {
        PrincipalCommand::Create(args) if args.offline.offline => {
            offline::create(*args, environment, output).await
        }
        PrincipalCommand::Create(args) => create(*args, environment, output).await,
        PrincipalCommand::List(args) => {
            let all = match args.offline.offline {
                true => offline::principals(args.offline.ledger, environment).await?,
                false => Plane::open(&args.connect, environment)?
                    .client
                    .principals()
                    .await
                    .map_err(trouble::error)?,
            };
            output.list("principals", &all, || page(&all))?;
            Ok(Exit::Success)
        }
        PrincipalCommand::Rotate(args) if args.offline.offline => {
            offline::rotate(*args, environment, output).await
        }
        PrincipalCommand::Rotate(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let client_id = plane.client_id_of(&args.principal).await?;
            let lasts = args.secret.expires_in.map(|lasts| lasts.as_secs());
            let made = plane.client.rotate_principal(&client_id, lasts).await.map_err(trouble::error)?;
            plane.hand_over(made, args.secret.save.as_deref(), &args.connect, environment, output).await
        }
        PrincipalCommand::Delete(args) if args.offline.offline => {
            offline::delete(args.offline.ledger, &args.principal, environment, output).await
        }
        PrincipalCommand::Delete(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let client_id = plane.client_id_of(&args.principal).await?;
            plane.client.delete_principal(&client_id).await.map_err(trouble::error)?;
            super::follow::fine(&format!("principal {} is gone, with its roles", args.principal), output)
        }
    }
}

async fn create(
    args: PrincipalCreateArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let plane = Plane::open(&args.connect, environment)?;
    // what the scope may lack is found before there is a principal
    let scope = plane.scope(args.scope.as_deref()).await?;
    let new = NewPrincipal {
        name: args.name.clone(),
        expires_in_seconds: args.secret.expires_in.map(|lasts| lasts.as_secs()),
    };
    let made = plane.client.create_principal(&new).await.map_err(trouble::error)?;
    if let Some(role) = args.role {
        let grant =
            Grant { principal_id: made.principal.object_id.clone(), role: role.name().to_owned(), scope };
        if let Err(error) = plane.client.put_grant(&grant).await {
            // the secret is told all the same: it will not be told again
            output.warning(&format!("the role was not given: {error}"));
        }
    }
    plane.hand_over(made, args.secret.save.as_deref(), &args.connect, environment, output).await
}

impl Plane {
    async fn client_id_of(&self, text: &str) -> Result<String, Error> {
        let all = self.client.principals().await.map_err(trouble::error)?;
        find(&all, text)?.map(|found| found.client_id.clone()).ok_or_else(|| unknown(text))
    }

    /// Writes the secret to the file, or shows it.
    async fn hand_over(
        &self,
        made: PrincipalSecret,
        save: Option<&Path>,
        connect: &ConnectArgs,
        environment: &Environment,
        output: &Output,
    ) -> Result<Exit, Error> {
        let Some(file) = save else { return show(made, None, output) };
        let metadata = self.client.metadata().await.map_err(trouble::error)?;
        let pem = super::authority(connect, environment)?;
        let handed = Handed {
            server: self.client.server(),
            ca_file: None,
            ca_pem: pem,
            tenant: Some(metadata.authentication.tenant),
            client_id: made.principal.client_id.clone(),
            client_secret: SecretString::from(made.client_secret.as_str()),
        };
        save_or_show(made, &handed, file, output)
    }
}

/// Writes what is handed over. A secret that cannot be written is shown, for it will not be told again.
pub(super) fn save_or_show(
    made: PrincipalSecret,
    handed: &Handed,
    file: &Path,
    output: &Output,
) -> Result<Exit, Error> {
    match handed.write(file) {
        Ok(()) => show(made, Some(file), output),
        Err(error) => {
            show(made, None, output)?;
            Err(error.with_next("the secret stands in the output above; keep it"))
        }
    }
}

/// Shows a principal with its secret, or where that was saved.
pub(super) fn show(made: PrincipalSecret, saved: Option<&Path>, output: &Output) -> Result<Exit, Error> {
    let made = Made {
        client_secret: saved.is_none().then_some(made.client_secret),
        saved: saved.map(|file| file.display().to_string()),
        principal: made.principal,
    };
    output.show("principal", &made, || {
        let Principal { name, client_id, object_id, expires_at, .. } = &made.principal;
        let mut text = format!("principal {name}\n  client id  {client_id}\n  object id  {object_id}\n");
        if let Some(at) = expires_at {
            text.push_str(&format!("  ends       {}\n", moment(at)));
        }
        match (&made.client_secret, &made.saved) {
            (Some(secret), _) => {
                text.push_str(&format!("  secret     {secret}\nThe secret is shown this once.\n"));
            }
            (_, Some(file)) => text.push_str(&format!("  secret     in {file}\n")),
            _ => {}
        }
        Page::new().text(text)
    })?;
    Ok(Exit::Success)
}

fn page(principals: &[Principal]) -> Page {
    let mut table = Table::new(["PRINCIPAL", "CLIENT ID", "OBJECT ID", "MADE", "ENDS"]);
    for one in principals {
        table.row([
            one.name.as_str().into(),
            one.client_id.as_str().into(),
            one.object_id.as_str().into(),
            moment(&one.created_at).into(),
            one.expires_at.as_deref().map(moment).unwrap_or_default().into(),
        ]);
    }
    if principals.is_empty() {
        Page::new().text("no principal\n").rows(table)
    } else {
        Page::new().table(table)
    }
}
