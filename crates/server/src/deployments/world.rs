//! Answers to what a template wants to know: a GET for `reference()`, a POST for `list…()`, as the deployment's caller.

use std::sync::Arc;

use http::Method;
use serde_json::Value as Json;
use transload_control::Caller;
use transload_templates::{Error, Lookup, Plan, World};

use super::blot::Blots;
use crate::face::Face;
use crate::fault::Fault;

/// Answers that one question may want.
const LOOKUPS_MAX: usize = 1000;
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
    /// What actions answered: keys.
    pub(crate) blots: Blots,
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
        for _ in 0..LOOKUPS_MAX {
            let (its_plan, world) = (Arc::clone(plan), std::mem::take(&mut known.world));
            let asked = aside(move || {
                let told = ask(&its_plan, &world);
                (told, world)
            });
            let (told, world) = asked.await.map_err(Untold::Template)?;
            known.world = world;
            let lookup = match told {
                Ok(told) => return Ok(told),
                Err(error) => match error.lookup() {
                    Some(lookup) => lookup.clone(),
                    None => return Err(Untold::Template(error)),
                },
            };
            match self.look_up(caller, plan, &lookup).await {
                Ok(answer) => {
                    if matches!(lookup, Lookup::List { .. }) {
                        known.blots.add(&answer);
                    }
                    known.world.insert(lookup, answer);
                }
                Err(fault) => return Err(Untold::Fault(fault, lookup)),
            }
        }
        let text = format!("A template's value asks for more than {LOOKUPS_MAX} answers.");
        Err(Untold::Template(Error::limit(text)))
    }

    async fn look_up(&self, caller: &Caller, plan: &Plan, lookup: &Lookup) -> Result<Json, Fault> {
        // a template asks for resources, and not for whatever else this server answers: values of secrets, for one
        if !is_of_a_subscription(lookup.id()) {
            return Err(no_resource(lookup.id()));
        }
        match lookup {
            Lookup::Reference { id, api_version, .. } => {
                let own = || plan.resources().iter().find(|one| one.id.eq_ignore_ascii_case(id));
                let version = match api_version {
                    Some(version) => version.as_str(),
                    None => own().map_or(VERSION, |one| one.api_version.as_str()),
                };
                let target = format!("{id}?api-version={version}");
                Ok(self.inner(caller, Method::GET, &target, None).await?.body)
            }
            Lookup::List { function, id, api_version, body } => {
                let target = format!("{id}/{function}?api-version={api_version}");
                let body = body.as_ref().map(transload_templates::Value::to_json);
                Ok(self.inner(caller, Method::POST, &target, body.as_ref()).await?.body)
            }
        }
    }
}

/// Whether an id is one of the resource manager's.
fn is_of_a_subscription(id: &str) -> bool {
    id.get(..15).is_some_and(|start| start.eq_ignore_ascii_case("/subscriptions/"))
}

fn no_resource(id: &str) -> Fault {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(200).collect();
    let text = format!(
        "'{shown}' is not the id of a resource: one begins with '/subscriptions/'. Make it with resourceId()."
    );
    Fault::bad("InvalidResourceReference", text)
}

/// Work of the processor, off the threads that answer requests.
///
/// # Errors
/// Where it did not come to its end.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| {
        Error::template("The template could not be evaluated: this is a fault of the server; see its log.")
    })
}
