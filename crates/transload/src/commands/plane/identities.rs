//! `transload identity`.

use transload_client::api::UserAssignedIdentity;
use transload_transfer::Error;

use super::{IDENTITIES, LOCATION, Plane, trouble};
use crate::cli::plane::{IdentityArgs, IdentityCommand};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

pub(crate) async fn run(
    args: IdentityArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match args.command {
        IdentityCommand::Create(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.resource(&args.group, IDENTITIES, &args.name).await?;
            let new =
                UserAssignedIdentity { location: LOCATION.to_owned(), ..UserAssignedIdentity::default() };
            let put = plane.client.put::<UserAssignedIdentity>(&id, &new).await.map_err(trouble::error)?;
            output.show("identity", &put.value, || page(std::slice::from_ref(&put.value)))?;
        }
        IdentityCommand::List(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let group = plane.group(&args.group).await?;
            let all: Vec<UserAssignedIdentity> =
                plane.client.list(&group, IDENTITIES).await.map_err(trouble::error)?;
            output.list("identities", &all, || page(&all))?;
        }
        IdentityCommand::Show(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.resource(&args.group, IDENTITIES, &args.name).await?;
            let found: UserAssignedIdentity = plane.client.get(&id).await.map_err(trouble::error)?;
            output.show("identity", &found, || page(std::slice::from_ref(&found)))?;
        }
        IdentityCommand::Delete(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.resource(&args.group, IDENTITIES, &args.name).await?;
            return plane.remove(&id, "identity", output).await;
        }
    }
    Ok(Exit::Success)
}

fn page(identities: &[UserAssignedIdentity]) -> Page {
    let mut table = Table::new(["IDENTITY", "PRINCIPAL ID", "CLIENT ID"]);
    for identity in identities {
        let ids = identity.properties.clone().unwrap_or_default();
        table.row([
            identity.name.clone().unwrap_or_default().into(),
            ids.principal_id.into(),
            ids.client_id.into(),
        ]);
    }
    if identities.is_empty() {
        Page::new().text("no identity yet\n").rows(table)
    } else {
        Page::new().table(table)
    }
}
