//! Answers to what a template wants to know: a GET for `reference()`, a POST for `list…()`, as the deployment's caller.

use std::sync::Arc;

use http::Method;
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use transload_control::deployment::Deployment;
use transload_control::resource::kind;
use transload_control::{Caller, ResourceId};
use transload_templates::{Error, Lookup, NestedDeployment, Plan, World};
use uuid::Uuid;

use super::blot::{Blots, Hidden};
use super::prepare::Prepared;
use crate::dispatch::{Found, find};
use crate::face::Face;
use crate::fault::Fault;
use crate::version;

/// Answers that one question may want.
const LOOKUPS_MAX: usize = 1000;
/// How often one question is asked: each time all that is missing is found, so only answers that lead to other lookups
/// make it ask again.
const ROUNDS_MAX: usize = 200;
/// The version with which a resource is asked whose template named none.
const VERSION: &str = "2026-01-01-preview";

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Untold {
    /// The template cannot be evaluated.
    Template(Error),
    /// What it asks for cannot be had.
    Fault(Fault, Lookup),
}

/// What a question knows and must not tell.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) world: World,
    /// What is not to be shown: the deployment's secrets, and what actions answered, which is keys.
    pub(crate) blots: Blots,
    /// What of that is not told from other values: outputs of deployments that were made of secrets.
    pub(crate) unmarked: Blots,
    /// Deployments whose nested ones tell all of their outputs.
    pub(crate) family: Vec<(ResourceId, Uuid)>,
    /// What answered.
    pub(crate) answered: Vec<String>,
}

impl Known {
    /// Nothing yet, but what must not be told.
    pub(crate) fn hiding(prepared: &Prepared) -> Self {
        let (blots, unmarked) = (prepared.blots.clone(), prepared.unmarked.clone());
        Self { blots, unmarked, ..Self::default() }
    }

    /// What must not be shown of a deployment that is nested in the one that knows this.
    pub(crate) fn hidden(&self, nested: &NestedDeployment) -> Hidden {
        Hidden {
            values: self.blots.clone(),
            unmarked: self.unmarked.clone(),
            parameters: nested.secret_parameters.clone(),
        }
    }

    /// Why there is no answer, without what must not be told.
    fn blotted(&self, untold: Untold) -> Untold {
        match untold {
            Untold::Template(error) => Untold::Template(self.blots.error(error)),
            Untold::Fault(fault, lookup) => Untold::Fault(self.blots.fault(fault), lookup),
        }
    }
}

impl Face {
    /// Asks a plan something, and finds the answers that it wants on the way. Evaluating may take its time: it is done where
    /// nobody waits for the thread.
    pub(crate) async fn told<T: Send + 'static>(
        &self,
        caller: &Caller,
        plan: &Arc<Plan>,
        known: &mut Known,
        ask: impl Fn(&Plan, &World) -> Result<T, Error> + Copy + Send + 'static,
    ) -> Result<T, Untold> {
        let told = self.asked(caller, plan, known, ask).await;
        told.map_err(|untold| known.blotted(untold))
    }

    async fn asked<T: Send + 'static>(
        &self,
        caller: &Caller,
        plan: &Arc<Plan>,
        known: &mut Known,
        ask: impl Fn(&Plan, &World) -> Result<T, Error> + Copy + Send + 'static,
    ) -> Result<T, Untold> {
        let mut left = LOOKUPS_MAX;
        for _ in 0..ROUNDS_MAX {
            let (its_plan, world) = (Arc::clone(plan), std::mem::take(&mut known.world));
            let asked = aside(move || {
                let told = ask(&its_plan, &world);
                (told, world)
            });
            let (told, world) = asked.await.map_err(Untold::Template)?;
            known.world = world;
            let error = match told {
                Ok(told) => return Ok(told),
                Err(error) if error.lookups().is_empty() => return Err(Untold::Template(error)),
                Err(error) => error,
            };
            for lookup in error.lookups() {
                if known.world.answers(lookup) {
                    continue;
                }
                left = left.checked_sub(1).ok_or_else(too_many)?;
                let answer = match self.look_up(caller, plan, lookup).await {
                    Ok(answer) => self.with_outputs(known, lookup, answer).await,
                    Err(fault) => Err(fault),
                };
                let answer = answer.map_err(|fault| Untold::Fault(fault, lookup.clone()))?;
                if matches!(lookup, Lookup::List { .. }) {
                    known.blots.add_keys(&answer);
                }
                known.answered.push(lookup.id().to_owned());
                known.world.insert(lookup.clone(), answer);
            }
        }
        Err(too_many())
    }

    async fn look_up(&self, caller: &Caller, plan: &Plan, lookup: &Lookup) -> Result<Json, Fault> {
        // a template asks for resources, and not for whatever else this server answers: values of secrets, for one
        if !is_plain(lookup.id()) {
            return Err(no_resource(lookup.id()));
        }
        match lookup {
            Lookup::Reference { id, api_version, .. } => {
                let own = || plan.resources().iter().find(|one| one.id.eq_ignore_ascii_case(id));
                let version = match api_version {
                    Some(version) => version.as_str(),
                    None => own().map_or(VERSION, |one| one.api_version.as_str()),
                };
                version::well_formed(version)?;
                let target = format!("{id}?api-version={version}");
                Ok(self.inner(caller, Method::GET, &target, None).await?.body)
            }
            Lookup::List { function, id, api_version, body } => {
                if !is_list_action(id, function) {
                    return Err(no_action(function, id));
                }
                version::well_formed(api_version)?;
                let target = format!("{id}/{function}?api-version={api_version}");
                let body = body.as_ref().map(transload_templates::Value::to_json);
                Ok(self.inner(caller, Method::POST, &target, body.as_ref()).await?.body)
            }
        }
    }
}

impl Face {
    /// A nested deployment's answer with all of its outputs, those too that are not shown to clients: what is nested in a
    /// deployment is a part of it, and goes on with them.
    async fn with_outputs(
        &self,
        known: &mut Known,
        lookup: &Lookup,
        mut answer: Json,
    ) -> Result<Json, Fault> {
        if known.family.is_empty() {
            return Ok(answer);
        }
        let id = ResourceId::parse(lookup.id()).ok().filter(|id| id.is_kind(kind::DEPLOYMENT));
        let Some(id) = id else { return Ok(answer) };
        let there = self.control.ledger().deployment(&id).await?;
        let is_ours = |there: &Deployment| {
            there.state.is_final()
                && there.record.parent.as_ref().is_some_and(|one| known.family.contains(one))
        };
        let Some(there) = there.filter(is_ours) else { return Ok(answer) };
        let text = self.control.deployment_text(&there).await?;
        for (name, value) in text.outputs {
            known.blots.add([&value]);
            known.unmarked.add([&value]);
            if let Some(output) = answer.pointer_mut("/properties/outputs").and_then(|all| all.get_mut(&name))
            {
                output["value"] = value;
            }
        }
        Ok(answer)
    }
}

fn too_many() -> Untold {
    let text = format!(
        "A template's value asks for more than {LOOKUPS_MAX} answers, or for answers that lead to others more than \
         {ROUNDS_MAX} deep."
    );
    Untold::Template(Error::limit(text))
}

/// Whether an id is one of the resource manager's, of a resource or of a namespace, and nothing but an id: what has a
/// question mark or a percent sign in it would lead elsewhere.
fn is_plain(id: &str) -> bool {
    if ResourceId::parse(id).is_ok() {
        return true;
    }
    let Some((subscription, namespace)) = id.rsplit_once("/providers/") else { return false };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '.';
    ResourceId::parse(subscription).is_ok() && !namespace.is_empty() && namespace.chars().all(is_word)
}

/// Whether a function is an action that lists something of a resource: a route of that very name. All else that a POST
/// does would be done by whoever only asks.
fn is_list_action(id: &str, function: &str) -> bool {
    let path = format!("{id}/{function}");
    let Found::Route(route, _) = find(&Method::POST, &path) else { return false };
    let last = route.template.rsplit('/').next().unwrap_or_default();
    last.eq_ignore_ascii_case(function) && last.starts_with("list")
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn no_resource(id: &str) -> Fault {
    let text = format!(
        "'{}' is not the id of a resource: one begins with '/subscriptions/' and has names and types behind it. Make it with \
         resourceId().",
        shown(id)
    );
    Fault::bad("InvalidResourceReference", text)
}

fn no_action(function: &str, id: &str) -> Fault {
    let text = format!(
        "The resource '{}' has no action '{}' that lists something. Look for the resource's type and the function's name.",
        shown(id),
        shown(function)
    );
    Fault::not_found("InvalidResourceReference", text)
}

/// Evaluations that are done at a time: each may hold as much as `held_bytes_max` says, and takes a core.
const EVALUATIONS_MAX: usize = 4;
static TURNS: Semaphore = Semaphore::const_new(EVALUATIONS_MAX);

/// Work of the processor, off the threads that answer requests.
///
/// # Errors
/// Where it did not come to its end.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    // it goes on when whoever asked has gone, and has its turn until then
    let turn = TURNS.acquire().await;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(|_| {
        Error::template("The template could not be evaluated: this is a fault of the server; see its log.")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    const GROUP: &str = "/subscriptions/s/resourceGroups/g";

    #[tokio::test]
    async fn so_many_evaluations_are_done_at_a_time() {
        static NOW: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let all = (0..4 * EVALUATIONS_MAX).map(|_| {
            aside(|| {
                MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
                NOW.fetch_sub(1, Ordering::SeqCst);
            })
        });
        assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
        let most = MOST.load(Ordering::SeqCst);
        assert!((1..=EVALUATIONS_MAX).contains(&most), "{most}");
    }

    #[test]
    fn only_ids_and_actions_that_list_are_asked() {
        let account = format!("{GROUP}/providers/Microsoft.Storage/storageAccounts/a");
        assert!(is_plain(&account) && is_plain("/subscriptions/s/providers/Microsoft.Storage"));
        assert!(is_list_action(&account, "listKeys") && is_list_action(&account, "LISTKEYS"));
        for id in [
            format!("{account}/regenerateKey?api-version=2023-01-01&x="),
            format!("{GROUP}/exportTemplate?x="),
            format!("{account}/a%2Fb"),
            format!("{account}#"),
            format!("{GROUP}/../x/y"),
            "/subscriptions/s/providers/a?b".to_owned(),
            "/vaults/v/secrets/s".to_owned(),
        ] {
            assert!(!is_plain(&id), "{id}");
        }
        for (id, function) in [(&account, "regenerateKey"), (&account, "listNothing"), (&account, "")] {
            assert!(!is_list_action(id, function), "{function}");
        }
        let run = format!("{GROUP}/providers/Microsoft.ContainerRegistry/registries/r/pipelineRuns/r");
        assert!(!is_list_action(&run, "cancel"));
    }
}
