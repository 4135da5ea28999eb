//! The nearest existing name to one that was mistyped.

/// Names further away than this share of their length are no help.
const SIMILARITY_MIN: f64 = 0.6;

/// The most similar of `names`, if any is similar enough.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(wanted, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        // of two that are as near, the one that begins like it: people leave off ends
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| alike(wanted, a.1).cmp(&alike(wanted, b.1))))
        .map(|(_, name)| name)
}

/// How many characters two names begin with in common.
fn alike(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// The most similar of `names`, the best first, however far away they are. Wildcards of `wanted` count for nothing.
pub(crate) fn nearest_few<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
    count: usize,
) -> Vec<&'a str> {
    let literal: String = wanted.chars().filter(|c| !"*?[]{}^~<>=/!| ".contains(*c) || *c == '/').collect();
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(literal.trim_matches('/'), name), name))
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| b.1.cmp(a.1)));
    near.into_iter().take(count).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        assert_eq!(nearest("v1.2.30", ["v1.2.3", "latest"]), Some("v1.2.3"));
        assert_eq!(nearest("team/wbe", ["team/web", "team/db"]), Some("team/web"));
        assert_eq!(nearest("v1", ["latest", "stable"]), None);
        assert_eq!(nearest("v1", []), None);
        assert_eq!(nearest("v1.0", ["v1.0.0", "v1.1.0"]), Some("v1.0.0"));
    }

    #[test]
    fn something_is_always_near_to_a_pattern() {
        assert_eq!(nearest_few("v1.*", ["v2.0", "v1.0", "latest"], 2), ["v1.0", "v2.0"]);
        assert_eq!(nearest_few("tema/*", ["team/web", "other"], 1), ["team/web"]);
        assert!(nearest_few("x", [], 3).is_empty());
    }
}
