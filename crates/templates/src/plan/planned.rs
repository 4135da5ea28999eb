//! Resources of a plan, and how expressions and `dependsOn` name them.

use std::collections::HashMap;

use crate::Position;
use crate::template::Resource;

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
    /// As Azure's messages name it: `Namespace/type/name`.
    pub(super) fn title(&self) -> String {
        join(&self.kind, &self.name)
    }
}

fn join(kind: &str, name: &str) -> String {
    format!("{kind}/{name}")
}

/// Resources, found by whatever expressions and `dependsOn` call them.
#[derive(Debug, Clone, Default)]
pub(super) struct Resources {
    all: Vec<Planned>,
    /// By symbolic names, by names of loops (the symbolic ones too), and by all else: every one in lower case.
    symbols: Index,
    loops: Index,
    called: Index,
}

type Index = HashMap<String, Vec<usize>>;

impl Resources {
    /// Of what the resources of a template became.
    pub(super) fn new(all: Vec<Planned>, written: &[Resource]) -> Self {
        let (mut symbols, mut loops, mut called) = (Index::new(), Index::new(), Index::new());
        declare_loops(written, &mut loops);
        for (place, one) in all.iter().enumerate() {
            add(&mut symbols, one.symbolic_name.iter().map(String::as_str), place);
            let in_loop = one.loop_name.as_deref();
            add(
                &mut loops,
                in_loop.into_iter().chain(one.symbol.as_deref().filter(|_| in_loop.is_some())),
                place,
            );
            let title = one.title();
            let tail = one.id.rsplit_once("/providers/").map(|(_, rest)| rest);
            add(&mut called, [one.id.as_str(), &one.name, &title].into_iter().chain(tail), place);
        }
        Self { all, symbols, loops, called }
    }

    pub(super) fn all(&self) -> &[Planned] {
        &self.all
    }

    /// The places of what a subject means: a symbolic name before all others. Of several with one name those that are
    /// deployed.
    pub(super) fn find(&self, subject: &str) -> Vec<usize> {
        let subject = subject.trim_end_matches('/').to_lowercase();
        if let Some(found) = self.symbols.get(&subject) {
            return found.clone();
        }
        let called = self.called.get(&subject).map(Vec::as_slice).unwrap_or_default();
        let deployed: Vec<usize> =
            called.iter().copied().filter(|place| self.all[*place].condition).collect();
        if deployed.is_empty() { called.iter().copied().take(1).collect() } else { deployed }
    }

    /// The rounds of the loop of this name, of which there may be none. None: there is no such loop.
    pub(super) fn of_loop(&self, name: &str) -> Option<&[usize]> {
        self.loops.get(&name.to_lowercase()).map(Vec::as_slice)
    }

    /// As [`find`](Self::find), and the rounds of a loop for its name. None: nothing is called so.
    pub(super) fn find_dependencies(&self, subject: &str) -> Option<Vec<usize>> {
        match self.of_loop(subject) {
            Some(rounds) if !rounds.is_empty() => Some(rounds.to_vec()),
            of_loop => {
                let found = self.find(subject);
                (of_loop.is_some() || !found.is_empty()).then_some(found)
            }
        }
    }
}

/// A loop without rounds is there as well.
fn declare_loops(written: &[Resource], loops: &mut Index) {
    for resource in written {
        if let Some(copy) = &resource.copy {
            for name in resource.symbol.iter().chain([&copy.name]) {
                loops.entry(name.to_lowercase()).or_default();
            }
        }
        declare_loops(&resource.children, loops);
    }
}

fn add<'n>(index: &mut Index, names: impl Iterator<Item = &'n str>, place: usize) {
    for name in names {
        let places = index.entry(name.to_lowercase()).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
}
