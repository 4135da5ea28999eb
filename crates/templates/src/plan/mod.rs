//! The plan of a deployment: what a template and its parameters ask for, resource by resource, and in which order. A plan
//! is a value; whoever deploys asks it for bodies, and says what became of the world meanwhile.

mod bodies;
mod expand;
mod fits;
mod functions;
mod graph;
mod outer;
mod outputs;
mod place;
mod planned;
mod runtime;
mod scope;
mod setting;
mod settle;
mod statics;
mod unroll;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use bodies::NestedDeployment;
pub use outputs::Named;
pub use planned::Planned;
pub(crate) use setting::DEPLOYMENTS;
pub use setting::Setting;
pub use settle::ParameterGiven;
pub use world::World;

use planned::Resources;
use scope::{Context, Frame, Place};
use settle::Parameters;
use unroll::{Origin, Unrolled};

use crate::template::{Template, validation_failed};
use crate::{Error, ErrorKind, Evaluator, Limits, Value};

/// A template with its parameters, unrolled and ordered. It owns all it needs.
#[derive(Clone)]
pub struct Plan {
    template: Arc<Template>,
    setting: Setting,
    limits: Limits,
    parameters: Parameters,
    resources: Resources,
    origins: Vec<Origin>,
}

/// Plans a deployment. Every expression that needs nothing of the world is evaluated, so that what can go wrong goes
/// wrong here.
///
/// # Errors
/// `Parameter`, `InvalidTemplate`, `Expression` and `Limit`, in Azure's words ("Deployment template validation failed:
/// '…'.") with line, column and path. Never `Pending`.
pub fn plan(
    template: Arc<Template>,
    given: &BTreeMap<String, ParameterGiven>,
    setting: &Setting,
    limits: &Limits,
) -> Result<Plan, Error> {
    let read = Arc::clone(&template);
    make(template, given, setting, limits).map_err(|error| {
        // the parameters of a plan that cannot be made are settled for their secrets alone
        let settled = settle::settled(&read, given, setting, &limits.of_a_plan());
        validation_failed(error.without(&secrets_in(&settled)))
    })
}

fn make(
    template: Arc<Template>,
    given: &BTreeMap<String, ParameterGiven>,
    setting: &Setting,
    limits: &Limits,
) -> Result<Plan, Error> {
    if setting.nested_in > limits.nested_depth_max {
        let text = format!("More than {} deployments are nested in each other.", limits.nested_depth_max);
        return Err(Error::limit(text));
    }
    statics::check(&template, limits)?;
    let in_template = |error: Error| error.within("properties.template");
    let limits_of_all = limits.of_a_plan();
    let parameters = settle::parameters(&template, given, setting, &limits_of_all).map_err(in_template)?;
    refuse_many_secrets(&parameters, limits)?;
    let context = Context::new(&template, setting, &parameters, None);
    let mut unrolled = unroll::unroll(&context, &limits_of_all)?;
    // its variables with it
    drop(context);
    refuse_duplicates(&unrolled.planned)?;
    let (world, named) = (World::new(), Resources::new(unrolled.planned.clone(), &template.resources));
    let context = Context::new(&template, setting, &parameters, Some((&world, &named)));
    graph::connect(&context, &named, &mut unrolled, &limits_of_all)?;
    drop(context);
    let Unrolled { planned, origins } = unrolled;
    let resources = Resources::new(planned, &template.resources);
    let plan = Plan { template, setting: setting.clone(), limits: *limits, parameters, resources, origins };
    plan.check(&world)?;
    Ok(plan)
}

impl Plan {
    /// The parameters in the template's order; secure ones without their value.
    pub fn parameters(&self) -> Vec<Named> {
        let one = |settled: &settle::Settled| Named {
            withheld: None,
            name: settled.name.clone(),
            kind: settled.kind,
            value: (!settled.secure).then(|| settled.value.clone()),
        };
        self.parameters.values().map(one).collect()
    }

    /// Every string in the values of secure parameters: what must not be shown wherever it stands.
    pub fn secrets(&self) -> Vec<String> {
        secrets_in(&self.parameters)
    }

    /// The resources in the template's order, the rounds of loops one by one, those that lie in others behind those.
    pub fn resources(&self) -> &[Planned] {
        self.resources.all()
    }

    /// The template that it was made of.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Evaluates every body, nested deployment and output as far as the world tells. What is not deployed is passed over.
    ///
    /// # Errors
    /// As [`body`](Self::body) and [`outputs`](Self::outputs), never `Pending`.
    pub fn check(&self, world: &World) -> Result<(), Error> {
        let settled = |result: Result<(), Error>| match result {
            Err(error) if matches!(error.kind, ErrorKind::Pending(_)) => Ok(()),
            other => other,
        };
        let context = self.context(world);
        let frame = Frame { context: &context, place: Place::Late, round: None };
        // one budget for all: a template of many resources is not to cost many times what one may
        let limits = self.limits.of_a_plan();
        let evaluator = Evaluator::new(&frame, &limits);
        for (index, resource) in self.resources().iter().enumerate() {
            if resource.condition && !resource.existing {
                settled(evaluator.passing(|| self.try_one(index, frame, &evaluator)))?;
            }
        }
        for output in &self.template.outputs {
            settled(evaluator.passing(|| self.output(&frame, &evaluator, output).map(drop)))?;
        }
        Ok(())
    }

    fn context<'a>(&'a self, world: &'a World) -> Context<'a> {
        Context::new(&self.template, &self.setting, &self.parameters, Some((world, &self.resources)))
    }
}

/// Shows what is planned, and no value of a parameter.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("deployment", &self.setting.deployment)
            .field("parameters", &self.parameters.keys())
            .field("resources", &self.resources())
            .finish_non_exhaustive()
    }
}

fn secrets_in(parameters: &Parameters) -> Vec<String> {
    let mut secrets = Vec::new();
    for settled in parameters.values().filter(|settled| settled.secure) {
        strings(&settled.value, &mut secrets);
    }
    secrets.retain(|secret| !secret.is_empty());
    // the longest first: one may be a part of another
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Text(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        Value::Object(members) => members.iter().for_each(|(_, value)| strings(value, into)),
        _ => {}
    }
}

fn refuse_many_secrets(parameters: &Parameters, limits: &Limits) -> Result<(), Error> {
    let max = limits.secret_bytes_max;
    if secrets_in(parameters).iter().map(String::len).sum::<usize>() <= max {
        return Ok(());
    }
    let text = format!("The values of secure parameters have more than {max} bytes together.");
    Err(Error::limit(text).within("parameters").within("properties"))
}

/// A resource may be there once. Of several with conditions one may be true.
fn refuse_duplicates(planned: &[Planned]) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    for one in planned.iter().filter(|one| one.condition && !one.existing) {
        if !seen.insert(one.id.to_lowercase()) {
            let text = format!(
                "The resource '{}' at line '{}' and column '{}' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details.",
                one.title(),
                one.at.line,
                one.at.column
            );
            return Err(Error::template(text).or_at(one.at).rooted(&one.path));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
