//! Which value of a setting wins, and where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use transload_transfer::{Code, Error};

use super::file::{Entry, File, Value};
use super::keys::{Keys, variable};

/// Where a value came from, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An environment variable.
    Environment(String),
    /// The section of a file that is for `serve` and `worker` alone.
    Serve { file: PathBuf, line: usize },
    /// A profile of a file.
    Profile { name: String, file: PathBuf, line: usize },
    /// The defaults of a file.
    Defaults { file: PathBuf, line: usize },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => f.write_str(name),
            Self::Profile { name, file, line } => {
                write!(f, "{}, line {line} (profile {name})", file.display())
            }
            Self::Serve { file, line } => write!(f, "{}, line {line} (serve)", file.display()),
            Self::Defaults { file, line } => write!(f, "{}, line {line} (defaults)", file.display()),
        }
    }
}

/// A setting with the value that wins.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

impl Setting {
    /// The folder that relative paths are meant from: that of the file. `None` for the environment.
    pub(super) fn folder(&self) -> Option<&std::path::Path> {
        match &self.origin {
            Origin::Environment(_) => None,
            Origin::Profile { file, .. } | Origin::Serve { file, .. } | Origin::Defaults { file, .. } => {
                file.parent()
            }
        }
    }
}

/// For whom settings are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// `serve` and `worker`.
    Serve,
    /// What may work on the ledger itself, or on the authority: only where they are counts.
    Ledger,
    /// Every other command.
    Others,
}

impl Section {
    /// For whom, by the names of the command, outermost first.
    pub(super) fn of(path: &[String]) -> Self {
        match path.first().map(String::as_str) {
            Some("serve" | "worker") => Self::Serve,
            Some("principal" | "audit" | "ca") => Self::Ledger,
            _ => Self::Others,
        }
    }

    /// Whether it takes this setting from `[serve]`.
    fn has(self, key: &str) -> bool {
        match self {
            Self::Serve => true,
            Self::Ledger => ["data", "ledger", "ledger_file", "ledger_env", "tls_folder"].contains(&key),
            Self::Others => false,
        }
    }
}

/// The settings that are in force, each once, the strongest origins first.
#[derive(Debug)]
pub(crate) struct Levels {
    /// The profile that is used.
    pub(crate) profile: Option<String>,
    pub(crate) settings: Vec<Setting>,
}

impl Levels {
    /// Puts the levels over each other: the environment, `[serve]` where that is the `section`, the profile of that name
    /// (else the one that the first file with a word about it names), the defaults. Of two files the first wins.
    pub(crate) fn new(
        files: &[File],
        section: Section,
        profile: Option<&str>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let named = files.iter().find_map(|file| match &file.profile.as_ref()?.value {
            Value::One(name) => Some(name.as_str()),
            _ => None,
        });
        let profile = profile.or(named);
        refuse_unknown(files, profile)?;
        let mut levels = Self { profile: profile.map(str::to_owned), settings: Vec::new() };
        for key in Keys::all().0.into_keys() {
            let name = variable(&key);
            if let Some(text) = variables.get(&name) {
                levels.add(key, of_variable(text), Origin::Environment(name));
            }
        }
        for file in files {
            for entry in file.serve.iter().filter(|entry| section.has(&entry.key)) {
                levels.add_entry(entry, Origin::Serve { file: file.path.clone(), line: entry.line });
            }
        }
        for file in files {
            let entries = profile.and_then(|name| file.profiles.get(name).map(|entries| (name, entries)));
            for entry in entries.iter().flat_map(|(_, entries)| entries.iter()) {
                let name = profile.unwrap_or_default().to_owned();
                let origin = Origin::Profile { name, file: file.path.clone(), line: entry.line };
                levels.add_entry(entry, origin);
            }
        }
        for file in files {
            for entry in &file.defaults {
                levels.add_entry(entry, Origin::Defaults { file: file.path.clone(), line: entry.line });
            }
        }
        Ok(levels)
    }

    fn add_entry(&mut self, entry: &Entry, origin: Origin) {
        self.add(entry.key.clone(), entry.value.clone(), origin);
    }

    /// What came before wins.
    fn add(&mut self, key: String, value: Value, origin: Origin) {
        if self.settings.iter().all(|setting| setting.key != key) {
            self.settings.push(Setting { key, value, origin });
        }
    }
}

/// A variable's value: a line each where there are several, or a word for yes or no.
fn of_variable(text: &str) -> Value {
    match text.trim() {
        "true" | "yes" | "on" => Value::Switch(true),
        "false" | "no" | "off" => Value::Switch(false),
        _ if text.trim().contains('\n') => Value::Many(
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        ),
        text => Value::One(text.to_owned()),
    }
}

fn refuse_unknown(files: &[File], profile: Option<&str>) -> Result<(), Error> {
    let Some(name) = profile else { return Ok(()) };
    if files.iter().any(|file| file.profiles.contains_key(name)) {
        return Ok(());
    }
    let known: Vec<&str> = files.iter().flat_map(|file| file.profiles.keys().map(String::as_str)).collect();
    let detail = "there is no profile of that name";
    let next = match (Keys::nearest(name, known.iter().copied()), known.as_slice()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, []) => "write [profiles.NAME] in a file of settings; `transload config show` says where they are looked for".to_owned(),
        (None, known) => format!("there are: {}", known.join(", ")),
    };
    Err(Error::new(Code::Usage, format!("profile '{name}'"), detail).with_next(next))
}
