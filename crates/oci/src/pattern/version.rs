//! Versions in tags, and ranges of them.
//!
//! Tags are looser than Semantic Versioning: there is a `v` in front, numbers are missing or begin with 0, and what
//! follows a `-` is as often a variant (`1.25.3-alpine`) as a pre-release (`1.25.3-rc1`). A pre-release is told by its
//! first word.

use std::collections::BTreeSet;
use std::str::FromStr;

use globset::GlobMatcher;
use semver::{BuildMetadata, Comparator, Op, Prerelease, Version, VersionReq};

use super::{glob, is_glob};

/// Words that begin a pre-release, and no variant.
const PRERELEASE_WORDS: [&str; 16] = [
    "a",
    "alpha",
    "b",
    "beta",
    "c",
    "canary",
    "cr",
    "dev",
    "ea",
    "m",
    "milestone",
    "next",
    "nightly",
    "pre",
    "preview",
    "rc",
];
/// A first number with so many digits is a date or a build's number.
const DATE_DIGITS_MIN: usize = 6;
/// Longest operators first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Op); 7] = [
    (">=", Op::GreaterEq),
    ("<=", Op::LessEq),
    (">", Op::Greater),
    ("<", Op::Less),
    ("=", Op::Exact),
    ("^", Op::Caret),
    ("~", Op::Tilde),
];

/// What of a tag is a version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    /// One to three.
    numbers: Vec<u64>,
    pre: Prerelease,
    /// `alpine` of `1.25.3-alpine`.
    variant: Option<String>,
}

impl Parts {
    fn of(tag: &str) -> Option<Self> {
        let bare = tag.strip_prefix('v').unwrap_or(tag);
        // where a version has '+', a tag has '_': Helm writes it so
        let bare = bare.split(['+', '_']).next()?;
        let (numbers, suffix) = match bare.split_once('-') {
            Some((numbers, suffix)) => (numbers, Some(suffix)),
            None => (bare, None),
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let texts: Vec<&str> = numbers.split('.').collect();
        if texts.len() > 3 || !texts.iter().all(|text| is_number(text)) || texts[0].len() >= DATE_DIGITS_MIN {
            return None;
        }
        let numbers: Option<Vec<u64>> = texts.iter().map(|text| text.parse().ok()).collect();
        let (pre, variant) = suffix.map_or(Some((Prerelease::EMPTY, None)), split_suffix)?;
        Some(Self { numbers: numbers?, pre, variant })
    }

    fn version(&self) -> Version {
        let number = |index: usize| self.numbers.get(index).copied().unwrap_or(0);
        Version {
            major: number(0),
            minor: number(1),
            patch: number(2),
            pre: self.pre.clone(),
            build: BuildMetadata::EMPTY,
        }
    }

    /// `1.25` where there is a `1.25.3`: a name that moves, and no version.
    fn moves_with(&self, other: &Self) -> bool {
        self.variant == other.variant
            && self.pre.is_empty()
            && self.numbers.len() < other.numbers.len()
            && other.numbers.starts_with(&self.numbers)
    }
}

/// The pre-release and the variant behind the numbers: `rc.1-alpine` is both.
fn split_suffix(suffix: &str) -> Option<(Prerelease, Option<String>)> {
    let pieces: Vec<&str> = suffix.split('-').collect();
    let is_number = |piece: &str| !piece.is_empty() && piece.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_first = |piece: &str| {
        is_number(piece) || PRERELEASE_WORDS.contains(&word(piece).as_str()) || word(piece) == "snapshot"
    };
    let mut of_pre = usize::from(is_first(pieces[0]));
    while of_pre > 0 && pieces.get(of_pre).is_some_and(|piece| is_number(piece)) {
        of_pre += 1;
    }
    let pre = Prerelease::new(&identifiers(&pieces[..of_pre])).ok()?;
    let rest = pieces[of_pre..].join("-");
    Some((pre, (!rest.is_empty()).then_some(rest)))
}

/// The letters in front: `rc` of `rc.1`.
fn word(piece: &str) -> String {
    piece.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
}

/// `rc10` becomes `rc.10`, so that it comes behind `rc9`; numbers lose their zeroes in front.
fn identifiers(pieces: &[&str]) -> String {
    let mut found: Vec<String> = Vec::new();
    for part in pieces.iter().flat_map(|piece| piece.split('.')) {
        let letters = word(part);
        let rest = &part[letters.len()..];
        if !letters.is_empty() {
            found.push(letters);
        }
        if !rest.is_empty() {
            let digits = rest.bytes().all(|b| b.is_ascii_digit());
            let bare = if digits { rest.trim_start_matches('0') } else { rest };
            found.push(if bare.is_empty() { "0".to_owned() } else { bare.to_owned() });
        }
    }
    found.join(".")
}

/// A range of versions: `^1.4`, `>=1.2 <2`, `~1.25-alpine`, several with `||` between them.
#[derive(Debug, Clone)]
pub(super) struct Range(Vec<Alternative>);

#[derive(Debug, Clone)]
struct Alternative {
    versions: VersionReq,
    variant: Option<GlobMatcher>,
}

impl Range {
    /// Whether a tag is a version inside. A variant has to be asked for, and so has a pre-release (as in Cargo: by a
    /// bound that is a pre-release of the same three numbers).
    pub(super) fn takes(&self, tag: &str) -> bool {
        let Some(parts) = Parts::of(tag) else { return false };
        let version = parts.version();
        self.0.iter().any(|alternative| {
            let variant = match (&alternative.variant, &parts.variant) {
                (None, None) => true,
                (Some(glob), Some(variant)) => glob.is_match(variant),
                _ => false,
            };
            variant && alternative.versions.matches(&version)
        })
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split("||").map(alternative).collect::<Result<_, _>>().map(Self)
    }
}

fn alternative(text: &str) -> Result<Alternative, String> {
    let mut comparators = Vec::new();
    let mut variant: Option<String> = None;
    let mut words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    while let Some(first) = words.next() {
        if let Some(name) = first.strip_prefix('-') {
            variant = Some(name.to_owned());
            continue;
        }
        let operator = OPERATORS.iter().find(|(sign, _)| first.starts_with(sign));
        let (sign, op) =
            operator.ok_or_else(|| format!("'{first}' is no bound: write ^1.4, ~1.4, >=1.4 or =1.4"))?;
        // `>= 1.2` is read as `>=1.2`
        let bound = match first[sign.len()..].trim() {
            "" => words.next().ok_or_else(|| format!("there is no version behind '{sign}'"))?,
            bound => bound,
        };
        let (comparator, named) = comparator(*op, bound)?;
        comparators.push(comparator);
        variant = named.or(variant);
    }
    if comparators.is_empty() {
        return Err(format!("'{}' is no range of versions", text.trim()));
    }
    let variant = variant.map(|name| glob(&name, false)).transpose()?;
    Ok(Alternative { versions: VersionReq { comparators }, variant })
}

/// One bound, and the variant behind it.
fn comparator(op: Op, bound: &str) -> Result<(Comparator, Option<String>), String> {
    let numbers = bound.split('-').next().unwrap_or_default();
    let open = numbers.trim_end_matches(['.', 'x', 'X', '*']);
    let parts = Parts::of(&format!("{open}{}", &bound[numbers.len()..]))
        .ok_or_else(|| format!("'{bound}' is no version: write 1.4, 1.4.2 or 1.4.2-rc.1"))?;
    if is_glob(numbers) && !numbers.ends_with(['*']) {
        return Err(format!("'{bound}' is no version"));
    }
    let number = |index: usize| parts.numbers.get(index).copied();
    let (minor, patch) = (number(1), number(2));
    if !parts.pre.is_empty() && patch.is_none() {
        return Err(format!("'{bound}' is no version: a pre-release has three numbers"));
    }
    Ok((Comparator { op, major: parts.numbers[0], minor, patch, pre: parts.pre }, parts.variant))
}

/// The tags of the newest `count` versions, the oldest first; what is no version does not count.
///
/// Variants (`1.25.3-alpine`) count only when there is nothing without one, and pre-releases only when there is nothing
/// else, unless `prereleases` says that they were asked for. A tag with fewer numbers than another that begins with
/// them (`1.25` beside `1.25.3`) is a name that moves and does not count.
pub fn newest<'a>(tags: &[&'a str], count: usize, prereleases: bool) -> Vec<&'a str> {
    let parsed: Vec<(&str, Parts)> = tags.iter().filter_map(|tag| Some((*tag, Parts::of(tag)?))).collect();
    let mut left: Vec<&(&str, Parts)> =
        parsed.iter().filter(|(_, parts)| !parsed.iter().any(|(_, other)| parts.moves_with(other))).collect();
    if !prereleases && left.iter().any(|(_, parts)| parts.pre.is_empty()) {
        left.retain(|(_, parts)| parts.pre.is_empty());
    }
    if left.iter().any(|(_, parts)| parts.variant.is_none()) {
        left.retain(|(_, parts)| parts.variant.is_none());
    }
    let versions: BTreeSet<Version> = left.iter().map(|(_, parts)| parts.version()).collect();
    let taken: BTreeSet<&Version> = versions.iter().rev().take(count).collect();
    left.retain(|(_, parts)| taken.contains(&parts.version()));
    left.sort_by(|(a, one), (b, other)| {
        one.version().cmp_precedence(&other.version()).then_with(|| a.cmp(b))
    });
    left.into_iter().map(|(tag, _)| *tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(range: &str, tag: &str) -> bool {
        range.parse::<Range>().unwrap().takes(tag)
    }

    #[test]
    fn ranges_take_versions_with_and_without_v() {
        for (range, inside, outside) in [
            (
                "^1.4",
                &["1.4.0", "v1.4.2", "1.9", "1.4"][..],
                &["1.3.9", "2.0.0", "1.4.2-rc1", "latest", "1"][..],
            ),
            ("~1.2", &["1.2.0", "1.2.99"], &["1.3.0", "1.1.9"]),
            (">=1.2 <2", &["1.2.0", "1.99.1"], &["1.1.0", "2.0.0", "2.0.0-rc1"]),
            (">= 1.2, < 2", &["1.2.0"], &["2.0.0"]),
            ("=1.2.3", &["1.2.3", "v1.2.3", "1.2.3_build5"], &["1.2.4"]),
            ("=1.2.x", &["1.2.3", "1.2.9"], &["1.3.0"]),
            ("^1 || ^3", &["1.2.3", "3.0.0"], &["2.0.0"]),
            ("^24", &["24.04"], &["22.04"]),
            (">=1.3.0-rc.1", &["1.3.0-rc1", "1.3.0-rc.2", "1.3.0"], &["1.4.0-rc1", "1.3.0-beta1"]),
            ("^1.25-alpine", &["1.25.3-alpine"], &["1.25.3", "1.25.3-alpine3.19", "1.24.0-alpine"]),
            ("^1.25-alpine*", &["1.25.3-alpine", "1.25.3-alpine3.19"], &["1.25.3", "1.25.3-bookworm"]),
            (">=1.2 <2 -alpine", &["1.2.0-alpine"], &["1.2.0"]),
        ] {
            for tag in inside {
                assert!(takes(range, tag), "{range} takes {tag}");
            }
            for tag in outside {
                assert!(!takes(range, tag), "{range} does not take {tag}");
            }
        }
    }

    #[test]
    fn what_is_no_range_is_told() {
        for text in ["^", "^x", ">=1.2 2", "~1.2.3.4", "=1.2-rc1", "^1.*.3", ">"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_newest_are_versions_and_no_names_that_move() {
        let tags = [
            "latest",
            "1",
            "1.25",
            "1.25.2",
            "1.25.3",
            "1.9.0",
            "v1.26.0",
            "1.27.0-rc1",
            "1.26.0-alpine",
            "20240101",
            "edge",
            "1.25.3-alpine",
        ];
        assert_eq!(newest(&tags, 2, false), ["1.25.3", "v1.26.0"]);
        assert_eq!(newest(&tags, 2, true), ["v1.26.0", "1.27.0-rc1"]);
        assert_eq!(
            newest(&["1.0-alpine", "1.1-alpine", "1.1-slim", "x"], 1, false),
            ["1.1-alpine", "1.1-slim"]
        );
        assert_eq!(newest(&["2.0.0-rc9", "2.0.0-rc10"], 1, false), ["2.0.0-rc10"]);
        assert_eq!(newest(&["22.04", "24.04", "noble"], 1, false), ["24.04"]);
        assert!(newest(&["latest", "main"], 3, false).is_empty());
    }
}
