//! The section `outputs`.

use super::{Shape, section};
use crate::{Error, Limits, Node, Position};

/// An output as it is declared.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) at: Position,
    pub(crate) shape: Shape,
    pub(crate) condition: Option<Node>,
    pub(crate) form: OutputForm,
}

/// Whether an output is one value or an array that a loop makes.
#[derive(Debug, Clone)]
pub(crate) enum OutputForm {
    Value(Node),
    Loop { count: Node, input: Node },
}

pub(super) fn read(root: &Node, limits: &Limits) -> Result<Vec<Output>, Error> {
    section::bounded(root, "outputs", limits.outputs_max)?;
    let mut read: Vec<Output> = Vec::new();
    for entry in section::entries(root, "outputs")? {
        let within = |error: Error| error.or_at(entry.key_at).within(&entry.key).within("outputs");
        let shape =
            Shape::read(&entry.value, &format!("The template output '{}'", entry.key)).map_err(within)?;
        if read.iter().any(|output| output.name.eq_ignore_ascii_case(&entry.key)) {
            return Err(section::twice(entry, "template output").within("outputs"));
        }
        read.push(Output {
            name: entry.key.clone(),
            at: entry.key_at,
            shape,
            condition: section::member(&entry.value, "condition").cloned(),
            form: form(&entry.value).map_err(within)?,
        });
    }
    Ok(read)
}

fn form(node: &Node) -> Result<OutputForm, Error> {
    let Some(copy) = section::member(node, "copy") else {
        // null is a value as well
        let value =
            node.get("value").ok_or_else(|| section::missing(node, "value", "the template output"))?;
        return Ok(OutputForm::Value(value.clone()));
    };
    let within = |error: Error| error.within("copy");
    section::object(copy, "The member 'copy'").map_err(within)?;
    Ok(OutputForm::Loop {
        count: section::required(copy, "count", "the copy loop").map_err(within)?.clone(),
        input: section::required(copy, "input", "the copy loop").map_err(within)?.clone(),
    })
}
