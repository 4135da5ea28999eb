//! What a deployment makes altogether: deployments that are nested in it are looked into before anything is made.

use std::collections::BTreeSet;

use http::StatusCode;
use time::OffsetDateTime;
use transload_api::ErrorBody;
use transload_control::resource::kind;
use transload_control::{Caller, ResourceId};
use transload_templates::{Lookup, Plan};
use uuid::Uuid;

use super::ask::Asked;
use super::order::deployed;
use super::prepare::{Boxed, Prepared, Unplanned, Which, is_passing};
use super::words::template_body;
use super::world::{Known, Untold};
use crate::face::Face;
use crate::fault::Fault;

/// All that a deployment makes, whichever of the deployments in it.
#[derive(Debug)]
pub(super) struct Whole {
    seed: Uuid,
    now: OffsetDateTime,
    /// Ids in lower case.
    ids: BTreeSet<String>,
    /// Deployments that are nested in it.
    nested: usize,
    /// Ids that templates of nested deployments are made of, and that were not there.
    unfound: Vec<String>,
    /// There are deployments in it whose templates are known only when others have been deployed: nobody can tell what
    /// they make.
    open: bool,
}

/// A deployment that is nested in another.
#[derive(Debug)]
pub(super) enum Inside {
    /// What it asks for.
    Known(Box<Prepared>),
    /// That is known when something else has been deployed.
    Later,
    /// What it is made of is not there: its id, and why.
    Missing(String, ErrorBody),
    /// It cannot be.
    Wrong(ErrorBody),
}

impl Whole {
    fn add(&mut self, plan: &Plan) {
        self.ids.extend(deployed(plan).map(|(_, one)| one.id.to_ascii_lowercase()));
    }

    /// Whether something is made by it, or is beneath something that is.
    pub(super) fn makes(&self, id: &str) -> bool {
        let id = id.trim_end_matches('/').to_ascii_lowercase();
        let ends = id.match_indices('/').map(|(at, _)| at).chain([id.len()]);
        ends.filter(|end| *end > 0).any(|end| self.ids.contains(&id[..end]))
    }

    /// Whether a resource of this type and name is made by it.
    pub(super) fn makes_named(&self, kind: &str, name: &str) -> bool {
        let end = format!("/providers/{kind}/{name}").to_ascii_lowercase();
        self.open || self.ids.iter().any(|id| id.ends_with(&end))
    }

    /// Whether what was asked for in vain is there when it is needed.
    pub(super) fn is_own(&self, fault: &Fault, lookup: &Lookup) -> bool {
        self.makes(lookup.id()) || self.may_come(fault)
    }

    /// Whether answers came from what is made by it: by then they may be others.
    pub(super) fn changes(&self, known: &Known) -> bool {
        known.answered.iter().any(|id| self.makes(id))
    }

    /// Whether outputs were among them. What else a resource says of itself seldom becomes another.
    pub(super) fn changes_outputs(&self, known: &Known) -> bool {
        let is_deployment = |id: &ResourceId| id.is_kind(kind::DEPLOYMENT);
        let outputs =
            known.answered.iter().filter(|id| ResourceId::parse(id).is_ok_and(|id| is_deployment(&id)));
        outputs.into_iter().any(|id| self.makes(id))
    }

    /// Whether why there is no answer is that what gives it is not made yet, or will be another.
    pub(super) fn is_known_later(&self, known: &Known, untold: &Untold) -> bool {
        self.changes(known) || matches!(untold, Untold::Fault(fault, lookup) if self.is_own(fault, lookup))
    }

    /// Whether something that is not there may be made by what nobody can look into.
    pub(super) fn may_come(&self, fault: &Fault) -> bool {
        self.open && fault.status == StatusCode::NOT_FOUND
    }

    /// The same of a resource by its id.
    pub(super) fn may_make(&self, id: &ResourceId) -> bool {
        self.open || self.makes(id.as_str())
    }
}

impl Face {
    /// What a deployment makes altogether.
    ///
    /// # Errors
    /// More deployments in it than there may be resources; a ledger that does not answer.
    pub(super) async fn whole(&self, caller: &Caller, prepared: &Prepared) -> Result<Whole, Fault> {
        let mut whole = Whole {
            seed: Uuid::new_v4(),
            now: OffsetDateTime::now_utc(),
            ids: BTreeSet::new(),
            nested: 0,
            unfound: Vec::new(),
            open: false,
        };
        self.gather(caller, prepared, 0, &mut whole).await?;
        // what is made by another of the deployments in it
        whole.open |= whole.unfound.iter().any(|id| whole.makes(id));
        Ok(whole)
    }

    fn gather<'a>(
        &'a self,
        caller: &'a Caller,
        prepared: &'a Prepared,
        depth: u32,
        whole: &'a mut Whole,
    ) -> Boxed<'a, Result<(), Fault>> {
        Box::pin(async move {
            whole.add(&prepared.plan);
            for (at, _) in deployed(&prepared.plan).filter(|(_, one)| one.is_nested) {
                whole.nested += 1;
                let most = self.options.templates.resources_max;
                if whole.nested > most {
                    let text = format!(
                        "More than {most} deployments are nested in this one. Deploy parts of the template by themselves."
                    );
                    return Err(Fault::bad(super::words::INVALID_TEMPLATE, text));
                }
                match self.inside(caller, whole, prepared, at, depth).await? {
                    Inside::Known(inner) => self.gather(caller, &inner, depth + 1, whole).await?,
                    Inside::Later => whole.open = true,
                    Inside::Missing(id, _) => whole.unfound.push(id),
                    Inside::Wrong(_) => {}
                }
            }
            Ok(())
        })
    }

    /// What a deployment that is nested in another asks for. It is not kept: a loop may ask for hundreds of long ones.
    ///
    /// # Errors
    /// A ledger that does not answer.
    pub(super) async fn inside(
        &self,
        caller: &Caller,
        whole: &Whole,
        outer: &Prepared,
        at: usize,
        depth: u32,
    ) -> Result<Inside, Fault> {
        let (plan, mut known) = (&outer.plan, Known::hiding(outer));
        let told = self.told(caller, plan, &mut known, move |plan, world| plan.nested(at, world)).await;
        let nested = match told {
            Ok(nested) => nested,
            Err(Untold::Fault(fault, lookup)) if whole.is_own(&fault, &lookup) => return Ok(Inside::Later),
            Err(untold) if outer.is_stale || whole.changes(&known) => {
                return match untold {
                    Untold::Fault(fault, _) => lasting(fault).map(|_| Inside::Later),
                    Untold::Template(_) => Ok(Inside::Later),
                };
            }
            Err(Untold::Fault(fault, lookup)) => {
                return Ok(Inside::Missing(lookup.id().to_owned(), lasting(fault)?));
            }
            Err(Untold::Template(error)) => {
                return Ok(Inside::Wrong(template_body(&error, Some(&outer.asked))));
            }
        };
        let planned = &plan.resources()[at];
        let id = match super::types::resource_id(&planned.id) {
            Ok(id) => id,
            Err(fault) => return Ok(Inside::Wrong(fault.body())),
        };
        // the same each time that it is asked for
        let seed = Uuid::new_v5(&whole.seed, id.key().as_bytes());
        let which = Which { id, seed, now: whole.now, depth: depth + 1 };
        let is_stale = outer.is_stale || whole.changes_outputs(&known);
        let hidden = known.hidden(&nested);
        match self.prepare(caller, &which, Asked::nested(&nested, &outer.asked), hidden).await {
            Ok(inner) => Ok(Inside::Known(Box::new(Prepared { is_stale, ..inner }))),
            Err((Unplanned::Template(_), _)) if is_stale || whole.changes(&known) => Ok(Inside::Later),
            Err((Unplanned::Template(error), asked)) => {
                Ok(Inside::Wrong(template_body(&error, Some(&asked))))
            }
            Err((Unplanned::Fault(fault), _)) if whole.may_keep_secret(&fault) => Ok(Inside::Later),
            Err((Unplanned::Fault(fault), _)) if is_stale => lasting(fault).map(|_| Inside::Later),
            Err((Unplanned::Fault(fault), _)) => Ok(Inside::Wrong(known.blots.body(lasting(fault)?))),
        }
    }
}

impl Whole {
    /// Whether a parameter's secret that is not there may be in a vault that is made.
    fn may_keep_secret(&self, fault: &Fault) -> bool {
        let vaults = format!("/providers/{}/", kind::VAULT).to_ascii_lowercase();
        self.may_come(fault)
            || (fault.status == StatusCode::NOT_FOUND && self.ids.iter().any(|id| id.contains(&vaults)))
    }
}

/// What is wrong with what was asked for; not what is wrong with the server.
fn lasting(fault: Fault) -> Result<ErrorBody, Fault> {
    if fault.status.is_server_error() || is_passing(&fault) { Err(fault) } else { Ok(fault.body()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_found_by_its_id_and_by_what_it_is_beneath() {
        let group = "/subscriptions/s/resourceGroups/g/providers";
        let mut whole = Whole {
            seed: Uuid::nil(),
            now: OffsetDateTime::UNIX_EPOCH,
            ids: BTreeSet::from([format!("{group}/Microsoft.KeyVault/vaults/v").to_ascii_lowercase()]),
            nested: 0,
            unfound: Vec::new(),
            open: false,
        };
        let id = |rest: &str| format!("{group}/{rest}");
        assert!(whole.makes(&id("microsoft.keyvault/Vaults/V")));
        assert!(whole.makes(&id("Microsoft.KeyVault/vaults/v/secrets/s")));
        assert!(!whole.makes(&id("Microsoft.KeyVault/vaults/vv")) && !whole.makes(""));
        assert!(whole.makes_named("Microsoft.KeyVault/vaults", "V"));
        assert!(!whole.makes_named("Microsoft.KeyVault/vaults", "w"));
        let missing = Fault::not_found("ResourceNotFound", "x");
        assert!(!whole.may_come(&missing) && whole.may_keep_secret(&missing));
        whole.open = true;
        assert!(whole.may_come(&missing) && !whole.may_come(&Fault::bad("X", "x")));
    }
}
