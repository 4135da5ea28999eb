//! References to artifacts: `registry/repository:tag`, `registry/repository@digest`, `registry/repository`.

use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

/// Longest repository name that registries take, with the registry's name in front (distribution-spec, "Pulling manifests").
const REPOSITORY_BYTES_MAX: usize = 255;
const TAG_BYTES_MAX: usize = 128;
/// How much is shown of a text that is no reference.
const TEXT_SHOWN_CHARS_MAX: usize = 300;

/// What of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// Every tag.
    All,
    /// One tag.
    Tag(String),
    /// One manifest. A tag in front of the digest (`repo:tag@digest`) is kept as the name it travels under.
    Digest(Digest, Option<String>),
}

/// A reference as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Host and port, when named.
    pub registry: Option<String>,
    /// Repository.
    pub repository: String,
    /// Tag, digest or everything.
    pub selector: Selector,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a reference: {reason}")]
pub struct ReferenceError {
    text: String,
    reason: String,
}

impl ReferenceError {
    pub(crate) fn new(text: &str, reason: String) -> Self {
        Self { text: text.chars().take(TEXT_SHOWN_CHARS_MAX).collect(), reason }
    }
}

impl Reference {
    /// The same with a registry, if it names none.
    #[must_use]
    pub fn with_registry(mut self, registry: &str) -> Self {
        if self.registry.is_none() {
            self.repository = in_library(Some(registry), &self.repository);
            self.registry = Some(registry.to_owned());
        }
        self
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let fail = |reason: &str| ReferenceError::new(text, reason.to_owned());
        if text.contains("://") {
            return Err(fail("leave out the scheme: it is registry/repository:tag"));
        }
        if text.chars().any(char::is_whitespace) {
            return Err(fail("there is white space in it"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse::<Digest>().map_err(|e| fail(&e.to_string()))?)),
            None => (text, None),
        };
        let (registry, rest) = split_registry(name);
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if repository.is_empty() {
            return Err(fail("no repository in it"));
        }
        if !is_repository(repository) {
            return Err(fail(&repository_fault(repository)));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(fail(&format!(
                "'{tag}' is not a tag: letters, digits, '_', '.' and '-', 128 at most"
            )));
        }
        let tag = tag.map(str::to_owned);
        let selector = match (digest, tag) {
            (Some(digest), tag) => Selector::Digest(digest, tag),
            (None, Some(tag)) => Selector::Tag(tag),
            (None, None) => Selector::All,
        };
        let registry = registry.map(str::to_ascii_lowercase);
        let repository = in_library(registry.as_deref(), repository);
        Ok(Self { registry, repository, selector })
    }
}

/// On Docker Hub a name without a slash is one of `library/`.
pub(crate) fn in_library(registry: Option<&str>, repository: &str) -> String {
    match registry {
        Some("docker.io" | "index.docker.io") if !repository.contains('/') => format!("library/{repository}"),
        _ => repository.to_owned(),
    }
}

/// The first part names a registry when it has a dot or a port, or is `localhost`: the rule every client follows.
fn split_registry(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, name),
    }
}

/// Whether this is a repository's name (distribution-spec, "Pulling manifests").
pub fn is_repository(name: &str) -> bool {
    name.len() <= REPOSITORY_BYTES_MAX && name.split('/').all(is_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(part: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(*first) || !alphanumeric(*last) {
        return false;
    }
    part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

fn repository_fault(repository: &str) -> String {
    if repository.bytes().any(|b| b.is_ascii_uppercase()) {
        format!("'{repository}' has capitals: repository names are lower case")
    } else if repository.len() > REPOSITORY_BYTES_MAX {
        format!("the repository's name is longer than {REPOSITORY_BYTES_MAX} characters")
    } else {
        format!("'{repository}' is not a repository's name")
    }
}

/// Whether this is a tag (distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
pub fn is_tag(tag: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    tag.len() <= TAG_BYTES_MAX && !tag.is_empty() && !tag.starts_with(['.', '-']) && tag.bytes().all(rest)
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.repository)?;
        match &self.selector {
            Selector::All => Ok(()),
            Selector::Tag(tag) => write!(f, ":{tag}"),
            Selector::Digest(digest, Some(tag)) => write!(f, ":{tag}@{digest}"),
            Selector::Digest(digest, None) => write!(f, "@{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[test]
    fn prints_what_it_parsed() {
        let d = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [
            "localhost:5000/a/b:v1".to_owned(),
            "r.example/a".to_owned(),
            "localhost/a:x".to_owned(),
            "team/app:1".to_owned(),
            format!("r.example/a@{d}"),
            format!("r.example/a:t@{d}"),
        ] {
            assert_eq!(parse(&text).to_string(), text);
        }
    }

    #[test]
    fn knows_a_registry_from_a_repository() {
        assert_eq!(parse("team/app:1").registry, None);
        assert_eq!(parse("r.io/app").registry.as_deref(), Some("r.io"));
        assert_eq!(parse("R.io/app").registry.as_deref(), Some("r.io"));
        assert_eq!(parse("host:5000/app").selector, Selector::All);
        assert_eq!(parse("app:5000").selector, Selector::Tag("5000".to_owned()));
        assert_eq!(parse("docker.io/alpine:3").repository, "library/alpine");
        assert_eq!(parse("[::1]:5000/app:3").registry.as_deref(), Some("[::1]:5000"));
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, word) in [
            ("https://r.io/a:1", "scheme"),
            ("r.io/App:1", "lower case"),
            ("r.io/a:", "not a tag"),
            ("r.io/a b", "white space"),
            ("r.io/a@sha256:12", "hex digits"),
            ("r.io/", "no repository"),
            ("r.io/a..b", "not a repository"),
            ("", "no repository"),
        ] {
            let message = text.parse::<Reference>().unwrap_err().to_string();
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn repository_names_follow_the_grammar() {
        for good in ["a", "a/b", "a.b", "a_b", "a__b", "a---b", "0/1"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "a___b", "a._b", "-a", "a-", "A"] {
            assert!(!is_repository(bad), "{bad}");
        }
    }
}
