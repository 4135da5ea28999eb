//! Settings: what options are when the command line does not say. A flag wins over the environment, that over `[serve]`
//! (for `serve` and `worker`), that over the profile, that over the defaults of a file, those over what is built in.
//!
//! Every option that is no matter of a single run can be set. Its value becomes the default of clap's argument, so
//! that it is parsed, checked and shown like any other.

mod apply;
mod check;
mod file;
mod issuers;
mod keys;
mod levels;
#[expect(dead_code, reason = "read where `serve` is composed")]
mod serve;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use transload_transfer::{Code, Error};

use crate::cli::Cli;
use crate::config::Environment;

pub(crate) use check::{Problem, check, is_secret};
pub(crate) use file::{File, Value};
pub(crate) use keys::{Keys, variable};
pub(crate) use levels::{Levels, Origin, Section, Setting};
pub(crate) use serve::{Kept, ServeOptions, WorkerOptions, secret};

/// Commands that have to work whatever the settings are: they show and mend them, or have no use for any.
const WITHOUT_SETTINGS: [&str; 5] = ["completions", "config", "help", "man", "quickstart"];

/// A command line that is not carried out.
pub(crate) enum Refusal {
    /// The parser's words: a mistake, or the help that was asked for.
    Parser(Box<clap::Error>),
    /// Settings that cannot be used.
    Settings(Error),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Parser(Box::new(error))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Settings(error)
    }
}

/// What names the files and the profile: the command line, else the environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chosen {
    pub(crate) config: Option<PathBuf>,
    pub(crate) profile: Option<String>,
}

/// Parses the command line, with settings where it says nothing.
pub(crate) fn parse(args: &[OsString], environment: &Environment) -> Result<Cli, Refusal> {
    // a first look, which forgives what only settings may supply
    let looked = Cli::command().ignore_errors(true).try_get_matches_from(args);
    let Some((path, leaf)) = looked.as_ref().ok().and_then(path_of) else {
        return Ok(Cli::try_parse_from(args)?);
    };
    if WITHOUT_SETTINGS.contains(&path[0].as_str()) {
        return Ok(Cli::try_parse_from(args)?);
    }
    let chosen = Chosen::of(leaf, environment);
    let files = files(&chosen, environment)?;
    refuse_problems(&check(&files, &Keys::all()))?;
    let section = if keys::is_served(&path) { Section::Serve } else { Section::Others };
    let levels = Levels::new(&files, section, chosen.profile.as_deref(), &environment.variables)?;
    let command = apply::apply(Cli::command(), &path, leaf, &levels)?;
    let matches = command.try_get_matches_from(args)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

impl Chosen {
    /// What these matches say; they are the innermost command's, which has the global options too.
    fn of(matches: &ArgMatches, environment: &Environment) -> Self {
        let given = |id: &str| matches.try_get_one::<String>(id).ok().flatten().cloned();
        let config = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
        Self { config, profile: given("profile") }.or(environment)
    }

    /// The same, with the environment's word where there is none.
    pub(crate) fn or(self, environment: &Environment) -> Self {
        let variable = |name: &str| environment.variables.get(name).cloned();
        Self {
            config: self.config.or_else(|| variable("TRANSLOAD_CONFIG").map(PathBuf::from)),
            profile: self.profile.or_else(|| variable("TRANSLOAD_PROFILE")),
        }
    }
}

/// Reads the files: the one that was named, which must be there, else the usual ones that are. The first one wins.
pub(crate) fn files(chosen: &Chosen, environment: &Environment) -> Result<Vec<File>, Error> {
    match &chosen.config {
        Some(path) => Ok(vec![File::read(path)?.ok_or_else(|| {
            Error::new(Code::Usage, path.display().to_string(), "there is no such file")
                .with_next("check --config and TRANSLOAD_CONFIG")
        })?]),
        None => environment.settings_files.iter().filter_map(|path| File::read(path).transpose()).collect(),
    }
}

/// The first of these problems as an error.
fn refuse_problems(problems: &[Problem]) -> Result<(), Error> {
    let Some(first) = problems.first() else { return Ok(()) };
    let others = match problems.len() - 1 {
        0 => String::new(),
        1 => " (and one more problem)".to_owned(),
        more => format!(" (and {more} more problems)"),
    };
    Err(Error::new(Code::Usage, first.place(), format!("{}{others}", first.text))
        .with_next("mend the file; `transload config check` lists everything that is wrong with it"))
}

/// The names of the commands, outermost first, and the innermost one's matches.
fn path_of(matches: &ArgMatches) -> Option<(Vec<String>, &ArgMatches)> {
    let mut path = Vec::new();
    let mut leaf = matches;
    while let Some((name, inner)) = leaf.subcommand() {
        path.push(name.to_owned());
        leaf = inner;
    }
    (!path.is_empty()).then_some((path, leaf))
}
