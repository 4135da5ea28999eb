//! `transload registry`.

mod serve;
mod trouble;
mod upkeep;

use transload_transfer::Error;

use crate::cli::{RegistryCommand, RegistryCommandArgs};
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: RegistryCommandArgs, output: &Output) -> Result<Exit, Error> {
    match args.command {
        RegistryCommand::Serve(args) => serve::run(*args, output).await,
        RegistryCommand::Gc(args) => upkeep::gc(&args, output).await,
        RegistryCommand::Check(args) => upkeep::check(&args, output).await,
    }
}
