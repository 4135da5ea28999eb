//! From the resources of a template to those of a plan: loops are run, names and types evaluated, ids made.

use super::planned::Planned;
use super::scope::{Context, Frame, Place, Round};
use super::{expand, place};
use crate::template::Resource;
use crate::{Error, ErrorKind, Evaluator, Limits, Node, Position, Value};

/// Where a planned resource comes from: its way through the template, and the rounds of loops around it, the outermost
/// first.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    way: Vec<usize>,
    pub(super) rounds: Vec<(String, i64)>,
    /// The place of the resource that it lies in.
    pub(super) parent: Option<usize>,
    /// For a round of a serial loop: the loop's first place in the plan, its own number, how many at a time.
    pub(super) batch: Option<(usize, usize)>,
}

impl Origin {
    /// The resource as it is written.
    pub(super) fn resource<'t>(&self, resources: &'t [Resource]) -> Option<&'t Resource> {
        let (first, rest) = self.way.split_first()?;
        rest.iter().try_fold(resources.get(*first)?, |resource, index| resource.children.get(*index))
    }

    /// Runs something in the scope of its rounds.
    pub(super) fn in_rounds<T>(&self, frame: Frame<'_>, run: impl FnOnce(&Frame<'_>) -> T) -> T {
        in_rounds(frame, &self.rounds, run)
    }
}

fn in_rounds<T>(frame: Frame<'_>, rounds: &[(String, i64)], run: impl FnOnce(&Frame<'_>) -> T) -> T {
    let Some(((name, index), rest)) = rounds.split_first() else { return run(&frame) };
    let round = Round { name, index: *index, main: true, outer: frame.round };
    in_rounds(frame.within(&round), rest, run)
}

/// What a plan consists of, while it is made.
pub(super) struct Unrolled {
    pub(super) planned: Vec<Planned>,
    pub(super) origins: Vec<Origin>,
}

/// Unrolls all resources of a template.
///
/// # Errors
/// `InvalidTemplate` for names, types, conditions and loops that do not fit, with the resource in Azure's words; `Limit`.
pub(super) fn unroll(context: &Context<'_>, limits: &Limits) -> Result<Unrolled, Error> {
    let frame = Frame { context, place: Place::Early, round: None };
    let evaluator = Evaluator::new(&frame, limits);
    let mut unrolling =
        Unrolling { evaluator: &evaluator, made: Unrolled { planned: Vec::new(), origins: Vec::new() } };
    let origin = Origin::default();
    unrolling.section(&frame, &context.template.resources, &origin)?;
    Ok(unrolling.made)
}

struct Unrolling<'e> {
    evaluator: &'e Evaluator<'e>,
    made: Unrolled,
}

impl Unrolling<'_> {
    /// The resources of a template, or those that lie in a resource.
    fn section(&mut self, frame: &Frame<'_>, resources: &[Resource], above: &Origin) -> Result<(), Error> {
        for (index, resource) in resources.iter().enumerate() {
            let mut origin = above.clone();
            origin.way.push(index);
            self.resource(frame, resource, origin).map_err(|error| {
                error.or_at(resource.at).rooted(&format!("properties.template.{}", resource.path))
            })?;
        }
        Ok(())
    }

    fn resource(&mut self, frame: &Frame<'_>, resource: &Resource, origin: Origin) -> Result<(), Error> {
        let Some(copy) = &resource.copy else { return self.one(frame, resource, origin, None) };
        let evaluator = self.evaluator.within(frame);
        let not_valid = |error: Error| {
            of_resource(error.within("copy"), resource.name.as_text().unwrap_or_default(), resource)
        };
        let count = expand::count(frame, &evaluator, &copy.count)
            .map_err(|error| not_valid(error.within("count")))?;
        let batch = match &copy.batch {
            None => None,
            Some(batch) => {
                let size =
                    evaluator.node(batch).map_err(|error| not_valid(error.within("batchSize")))?.as_int();
                let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
                Some(size.ok_or_else(|| {
                    not_valid(
                        Error::template("The copy batch size has to be greater than zero.").or_at(batch.at),
                    )
                })?)
            }
        };
        let first = self.made.planned.len();
        for index in 0..count {
            self.evaluator.spend(1)?;
            let round = Round { name: &copy.name, index, main: true, outer: frame.round };
            let mut origin = origin.clone();
            origin.rounds.push((copy.name.clone(), index));
            origin.batch = batch.map(|size| (first, size));
            self.one(&frame.within(&round), resource, origin, Some(index))?;
        }
        Ok(())
    }

    /// One resource, of a loop or not, and what lies in it.
    fn one(
        &mut self,
        frame: &Frame<'_>,
        resource: &Resource,
        origin: Origin,
        round: Option<i64>,
    ) -> Result<(), Error> {
        self.bounded(resource)?;
        let evaluator = self.evaluator.within(frame);
        let parent = origin.parent.map(|index| self.made.planned[index].clone());
        let making = Making { frame, evaluator: &evaluator, resource, parent: parent.as_ref(), round };
        let planned = making.planned()?;
        let place = self.made.planned.len();
        self.made.planned.push(planned);
        let beneath = Origin { parent: Some(place), batch: None, ..origin.clone() };
        self.made.origins.push(origin);
        self.section(frame, &resource.children, &beneath)
    }

    fn bounded(&self, resource: &Resource) -> Result<(), Error> {
        let max = self.evaluator.limits().resources_max;
        if self.made.planned.len() < max {
            return Ok(());
        }
        let text = format!(
            "The number of template resources limit exceeded. Limit: {max}, copies are counted one by one."
        );
        Err(Error::limit(text).or_at(resource.at))
    }
}

/// A resource being made.
struct Making<'m> {
    frame: &'m Frame<'m>,
    evaluator: &'m Evaluator<'m>,
    resource: &'m Resource,
    parent: Option<&'m Planned>,
    round: Option<i64>,
}

impl Making<'_> {
    fn planned(&self) -> Result<Planned, Error> {
        let resource = self.resource;
        let written = resource.name.as_text().unwrap_or_default();
        let not_valid = |error: Error| of_resource(error, written, resource);
        let own_name = self.text(&resource.name, "name").map_err(not_valid)?;
        // from here on the name is known, and the errors name it
        let not_valid = |error: Error| of_resource(error, &own_name, resource);
        let own_kind = self.text(&resource.kind, "type").map_err(not_valid)?;
        let own_kind = own_kind.trim_end_matches('/');
        let (kind, name) = match self.parent {
            None => (own_kind.to_owned(), own_name.clone()),
            Some(parent) => (format!("{}/{own_kind}", parent.kind), format!("{}/{own_name}", parent.name)),
        };
        self.segments(&kind, &name)?;
        let names: Vec<&str> = name.split('/').collect();
        let scope = self.scope().map_err(not_valid)?;
        let id = place::id_beneath(&scope, &kind, &names);
        self.bounded("id", &id, resource.at).map_err(not_valid)?;
        Ok(Planned {
            id,
            api_version: self.api_version().map_err(not_valid)?,
            location: self.location().map_err(not_valid)?,
            condition: self.condition().map_err(not_valid)?,
            existing: resource.existing,
            needs: Vec::new(),
            is_nested: resource.nested.is_some(),
            is_outer: resource.nested.as_ref().is_some_and(|nested| !nested.inner),
            symbolic_name: resource.symbol.as_ref().map(|symbol| match self.round {
                Some(index) => format!("{symbol}[{index}]"),
                None => symbol.clone(),
            }),
            at: resource.at,
            path: format!("properties.template.{}", resource.path),
            loop_name: resource.copy.as_ref().map(|copy| copy.name.clone()),
            symbol: resource.symbol.clone(),
            kind,
            name,
        })
    }

    fn text(&self, node: &Node, member: &str) -> Result<String, Error> {
        match self.evaluator.node(node).map_err(|error| error.within(member))? {
            Value::Text(text) if !text.trim_matches('/').trim().is_empty() => {
                self.bounded(member, &text, node.at).map_err(|error| error.within(member))?;
                Ok(text)
            }
            Value::Text(_) => Err(Error::template(format!("The {member} property cannot be null or empty."))
                .or_at(node.at)
                .within(member)),
            other => {
                let text =
                    format!("The {member} has to be of type 'String', and it is of type '{}'.", other.kind());
                Err(Error::template(text).or_at(node.at).within(member))
            }
        }
    }

    /// Names and what is made of them stay in the plan: they are not to be as long as values may be.
    fn bounded(&self, member: &str, text: &str, at: Position) -> Result<(), Error> {
        let max = self.evaluator.limits().id_chars_max;
        if text.len() <= max {
            return Ok(());
        }
        Err(Error::limit(format!("The {member} of a resource has more than {max} characters.")).or_at(at))
    }

    /// A name has a segment less than its type, which begins with a namespace.
    fn segments(&self, kind: &str, name: &str) -> Result<(), Error> {
        let (of_kind, of_name): (Vec<_>, Vec<_>) = (kind.split('/').collect(), name.split('/').collect());
        let whole = of_kind.iter().chain(&of_name).all(|segment| !segment.is_empty());
        if whole && of_kind.len() == of_name.len() + 1 && of_kind.len() > 1 {
            return Ok(());
        }
        let text = format!(
            "The template resource '{name}' for type '{kind}' at line '{}' and column '{}' has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-syntax-resources for usage details.",
            self.resource.at.line, self.resource.at.column
        );
        Err(Error::template(text).or_at(self.resource.name.at).within("name"))
    }

    fn api_version(&self) -> Result<String, Error> {
        match &self.resource.api_version {
            Some(node) => self.text(node, "apiVersion"),
            None => {
                Err(Error::template("The apiVersion property cannot be null or empty.")
                    .or_at(self.resource.at))
            }
        }
    }

    fn location(&self) -> Result<Option<String>, Error> {
        let Some(node) = self.resource.body.get("location").filter(|node| !node.is_null()) else {
            return Ok(None);
        };
        match self.evaluator.node(node).map_err(|error| error.within("location"))? {
            Value::Null => Ok(None),
            Value::Text(text) => {
                self.bounded("location", &text, node.at).map_err(|error| error.within("location"))?;
                Ok(Some(text))
            }
            other => {
                let text =
                    format!("The location has to be of type 'String', and it is of type '{}'.", other.kind());
                Err(Error::template(text).or_at(node.at).within("location"))
            }
        }
    }

    fn condition(&self) -> Result<bool, Error> {
        let Some(node) = &self.resource.condition else { return Ok(true) };
        let value = self.evaluator.node(node).map_err(|error| error.within("condition"))?;
        value.as_bool().ok_or_else(|| {
            let text =
                format!("The condition has to be of type 'Boolean', and it is of type '{}'.", value.kind());
            Error::template(text).or_at(node.at).within("condition")
        })
    }

    /// The id of what it is deployed to: the group, or the resource that it extends.
    fn scope(&self) -> Result<String, Error> {
        let setting = self.frame.context.setting;
        if let Some(parent) = self.parent {
            // everything before the parent's own type and name
            let (before, _) = parent.id.rsplit_once("/providers/").unwrap_or((&parent.id, ""));
            return Ok(before.to_owned());
        }
        let subscription =
            self.elsewhere(self.resource.subscription.as_ref(), "subscriptionId", &setting.subscription)?;
        let group = self.elsewhere(self.resource.group.as_ref(), "resourceGroup", &setting.group)?;
        let group = format!("/subscriptions/{subscription}/resourceGroups/{group}");
        let Some(node) = &self.resource.scope else { return Ok(group) };
        let scope = self.text_or_root(node)?;
        let scope = match scope.trim_end_matches('/') {
            // a resource of this group, as 'Namespace/type/name'
            relative if !scope.starts_with('/') => {
                let (namespace, rest) = relative.split_once('/').unwrap_or((relative, ""));
                format!("{group}/providers/{namespace}/{rest}")
            }
            "" => "/".to_owned(),
            whole => whole.to_owned(),
        };
        self.is_here(&scope, &group).map_err(|error| error.or_at(node.at).within("scope"))?;
        Ok(scope)
    }

    /// Only what is referred to may be elsewhere. A deployment is one to the group itself.
    fn is_here(&self, scope: &str, group: &str) -> Result<(), Error> {
        let beneath = scope
            .get(group.len()..)
            .filter(|_| scope.get(..group.len()).is_some_and(|start| start.eq_ignore_ascii_case(group)));
        let is_nested = self.resource.nested.is_some();
        let is_here = beneath.is_some_and(|rest| rest.is_empty() || (!is_nested && rest.starts_with('/')));
        if is_here || self.resource.existing {
            return Ok(());
        }
        let text = format!(
            "The scope '{scope}' is another one than the deployment's, which is '{group}'. This server deploys to one resource group at a time: deploy to that one by itself."
        );
        Err(Error::template(text))
    }

    fn text_or_root(&self, node: &Node) -> Result<String, Error> {
        if node.as_text() == Some("/") { Ok("/".to_owned()) } else { self.text(node, "scope") }
    }

    /// The group or subscription that a resource names for itself. Only what is referred to may be elsewhere.
    fn elsewhere(&self, node: Option<&Node>, member: &str, own: &str) -> Result<String, Error> {
        let Some(node) = node else { return Ok(own.to_owned()) };
        let named = self.text(node, member)?;
        if named.eq_ignore_ascii_case(own) {
            return Ok(own.to_owned());
        }
        if self.resource.existing {
            return Ok(named);
        }
        let text = format!(
            "The {member} '{named}' is another one than the deployment's, which is '{own}'. This server deploys to one resource group at a time: deploy to that one by itself."
        );
        Err(Error::template(text).or_at(node.at).within(member))
    }
}

/// The error of something in a resource, in Azure's words around its own.
pub(super) fn of_resource(mut error: Error, name: &str, resource: &Resource) -> Error {
    if matches!(error.kind, ErrorKind::Expression | ErrorKind::InvalidTemplate)
        && !error.message.starts_with("The template resource")
    {
        error.message = format!(
            "The template resource '{name}' at line '{}' and column '{}' is not valid: {}",
            resource.at.line, resource.at.column, error.message
        );
    }
    error
}
