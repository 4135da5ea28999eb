//! Arguments of `context`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::TrustArgs;

#[derive(Debug, Args)]
pub(crate) struct ContextArgs {
    #[command(subcommand)]
    pub(crate) command: ContextCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// Keep where a control plane is and who you are there, under a name.
    Add(Box<ContextAddArgs>),
    /// Use a context from now on.
    Use(ContextNameArgs),
    /// List contexts.
    List,
    /// Forget a context, and the secret that was kept for it.
    Remove(ContextNameArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload context add lab --file /var/lib/transload/administrator.json --group lab --registry central
  transload context add lab --server https://transload.example --client-id 1b2c… --secret-env LAB_SECRET
  pass transload/lab | transload context add lab --server https://transload.example --client-id 1b2c… --secret-stdin
  transload context add far --server https://far.example --token-file token.jwt --ca-file ca.pem

Contexts are kept in ~/.config/transload/contexts.json, secrets beside it, each in a file of its own (mode 0600). The first
context is used at once. With neither file, variable nor pipe the secret is asked for.")]
pub(crate) struct ContextAddArgs {
    /// What it is called. A context of that name is replaced.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Take all of it from this file: administrator.json of `serve`, or what `principal create --save` wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "client_id", "tenant", "secret_file", "secret_env", "secret_stdin", "token_file", "token_env"])]
    pub(crate) file: Option<PathBuf>,
    /// The control plane's URL, such as https://transload.example:8443.
    #[arg(long, value_name = "URL", required_unless_present = "file")]
    pub(crate) server: Option<String>,
    /// The tenant's id. Without it the server is asked.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Sign in as the principal with this client id.
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// The file that holds the secret; it is read anew each time and not copied.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["secret_env", "secret_stdin", "token_file", "token_env"])]
    pub(crate) secret_file: Option<PathBuf>,
    /// The environment variable that will hold the secret.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["secret_stdin", "token_file", "token_env"])]
    pub(crate) secret_env: Option<String>,
    /// Read the secret from standard input, and keep it.
    #[arg(long, conflicts_with_all = ["token_file", "token_env"])]
    pub(crate) secret_stdin: bool,
    /// The file that will hold a token of an issuer that the server trusts, instead of client id and secret.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token_env", "client_id"])]
    pub(crate) token_file: Option<PathBuf>,
    /// The environment variable that will hold such a token.
    #[arg(long, value_name = "NAME", conflicts_with = "client_id")]
    pub(crate) token_env: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    /// The resource group of commands that name none.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// The registry of commands that name none.
    #[arg(long, short, value_name = "NAME")]
    pub(crate) registry: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload context list")]
pub(crate) struct ContextNameArgs {
    /// The context.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}
