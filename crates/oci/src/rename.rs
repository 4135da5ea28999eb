//! Rules that give repositories other names: `team/*=prod/team/*`.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::reference::is_repository;

/// One rule. `*` stands for what is between two slashes, `**` for anything; what each of them stood for on the left is
/// put in the place of the one with the same number on the right.
#[derive(Debug, Clone)]
pub struct Rename {
    text: String,
    registry: Option<String>,
    from: Regex,
    to: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// What the wildcard of this number stood for, the first being 1.
    Capture(usize),
}

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a rule: {reason}")]
pub struct RenameError {
    text: String,
    reason: String,
}

impl Rename {
    /// The new name of a repository; `None` when the rule is not for it.
    pub fn apply(&self, registry: Option<&str>, repository: &str) -> Option<String> {
        if self.registry.as_deref().is_some_and(|wanted| registry != Some(wanted)) {
            return None;
        }
        let captures = self.from.captures(repository)?;
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Capture(number) => captures.get(*number).map_or("", |found| found.as_str()).to_owned(),
        };
        Some(self.to.iter().map(piece).collect())
    }
}

impl fmt::Display for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Rename {
    type Err = RenameError;

    fn from_str(text: &str) -> Result<Self, RenameError> {
        let fail =
            |reason: &str| RenameError { text: text.chars().take(300).collect(), reason: reason.to_owned() };
        let (left, right) = text.split_once('=').ok_or_else(|| fail("write it as FROM=TO"))?;
        let (left, right) = (left.trim(), right.trim());
        if left.contains(['@'])
            || right.contains(['@', ':'])
            || left.rsplit('/').next().is_some_and(|l| l.contains(':'))
        {
            return Err(fail("it is about repositories: leave out tags and digests"));
        }
        let (registry, left) = match left.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (Some(first.to_ascii_lowercase()), rest)
            }
            _ => (None, left),
        };
        let (from, to) = (pieces(left), pieces(right));
        for (side, pieces) in [(left, &from), (right, &to)] {
            if !is_name(pieces) {
                return Err(fail(&format!("'{side}' is no repository's name, with or without * and **")));
            }
        }
        let (wild, used) = (wildcards(&from), wildcards(&to));
        if used != 0 && used != wild {
            return Err(fail(&format!("there are {wild} wildcards on the left and {used} on the right")));
        }
        let from = expression(left).map_err(|_| fail("it is too long"))?;
        Ok(Self { text: text.to_owned(), registry, from, to })
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut number = 0;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('*') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        number += 1;
        pieces.push(Piece::Capture(number));
        rest = after.strip_prefix('*').unwrap_or(after);
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}

fn wildcards(pieces: &[Piece]) -> usize {
    pieces.iter().filter(|piece| matches!(piece, Piece::Capture(_))).count()
}

/// Whether it could be the name of a repository once the wildcards stand for something.
fn is_name(pieces: &[Piece]) -> bool {
    let name: String =
        pieces.iter().map(|piece| if let Piece::Text(text) = piece { text } else { "x" }).collect();
    is_repository(&name)
}

fn expression(text: &str) -> Result<Regex, regex::Error> {
    let escaped = regex::escape(text).replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)");
    Regex::new(&format!("^{escaped}$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rule: &str, repository: &str) -> Option<String> {
        rule.parse::<Rename>().unwrap().apply(Some("r.io"), repository)
    }

    #[test]
    fn wildcards_carry_over_what_they_stood_for() {
        assert_eq!(apply("team/*=prod/team/*", "team/app").as_deref(), Some("prod/team/app"));
        assert_eq!(apply("team/*=prod/team/*", "team/app/sub"), None);
        assert_eq!(apply("team/**=prod/**", "team/app/sub").as_deref(), Some("prod/app/sub"));
        assert_eq!(apply("*/*=x/*-*", "a/b").as_deref(), Some("x/a-b"));
        assert_eq!(apply("a/b=c/d", "a/b").as_deref(), Some("c/d"));
        assert_eq!(apply("a/b=c/d", "a/bb"), None);
        assert_eq!(apply("**=all", "a/b").as_deref(), Some("all"));
        assert_eq!(apply("a.b/c=d", "a.b/c"), None, "that is a registry");
        assert_eq!(apply("r.io/c=d", "c").as_deref(), Some("d"));
        assert_eq!(apply("**=mirror/**", "a.b/c").as_deref(), Some("mirror/a.b/c"), "a dot is a dot");
    }

    #[test]
    fn says_what_is_wrong_with_a_rule() {
        for (text, word) in [
            ("a/b", "FROM=TO"),
            ("a/b:v1=c", "tags"),
            ("a=b:v1", "tags"),
            ("A=b", "no repository"),
            ("a=", "no repository"),
            ("=b", "no repository"),
            ("a/*=*/*", "wildcards"),
            ("a=b=c", "no repository"),
        ] {
            let message = text.parse::<Rename>().unwrap_err().to_string();
            assert!(message.contains(word), "{text}: {message}");
        }
    }
}
