//! What can be told of a template's expressions without evaluating any: whether they parse, whether their functions are
//! there and may stand where they stand, whether the parameters and variables that they name are declared.

use super::graph::sent;
use super::scope::{is_known, not_expected, of_variable, only_defaults};
use super::settle::not_found;
use super::unroll::of_resource;
use super::{place, runtime};
use crate::template::{Function, OutputForm, Resource, Template, VariableForm, key};
use crate::{Error, Expression, Limits, Member, Node, NodeValue, Position, is_function};

/// Checks a template, and the templates in it.
///
/// # Errors
/// `Expression` in Azure's words, with line, column and path.
pub(super) fn check(template: &Template, limits: &Limits) -> Result<(), Error> {
    check_at(template, limits, "properties.template")
}

fn check_at(template: &Template, limits: &Limits, path: &str) -> Result<(), Error> {
    let within = |error: Error, section: &str| error.within(section).rooted(path);
    let at = |stands: Stands<'_>, node: &Node| Checker { template, limits, stands }.node(node);
    for parameter in template.parameters.values() {
        let default = parameter.default.as_ref().map_or(Ok(()), |node| at(Stands::Default, node));
        default
            .map_err(|error| within(error.within("defaultValue").within(&parameter.name), "parameters"))?;
    }
    for variable in template.variables.values() {
        let checked = match &variable.form {
            VariableForm::Value(node) => at(Stands::Variable, node),
            VariableForm::Loop(each) => {
                at(Stands::Variable, &each.count).and_then(|()| at(Stands::Variable, &each.input))
            }
        };
        checked.map_err(|error| {
            within(of_variable(error, &variable.name).within(&variable.name), "variables")
        })?;
    }
    for function in template.functions.values() {
        at(Stands::Function(function), &function.value).map_err(|error| within(error, &function.path))?;
    }
    for resource in &template.resources {
        resource_at(template, limits, resource, path)?;
    }
    for output in &template.outputs {
        let condition = output.condition.as_ref().map_or(Ok(()), |node| at(Stands::Early, node));
        let value = match &output.form {
            OutputForm::Value(node) => at(Stands::Late, node).map_err(|error| error.within("value")),
            OutputForm::Loop { count, input } => {
                let count = at(Stands::Early, count).map_err(|error| error.within("count"));
                count.and_then(|()| at(Stands::Late, input).map_err(|error| error.within("input")))
            }
        };
        condition.and(value).map_err(|error| within(error.within(&output.name), "outputs"))?;
    }
    Ok(())
}

fn resource_at(template: &Template, limits: &Limits, resource: &Resource, path: &str) -> Result<(), Error> {
    let path_of = format!("{path}.{}", resource.path);
    let name = resource.name.as_text().unwrap_or_default();
    let wrong = |error: Error| of_resource(error, name, resource).rooted(&path_of);
    let at = |stands: Stands<'_>, node: &Node| Checker { template, limits, stands }.node(node);
    let early = [
        ("type", Some(&resource.kind)),
        ("name", Some(&resource.name)),
        ("apiVersion", resource.api_version.as_ref()),
        ("condition", resource.condition.as_ref()),
        ("scope", resource.scope.as_ref()),
        ("dependsOn", resource.depends_on.as_ref()),
        ("resourceGroup", resource.group.as_ref()),
        ("subscriptionId", resource.subscription.as_ref()),
        ("copy.count", resource.copy.as_ref().map(|copy| &copy.count)),
        ("copy.batchSize", resource.copy.as_ref().and_then(|copy| copy.batch.as_ref())),
    ];
    for (member, node) in early {
        node.map_or(Ok(()), |node| at(Stands::Early, node)).map_err(|error| wrong(error.within(member)))?;
    }
    let late = if resource.nested.is_some() { sent(resource) } else { Vec::new() };
    for node in late {
        at(Stands::Late, node).map_err(wrong)?;
    }
    for member in resource.body.as_object().unwrap_or_default() {
        let is_nested = resource.nested.is_some() && member.key.eq_ignore_ascii_case("properties");
        if !is_nested {
            at(Stands::Late, &member.value).map_err(|error| wrong(error.within(&member.key)))?;
        }
    }
    if let Some(nested) = &resource.nested {
        let path = format!("{path_of}.properties.template");
        if nested.inner {
            check_at(&nested.template, limits, &path)?;
        } else {
            inner_of_outer(&nested.template, limits, &path)?;
        }
    }
    resource.children.iter().try_for_each(|child| resource_at(template, limits, child, path))
}

/// The templates with a scope of their own that lie in one without.
fn inner_of_outer(template: &Template, limits: &Limits, path: &str) -> Result<(), Error> {
    for resource in &template.resources {
        let Some(nested) = &resource.nested else { continue };
        let path = format!("{path}.{}.properties.template", resource.path);
        if nested.inner {
            check_at(&nested.template, limits, &path)?;
        } else {
            inner_of_outer(&nested.template, limits, &path)?;
        }
    }
    Ok(())
}

/// Where an expression stands.
#[derive(Clone, Copy)]
enum Stands<'a> {
    Default,
    Variable,
    Function(&'a Function),
    Early,
    Late,
}

struct Checker<'a> {
    template: &'a Template,
    limits: &'a Limits,
    stands: Stands<'a>,
}

impl Checker<'_> {
    fn node(&self, node: &Node) -> Result<(), Error> {
        match &node.value {
            NodeValue::Text(text) => self.text(text, node.at),
            NodeValue::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
                self.node(item).map_err(|error| error.within(&format!("[{index}]")))
            }),
            NodeValue::Object(members) => members.iter().try_for_each(|member| self.member(member)),
            _ => Ok(()),
        }
    }

    fn member(&self, member: &Member) -> Result<(), Error> {
        let checked = self.text(&member.key, member.key_at).and_then(|()| self.node(&member.value));
        checked.map_err(|error| error.within(&member.key))
    }

    fn text(&self, text: &str, at: Position) -> Result<(), Error> {
        let expression = Expression::parse(text, at, self.limits).map_err(|error| error.or_at(at))?;
        let Some(expression) = expression else { return Ok(()) };
        let mut found = Ok(());
        expression.calls(&mut |name, arguments, at| {
            if found.is_ok() {
                found = self.call(name, arguments).map_err(|error| error.or_at(at));
            }
        });
        found
    }

    fn call(&self, name: &str, arguments: &[Expression]) -> Result<(), Error> {
        let literal = match arguments {
            [only] => only.as_text(),
            _ => None,
        };
        match name.to_ascii_lowercase().as_str() {
            _ if is_function(name) => Ok(()),
            "parameters" => self.parameter(literal),
            "variables" if matches!(self.stands, Stands::Default | Stands::Function(_)) => {
                Err(not_expected(name))
            }
            "variables" => {
                self.declared("variable", literal, |key| self.template.variables.contains_key(key))
            }
            "utcnow" | "newguid" if matches!(self.stands, Stands::Default) => Ok(()),
            "utcnow" | "newguid" => Err(only_defaults(name)),
            "copyindex" if matches!(self.stands, Stands::Default | Stands::Function(_)) => {
                Err(not_expected(name))
            }
            "deployment" if matches!(self.stands, Stands::Function(_)) => Err(not_expected(name)),
            "resourceinfo" if matches!(self.stands, Stands::Early) => Ok(()),
            _ if self.template.functions.contains_key(&key(name)) => Ok(()),
            _ if runtime::is_function(name) => match self.stands {
                Stands::Late => Ok(()),
                _ => Err(not_expected(name)),
            },
            _ if place::is_function(name) || is_known(self.template, name) => Ok(()),
            _ => Err(Error::expression(format!(
                "The template function '{name}' is not valid. Please see https://aka.ms/arm-functions for usage details."
            ))),
        }
    }

    fn parameter(&self, literal: Option<&str>) -> Result<(), Error> {
        if let Stands::Function(function) = self.stands {
            let is_own = |name: &str| function.parameters.iter().any(|(own, _)| crate::same_name(own, name));
            return self.declared("parameter", literal, is_own);
        }
        self.declared("parameter", literal, |key| self.template.parameters.contains_key(key))
    }

    /// A name that is written out has to be declared; others are looked at when they are evaluated.
    fn declared(
        &self,
        what: &str,
        literal: Option<&str>,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        match literal {
            Some(name) if !is_there(&key(name)) => Err(not_found(what, name)),
            _ => Ok(()),
        }
    }
}
