//! Arguments of `vault` and `identity`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConnectArgs, GroupArg, YesArg};

#[derive(Debug, Args)]
pub(crate) struct VaultArgs {
    #[command(subcommand)]
    pub(crate) command: VaultCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VaultCommand {
    /// Make a vault.
    Create(VaultNameArgs),
    /// List vaults.
    List(VaultListArgs),
    /// Show a vault, and who may do what with its secrets.
    Show(VaultNameArgs),
    /// Remove a vault with all its secrets.
    Delete(VaultDeleteArgs),
    /// Let a principal or an identity do something with a vault's secrets.
    Grant(PolicyArgs),
    /// Take from a principal or an identity what it may do with a vault's secrets.
    Revoke(PolicyArgs),
    /// Secrets of a vault.
    Secret(SecretArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload vault create lab
  transload vault show lab")]
pub(crate) struct VaultNameArgs {
    /// The vault: 3 to 24 letters, digits and hyphens.
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
  transload vault list --query '[].properties.vaultUri' --output tsv")]
pub(crate) struct VaultListArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload vault delete lab --yes")]
pub(crate) struct VaultDeleteArgs {
    /// The vault.
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
  transload vault grant lab --object-id 6f0e… --permission get --permission list
  transload vault grant lab --identity robot --permission get
  transload vault revoke lab --identity robot --permission get")]
pub(crate) struct PolicyArgs {
    /// The vault.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Whom: object id of a principal, principal id of a pipeline's own identity.
    #[arg(long, value_name = "ID", required_unless_present = "identity")]
    pub(crate) object_id: Option<String>,
    /// Whom: an identity of the group, by its name or id.
    #[arg(long, value_name = "NAME", conflicts_with = "object_id")]
    pub(crate) identity: Option<String>,
    /// What: get, list, set, delete or all. May be given several times.
    #[arg(long, value_name = "WHAT", default_value = "get")]
    pub(crate) permission: Vec<String>,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    #[command(subcommand)]
    pub(crate) command: SecretCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Set a secret: a new version of it.
    Set(SecretSetArgs),
    /// Read a secret.
    Get(SecretGetArgs),
    /// List a vault's secrets, without their values.
    List(SecretListArgs),
    /// List the versions of a secret, without their values.
    Versions(SecretNameArgs),
    /// Remove a secret with all its versions.
    Delete(SecretNameArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload vault secret set lab sas --value-file sas.txt
  transload vault secret set lab sas --value-env SAS
  pass transfer/sas | transload vault secret set lab sas

Without --value-file and --value-env the value is read from standard input, or asked for on a terminal.")]
pub(crate) struct SecretSetArgs {
    /// The vault.
    #[arg(value_name = "VAULT")]
    pub(crate) vault: String,
    /// The secret.
    #[arg(value_name = "SECRET")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) value: SecretValueArgs,
    /// What kind of text it is; kept and given back.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// It may not be read after so long, such as 30d.
    #[arg(long, value_name = "TIME", value_parser = crate::window::parse_duration)]
    pub(crate) expires_in: Option<std::time::Duration>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Where a secret's value comes from.
#[derive(Debug, Clone, Args)]
pub(crate) struct SecretValueArgs {
    /// The file that holds the value. One line's end at its end is not part of it.
    #[arg(long, value_name = "FILE", conflicts_with = "value_env")]
    pub(crate) value_file: Option<PathBuf>,
    /// The environment variable that holds the value.
    #[arg(long, value_name = "NAME")]
    pub(crate) value_env: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload vault secret get lab sas --query value --output tsv")]
pub(crate) struct SecretGetArgs {
    /// The vault.
    #[arg(value_name = "VAULT")]
    pub(crate) vault: String,
    /// The secret.
    #[arg(value_name = "SECRET")]
    pub(crate) name: String,
    /// This version of it, and not the last one.
    #[arg(long = "secret-version", value_name = "VERSION")]
    pub(crate) secret_version: Option<String>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload vault secret list lab")]
pub(crate) struct SecretListArgs {
    /// The vault.
    #[arg(value_name = "VAULT")]
    pub(crate) vault: String,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload vault secret versions lab sas")]
pub(crate) struct SecretNameArgs {
    /// The vault.
    #[arg(value_name = "VAULT")]
    pub(crate) vault: String,
    /// The secret.
    #[arg(value_name = "SECRET")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    pub(crate) command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Make an identity that many pipelines may have.
    Create(IdentityNameArgs),
    /// List identities.
    List(IdentityListArgs),
    /// Show an identity.
    Show(IdentityNameArgs),
    /// Remove an identity.
    Delete(IdentityNameArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload identity create robot
  transload identity show robot --query properties.principalId --output tsv")]
pub(crate) struct IdentityNameArgs {
    /// The identity.
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
  transload identity list")]
pub(crate) struct IdentityListArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
