//! Arguments of `registry`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct RegistryCommandArgs {
    #[command(subcommand)]
    pub(crate) command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Run a registry over a folder.
    Serve(Box<ServeArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload registry serve --data /srv/registry
  transload registry serve --data /srv/registry --listen 127.0.0.1:5001")]
pub(crate) struct ServeArgs {
    /// The folder that holds the registry; it is made when it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5000")]
    pub(crate) listen: SocketAddr,
}
