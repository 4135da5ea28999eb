//! What is wrong with files of settings.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory;
use serde::Serialize;

use super::apply;
use super::file::{Entry, File, Value};
use super::keys::{Keys, key_of};
use super::levels::{Origin, Setting};
use super::{Chosen, ServeOptions};
use crate::cli::{Cli, Command};
use crate::config::Environment;

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

/// What `serve` itself would say of what stands below `[serve]`: whether it fits together, and what the files have that
/// it names. A variable that is missing is no problem: it is the service's, and need not be here.
pub(crate) fn check_serve(files: &[File], chosen: &Chosen, environment: &Environment) -> Option<Problem> {
    let (file, first) = files.iter().find_map(|file| Some((file, file.serve.first()?)))?;
    let mut args: Vec<OsString> = vec!["transload".into(), "serve".into()];
    for (option, value) in [
        ("--config", chosen.config.as_ref().map(|path| path.clone().into_os_string())),
        ("--profile", chosen.profile.as_ref().map(OsString::from)),
    ] {
        args.extend(value.into_iter().flat_map(|value| [option.into(), value]));
    }
    let Ok(cli) = super::parse(&args, environment) else { return None };
    let Command::Serve(args) = cli.command else { return None };
    let error = ServeOptions::new(*args, environment).err()?;
    let option =
        error.subject().split(' ').next().unwrap_or_default().trim_start_matches('-').replace('-', "_");
    if option.ends_with("_env") {
        return None;
    }
    let line = file.serve.iter().find(|entry| entry.key == option).unwrap_or(first).line;
    Some(Problem { file: file.path.clone(), line, text: error.to_string() })
}

fn of_entry(command: &clap::Command, file: &File, entry: &Entry, keys: &Keys) -> Option<String> {
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

fn fits(command: &clap::Command, path: &[String], setting: &Setting) -> Result<(), String> {
    let inner = path.iter().try_fold(command, |command, name| command.find_subcommand(name));
    let arg = inner
        .and_then(|inner| inner.get_arguments().find(|arg| key_of(arg).as_deref() == Some(&setting.key)));
    let Some(arg) = arg else { return Ok(()) };
    let values = apply::values(arg, setting)?;
    apply::check(command, path, arg, &values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let file = File::parse(std::path::Path::new("t.toml"), text);
        check(&[file], &Keys::all())
            .iter()
            .map(|problem| format!("{}: {}", problem.line, problem.text))
            .collect()
    }

    #[test]
    fn below_serve_only_what_serve_knows_is_taken() {
        assert_eq!(
            problems("[serve]\nlisten = \"127.0.0.1:1\"\nattempts-max = 3\ntls_cert = \"a\"\n"),
            Vec::<String>::new()
        );
        assert!(
            problems("[serve]\nartifacts_per_run = 3\n")[0].contains("did you mean 'artifacts_per_run_max'?")
        );
        assert!(
            problems("[serve]\noverwrite_tags = true\n")[0].starts_with("2: 'overwrite_tags' is not known")
        );
        assert!(problems("[serve]\nlease = \"soon\"\n")[0].contains("no length of time"));
        assert!(problems("serve = 3\n")[0].contains("[serve]"));
        let secret = problems("[serve]\nledger = \"postgres://u:TOPSECRET@db/x\"\n");
        assert!(secret[0].contains("has a secret in it") && !secret[0].contains("TOPSECRET"));
        assert_eq!(
            problems("[serve]\nledger = \"postgres://u@db/x\"\n"),
            Vec::<String>::new(),
            "a user is no secret"
        );
    }

    #[test]
    fn what_does_not_fit_together_below_serve_is_found_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.toml");
        let environment = Environment {
            settings_files: vec![path.clone()],
            data_folder: Some("/srv/x".into()),
            ..Environment::default()
        };
        let found = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let file = File::read(&path).unwrap().unwrap();
            check_serve(&[file], &Chosen::default(), &environment).map(|problem| (problem.line, problem.text))
        };
        let (line, text) = found("[serve]\nlease = \"30s\"\nbackoff_first = \"1h\"\n").unwrap();
        assert_eq!((line, text.contains("--backoff-max")), (3, true));
        assert_eq!(found("[serve]\nissuers = \"nowhere.toml\"\n").unwrap().0, 2);
        assert_eq!(found("[serve]\nevent_key_env = \"TRANSLOAD_NOT_SET_HERE\"\n"), None);
        assert_eq!(found("[defaults]\nconcurrency = 3\n"), None);
    }
}
