//! Arguments of the commands that deal with bundles alone.

use clap::Args;

use super::{StoreArgs, TrustArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload list /media/stick/
  transload list https://acct.blob.core.windows.net/transfer --sas-token-env SAS
  transload list /media/stick/ --query 'bundles[].artifacts[].name' --output tsv

Only the front of each file is read. A file that is compressed as a whole is named and not read: see transload inspect.")]
pub(crate) struct ListArgs {
    /// A folder, or the URL of a container; with a name behind it, only what begins with that.
    #[arg(value_name = "LOCATION")]
    pub(crate) location: String,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}
