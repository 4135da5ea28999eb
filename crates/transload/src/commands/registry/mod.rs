//! `transload registry`.

mod access;
mod access_log;
mod bundle;
mod greeting;
mod htpasswd;
mod listening;
mod notify;
mod serve;
mod signals;
mod trouble;
mod upkeep;

pub(super) use listening::{Listening, machine_name};
pub(super) use notify::notify;
pub(super) use serve::{end, reload, tell_of_events};
pub(super) use signals::{Asked, Signals};
pub(super) use trouble::error as trouble;

use transload_transfer::Error;

use super::plane::registries;
use crate::cli::{RegistryCommand, RegistryCommandArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(
    args: RegistryCommandArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    match args.command {
        RegistryCommand::Serve(args) => serve::run(*args, environment, output).await,
        RegistryCommand::Gc(args) => upkeep::gc(&args, output).await,
        RegistryCommand::Check(args) => upkeep::check(&args, output).await,
        RegistryCommand::Htpasswd(args) => htpasswd::run(args, output).await,
        RegistryCommand::Create(args) => registries::create(*args, environment, output).await,
        RegistryCommand::List(args) => registries::list(&args, environment, output).await,
        RegistryCommand::Show(args) => registries::show(&args, environment, output).await,
        RegistryCommand::Delete(args) => registries::delete(&args, environment, output).await,
        RegistryCommand::Test(args) => registries::test(&args, environment, output).await,
        RegistryCommand::ImportImage(args) => registries::import_image(*args, environment, output).await,
    }
}
