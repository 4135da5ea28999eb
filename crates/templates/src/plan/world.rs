//! What is known of the world outside of a template.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value as Json;

use crate::Lookup;

/// The answers to [lookups](Lookup) that were found so far. Evaluation reads only here: what is missing comes back as an
/// error of kind [`Pending`](crate::ErrorKind::Pending).
#[derive(Clone, Default)]
pub struct World {
    /// By the id's lower case.
    answers: HashMap<String, Vec<(Lookup, Json)>>,
}

impl World {
    /// A world of which nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says the answer to a lookup, instead of what was said before. To a `Reference` it is the **whole** resource, as a
    /// GET of its id answers, whether `full` is set or not: one GET answers both forms. To a `List` it is the body of the
    /// POST's answer.
    pub fn insert(&mut self, lookup: Lookup, answer: Json) {
        let of_id = self.answers.entry(lookup.id().to_lowercase()).or_default();
        of_id.retain(|(known, _)| !same(known, &lookup));
        of_id.push((lookup, answer));
    }

    /// Whether the answer to a lookup is known.
    pub fn answers(&self, lookup: &Lookup) -> bool {
        self.get(lookup).is_some()
    }

    /// Forgets what was said of a resource and of what is beneath it: it was written since.
    pub fn forget(&mut self, id: &str) {
        let above = id.trim_end_matches('/').to_lowercase();
        let is_beneath =
            |id: &str| id.strip_prefix(&above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.answers.retain(|id, _| !is_beneath(id));
    }

    pub(crate) fn get(&self, lookup: &Lookup) -> Option<&Json> {
        let of_id = self.answers.get(&lookup.id().to_lowercase())?;
        of_id.iter().find(|(known, _)| same(known, lookup)).map(|(_, answer)| answer)
    }
}

/// Shows how many answers there are: they carry keys of accounts.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("answers", &self.answers.values().map(Vec::len).sum::<usize>()).finish()
    }
}

impl Lookup {
    /// The id of the resource that is asked.
    pub fn id(&self) -> &str {
        match self {
            Self::Reference { id, .. } | Self::List { id, .. } => id,
        }
    }
}

/// Ids and names of functions are the same in whatever case; a GET is the same for both forms of `reference()`.
fn same(one: &Lookup, other: &Lookup) -> bool {
    match (one, other) {
        (
            Lookup::Reference { id: a, api_version: v, .. },
            Lookup::Reference { id: b, api_version: w, .. },
        ) => a.eq_ignore_ascii_case(b) && v == w,
        (
            Lookup::List { function: f, id: a, api_version: v, body: x },
            Lookup::List { function: g, id: b, api_version: w, body: y },
        ) => f.eq_ignore_ascii_case(g) && a.eq_ignore_ascii_case(b) && v == w && x == y,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reference(id: &str, full: bool) -> Lookup {
        Lookup::Reference { id: id.to_owned(), api_version: Some("2023-01-01".to_owned()), full }
    }

    #[test]
    fn one_get_answers_both_forms_in_any_case() {
        let mut world = World::new();
        world.insert(reference("/subscriptions/s/x/A", false), json!({"properties": {}}));
        assert!(world.get(&reference("/Subscriptions/s/x/a", true)).is_some());
        assert!(world.get(&reference("/subscriptions/s/x/b", true)).is_none());
    }

    #[test]
    fn what_was_written_is_forgotten_with_what_is_beneath_it() {
        let mut world = World::new();
        for id in ["/s/a", "/s/a/b/c", "/s/ab"] {
            world.insert(reference(id, false), json!({}));
        }
        world.forget("/S/A/");
        assert!(world.get(&reference("/s/a", false)).is_none());
        assert!(world.get(&reference("/s/a/b/c", false)).is_none());
        assert!(world.get(&reference("/s/ab", false)).is_some());
    }

    #[test]
    fn the_last_answer_counts() {
        let mut world = World::new();
        world.insert(reference("/s/a", false), json!(1));
        world.insert(reference("/s/A", true), json!(2));
        assert_eq!(world.get(&reference("/s/a", false)), Some(&json!(2)));
        assert_eq!(format!("{world:?}"), "World { answers: 1 }");
    }
}
