//! `transload group`.

use transload_client::api::Group;
use transload_transfer::Error;

use super::{LOCATION, Plane, confirm, trouble};
use crate::cli::plane::{GroupArgs, GroupCommand};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

pub(crate) async fn run(args: GroupArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    match args.command {
        GroupCommand::Create(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.group_named(&args.name).await?;
            let group = Group { location: LOCATION.to_owned(), ..Group::default() };
            let put = plane.client.put::<Group>(&id, &group).await.map_err(trouble::error)?;
            output.show("group", &put.value, || page(std::slice::from_ref(&put.value)))?;
        }
        GroupCommand::List(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let scope = plane.subscription().await?;
            let groups: Vec<Group> =
                plane.client.list(&scope, "resourceGroups").await.map_err(trouble::error)?;
            output.list("groups", &groups, || page(&groups))?;
        }
        GroupCommand::Show(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.group_named(&args.name).await?;
            let group: Group = plane.client.get(&id).await.map_err(trouble::error)?;
            output.show("group", &group, || page(std::slice::from_ref(&group)))?;
        }
        GroupCommand::Delete(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let id = plane.group_named(&args.name).await?;
            confirm(&args.yes, &format!("Remove group {} and everything in it?", args.name))?;
            return plane.remove(&id, "group", output).await;
        }
    }
    Ok(Exit::Success)
}

fn page(groups: &[Group]) -> Page {
    let mut table = Table::new(["GROUP", "ID"]).wraps(&[1]);
    for group in groups {
        let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
        table.row([text(&group.name), text(&group.id)]);
    }
    if groups.is_empty() { Page::new().text("no group yet\n").rows(table) } else { Page::new().table(table) }
}
