//! `transload`: moves OCI artifacts between registries that can never reach each other.

mod cli;
mod commands;
mod config;
mod contexts;
mod exit;
mod location;
mod output;
mod quickstart;
mod registries;
mod selection;
mod settings;
mod window;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::commands::plane;
use crate::config::Environment;
use crate::exit::Exit;
use crate::settings::{Refusal, ServeOptions, WorkerOptions};

fn main() -> ExitCode {
    let environment = Environment::read();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match settings::parse(&arguments, &environment) {
        Ok(cli) => cli,
        Err(Refusal::Parser(error)) => return cli::refuse(&error),
        Err(Refusal::Settings(error)) => {
            output::Output::default().error(&error);
            return Exit::of(error.code()).into();
        }
    };
    // the one TLS provider of the process; a second installation fails, and then there is one already
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error_line(&format!("cannot start: {error}"));
            return Exit::Internal.into();
        }
    };
    let exit = runtime.block_on(run(cli, environment));
    // what was cancelled may still hold a thread (a DNS look-up, a disk that hangs): it is not waited for
    runtime.shutdown_background();
    exit.into()
}

async fn run(cli: Cli, environment: Environment) -> Exit {
    let output = output::Output::new(&cli.output);
    if let Err(error) = cli.refuse_shapes() {
        output.error(&error);
        return Exit::of(error.code());
    }
    let done = match cli.command {
        Command::Export(args) => commands::export::run(args, &environment, &output).await,
        Command::Import(args) => commands::import::run(args, &environment, &output).await,
        Command::Copy(args) => commands::copy::run(args, &environment, &output).await,
        Command::Inspect(args) => commands::inspect::run(args, &environment, &output).await,
        Command::Verify(args) => commands::verify::run(args, &environment, &output).await,
        Command::Plan(args) => commands::plan::run(args, &environment, &output).await,
        Command::Diff(args) => commands::diff::run(args, &environment, &output).await,
        Command::Relay(args) => commands::relay::run(args, &environment, &output).await,
        Command::Registry(args) => commands::registry::run(args, &environment, &output).await,
        Command::Serve(args) => match ServeOptions::new(*args, &environment) {
            Ok(options) => commands::serve::run(options, &environment, &output).await,
            Err(error) => Err(error),
        },
        Command::Worker(args) => match WorkerOptions::new(*args, &environment) {
            Ok(options) => commands::serve::worker(options, &environment, &output).await,
            Err(error) => Err(error),
        },
        Command::List(args) => commands::list::run(args, &environment, &output).await,
        Command::Split(args) => commands::split::run(args, &environment, &output).await,
        Command::Ca(args) => commands::ca::run(args, &environment, &output).await,
        Command::Context(args) => plane::context::run(args, &environment, &output).await,
        Command::Group(args) => plane::groups::run(args, &environment, &output).await,
        Command::Pipeline(args) => plane::pipelines::run(args, &environment, &output).await,
        Command::Run(args) => plane::runs::run(args, &environment, &output).await,
        Command::Deployment(args) => plane::deployments::run(args, &environment, &output).await,
        Command::Vault(args) => plane::vaults::run(args, &environment, &output).await,
        Command::Storage(args) => plane::storage::run(args, &environment, &output).await,
        Command::Identity(args) => plane::identities::run(args, &environment, &output).await,
        Command::Principal(args) => plane::principals::run(args, &environment, &output).await,
        Command::Role(args) => plane::roles::run(args, &environment, &output).await,
        Command::Az(args) => plane::az::run(args, &environment, &output).await,
        Command::Audit(args) => plane::audit::run(*args, &environment, &output).await,
        Command::Login(args) => commands::login::login(args, &environment, &output).await,
        Command::Logout(args) => commands::login::logout(args, &environment, &output).await,
        Command::Config(args) => commands::config::run(&args, &cli.settings, &environment, &output),
        Command::Completions(args) => commands::papers::completions(&args),
        Command::Man(args) => commands::papers::man(&args, &output),
        Command::Quickstart(args) => quickstart::run(args, &output).await,
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            output.error(&error);
            Exit::of(error.code())
        }
    }
}
