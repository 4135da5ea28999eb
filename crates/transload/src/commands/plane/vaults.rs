//! `transload vault`.

use transload_client::api::Vault;
use transload_client::api::vault::AccessPolicy;
use transload_transfer::{Code, Error};

use super::{LOCATION, Plane, VAULTS, confirm, secrets, trouble};
use crate::cli::plane::{PolicyArgs, VaultArgs, VaultCommand};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

/// What may be allowed.
const PERMISSIONS: [&str; 10] =
    ["get", "list", "set", "delete", "all", "backup", "restore", "recover", "purge", "none"];

pub(crate) async fn run(args: VaultArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    match args.command {
        VaultCommand::Create(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.resource(&args.group, VAULTS, &args.name).await?;
            // who had access to a vault that is there keeps it
            let before = plane.client.get::<Vault>(&id).await.ok();
            let mut vault =
                before.unwrap_or_else(|| Vault { location: LOCATION.to_owned(), ..Vault::default() });
            vault.properties.provisioning_state = None;
            let put = plane.client.put::<Vault>(&id, &vault).await.map_err(trouble::error)?;
            output.show("vault", &put.value, || page(std::slice::from_ref(&put.value)))?;
        }
        VaultCommand::List(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let group = plane.group(&args.group).await?;
            let vaults: Vec<Vault> = plane.client.list(&group, VAULTS).await.map_err(trouble::error)?;
            output.list("vaults", &vaults, || page(&vaults))?;
        }
        VaultCommand::Show(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.resource(&args.group, VAULTS, &args.name).await?;
            let vault: Vault = plane.client.get(&id).await.map_err(trouble::error)?;
            output.show("vault", &vault, || {
                let page = page(std::slice::from_ref(&vault));
                if vault.properties.access_policies.is_empty() {
                    page
                } else {
                    page.text("\n").table(policies(&vault.properties.access_policies))
                }
            })?;
        }
        VaultCommand::Delete(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.resource(&args.group, VAULTS, &args.name).await?;
            confirm(&args.yes, &format!("Remove vault {} with all its secrets?", args.name))?;
            return plane.remove(&id, "vault", output).await;
        }
        VaultCommand::Grant(args) => return change(&args, "add", environment, output).await,
        VaultCommand::Revoke(args) => return change(&args, "remove", environment, output).await,
        VaultCommand::Secret(args) => return secrets::run(args.command, environment, output).await,
    }
    Ok(Exit::Success)
}

async fn change(
    args: &PolicyArgs,
    how: &str,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    if let Some(odd) =
        args.permission.iter().find(|one| !PERMISSIONS.contains(&one.to_ascii_lowercase().as_str()))
    {
        return Err(Error::new(Code::Usage, format!("--permission {odd}"), "there is no such permission")
            .with_next("there are get, list, set, delete and all"));
    }
    let plane = Plane::open(&args.connect, environment)?;
    let group = plane.group(&args.group).await?;
    let id = group.resource(VAULTS, &super::segment(&args.name)?);
    let principal = match (&args.object_id, &args.identity) {
        (Some(object_id), _) => object_id.clone(),
        (None, Some(identity)) => plane.identity(&group, identity).await?.1,
        (None, None) => return Err(Error::new(Code::Usage, "--object-id", "it is not said whom")),
    };
    let change = plane.policies(&[principal], &args.permission).await?;
    let all = plane.client.change_policies(&id, how, change).await.map_err(trouble::error)?;
    output.list("access_policies", &all, || {
        if all.is_empty() {
            Page::new().text("nobody has a policy now\n").rows(policies(&all))
        } else {
            Page::new().table(policies(&all))
        }
    })?;
    Ok(Exit::Success)
}

fn page(vaults: &[Vault]) -> Page {
    let mut table = Table::new(["VAULT", "URI", "POLICIES"]).right(&[2]);
    for vault in vaults {
        let properties = &vault.properties;
        table.row([
            vault.name.clone().unwrap_or_default().into(),
            properties.vault_uri.clone().unwrap_or_default().into(),
            properties.access_policies.len().to_string().into(),
        ]);
    }
    if vaults.is_empty() { Page::new().text("no vault yet\n").rows(table) } else { Page::new().table(table) }
}

fn policies(policies: &[AccessPolicy]) -> Table {
    let mut table = Table::new(["OBJECT ID", "SECRETS"]);
    for policy in policies {
        table.row([policy.object_id.as_str().into(), policy.permissions.secrets.join(" ").into()]);
    }
    table
}
