//! Arguments of `registry create`, `list`, `show`, `delete`, `test` and `import-image`.

use std::path::PathBuf;

use clap::Args;

use super::{ConnectArgs, GroupArg, InRegistryArgs, YesArg};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload registry create central                                   # the server has it; docker can push to it
  transload registry create hub --at registry-1.docker.io             # somewhere else, without a credential
  transload registry create far --at registry.far/mirror --user robot --secret-uri lab/far-password
  transload registry create acme --at acme.azurecr.io --workload-identity")]
pub(crate) struct RegistryCreateArgs {
    /// The registry: 5 to 50 letters and digits.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Where it is, if the server does not have it itself: host[:port][/prefix].
    #[arg(long, value_name = "HOST")]
    pub(crate) at: Option<String>,
    /// The user there.
    #[arg(long, short, value_name = "USER", requires = "secret_uri")]
    pub(crate) user: Option<String>,
    /// The secret with the password, or without --user with USER:PASSWORD. VAULT/SECRET stands for a secret in a vault of the
    /// same group.
    #[arg(long, value_name = "URI", requires = "at", conflicts_with = "workload_identity")]
    pub(crate) secret_uri: Option<String>,
    /// Read the secret as this identity (its name in the group, or its id) instead of one that is the registry's own.
    #[arg(long, value_name = "NAME", requires = "secret_uri")]
    pub(crate) identity: Option<String>,
    /// Leave the vault's access policies alone.
    #[arg(long)]
    pub(crate) no_grant: bool,
    /// Sign in there as the worker's own identity (Entra ID).
    #[arg(long, requires = "at")]
    pub(crate) workload_identity: bool,
    /// Speak HTTP without TLS there.
    #[arg(long = "without-tls", requires = "at")]
    pub(crate) without_tls: bool,
    /// Allow no export pipeline.
    #[arg(long)]
    pub(crate) no_exports: bool,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload registry list --query '[].properties.loginServer' --output tsv")]
pub(crate) struct RegistryListArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload registry show central
  transload registry test far")]
pub(crate) struct RegistryNameArgs {
    /// The registry.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload registry delete far --yes")]
pub(crate) struct RegistryDeleteArgs {
    /// The registry.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) yes: YesArg,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload registry import-image docker.io/library/alpine:3 --registry central --image base/alpine:3
  transload registry import-image far:team/web:v1 --registry central        # `far` is a registry of the same group
  transload registry import-image registry.example/app:1 --user robot --password-env APP_PASSWORD")]
pub(crate) struct RegistryImportArgs {
    /// The image: host/repository:tag, or REGISTRY:repository:tag for a registry of the control plane.
    #[arg(value_name = "IMAGE")]
    pub(crate) source: String,
    /// Names that it gets, repository:tag. Without any, its own.
    #[arg(long, value_name = "REPOSITORY:TAG")]
    pub(crate) image: Vec<String>,
    /// Move tags that are there.
    #[arg(long)]
    pub(crate) force: bool,
    /// The user at the source.
    #[arg(long, short, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// The file that holds the password or token for the source.
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    pub(crate) password_file: Option<PathBuf>,
    /// The environment variable that holds the password or token for the source.
    #[arg(long, value_name = "NAME")]
    pub(crate) password_env: Option<String>,
    /// Do not wait until it is done.
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
