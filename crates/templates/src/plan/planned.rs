//! Resources of a plan, and how expressions and `dependsOn` name them.

use crate::Position;

/// A resource that a template asks for; every round of a loop makes one.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The whole id, case as it is written, without a slash at the end.
    pub id: String,
    /// `Namespace/type[/type…]`, without a slash at the end.
    pub kind: String,
    /// `name[/name…]`, as many as the type has.
    pub name: String,
    /// The version that the template writes with.
    pub api_version: String,
    /// Where it is to be; none where the template does not say.
    pub location: Option<String>,
    /// Whether it is deployed. One that is not is shown, and nothing waits for it.
    pub condition: bool,
    /// It is only referred to and never written: done as soon as its own needs are.
    pub existing: bool,
    /// Places in [`Plan::resources`](super::Plan::resources) of what has to be done before. None of them has a false
    /// condition.
    pub needs: Vec<usize>,
    /// It is a deployment: ask [`Plan::nested`](super::Plan::nested), not `body`.
    pub is_nested: bool,
    /// It is a deployment of which the expressions are the outer template's: its template is made of values, parameters
    /// of the outer one among them.
    pub is_outer: bool,
    /// Its symbolic name, with `[index]` in a loop.
    pub symbolic_name: Option<String>,
    /// Where it stands in the text.
    pub at: Position,
    /// Where it stands in the request: `properties.template.resources[0]`.
    pub path: String,
    pub(super) loop_name: Option<String>,
    pub(super) symbol: Option<String>,
}

impl Planned {
    /// Whether it is a round of the loop of this name; a loop's symbolic name is one as well.
    pub(super) fn is_of_loop(&self, name: &str) -> bool {
        let same = |own: &Option<String>| own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
        self.loop_name.is_some() && (same(&self.loop_name) || same(&self.symbol))
    }

    fn has_symbol(&self, name: &str) -> bool {
        self.symbolic_name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether a name (not symbolic) or an id means it: `name`, `Namespace/type/name`, or the whole id.
    fn is_called(&self, subject: &str) -> bool {
        let subject = subject.trim_end_matches('/');
        if subject.starts_with('/') {
            return self.id.eq_ignore_ascii_case(subject);
        }
        self.name.eq_ignore_ascii_case(subject)
            || join(&self.kind, &self.name).eq_ignore_ascii_case(subject)
            || self.id.rsplit_once("/providers/").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(subject))
    }

    /// As Azure's messages name it: `Namespace/type/name`.
    pub(super) fn title(&self) -> String {
        join(&self.kind, &self.name)
    }
}

fn join(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

/// The places of what a subject means: a symbolic name before all others. Of several with one name those that are
/// deployed.
pub(super) fn find_all(planned: &[Planned], subject: &str) -> Vec<usize> {
    let of = |is: &dyn Fn(&Planned) -> bool| -> Vec<usize> {
        planned.iter().enumerate().filter(|(_, one)| is(one)).map(|(index, _)| index).collect()
    };
    let symbolic = of(&|one| one.has_symbol(subject));
    if !symbolic.is_empty() {
        return symbolic;
    }
    let called = of(&|one| one.is_called(subject));
    if called.len() < 2 {
        return called;
    }
    let deployed: Vec<usize> = called.iter().copied().filter(|index| planned[*index].condition).collect();
    if deployed.is_empty() { called[..1].to_vec() } else { deployed }
}

/// As [`find_all`], and the rounds of a loop for its name.
pub(super) fn find_dependencies(planned: &[Planned], subject: &str) -> Vec<usize> {
    let rounds: Vec<usize> = planned
        .iter()
        .enumerate()
        .filter(|(_, one)| one.is_of_loop(subject))
        .map(|(index, _)| index)
        .collect();
    if rounds.is_empty() { find_all(planned, subject) } else { rounds }
}
