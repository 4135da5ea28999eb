//! `transload.toml`, read with the line of each entry.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use transload_transfer::{Code, Error};

use super::check::Problem;

/// Settings are some KiB long.
const BYTES_MAX: u64 = 1024 * 1024;

/// A value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// `true` and `false`.
    Switch(bool),
    /// A text or a number.
    One(String),
    /// A list of these.
    Many(Vec<String>),
}

/// A line of a file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) line: usize,
}

/// A file of settings.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// The profile to use when none is named.
    pub(crate) profile: Option<Entry>,
    pub(crate) defaults: Vec<Entry>,
    pub(crate) profiles: BTreeMap<String, Vec<Entry>>,
    /// What is for `serve` and `worker` alone.
    pub(crate) serve: Vec<Entry>,
    /// What is wrong with its form.
    pub(crate) problems: Vec<Problem>,
}

impl File {
    /// Reads a file; `None` when it is not there. What is wrong inside is kept in `problems`.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        let failed = |detail: String| {
            Error::new(Code::Usage, path.display().to_string(), detail)
                .with_next("check the file and its permissions, or name another with --config")
        };
        let text = match std::fs::metadata(path).map(|found| found.len()) {
            Ok(len) if len > BYTES_MAX => {
                return Err(failed(format!("{len} bytes are too many for settings")));
            }
            Ok(_) => std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        Ok(Some(Self::parse(path, &text)))
    }

    pub(super) fn parse(path: &Path, text: &str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut reading = Reading { text, path, problems: Vec::new() };
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            reading.problem(at, error.message().lines().collect::<Vec<_>>().join(" "));
        }
        let mut file = Self {
            path: path.to_owned(),
            profile: None,
            defaults: Vec::new(),
            profiles: BTreeMap::new(),
            serve: Vec::new(),
            problems: Vec::new(),
        };
        for (name, value) in table.get_ref() {
            let at = name.span().start;
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("profile", DeValue::String(_)) => file.profile = reading.entry(name, value),
                ("defaults", DeValue::Table(entries)) => file.defaults = reading.entries(entries),
                ("profiles", DeValue::Table(profiles)) => file.profiles = reading.profiles(profiles),
                ("serve", DeValue::Table(entries)) => file.serve = reading.entries(entries),
                ("profile", _) => reading.problem(at, "'profile' is the name of a profile, in quotes"),
                ("defaults" | "profiles" | "serve", _) => {
                    reading.problem(at, "this is a table: write [defaults], [serve] or [profiles.NAME]");
                }
                (other, _) => reading.problem(at, misplaced(other)),
            }
        }
        file.problems = reading.problems;
        file
    }
}

/// What is said of a name at the top of a file.
fn misplaced(name: &str) -> String {
    match super::Keys::nearest(name, ["profile", "defaults", "profiles", "serve"].into_iter()) {
        Some(near) => format!("'{name}' is not known here; did you mean '{near}'?"),
        None => format!("'{name}' stands alone: settings stand below [defaults], [serve] or [profiles.NAME]"),
    }
}

/// A file that is being read.
struct Reading<'a> {
    text: &'a str,
    path: &'a Path,
    problems: Vec<Problem>,
}

type Name<'a> = Spanned<std::borrow::Cow<'a, str>>;

impl Reading<'_> {
    fn line(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn problem(&mut self, at: usize, text: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Problem { file: self.path.to_owned(), line, text: text.into() });
    }

    fn profiles(&mut self, profiles: &DeTable<'_>) -> BTreeMap<String, Vec<Entry>> {
        let mut read = BTreeMap::new();
        for (name, value) in profiles {
            match value.get_ref() {
                DeValue::Table(entries) => {
                    read.insert(name.get_ref().to_string(), self.entries(entries));
                }
                _ => {
                    let text = format!("'{0}' is no table: write [profiles.{0}]", name.get_ref());
                    self.problem(name.span().start, text);
                }
            }
        }
        read
    }

    /// The entries of a table, in the order of their lines.
    fn entries(&mut self, table: &DeTable<'_>) -> Vec<Entry> {
        let mut entries: Vec<Entry> =
            table.iter().filter_map(|(name, value)| self.entry(name, value)).collect();
        entries.sort_by_key(|entry| entry.line);
        entries
    }

    fn entry(&mut self, name: &Name<'_>, value: &Spanned<DeValue<'_>>) -> Option<Entry> {
        let key = name.get_ref().replace('-', "_");
        let at = name.span().start;
        let value = match value.get_ref() {
            DeValue::Boolean(on) => Value::Switch(*on),
            DeValue::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|item| text_of(item.get_ref())).collect();
                match texts {
                    Some(texts) => Value::Many(texts),
                    None => {
                        self.problem(at, format!("'{key}' is a list of texts or of numbers"));
                        return None;
                    }
                }
            }
            other => match text_of(other) {
                Some(text) => Value::One(text),
                None => {
                    let kind = other.type_str();
                    self.problem(
                        at,
                        format!("'{key}' is a text, a number, true, false or a list; this is a {kind}"),
                    );
                    return None;
                }
            },
        };
        Some(Entry { key, value, line: self.line(at) })
    }
}

fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // in other bases it would not be what the option takes
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}
