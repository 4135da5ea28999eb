//! The sections `variables` and `functions`.

use indexmap::IndexMap;

use super::{Shape, key, section};
use crate::{Error, Limits, Member, Node, Position};

/// A variable as it is declared. It is evaluated when something asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) at: Position,
    pub(crate) form: VariableForm,
}

/// In which of its two forms a variable is declared.
#[derive(Debug, Clone)]
pub(crate) enum VariableForm {
    /// `"name": value`
    Value(Node),
    /// An item of `"copy": […]` at the section's top.
    Loop(Loop),
}

/// A loop that makes an array: of a variable, of a property, of an output.
#[derive(Debug, Clone)]
pub(crate) struct Loop {
    pub(crate) name: String,
    pub(crate) count: Node,
    pub(crate) input: Node,
}

impl Loop {
    /// Reads `{name, count, input}`.
    pub(crate) fn read(node: &Node) -> Result<Self, Error> {
        section::object(node, "The copy loop")?;
        Ok(Self {
            name: section::required_text(node, "name", "the copy loop")?.to_owned(),
            count: section::required(node, "count", "the copy loop")?.clone(),
            input: section::required(node, "input", "the copy loop")?.clone(),
        })
    }
}

/// A function that the template defines.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    /// `namespace.name`
    pub(crate) name: String,
    pub(crate) parameters: Vec<(String, Shape)>,
    pub(crate) output: Shape,
    pub(crate) value: Node,
    pub(crate) path: String,
}

pub(super) fn read(root: &Node, limits: &Limits) -> Result<IndexMap<String, Variable>, Error> {
    section::bounded(root, "variables", limits.variables_max)?;
    let mut read = IndexMap::new();
    for entry in section::entries(root, "variables")? {
        let loops = entry.value.as_array().filter(|_| entry.key.eq_ignore_ascii_case("copy"));
        if let Some(loops) = loops {
            add_loops(&mut read, loops, limits)?;
            continue;
        }
        let form = VariableForm::Value(entry.value.clone());
        let variable = Variable { name: entry.key.clone(), at: entry.key_at, form };
        if read.insert(key(&entry.key), variable).is_some() {
            return Err(section::twice(entry, "template variable").within("variables"));
        }
    }
    Ok(read)
}

fn add_loops(
    variables: &mut IndexMap<String, Variable>,
    loops: &[Node],
    limits: &Limits,
) -> Result<(), Error> {
    for (index, node) in loops.iter().enumerate() {
        let within = |error: Error| error.within(&format!("[{index}]")).within("copy").within("variables");
        let made = Loop::read(node).map_err(within)?;
        let name = made.name.clone();
        let variable = Variable { name: name.clone(), at: node.at, form: VariableForm::Loop(made) };
        if variables.insert(key(&name), variable).is_some() {
            let text = format!("The template variable '{name}' is there twice.");
            return Err(within(Error::template(text).or_at(node.at)));
        }
        section::at_most(variables.len(), limits.variables_max, "variables", node).map_err(within)?;
    }
    Ok(())
}

/// Reads `functions: [{namespace, members: {name: {parameters, output}}}]`.
pub(super) fn functions(root: &Node) -> Result<IndexMap<String, Function>, Error> {
    let mut read = IndexMap::new();
    let Some(spaces) = section::member(root, "functions") else { return Ok(read) };
    let spaces =
        section::array(spaces, "The member 'functions'").map_err(|error| error.within("functions"))?;
    for (index, space) in spaces.iter().enumerate() {
        let path = format!("functions[{index}]");
        let within = |error: Error| error.within(&path);
        section::object(space, "The item of 'functions'").map_err(within)?;
        let namespace =
            section::required_text(space, "namespace", "the item of 'functions'").map_err(within)?;
        for entry in section::entries(space, "members").map_err(within)? {
            let inside =
                |error: Error| within(error.or_at(entry.key_at).within(&entry.key).within("members"));
            let made = function(namespace, entry, &path).map_err(inside)?;
            if read.insert(key(&made.name), made).is_some() {
                return Err(within(section::twice(entry, "template function").within("members")));
            }
        }
    }
    Ok(read)
}

fn function(namespace: &str, entry: &Member, path: &str) -> Result<Function, Error> {
    let name = format!("{namespace}.{}", entry.key);
    let what = format!("The template function '{name}'");
    section::object(&entry.value, &what)?;
    let output = section::required(&entry.value, "output", "the template function")?;
    let value = section::required(output, "value", "the output of the template function")
        .map_err(|e| e.within("output"))?;
    let mut parameters = Vec::new();
    if let Some(list) = section::member(&entry.value, "parameters") {
        for (index, node) in section::array(list, "The member 'parameters'")?.iter().enumerate() {
            let within = |error: Error| error.within(&format!("[{index}]")).within("parameters");
            let parameter =
                section::required_text(node, "name", "the function's parameter").map_err(within)?;
            parameters.push((parameter.to_owned(), Shape::read(node, &what).map_err(within)?));
        }
    }
    Ok(Function {
        parameters,
        output: Shape::read(output, &what).map_err(|error| error.within("output"))?,
        value: value.clone(),
        path: format!("{path}.members.{}.output.value", entry.key),
        name,
    })
}
