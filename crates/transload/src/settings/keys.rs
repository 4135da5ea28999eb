//! The names of settings, from the command line's own definition.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::WITHOUT_SETTINGS;
use super::levels::Section;
use crate::cli::Cli;

/// Options that are a matter of one run: the environment may set them, a file may not.
const ONE_RUN: [&str; 74] = [
    "action",
    "artifacts",
    "artifacts_file",
    "at",
    "blob",
    "blobs",
    "by",
    "catalog_digest",
    "config_dir",
    "connect",
    "container",
    "content_type",
    "correlation",
    "days",
    "delete_source_blob_on_success",
    "dry_run",
    "exit_code",
    "expires_in",
    "file",
    "follow",
    "force",
    "identity",
    "image",
    "json",
    "keep",
    "key_secret",
    "managed_storage",
    "name",
    "no_connect",
    "no_exports",
    "no_grant",
    "no_login",
    "no_wait",
    "mode",
    "object_id",
    "offline",
    "on",
    "only",
    "out",
    "outcome",
    "parameter_env",
    "parameters",
    "password_env",
    "password_file",
    "password_stdin",
    "permission",
    "pipeline",
    "plan",
    "principal",
    "report",
    "role",
    "save",
    "scope",
    "secret_stdin",
    "secret_uri",
    "secret_version",
    "shell",
    "show",
    "since",
    "size",
    "state",
    "template_file",
    "top",
    "trigger",
    "undo",
    "until",
    "user",
    "value_env",
    "value_file",
    "wait",
    "who",
    "without_tls",
    "workload_identity",
    "yes",
];
/// Options that choose settings, or are no settings at all.
const NEVER: [&str; 4] = ["config", "help", "profile", "version"];

/// A setting, and every option that it sets.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// Whether a file may have it.
    pub(crate) in_files: bool,
    /// What it is for: the first sentence of the option's help.
    pub(crate) about: String,
    /// The commands that have it; an empty path is the program itself.
    pub(crate) commands: Vec<Vec<String>>,
}

/// Every setting by its name.
pub(crate) struct Keys(pub(crate) BTreeMap<String, Key>);

impl Keys {
    /// Those of every command.
    pub(crate) fn all() -> Self {
        let mut keys = Self(BTreeMap::new());
        keys.collect(&Cli::command(), &mut Vec::new());
        keys
    }

    /// Those of `serve` and `worker`, which may stand below `[serve]`.
    pub(crate) fn of_serve(&self) -> Self {
        let is_served = |key: &&Key| key.commands.iter().any(|path| Section::of(path) == Section::Serve);
        Self(
            self.0
                .iter()
                .filter(|(_, key)| is_served(key))
                .map(|(name, key)| (name.clone(), key.clone()))
                .collect(),
        )
    }

    fn collect(&mut self, command: &Command, path: &mut Vec<String>) {
        for arg in command.get_arguments() {
            // a global option is the program's, not each command's
            if arg.is_global_set() && !path.is_empty() {
                continue;
            }
            let Some(name) = key_of(arg) else { continue };
            let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let key = self.0.entry(name.clone()).or_insert_with(|| Key {
                in_files: !ONE_RUN.contains(&name.as_str()),
                about,
                commands: Vec::new(),
            });
            key.commands.push(path.clone());
        }
        let with_settings = |inner: &&Command| !WITHOUT_SETTINGS.contains(&inner.get_name());
        for inner in command.get_subcommands().filter(with_settings) {
            path.push(inner.get_name().to_owned());
            self.collect(inner, path);
            path.pop();
        }
    }

    /// The nearest of these names, if one is near.
    pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        const NEAR: f64 = 0.75;
        let rated = names.map(|known| (strsim::jaro_winkler(name, known), known));
        rated.filter(|(near, _)| *near >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
    }
}

/// The name of the setting behind an option: its long name, but for the two whose meaning is another in each
/// command.
pub(super) fn key_of(arg: &Arg) -> Option<String> {
    let long = arg.get_long()?;
    let value = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    let name = match (long, value) {
        ("from", _) => "source".to_owned(),
        ("to", value) if value.starts_with("REGISTRY") => "target".to_owned(),
        ("to", value) if value.starts_with("LOCATION") => "store".to_owned(),
        ("to", _) => return None,
        _ => long.replace('-', "_"),
    };
    (!NEVER.contains(&name.as_str())).then_some(name)
}

/// The environment variable of a setting.
pub(crate) fn variable(key: &str) -> String {
    format!("TRANSLOAD_{}", key.to_ascii_uppercase())
}

/// Whether an option is given or not, and takes no value.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse)
}

/// Whether an option may be given without its value.
pub(super) fn takes_no_value_too(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|count| count.min_values() == 0 && count.max_values() > 0)
}

/// Whether an option may be given several times.
pub(super) fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// Whether an option names a file or folder, or may name one.
pub(super) fn is_path(arg: &Arg) -> bool {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().any(|name| matches!(name.as_str(), "FILE" | "FOLDER" | "DIR"))
}
