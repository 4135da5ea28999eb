//! From settings to defaults of clap's arguments.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use transload_transfer::{Code, Error};

use super::file::Value;
use super::keys::{is_path, is_switch, key_of, takes_many, takes_no_value_too};
use super::levels::{Levels, Setting};

/// What an option means that is given without its value.
const EVERY: &str = "*";

/// Gives the options of a command, and the program's own, the values of settings. `looked` is what the command line
/// says: what it rules out is left alone.
pub(super) fn apply(
    mut command: Command,
    path: &[String],
    looked: &ArgMatches,
    levels: &Levels,
) -> Result<Command, Error> {
    // it is not built before it is changed: clap looks arguments up by where they stood when it was
    let mut taken: Vec<String> = Vec::new();
    for setting in &levels.settings {
        for at in [path, &[]] {
            let found = inner(&command, at).and_then(|inner| {
                let arg = inner.get_arguments().find(|arg| key_of(arg).as_deref() == Some(&setting.key))?;
                let foreign = arg.is_global_set() && !at.is_empty();
                (!foreign).then(|| (arg.clone(), rivals(inner, arg)))
            });
            let Some((arg, rivals)) = found else { continue };
            let id = arg.get_id().to_string();
            let given = |id: &String| {
                looked.try_contains_id(id).is_ok()
                    && looked.value_source(id) == Some(ValueSource::CommandLine)
            };
            if rivals.iter().any(|rival| given(rival) || taken.contains(rival)) {
                continue;
            }
            let values = values(&arg, setting)
                .map_err(|why| Error::new(Code::Usage, setting.origin.to_string(), why))?;
            check(&command, at, &arg, &values)
                .map_err(|why| Error::new(Code::Usage, setting.origin.to_string(), why))?;
            taken.push(id.clone());
            command = with(command, at, |inner| {
                inner.mut_arg(id, |arg| {
                    if values.is_empty() { arg } else { arg.default_values(values).required(false) }
                })
            });
        }
    }
    Ok(command)
}

/// The options that cannot be given together with this one.
fn rivals(command: &Command, arg: &Arg) -> Vec<String> {
    let own = command.get_arg_conflicts_with(arg).into_iter();
    let others = command.get_arguments().filter(|other| {
        command.get_arg_conflicts_with(other).iter().any(|rival| rival.get_id() == arg.get_id())
    });
    own.chain(others).map(|rival| rival.get_id().to_string()).collect()
}

fn inner<'a>(command: &'a Command, path: &[String]) -> Option<&'a Command> {
    path.iter().try_fold(command, |command, name| command.find_subcommand(name))
}

/// The command with a change to the one at that path.
fn with(command: Command, path: &[String], change: impl FnOnce(Command) -> Command) -> Command {
    match path.split_first() {
        None => change(command),
        Some((name, rest)) => command.mut_subcommand(name, |inner| with(inner, rest, change)),
    }
}

/// A setting's value as the option takes it; no value where the option is left out.
pub(super) fn values(arg: &Arg, setting: &Setting) -> Result<Vec<String>, String> {
    let key = &setting.key;
    let texts = match &setting.value {
        Value::Switch(on) if is_switch(arg) => return Ok(vec![on.to_string()]),
        Value::Switch(true) if takes_no_value_too(arg) => return Ok(vec![EVERY.to_owned()]),
        Value::Switch(false) if takes_no_value_too(arg) => return Ok(Vec::new()),
        Value::One(digit)
            if is_switch(arg) && setting.folder().is_none() && ["0", "1"].contains(&digit.as_str()) =>
        {
            return Ok(vec![(digit == "1").to_string()]);
        }
        _ if is_switch(arg) => return Err(format!("'{key}' is true or false")),
        Value::Switch(on) => vec![on.to_string()],
        Value::One(text) => vec![text.clone()],
        Value::Many(texts) if takes_many(arg) || texts.len() == 1 => texts.clone(),
        Value::Many(_) => return Err(format!("'{key}' takes one value and no list")),
    };
    Ok(match setting.folder() {
        Some(folder) => texts.iter().map(|text| from_folder(folder, arg, key, text)).collect(),
        None => texts,
    })
}

/// A path in a file is meant from where the file stands, not from where somebody happens to be.
fn from_folder(folder: &Path, arg: &Arg, key: &str, text: &str) -> String {
    let path = is_path(arg) || (key == "store" && !text.contains("://"));
    if !path || text == "-" || text.is_empty() {
        return text.to_owned();
    }
    // joining takes an absolute path as it is
    folder.join(text).display().to_string()
}

/// Whether the option takes these values: why not, in the parser's words.
pub(super) fn check(command: &Command, path: &[String], arg: &Arg, values: &[String]) -> Result<(), String> {
    use clap::error::ErrorKind as Kind;
    if is_switch(arg) || values.is_empty() {
        return Ok(());
    }
    let long = arg.get_long().unwrap_or_default();
    let words = values.iter().map(|value| format!("--{long}={value}"));
    let words: Vec<String> =
        [command.get_name().to_owned()].into_iter().chain(path.iter().cloned()).chain(words).collect();
    match command.clone().try_get_matches_from(words) {
        Err(error)
            if matches!(
                error.kind(),
                Kind::InvalidValue | Kind::ValueValidation | Kind::TooManyValues | Kind::WrongNumberOfValues
            ) =>
        {
            let said = error.to_string();
            let first: Vec<&str> = said.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
            Err(first.join(" ").trim_start_matches("error: ").to_owned())
        }
        // whatever else is missing is not this value's fault
        _ => Ok(()),
    }
}
