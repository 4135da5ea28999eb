//! Arguments of `login` and `logout`.

use std::path::PathBuf;

use clap::Args;

use super::{RegistryArgs, TrustArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload login registry.example
  pass registry.example | transload login registry.example --user robot --password-stdin

The credential is tried first and kept only if the registry accepts it, where docker and podman find it too.")]
pub(crate) struct LoginArgs {
    /// The registry: host or host:port, docker.io for Docker Hub.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: String,
    /// The user. Asked for when it is not given.
    #[arg(long, short, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Read the password, or an access token, from standard input. Without it the password is asked for.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// The registry: host or host:port, docker.io for Docker Hub.
    #[arg(value_name = "REGISTRY")]
    pub(crate) registry: String,
    /// Forget it in this file instead of the usual ones.
    #[arg(long, value_name = "FILE")]
    pub(crate) auth_file: Option<PathBuf>,
}
