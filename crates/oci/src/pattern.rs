//! Patterns: what a person writes to mean several artifacts at once.
//!
//! `registry/repository:tag`, `…@digest` and `registry/repository` are patterns too, each for just what it names as a
//! [`Reference`]. Beyond that the repository may be a glob, and the tag a glob, a `/regular expression/` or a range of
//! versions. A registry is always named plainly.

mod version;

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};

use crate::digest::Digest;
use crate::reference::{Reference, ReferenceError, Selector, in_library, is_repository, is_tag};
use version::Range;

pub use version::newest;

/// Longest text of a pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1024;
/// What a compiled regular expression may take, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// A reference, or a pattern that stands for several.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    registry: Option<String>,
    repositories: Repositories,
    tags: Tags,
}

#[derive(Debug, Clone)]
enum Repositories {
    Name(String),
    Glob(GlobMatcher),
}

#[derive(Debug, Clone)]
enum Tags {
    Plain(Selector),
    Glob(GlobMatcher),
    Regex(Regex),
    Range(Range),
}

/// What an artifact goes by, for a pattern to be held against.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    /// Host and port, when known.
    pub registry: Option<&'a str>,
    /// Repository.
    pub repository: &'a str,
    /// Tag, when it has one.
    pub tag: Option<&'a str>,
    /// Digest of its manifest, when known.
    pub digest: Option<&'a Digest>,
}

impl Pattern {
    /// The reference that this is, if there is nothing in it that stands for several names.
    pub fn as_reference(&self) -> Option<Reference> {
        match (&self.repositories, &self.tags) {
            (Repositories::Name(name), Tags::Plain(selector)) => Some(Reference {
                registry: self.registry.clone(),
                repository: name.clone(),
                selector: selector.clone(),
            }),
            _ => None,
        }
    }

    /// Host and port, when named.
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// The repository, unless that is a pattern.
    pub fn repository(&self) -> Option<&str> {
        match &self.repositories {
            Repositories::Name(name) => Some(name),
            Repositories::Glob(_) => None,
        }
    }

    /// Whether several tags of a repository may be meant: every tag, a glob, an expression or a range.
    pub fn is_open(&self) -> bool {
        !matches!(self.tags, Tags::Plain(Selector::Tag(_) | Selector::Digest(..)))
    }

    /// Whether it is a range of versions, which says itself which pre-releases it takes.
    pub fn is_range(&self) -> bool {
        matches!(self.tags, Tags::Range(_))
    }

    /// The same with a registry, if it names none.
    #[must_use]
    pub fn with_registry(mut self, registry: &str) -> Self {
        if self.registry.is_none() {
            self.text = format!("{registry}/{}", self.text.trim_start_matches(':'));
            if let Repositories::Name(name) = &mut self.repositories {
                *name = in_library(Some(registry), name);
            }
            self.registry = Some(registry.to_owned());
            if let Some(reference) = self.as_reference() {
                self.text = reference.to_string();
            }
        }
        self
    }

    /// Whether a repository's name fits.
    pub fn takes_repository(&self, repository: &str) -> bool {
        match &self.repositories {
            Repositories::Name(name) => name == repository,
            Repositories::Glob(glob) => glob.is_match(repository),
        }
    }

    /// Whether a tag fits.
    pub fn takes_tag(&self, tag: &str) -> bool {
        match &self.tags {
            Tags::Plain(Selector::All) => true,
            Tags::Plain(Selector::Tag(name) | Selector::Digest(_, Some(name))) => name == tag,
            Tags::Plain(Selector::Digest(_, None)) => false,
            Tags::Glob(glob) => glob.is_match(tag),
            Tags::Regex(regex) => regex.is_match(tag),
            Tags::Range(range) => range.takes(tag),
        }
    }

    /// Whether an artifact is among those that are meant. A pattern without a registry means every registry.
    pub fn matches(&self, name: &Name<'_>) -> bool {
        let here = self.registry.as_deref().is_none_or(|registry| name.registry == Some(registry));
        let named = || match (&self.tags, name.tag) {
            (Tags::Plain(Selector::All), _) => true,
            (Tags::Plain(Selector::Digest(digest, _)), _) => name.digest == Some(digest),
            (_, Some(tag)) => self.takes_tag(tag),
            (_, None) => false,
        };
        here && self.takes_repository(name.repository) && named()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Reference> for Pattern {
    fn from(reference: Reference) -> Self {
        Self {
            text: reference.to_string(),
            registry: reference.registry,
            repositories: Repositories::Name(reference.repository),
            tags: Tags::Plain(reference.selector),
        }
    }
}

impl FromStr for Pattern {
    type Err = ReferenceError;

    /// What can be read as a reference is one; only then is it looked at as a pattern.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let plain = match text.parse::<Reference>() {
            Ok(reference) if !reference.registry.as_deref().is_some_and(is_no_host) => {
                return Ok(reference.into());
            }
            Ok(reference) => ReferenceError::new(
                text,
                format!("'{}' is no registry", reference.registry.unwrap_or_default()),
            ),
            Err(error) => error,
        };
        let fail = |reason: String| ReferenceError::new(text, reason);
        if text.contains("://") || text.is_empty() {
            return Err(plain);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(fail(format!("it is longer than {PATTERN_BYTES_MAX} bytes")));
        }
        let (registry, rest) = split_registry(text);
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !is_glob(text) && !tag.is_some_and(is_pattern_of_tags) && !repository.is_empty() {
            return Err(plain);
        }
        if let Some(registry) = registry.filter(|registry| is_glob(registry)) {
            let reason = format!("'{registry}' would be a registry, which has to be named plainly");
            return Err(fail(reason));
        }
        if !tag.is_some_and(|tag| tag.starts_with('/')) && text.contains('@') {
            return Err(fail("a digest names one manifest: it does not go with a pattern".to_owned()));
        }
        let registry = registry.map(str::to_ascii_lowercase);
        let tags = tags(tag).map_err(fail)?;
        let repositories = match repository {
            "" if tag.is_some() && registry.is_none() => glob_of_repositories("**").map_err(fail)?,
            name if is_glob(name) => glob_of_repositories(name).map_err(fail)?,
            name if is_repository(name) => Repositories::Name(in_library(registry.as_deref(), name)),
            name => return Err(fail(format!("'{name}' is not a repository's name"))),
        };
        Ok(Self { text: text.to_owned(), registry, repositories, tags })
    }
}

/// As for a reference, but a port has to be one: `team:/v1/` is a repository and an expression.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    let Some((first, rest)) = text.split_once('/') else { return (None, text) };
    let host = match first.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => Some(host),
        Some(_) => return (None, text),
        None => None,
    };
    if host.is_some() || first.contains('.') || first == "localhost" {
        (Some(first), rest)
    } else {
        (None, text)
    }
}

/// What cannot be a registry although a reference would take it for one: `*.example`, or the `app:` of `app:/v1/`.
fn is_no_host(registry: &str) -> bool {
    is_glob(registry) || registry.ends_with(':')
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', ']', '{', '}']) && !text.starts_with("[::")
}

fn is_pattern_of_tags(tag: &str) -> bool {
    is_glob(tag) || tag.starts_with(['/', '^', '~', '>', '<', '='])
}

fn tags(tag: Option<&str>) -> Result<Tags, String> {
    let Some(tag) = tag else { return Ok(Tags::Plain(Selector::All)) };
    if let Some(rest) = tag.strip_prefix('/') {
        let inside = rest.strip_suffix('/').ok_or("a regular expression ends with '/' as it begins")?;
        // the whole tag: an expression that is meant for less says so with `.*`
        let regex = RegexBuilder::new(&format!("^(?:{inside})$")).size_limit(REGEX_BYTES_MAX).build();
        return regex.map(Tags::Regex).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("'{inside}' is not a regular expression: {last}")
        });
    }
    if tag.starts_with(['^', '~', '>', '<', '=']) {
        return tag.parse().map(Tags::Range);
    }
    if is_glob(tag) {
        return glob(tag, false).map(Tags::Glob);
    }
    if is_tag(tag) {
        return Ok(Tags::Plain(Selector::Tag(tag.to_owned())));
    }
    Err(format!("'{tag}' is neither a tag nor a pattern of tags"))
}

fn glob_of_repositories(text: &str) -> Result<Repositories, String> {
    let odd =
        text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/*?[]{},!".contains(*c)));
    match odd {
        Some(c) => Err(format!("'{c}' is in no repository's name: they are lower case")),
        None => glob(text, true).map(Repositories::Glob),
    }
}

/// `slash_apart`: `*` and `?` stop at `/`, and `**` does not.
fn glob(text: &str, slash_apart: bool) -> Result<GlobMatcher, String> {
    let built = GlobBuilder::new(text).literal_separator(slash_apart).backslash_escape(false).build();
    built
        .map(|glob| glob.compile_matcher())
        .map_err(|error| format!("'{text}' is not a pattern: {}", error.kind()))
}

#[cfg(test)]
mod tests;
