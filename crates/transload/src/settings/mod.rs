//! Settings: what options are when the command line does not say. A flag wins over the environment, that over `[serve]`
//! (for `serve` and `worker`), that over the profile, that over the defaults of a file, those over what is built in.
//!
//! Every option that is no matter of a single run can be set. Its value becomes the default of clap's argument, so
//! that it is parsed, checked and shown like any other.

mod apply;
mod check;
mod file;
mod issuers;
mod kept;
mod keys;
mod levels;
mod serve;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use transload_transfer::{Code, Error};

use crate::cli::Cli;
use crate::config::Environment;

pub(crate) use check::{Problem, check, check_serve, is_secret};
pub(crate) use file::{File, Value};
pub(crate) use issuers::TrustedIssuer;
pub(crate) use kept::{Kept, VaultKey, secret};
pub(crate) use keys::{Keys, variable};
pub(crate) use levels::{Levels, Origin, Section, Setting};
pub(crate) use serve::{ServeOptions, Work, WorkerOptions};

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
    let levels = Levels::new(&files, Section::of(&path), chosen.profile.as_deref(), &environment.variables)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Command;

    const FILE: &str = "profile = \"near\"\n[defaults]\nconcurrency = 3\nlisten = \"127.0.0.1:1111\"\n\
         [profiles.near]\nlisten = \"127.0.0.1:2222\"\nmax_per_host = 9\n\
         [serve]\nlisten = [\"127.0.0.1:3333\", \"127.0.0.1:4444\"]\nissuers = \"issuers.toml\"\ndata = \"kept\"\n";

    fn parsed(folder: &std::path::Path, variables: &[(&str, &str)], args: &[&str]) -> Cli {
        let file = folder.join("transload.toml");
        std::fs::write(&file, FILE).unwrap();
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Environment { settings_files: vec![file], variables, ..Environment::default() };
        let args: Vec<OsString> = ["transload"].iter().chain(args).map(OsString::from).collect();
        match parse(&args, &environment) {
            Ok(cli) => cli,
            Err(Refusal::Parser(error)) => panic!("{error}"),
            Err(Refusal::Settings(error)) => panic!("{error}"),
        }
    }

    fn ports(cli: Cli) -> Vec<u16> {
        match cli.command {
            Command::Serve(args) => args.listening.listen.iter().map(std::net::SocketAddr::port).collect(),
            Command::Registry(args) => match args.command {
                crate::cli::RegistryCommand::Serve(args) => {
                    args.listening.listen.iter().map(|a| a.port()).collect()
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_stands_below_serve_is_for_serve_and_goes_before_the_profile() {
        let folder = tempfile::tempdir().unwrap();
        let parsed = |variables: &[(&str, &str)], args: &[&str]| parsed(folder.path(), variables, args);
        assert_eq!(ports(parsed(&[], &["serve"])), [3333, 4444]);
        assert_eq!(ports(parsed(&[("TRANSLOAD_LISTEN", "127.0.0.1:5555")], &["serve"])), [5555]);
        let flagged =
            parsed(&[("TRANSLOAD_LISTEN", "127.0.0.1:5555")], &["serve", "--listen", "127.0.0.1:6666"]);
        assert_eq!(ports(flagged), [6666]);
        assert_eq!(ports(parsed(&[], &["registry", "serve", "--data", "x"])), [2222]);
        let Command::Serve(args) = parsed(&[], &["serve"]).command else { panic!("not serve") };
        assert_eq!((args.resources.concurrency, args.resources.max_per_host), (Some(3), Some(9)));
        assert_eq!(args.who.issuers, Some(folder.path().join("issuers.toml")), "from where the file stands");
        assert_eq!(args.ledger.data, Some(folder.path().join("kept")));
    }

    #[test]
    fn what_works_on_the_ledger_itself_finds_it_below_serve() {
        let folder = tempfile::tempdir().unwrap();
        let Command::Audit(args) = parsed(folder.path(), &[], &["audit", "--offline"]).command else {
            panic!("not audit")
        };
        assert_eq!(args.offline.ledger.data, Some(folder.path().join("kept")));
    }
}
