//! Values of parts of a template, with the loops in them: an object that has `"copy": [{name, count, input}]` has an array
//! as member `name` instead.

use super::scope::{Frame, Place, Round};
use crate::error::Waiting;
use crate::evaluate::all;
use crate::template::Loop;
use crate::{Error, Evaluator, Member, Node, NodeValue, Object, Position, Value};

/// The value of a part, every string and key of it evaluated. The evaluator's scope is the frame.
pub(super) fn value(frame: &Frame<'_>, evaluator: &Evaluator<'_>, node: &Node) -> Result<Value, Error> {
    match &node.value {
        NodeValue::Array(items) => {
            let _level = evaluator.deeper(1)?;
            evaluator.hold_node()?;
            let item = |(index, item)| {
                value(frame, evaluator, item).map_err(|error| error.within(&format!("[{index}]")))
            };
            all(items.iter().enumerate().map(item)).map(Value::Array)
        }
        NodeValue::Object(members) => object(frame, evaluator, members).map(Value::Object),
        _ => evaluator.node(node),
    }
}

fn object(frame: &Frame<'_>, evaluator: &Evaluator<'_>, members: &[Member]) -> Result<Object, Error> {
    let _level = evaluator.deeper(1)?;
    evaluator.hold_node()?;
    let (mut made, mut waiting) = (Object::new(), Waiting::default());
    for member in members {
        let within = |error: Error| error.within(&member.key);
        let Some(loops) = loops(member).map_err(within)? else {
            let key = waiting.take(key(evaluator, member).map_err(within))?;
            let value = waiting.take(value(frame, evaluator, &member.value).map_err(within))?;
            let Some((key, value)) = key.zip(value) else { continue };
            insert(&mut made, key, value, member.key_at).map_err(within)?;
            continue;
        };
        for (index, each) in loops.iter().enumerate() {
            let within = |error: Error| within(error.within(&format!("[{index}]")));
            let Some(items) = waiting.take(array(frame, evaluator, each).map_err(within))? else { continue };
            insert(&mut made, each.name.clone(), items, member.key_at).map_err(within)?;
        }
    }
    waiting.done(made)
}

fn insert(object: &mut Object, key: String, value: Value, at: Position) -> Result<(), Error> {
    if object.get_exact(&key).is_some() {
        let text = format!("The keys of an object have to differ, and '{key}' is there already.");
        return Err(Error::expression(text).or_at(at));
    }
    object.insert(key, value);
    Ok(())
}

/// The key of a member, evaluated.
pub(super) fn key(evaluator: &Evaluator<'_>, member: &Member) -> Result<String, Error> {
    match evaluator.text(&member.key, member.key_at)? {
        Value::Text(key) => Ok(key),
        other => {
            let text = format!(
                "A key has to be of type 'String', and this expression is of type '{}'.",
                other.kind()
            );
            Err(Error::expression(text).or_at(member.key_at))
        }
    }
}

/// The loops that a member holds, if it is a `copy` that is meant as such.
pub(super) fn loops(member: &Member) -> Result<Option<Vec<Loop>>, Error> {
    let Some(items) = member.value.as_array().filter(|_| member.key.eq_ignore_ascii_case("copy")) else {
        return Ok(None);
    };
    let is_loop = |item: &Node| item.get("count").is_some() || item.get("input").is_some();
    if items.is_empty() || !items.iter().any(is_loop) {
        return Ok(None);
    }
    let read = |(index, item)| Loop::read(item).map_err(|error: Error| error.within(&format!("[{index}]")));
    items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
}

/// The array that a loop makes.
pub(super) fn array(frame: &Frame<'_>, evaluator: &Evaluator<'_>, each: &Loop) -> Result<Value, Error> {
    let count = count(frame, evaluator, &each.count).map_err(|error| error.within("count"))?;
    rounds(frame, evaluator, (&each.name, false), count, |frame, evaluator| {
        value(frame, evaluator, &each.input).map_err(|error| error.within("input"))
    })
    .map(Value::Array)
}

/// Runs something in every round of a loop; `name` says also whether `copyIndex()` without a name means this loop.
pub(super) fn rounds<T>(
    frame: &Frame<'_>,
    evaluator: &Evaluator<'_>,
    (name, main): (&str, bool),
    count: i64,
    mut run: impl FnMut(&Frame<'_>, &Evaluator<'_>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let _level = evaluator.deeper(1)?;
    all((0..count).map(|index| {
        evaluator.spend(1)?;
        let round = Round { name, index, main, outer: frame.round };
        let inner = frame.within(&round);
        run(&inner, &evaluator.within(&inner))
    }))
}

/// How many rounds a loop has: known before anything is deployed.
pub(super) fn count(frame: &Frame<'_>, evaluator: &Evaluator<'_>, node: &Node) -> Result<i64, Error> {
    let early = frame.at(if frame.place == Place::Late { Place::Early } else { frame.place });
    let value = evaluator.within(&early).node(node)?;
    let max = evaluator.limits().copy_max;
    let refuse = |text: String| Err(Error::template(text).or_at(node.at));
    match value.as_int() {
        None => refuse(format!(
            "The copy count has to be of type 'Integer', and it is of type '{}'.",
            value.kind()
        )),
        Some(count) if count < 0 => refuse(format!("The copy count '{count}' is less than zero.")),
        Some(count) if usize::try_from(count).is_ok_and(|count| count <= max) => Ok(count),
        Some(count) => {
            let text = format!("The copy count '{count}' is greater than the limit of '{max}'.");
            Err(Error::limit(text).or_at(node.at))
        }
    }
}

/// Shows every string of a part, keys too, in every round of the loops in it. Loops of which the count is not known yet
/// are passed over.
pub(super) fn strings(
    frame: &Frame<'_>,
    evaluator: &Evaluator<'_>,
    node: &Node,
    visit: &mut dyn FnMut(&Evaluator<'_>, &str, Position) -> Result<(), Error>,
) -> Result<(), Error> {
    let _level = evaluator.deeper(1)?;
    match &node.value {
        NodeValue::Text(text) => visit(evaluator, text, node.at),
        NodeValue::Array(items) => items.iter().try_for_each(|item| strings(frame, evaluator, item, visit)),
        NodeValue::Object(members) => {
            for member in members {
                let Some(loops) = loops(member)? else {
                    visit(evaluator, &member.key, member.key_at)?;
                    strings(frame, evaluator, &member.value, visit)?;
                    continue;
                };
                for each in &loops {
                    let Ok(count) = count(frame, evaluator, &each.count) else { continue };
                    rounds(frame, evaluator, (&each.name, false), count, |frame, evaluator| {
                        strings(frame, evaluator, &each.input, visit)
                    })?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
