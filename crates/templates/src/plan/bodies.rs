//! What is sent for a resource, and the deployments that resources are.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value as Json;

use super::scope::{Frame, Place};
use super::unroll::of_resource;
use super::world::World;
use super::{Plan, Planned, expand, outer};
use crate::error::Waiting;
use crate::template::{Nested, Resource};
use crate::{Error, ErrorKind, Evaluator, Member, Node, Object, Position, Value};

/// Members of a resource that Azure wants to know before it deploys anything.
const EARLY: [&str; 7] = ["location", "sku", "kind", "plan", "zones", "extendedLocation", "managedBy"];

/// A deployment that a template asks for.
#[derive(Clone)]
pub struct NestedDeployment {
    /// Its name.
    pub name: String,
    /// The location that the template says.
    pub location: Option<String>,
    /// Its template. Of one with the outer scope every expression is evaluated already.
    pub template: Node,
    /// Its parameters as a request carries them, `{"name": {"value": …}}` or `{"name": {"reference": …}}`. There may be
    /// secrets among them: the template's declarations tell which, and `secret_parameters`.
    pub parameters: Object,
    /// Names of parameters into which a secret went, whatever type they are declared with: their values, and what is made
    /// of them, must not be shown.
    pub secret_parameters: Vec<String>,
    /// Its mode: `Incremental`, the only one that Azure allows.
    pub mode: String,
}

/// Shows the name and the names of parameters only.
impl fmt::Debug for NestedDeployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.names().collect();
        f.debug_struct("NestedDeployment")
            .field("name", &self.name)
            .field("parameters", &names)
            .finish_non_exhaustive()
    }
}

impl Plan {
    /// What a PUT of the resource at a place of [`resources`](Self::resources) carries: location, tags, identity, sku,
    /// properties and what else the template has for it.
    ///
    /// # Errors
    /// `Pending` while the world lacks an answer: put it in and call again. Otherwise what evaluation says ("Unable to
    /// process template language expressions for resource '…'").
    pub fn body(&self, index: usize, world: &World) -> Result<Json, Error> {
        let context = self.context(world);
        let frame = Frame { context: &context, place: Place::Late, round: None };
        let sight = Sight { frame, evaluator: &Evaluator::new(&frame, &self.limits), wrap: unprocessed };
        self.body_in(index, &sight).map_err(|error| error.without(&self.secrets()))
    }

    /// The deployment that a resource is.
    ///
    /// # Errors
    /// As [`body`](Self::body); `InvalidTemplate` for a resource that is no deployment.
    pub fn nested(&self, index: usize, world: &World) -> Result<NestedDeployment, Error> {
        let context = self.context(world);
        let frame = Frame { context: &context, place: Place::Late, round: None };
        let sight = Sight { frame, evaluator: &Evaluator::new(&frame, &self.limits), wrap: unprocessed };
        let found = self.nested_in(index, &sight).map_err(|error| error.without(&self.secrets()));
        found.map(|found| NestedDeployment {
            name: found.planned.name.clone(),
            location: found.planned.location.clone(),
            template: found.template.into_owned(),
            parameters: found.parameters,
            secret_parameters: found.secret_parameters,
            mode: found.mode,
        })
    }

    /// Where a member of a resource stands, `apiVersion` or `properties.options`, as far as the template writes it out:
    /// its place, and its path in the request.
    pub fn place_of(&self, index: usize, member: &str) -> Option<(Position, String)> {
        let (planned, origin) = self.resources().get(index).zip(self.origins.get(index))?;
        let resource = origin.resource(&self.template.resources)?;
        let (mut at, mut path) = (planned.at, planned.path.clone());
        let mut node = match (&resource.api_version, member) {
            (Some(version), "apiVersion") => return Some((version.at, format!("{path}.apiVersion"))),
            _ => &resource.body,
        };
        for name in member.split(['.', '[', ']']).filter(|name| !name.is_empty()) {
            let item = || node.as_array()?.get(name.parse::<usize>().ok()?);
            let (found, segment) = match node.member(name) {
                Some(member) => (&member.value, format!(".{}", member.key)),
                None => match item() {
                    Some(item) => (item, format!("[{name}]")),
                    None => break,
                },
            };
            (node, at) = (found, found.at);
            path.push_str(&segment);
        }
        Some((at, path))
    }

    /// Evaluates what is sent for a resource, and throws it away. Its faults are the template's.
    pub(super) fn try_one(
        &self,
        index: usize,
        frame: Frame<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<(), Error> {
        let wrap =
            |error, planned: &Planned, resource: &Resource| of_resource(error, &planned.name, resource);
        let sight = Sight { frame, evaluator, wrap };
        let is_nested = self.resources().get(index).is_some_and(|resource| resource.is_nested);
        if is_nested {
            self.nested_in(index, &sight).map(drop)
        } else {
            self.body_in(index, &sight).map(drop)
        }
    }

    fn body_in(&self, index: usize, sight: &Sight<'_>) -> Result<Json, Error> {
        self.in_resource(index, sight, |frame, evaluator, _, resource| {
            let members = resource.body.as_object().unwrap_or_default();
            let is_sent = |member: &&Member| {
                resource.nested.is_none() || !member.key.eq_ignore_ascii_case("properties")
            };
            let (mut body, mut waiting) = (Object::new(), Waiting::default());
            for member in members.iter().filter(is_sent) {
                let is_early = EARLY.iter().any(|early| early.eq_ignore_ascii_case(&member.key));
                let frame = frame.at(if is_early { Place::Early } else { Place::Late });
                let value = expand::value(&frame, &evaluator.within(&frame), &member.value);
                let value = waiting.take(value.map_err(|error| error.within(&member.key)))?;
                value.and_then(|value| body.insert(member.key.clone(), value));
            }
            waiting.done(Value::Object(body).to_json())
        })
    }

    fn nested_in<'p>(&'p self, index: usize, sight: &Sight<'_>) -> Result<Nesting<'p>, Error> {
        self.in_resource(index, sight, |frame, evaluator, planned, resource| {
            let Some(nested) = &resource.nested else {
                return Err(Error::template(format!("The resource '{}' is no deployment.", planned.id)));
            };
            let within = |error: Error| error.within("properties");
            let mode = mode(frame, evaluator, nested).map_err(within)?;
            let (mut parameters, secret_parameters) = parameters(frame, evaluator, nested).map_err(within)?;
            let template = if nested.inner {
                Cow::Borrowed(&nested.template.root)
            } else {
                let evaluated = outer::evaluate(frame, evaluator, &nested.template.root);
                let evaluated = evaluated.map_err(|error| within(error.within("template")))?;
                // nothing of the template's own parameters is left but those that carry secrets
                parameters = evaluated.parameters;
                Cow::Owned(evaluated.template)
            };
            Ok(Nesting { planned, template, parameters, secret_parameters, mode })
        })
    }

    /// Runs something in the scope of a resource.
    fn in_resource<'p, T>(
        &'p self,
        index: usize,
        sight: &Sight<'_>,
        run: impl FnOnce(&Frame<'_>, &Evaluator<'_>, &'p Planned, &'p Resource) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let found = self.resources().get(index).zip(self.origins.get(index));
        let found = found.and_then(|(planned, origin)| {
            Some((planned, origin, origin.resource(&self.template.resources)?))
        });
        let Some((planned, origin, resource)) = found else {
            return Err(Error::template(format!("The plan has no resource {index}.")));
        };
        origin.in_rounds(sight.frame, |frame| {
            let made = run(frame, &sight.evaluator.within(frame), planned, resource);
            made.map_err(|error| {
                (sight.wrap)(error.or_at(planned.at), planned, resource).rooted(&planned.path)
            })
        })
    }
}

/// A deployment that a template asks for, before its template is copied: a loop may ask for one hundreds of times.
struct Nesting<'p> {
    planned: &'p Planned,
    template: Cow<'p, Node>,
    parameters: Object,
    secret_parameters: Vec<String>,
    mode: String,
}

/// With what a resource is looked at: the scope outside of loops, the budget, and the words for its faults.
struct Sight<'s> {
    frame: Frame<'s>,
    evaluator: &'s Evaluator<'s>,
    wrap: fn(Error, &Planned, &Resource) -> Error,
}

/// The mode of a nested deployment: there is only one.
fn mode(frame: &Frame<'_>, evaluator: &Evaluator<'_>, nested: &Nested) -> Result<String, Error> {
    const ONLY: &str = "Incremental";
    let Some(node) = &nested.mode else { return Ok(ONLY.to_owned()) };
    let early = frame.at(Place::Early);
    let mode = evaluator.within(&early).node(node).map_err(|error| error.within("mode"))?;
    match mode.as_text() {
        Some(mode) if mode.eq_ignore_ascii_case(ONLY) => Ok(ONLY.to_owned()),
        _ => {
            let text = "The mode of a nested deployment has to be 'Incremental': 'Complete' is only for the outermost one.";
            Err(Error::template(text).or_at(node.at).within("mode"))
        }
    }
}

/// The parameters that a nested deployment is given, evaluated in the outer template, and the names of those into which a
/// secret went.
fn parameters(
    frame: &Frame<'_>,
    evaluator: &Evaluator<'_>,
    nested: &Nested,
) -> Result<(Object, Vec<String>), Error> {
    let Some(node) = &nested.parameters else { return Ok((Object::new(), Vec::new())) };
    let within = |error: Error| error.within("parameters");
    let (given, secret) = frame.context.watched(|| expand::value(frame, evaluator, node));
    let Value::Object(given) = given.map_err(within)? else {
        let text = "The parameters have to be of type 'Object', and they are of another.";
        return Err(within(Error::template(text).or_at(node.at)));
    };
    // one by one where they are written one by one: what is no secret may be shown
    let is_secret = |name: &&str| {
        let alone = node.member(name).filter(|_| node.member("copy").is_none());
        alone.is_none_or(|member| {
            let (made, secret) = frame.context.watched(|| expand::value(frame, evaluator, &member.value));
            // where that cannot be told a second time within the bounds, it may be one
            secret || made.is_err()
        })
    };
    let secrets = given.names().filter(|_| secret).filter(is_secret).map(str::to_owned).collect();
    Ok((given, secrets))
}

/// An error of what is sent, in Azure's words around its own.
fn unprocessed(error: Error, planned: &Planned, resource: &Resource) -> Error {
    const WORDS: &str = "Unable to process template language expressions for resource '";
    if !matches!(error.kind, ErrorKind::Expression | ErrorKind::InvalidTemplate)
        || error.message.starts_with(WORDS)
    {
        return error;
    }
    let mut error = error;
    error.message = format!(
        "{WORDS}{}' at line '{}' and column '{}'. '{}'",
        planned.id, resource.at.line, resource.at.column, error.message
    );
    error
}
