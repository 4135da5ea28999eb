//! The nearest existing name to one that was mistyped.

/// Names further away than this share of their length are no help.
const SIMILARITY_MIN: f64 = 0.6;

/// The most similar of `names`, if any is similar enough.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(wanted, name), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
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
    }
}
