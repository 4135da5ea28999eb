//! Arguments of `az`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ConnectArgs;

#[derive(Debug, Args)]
pub(crate) struct AzArgs {
    #[command(subcommand)]
    pub(crate) command: AzCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AzCommand {
    /// Print the lines that point Azure's `az` at a control plane, for a shell to run.
    Setup(Box<AzSetupArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(transload az setup)\" && az group list
  eval \"$(transload az setup --context lab --config-dir ~/.azure-lab)\"      # leaves the settings of your own az alone
  eval \"$(transload az setup --undo)\"
  transload az setup --shell fish | source

Nothing is patched: the lines register this server as a cloud and sign in, as Azure's documentation says for private clouds.
Read them first if you like; they say what they are for. A file is written: the authorities that az is to trust.")]
pub(crate) struct AzSetupArgs {
    /// What the cloud is called in az.
    #[arg(long, short, value_name = "NAME", default_value = "transload")]
    pub(crate) name: String,
    /// Let az keep its settings in this folder instead of ~/.azure (AZURE_CONFIG_DIR).
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Option<PathBuf>,
    /// The proxy that leads to the server's names (`serve --connect-listen`). A server on this machine tells its own.
    #[arg(long, value_name = "URL", conflicts_with = "no_connect")]
    pub(crate) connect: Option<String>,
    /// Use no such proxy: the names are resolved otherwise.
    #[arg(long)]
    pub(crate) no_connect: bool,
    /// Do not sign in.
    #[arg(long)]
    pub(crate) no_login: bool,
    /// Print the lines that take all of it back.
    #[arg(long, conflicts_with_all = ["connect", "no_connect", "no_login"])]
    pub(crate) undo: bool,
    /// For which shell.
    #[arg(long, value_enum, value_name = "SHELL", default_value_t = ShellArg::Posix)]
    pub(crate) shell: ShellArg,
    #[command(flatten)]
    pub(crate) connection: ConnectArgs,
}

/// Whose language the lines are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellArg {
    /// sh, dash, bash, zsh.
    Posix,
    Fish,
    Powershell,
}
