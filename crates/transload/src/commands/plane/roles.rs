//! `transload role`.

use transload_client::Kind;
use transload_client::api::access::{Grant, Principal};
use transload_transfer::{Code, Error};

use super::{Plane, lookup, trouble};
use crate::cli::plane::{RoleArgs, RoleCommand, RoleWhatArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Output, Page, Table};

pub(crate) async fn run(args: RoleArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    match args.command {
        RoleCommand::Grant(args) => {
            let (plane, grant) = meant(&args, environment).await?;
            let done = plane.client.put_grant(&grant).await.map_err(trouble::error)?;
            output.announce("role_granted", &done, || page(std::slice::from_ref(&done), &[]))?;
        }
        RoleCommand::Revoke(args) => {
            let (plane, grant) = meant(&args, environment).await?;
            let was_there = plane.client.delete_grant(&grant).await.map_err(trouble::error)?;
            let text = match was_there {
                true => format!("{} is no longer {} of {}", args.principal, grant.role, grant.scope),
                false => {
                    format!("nothing to do: {} was not {} of {}", args.principal, grant.role, grant.scope)
                }
            };
            return super::follow::fine(&text, output);
        }
        RoleCommand::List(args) => {
            let plane = Plane::open(&args.connect, environment)?;
            let grants = plane.client.grants().await.map_err(trouble::error)?;
            let principals = plane.client.principals().await.map_err(trouble::error)?;
            output.list("roles", &grants, || page(&grants, &principals))?;
        }
    }
    Ok(Exit::Success)
}

async fn meant(args: &RoleWhatArgs, environment: &Environment) -> Result<(Plane, Grant), Error> {
    let plane = Plane::open(&args.connect, environment)?;
    let principals = match plane.client.principals().await {
        Ok(principals) => principals,
        // an owner of a group may give roles there, and may not see who else there is
        Err(error) if error.kind() == Kind::Denied && is_object_id(&args.principal) => Vec::new(),
        Err(error) => return Err(trouble::error(error)),
    };
    let principal_id = match find(&principals, &args.principal)? {
        Some(principal) => principal.object_id.clone(),
        // whom an outer issuer knows is not in the list
        None if is_object_id(&args.principal) => args.principal.clone(),
        None => return Err(unknown(&args.principal)),
    };
    let scope = plane.scope(args.scope.as_deref()).await?;
    Ok((plane, Grant { principal_id, role: args.role.name().to_owned(), scope }))
}

impl Plane {
    /// An id, or a group's name; the whole subscription where nothing is said.
    pub(super) async fn scope(&self, text: Option<&str>) -> Result<String, Error> {
        let id = match text {
            None => self.subscription().await?,
            Some(id) if id.starts_with('/') => lookup::parse(id)?,
            Some(group) => self.group_named(group).await?,
        };
        Ok(id.as_str().to_owned())
    }
}

/// The principal with this client id, object id or name.
///
/// # Errors
/// `Usage` where several have the name.
pub(super) fn find<'a>(principals: &'a [Principal], text: &str) -> Result<Option<&'a Principal>, Error> {
    let by_id = |one: &&Principal| {
        one.client_id.eq_ignore_ascii_case(text) || one.object_id.eq_ignore_ascii_case(text)
    };
    if let Some(found) = principals.iter().find(by_id) {
        return Ok(Some(found));
    }
    let mut named = principals.iter().filter(|one| one.name == text);
    match (named.next(), named.next()) {
        (Some(_), Some(_)) => Err(Error::new(Code::Usage, text, "several principals have this name")
            .with_next("name it by its client id: `transload principal list`")),
        (found, _) => Ok(found),
    }
}

pub(super) fn unknown(text: &str) -> Error {
    Error::new(Code::ResourceNotFound, text, "there is no principal with this client id, object id or name")
        .with_next("`transload principal list` shows those that there are")
}

/// Subjects of outer issuers are ids, and no names that somebody may have misspelt.
fn is_object_id(text: &str) -> bool {
    text.len() >= 16 && text.chars().any(|c| c.is_ascii_digit())
}

fn page(grants: &[Grant], principals: &[Principal]) -> Page {
    let mut table = Table::new(["ROLE", "PRINCIPAL", "NAME", "SCOPE"]).wraps(&[3]);
    for grant in grants {
        let named = principals.iter().find(|one| one.object_id.eq_ignore_ascii_case(&grant.principal_id));
        table.row([
            grant.role.as_str().into(),
            grant.principal_id.as_str().into(),
            named.map(|one| one.name.clone()).unwrap_or_default().into(),
            grant.scope.as_str().into(),
        ]);
    }
    if grants.is_empty() {
        Page::new().text("nobody has a role\n").rows(table)
    } else {
        Page::new().table(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_known_by_its_ids_and_by_a_name_that_only_it_has() {
        let one = |client: &str, object: &str, name: &str| Principal {
            client_id: client.to_owned(),
            object_id: object.to_owned(),
            name: name.to_owned(),
            ..Principal::default()
        };
        let all = [one("c1", "o1", "robot"), one("c2", "o2", "twin"), one("c3", "o3", "twin")];
        assert_eq!(find(&all, "robot").unwrap().unwrap().client_id, "c1");
        assert_eq!(find(&all, "O2").unwrap().unwrap().client_id, "c2");
        assert!(find(&all, "twin").is_err() && find(&all, "nobody").unwrap().is_none());
    }
}
