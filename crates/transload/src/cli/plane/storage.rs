//! Arguments of `storage`.

use clap::{Args, Subcommand};

use super::{ConnectArgs, GroupArg, YesArg};

#[derive(Debug, Args)]
pub(crate) struct StorageArgs {
    #[command(subcommand)]
    pub(crate) command: StorageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Register a storage account that is somewhere else, or change where it is.
    Create(Box<StorageCreateArgs>),
    /// List registered storage accounts.
    List(StorageListArgs),
    /// Show a registered storage account.
    Show(StorageNameArgs),
    /// Forget a storage account; what is in it stays.
    Delete(StorageDeleteArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload storage create acct -g lab --endpoint https://acct.blob.core.windows.net --key-secret lab/acct-key
  transload storage create devstoreaccount1 -g lab --endpoint http://127.0.0.1:10000/devstoreaccount1 --key-secret lab/key
  transload storage create acct -g lab --endpoint https://acct.blob.core.windows.net             # nobody is given its key

Pipelines and az then know it as NAME.blob and the server's storage suffix. The key is in a secret of a vault, and the server
reads it there when somebody asks for it who may have it (role Contributor): `az storage container generate-sas`.")]
pub(crate) struct StorageCreateArgs {
    /// The account, by its real name: tokens are signed with it.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Where its blobs are: http(s)://host[:port], with /NAME behind it where the host has many accounts.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: String,
    /// The secret that holds the account's key: its URI, or VAULT/SECRET for one of the same group. Without it nobody is given
    /// the key.
    #[arg(long, value_name = "URI")]
    pub(crate) key_secret: Option<String>,
    /// Read the secret as this identity (its name in the group, or its id) instead of one that is the account's own.
    #[arg(long, value_name = "NAME", requires = "key_secret")]
    pub(crate) identity: Option<String>,
    /// Leave the vault's access policies alone.
    #[arg(long)]
    pub(crate) no_grant: bool,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload storage list --query '[].properties.transload.endpoint' --output tsv")]
pub(crate) struct StorageListArgs {
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload storage show acct -g lab --output json")]
pub(crate) struct StorageNameArgs {
    /// The account.
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
  transload storage delete acct -g lab --yes")]
pub(crate) struct StorageDeleteArgs {
    /// The account.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) yes: YesArg,
    #[command(flatten)]
    pub(crate) group: GroupArg,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
