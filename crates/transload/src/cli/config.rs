//! Arguments of `config`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the settings that are in force, and where each comes from.
    Show(ConfigShowArgs),
    /// Check the files of settings: names, values, profiles.
    Check,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A file of settings:
  [defaults]
  ca_file = \"corp-ca.pem\"
  [profiles.night]
  source = \"registry.example\"
  store = \"https://acct.blob.core.windows.net/transfer\"
  sas_token_env = \"SAS\"
  [serve]
  listen = \"0.0.0.0:8443\"

A flag wins over the environment (TRANSLOAD_CA_FILE), that over [serve] for serve and worker, that over the profile
(--profile, TRANSLOAD_PROFILE), that over [defaults]. Names are those of the options; `source` is --from, `target` and
`store` are --to.")]
pub(crate) struct ConfigShowArgs {
    /// Show every setting that there is, with its variable and what it is for.
    #[arg(long)]
    pub(crate) all: bool,
}
