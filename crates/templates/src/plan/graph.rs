//! What has to be done before what: `dependsOn`, resources that `reference()` and `list…()` name, serial loops, and
//! resources that others lie in.

use super::planned::{Planned, Resources};
use super::scope::{Context, Frame, Place};
use super::unroll::{Origin, Unrolled, of_resource};
use super::{expand, outer, runtime};
use crate::template::Resource;
use crate::{Error, Evaluator, Expression, Limits, Node, Value};

/// Fills the needs of all resources.
///
/// # Errors
/// `InvalidTemplate` when something depends on what is not in the template, or on itself by way of others.
pub(super) fn connect(
    context: &Context<'_>,
    named: &Resources,
    unrolled: &mut Unrolled,
    limits: &Limits,
) -> Result<(), Error> {
    let frame = Frame { context, place: Place::Late, round: None };
    let evaluator = Evaluator::new(&frame, limits);
    let mut needs = Vec::new();
    for (planned, origin) in unrolled.planned.iter().zip(&unrolled.origins) {
        let Some(resource) = origin.resource(&context.template.resources) else { continue };
        needs.push(origin.in_rounds(frame, |frame| {
            let finding = Finding { frame, evaluator: &evaluator.within(frame), resource, named };
            let error = |error: Error| {
                of_resource(error.or_at(planned.at), &planned.name, resource).rooted(&planned.path)
            };
            let mut found = evaluator.passing(|| finding.explicit()).map_err(error)?;
            found.extend(evaluator.passing(|| finding.implicit()).map_err(error)?);
            found.extend(before_in_loop(origin, &unrolled.origins));
            Ok::<_, Error>(found)
        })?);
    }
    for (planned, mut needs) in unrolled.planned.iter_mut().zip(needs) {
        needs.sort_unstable();
        needs.dedup();
        planned.needs = needs;
    }
    drop_unconditioned(&mut unrolled.planned);
    after_parents(unrolled);
    refuse_circles(&unrolled.planned)
}

/// Nothing waits for what is not deployed, nor for what that would wait for.
fn drop_unconditioned(planned: &mut [Planned]) {
    let deployed: Vec<bool> = planned.iter().map(|one| one.condition).collect();
    for one in planned {
        one.needs.retain(|need| deployed[*need]);
    }
}

/// What one resource needs, being found.
struct Finding<'f> {
    frame: &'f Frame<'f>,
    evaluator: &'f Evaluator<'f>,
    resource: &'f Resource,
    named: &'f Resources,
}

impl Finding<'_> {
    /// What `dependsOn` names.
    fn explicit(&self) -> Result<Vec<usize>, Error> {
        let Some(node) = &self.resource.depends_on else { return Ok(Vec::new()) };
        let within = |error: Error| error.within("dependsOn");
        let early = self.frame.at(Place::Early);
        let value = self.evaluator.within(&early).node(node).map_err(within)?;
        let Value::Array(items) = value else {
            let text = format!(
                "The member 'dependsOn' has to be of type 'Array', and it is of type '{}'.",
                value.kind()
            );
            return Err(within(Error::template(text).or_at(node.at)));
        };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let at = node.as_array().and_then(|nodes| nodes.get(index)).unwrap_or(node).at;
            let fault = |text: String| within(Error::template(text).or_at(at).within(&format!("[{index}]")));
            let Some(subject) = item.as_text() else {
                return Err(fault(format!(
                    "What it depends on has to be of type 'String', and it is of type '{}'.",
                    item.kind()
                )));
            };
            let Some(named) = self.named.find_dependencies(subject) else {
                return Err(fault(format!(
                    "The resource '{}' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details.",
                    title(subject)
                )));
            };
            self.evaluator.spend(named.len() as u64 + 1)?;
            found.extend(named);
        }
        Ok(found)
    }

    /// What `reference()` and `list…()` name in what is sent, whether or not it will be asked: as Azure does it.
    fn implicit(&self) -> Result<Vec<usize>, Error> {
        let mut found = Vec::new();
        for node in sent(self.resource) {
            expand::strings(self.frame, self.evaluator, node, &mut |evaluator, text, at| {
                // faults of an expression are told where it is evaluated
                if let Ok(Some(expression)) = Expression::parse(text, at, evaluator.limits()) {
                    self.named_in(&expression, evaluator, &mut found)?;
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    fn named_in(
        &self,
        expression: &Expression,
        evaluator: &Evaluator<'_>,
        found: &mut Vec<usize>,
    ) -> Result<(), Error> {
        let before = found.len();
        expression.calls(&mut |name, arguments, _| {
            let subject = arguments.first().filter(|_| runtime::is_dependency(name));
            if let Some(Ok(Value::Text(subject))) = subject.map(|subject| evaluator.expression(subject)) {
                found.extend(self.named.find_dependencies(&subject).unwrap_or_default());
            }
        });
        evaluator.spend((found.len() - before) as u64)
    }
}

/// The parts of a resource in which expressions are evaluated when it is deployed.
pub(super) fn sent(resource: &Resource) -> Vec<&Node> {
    let Some(nested) = &resource.nested else { return vec![&resource.body] };
    let mut parts: Vec<&Node> = nested.parameters.iter().collect();
    if !nested.inner {
        parts.extend(outer::parts(&nested.template.root));
    }
    parts
}

/// The rounds of the batch before, in a serial loop.
fn before_in_loop(origin: &Origin, all: &[Origin]) -> Vec<usize> {
    let batch_of = |origin: &Origin| {
        let (first, size) = origin.batch?;
        let number = usize::try_from(origin.rounds.last()?.1).ok()?;
        Some((first, number / size))
    };
    let Some((first, number)) = batch_of(origin) else { return Vec::new() };
    let is_before = |other: &Origin| number > 0 && batch_of(other) == Some((first, number - 1));
    all.iter().enumerate().filter(|(_, other)| is_before(other)).map(|(index, _)| index).collect()
}

/// A resource that lies in another waits for that one, unless that one waits for it. Azure asks for `dependsOn` there;
/// a template that has it loses nothing.
fn after_parents(unrolled: &mut Unrolled) {
    for index in 0..unrolled.planned.len() {
        let Some(parent) = parent_of(index, unrolled) else { continue };
        if unrolled.planned[parent].condition
            && !unrolled.planned[index].needs.contains(&parent)
            && !reaches(&unrolled.planned, parent, index)
        {
            unrolled.planned[index].needs.push(parent);
            unrolled.planned[index].needs.sort_unstable();
        }
    }
}

/// The resource of the plan of which the id is the longest front of another's.
fn parent_of(index: usize, unrolled: &Unrolled) -> Option<usize> {
    if let Some(parent) = unrolled.origins.get(index).and_then(|origin| origin.parent) {
        return Some(parent);
    }
    let own = unrolled.planned[index].id.to_lowercase();
    let is_above = |other: &Planned| {
        let other = other.id.to_lowercase();
        own.strip_prefix(&other).is_some_and(|rest| rest.starts_with('/'))
    };
    let above = unrolled.planned.iter().enumerate().filter(|(_, other)| is_above(other) && other.condition);
    above.max_by_key(|(_, other)| other.id.len()).map(|(index, _)| index)
}

/// Whether a resource waits for another, by way of others or not.
fn reaches(planned: &[Planned], from: usize, to: usize) -> bool {
    let mut seen = vec![false; planned.len()];
    let mut left = vec![from];
    while let Some(index) = left.pop() {
        if index == to {
            return true;
        }
        if !std::mem::replace(&mut seen[index], true) {
            left.extend(&planned[index].needs);
        }
    }
    false
}

/// Refuses a plan in which something waits for itself, and names who is in the circle.
fn refuse_circles(planned: &[Planned]) -> Result<(), Error> {
    let mut waiting: Vec<usize> = planned.iter().map(|one| one.needs.len()).collect();
    let mut needed_by = vec![Vec::new(); planned.len()];
    for (index, one) in planned.iter().enumerate() {
        for need in &one.needs {
            needed_by[*need].push(index);
        }
    }
    let mut ready: Vec<usize> = (0..planned.len()).filter(|index| waiting[*index] == 0).collect();
    while let Some(done) = ready.pop() {
        for index in &needed_by[done] {
            waiting[*index] -= 1;
            if waiting[*index] == 0 {
                ready.push(*index);
            }
        }
    }
    let Some(stuck) = waiting.iter().position(|count| *count > 0) else { return Ok(()) };
    let circle = circle_from(planned, &waiting, stuck);
    let titles: Vec<String> =
        circle.iter().chain(&circle[..1]).map(|index| planned[*index].title()).collect();
    let first = &planned[circle[0]];
    let text = format!(
        "Circular dependency detected on resource: '{}'. Please see https://aka.ms/arm-syntax-resources for usage details. Each of these waits for the next: '{}'.",
        first.id,
        titles.join("' -> '")
    );
    Err(Error::template(text).or_at(first.at).rooted(&first.path))
}

/// Goes from one that is stuck along others that are, until one comes twice: each of those waits for one that is stuck.
fn circle_from(planned: &[Planned], waiting: &[usize], stuck: usize) -> Vec<usize> {
    let mut way = vec![stuck];
    loop {
        let last = way[way.len() - 1];
        let Some(next) = planned[last].needs.iter().copied().find(|need| waiting[*need] > 0) else {
            return way;
        };
        if let Some(first) = way.iter().position(|index| *index == next) {
            return way.split_off(first);
        }
        way.push(next);
    }
}

/// As Azure's messages name what is not there: an id without what all ids of a group begin with.
fn title(subject: &str) -> &str {
    subject.rsplit_once("/providers/").map_or(subject, |(_, rest)| rest)
}
