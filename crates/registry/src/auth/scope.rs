//! What a token allows (distribution, "Token Scope Documentation").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A set of resources and of what may be done with each, in one order, so that it can be a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scope(BTreeMap<String, BTreeSet<String>>);

impl Scope {
    pub(crate) fn pull(repository: &str) -> Self {
        Self::default().and(&format!("repository:{repository}"), &["pull"])
    }

    pub(crate) fn push(repository: &str) -> Self {
        Self::default().and(&format!("repository:{repository}"), &["pull", "push"])
    }

    /// Push to one repository, and pull from another of the same registry.
    pub(crate) fn mount(repository: &str, from: &str) -> Self {
        Self::push(repository).and(&format!("repository:{from}"), &["pull"])
    }

    pub(crate) fn catalog() -> Self {
        Self::default().and("registry:catalog", &["*"])
    }

    fn and(mut self, resource: &str, actions: &[&str]) -> Self {
        let entry = self.0.entry(resource.to_owned()).or_default();
        entry.extend(actions.iter().map(|a| (*a).to_owned()));
        self
    }

    /// Reads the text form, several separated by spaces.
    pub(super) fn parse(text: &str) -> Self {
        text.split_whitespace().filter_map(|one| one.rsplit_once(':')).fold(
            Self::default(),
            |scope, (resource, actions)| {
                let actions: Vec<&str> = actions.split(',').filter(|a| !a.is_empty()).collect();
                scope.and(resource, &actions)
            },
        )
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (resource, actions) in &other.0 {
            self.0.entry(resource.clone()).or_default().extend(actions.iter().cloned());
        }
    }

    /// The text form of each resource.
    pub(super) fn texts(&self) -> Vec<String> {
        let text = |(resource, actions): (&String, &BTreeSet<String>)| {
            format!("{resource}:{}", actions.iter().map(String::as_str).collect::<Vec<_>>().join(","))
        };
        self.0.iter().map(text).collect()
    }

    /// The repository that it is about: the one that is pushed to, else the first.
    pub(crate) fn repository(&self) -> Option<&str> {
        let pushed = self.0.iter().find(|(_, actions)| actions.contains("push"));
        let (resource, _) = pushed.or_else(|| self.0.iter().next())?;
        resource.strip_prefix("repository:")
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_it_parsed_in_one_order() {
        let scope = Scope::parse("repository:z:push,pull repository:a/b:pull");
        assert_eq!(scope.to_string(), "repository:a/b:pull repository:z:pull,push");
        assert_eq!(scope, Scope::mount("z", "a/b"));
        assert_eq!(scope.repository(), Some("z"));
        assert_eq!(Scope::catalog().to_string(), "registry:catalog:*");
        assert_eq!(Scope::catalog().repository(), None);
    }
}
