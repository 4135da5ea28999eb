//! What is wrong with files of settings.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use serde::Serialize;

use super::apply;
use super::file::{Entry, File, Value};
use super::keys::{Keys, key_of};
use super::levels::{Origin, Setting};
use crate::cli::Cli;

/// Names that people give to secrets.
const SECRETS: [&str; 8] =
    ["access_key", "account_key", "password", "sas", "sas_token", "secret", "secret_key", "token"];

/// Something that is wrong, and where.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    /// The file.
    pub(crate) file: PathBuf,
    /// Counted from 1.
    pub(crate) line: usize,
    /// What.
    pub(crate) text: String,
}

impl Problem {
    /// The file and the line.
    pub(crate) fn place(&self) -> String {
        format!("{}, line {}", self.file.display(), self.line)
    }
}

/// Everything that is wrong with these files, in the order of files and lines.
pub(crate) fn check(files: &[File], keys: &Keys) -> Vec<Problem> {
    let mut problems = Vec::new();
    let command = Cli::command();
    let served = keys.of_serve();
    for file in files {
        let mut found = file.problems.clone();
        let others = file.defaults.iter().chain(file.profiles.values().flatten()).map(|entry| (entry, keys));
        for (entry, keys) in others.chain(file.serve.iter().map(|entry| (entry, &served))) {
            let text = of_entry(&command, file, entry, keys);
            found.extend(text.map(|text| Problem { file: file.path.clone(), line: entry.line, text }));
        }
        found.sort_by_key(|problem| problem.line);
        problems.extend(found);
    }
    problems
}

fn of_entry(command: &Command, file: &File, entry: &Entry, keys: &Keys) -> Option<String> {
    let name = &entry.key;
    if SECRETS.contains(&name.as_str()) {
        return Some(format!(
            "'{name}': secrets do not belong here; name the variable or the file that has it, as in sas_token_env"
        ));
    }
    let Some(key) = keys.0.get(name) else { return Some(unknown(name, keys)) };
    if !key.in_files {
        return Some(format!("'{name}' is a matter of one run and cannot be set in a file"));
    }
    if has_secret(&entry.value) {
        return Some(format!(
            "'{name}' has a secret in it; secrets do not belong here: name the variable or the file that has it"
        ));
    }
    let origin = Origin::Defaults { file: file.path.clone(), line: entry.line };
    let setting = Setting { key: name.clone(), value: entry.value.clone(), origin };
    key.commands.iter().find_map(|path| fits(command, path, &setting).err())
}

fn unknown(name: &str, keys: &Keys) -> String {
    let in_files = keys.0.iter().filter(|(_, key)| key.in_files).map(|(name, _)| name.as_str());
    let meant = match name {
        "from" | "registry" => Some("source"),
        "to" => return "'to' is not known; write 'target' for a registry, 'store' for bundles".to_owned(),
        "location" | "container" => Some("store"),
        _ => Keys::nearest(name, in_files),
    };
    match meant {
        Some(meant) => format!("'{name}' is not known; did you mean '{meant}'?"),
        None => format!("'{name}' is not known; `transload config show --all` lists every setting"),
    }
}

/// A location with a SAS token, or a URL with a password.
fn has_secret(value: &Value) -> bool {
    match value {
        Value::Switch(_) => false,
        Value::One(text) => is_secret(text),
        Value::Many(texts) => texts.iter().any(|text| is_secret(text)),
    }
}

/// Whether a text is not to be shown.
pub(crate) fn is_secret(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return text.contains("sig=") };
    let before_host = rest.split('/').next().and_then(|authority| authority.rsplit_once('@'));
    // a database's URL names its user; whoever stands there in another URL may be a token
    let is_database = matches!(scheme, "postgres" | "postgresql");
    let is_told = before_host.is_some_and(|(user, _)| !is_database || user.contains(':'));
    is_told || text.contains("sig=") || (is_database && text.contains("password="))
}

fn fits(command: &Command, path: &[String], setting: &Setting) -> Result<(), String> {
    let inner = path.iter().try_fold(command, |command, name| command.find_subcommand(name));
    let arg = inner
        .and_then(|inner| inner.get_arguments().find(|arg| key_of(arg).as_deref() == Some(&setting.key)));
    let Some(arg) = arg else { return Ok(()) };
    let values = apply::values(arg, setting)?;
    apply::check(command, path, arg, &values)
}
