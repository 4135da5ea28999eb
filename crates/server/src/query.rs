//! What stands behind the question mark. Names are compared without regard to case.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use url::form_urlencoded;

use crate::fault::Fault;

/// Names and values, in the order in which they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

const CURSOR: &str = "$skipToken";
/// Values that an address in an answer does not repeat.
const NOT_REPEATED: &[&str] = &[CURSOR, "key", "after"];

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The first value of that name, if it is not empty.
    pub(crate) fn said(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.trim().is_empty())
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(text) = self.said(name) else { return Ok(None) };
        text.trim()
            .parse()
            .map(Some)
            .map_err(|_| Fault::invalid(name, format!("'{name}' has to be a whole number.")))
    }

    /// Where an earlier page ended.
    pub(crate) fn cursor(&self) -> Result<Option<String>, Fault> {
        let Some(text) = self.said(CURSOR) else { return Ok(None) };
        let read = BASE64_URL_SAFE_NO_PAD.decode(text).ok().and_then(|read| String::from_utf8(read).ok());
        read.map(Some).ok_or_else(|| {
            Fault::invalid(CURSOR, "This is no token of an earlier page. Use nextLink as it stands.")
        })
    }

    /// The same query with this cursor.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let repeated = |name: &str| !NOT_REPEATED.iter().any(|not| not.eq_ignore_ascii_case(name));
        text.extend_pairs(self.0.iter().filter(|(name, _)| repeated(name)));
        text.append_pair(CURSOR, &BASE64_URL_SAFE_NO_PAD.encode(cursor));
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_whatever_case() {
        let query = Query::parse("API-Version=2019-12-01-preview&$Filter=a%20eq%20%27b%27");
        assert_eq!(query.get("api-version"), Some("2019-12-01-preview"));
        assert_eq!(query.get("$filter"), Some("a eq 'b'"));
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        let query = Query::parse("api-version=1&$skiptoken=b2xk&key=planted");
        assert_eq!(query.cursor().unwrap().as_deref(), Some("old"));
        let next = query.with_cursor("a/b&c");
        assert!(!next.contains("planted") && !next.contains("b2xk"), "{next}");
        let again = Query::parse(&next);
        assert_eq!(again.cursor().unwrap().as_deref(), Some("a/b&c"));
        assert_eq!(again.get("api-version"), Some("1"));
        assert!(Query::parse("$skipToken=%00").cursor().is_err());
    }
}
