//! `transload registry`.

mod serve;

use transload_transfer::Error;

use crate::cli::{RegistryCommand, RegistryCommandArgs};
use crate::exit::Exit;
use crate::output::Output;

pub(crate) async fn run(args: RegistryCommandArgs, output: &Output) -> Result<Exit, Error> {
    match args.command {
        RegistryCommand::Serve(args) => serve::run(*args, output).await,
    }
}
