//! Arguments of the commands that deal with bundles alone.

use clap::Args;

use super::{ResourceArgs, StoreArgs, TrustArgs};

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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload split release.tar --by repo --to /media/stick/
  transload split release.tar --size 4GiB --to /media/stick/

Every bundle of --by repo stands for itself, with its signatures and SBOMs. The parts of --size are one bundle still: the
other commands take the first one's name. Run it again after an interruption: what is there is not written again.")]
pub(crate) struct SplitArgs {
    /// The bundle: a file, a folder that is an image layout, or the URL of a blob.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: String,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
    /// Where what it is split into goes: a folder, or the URL of a container.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) to: String,
    /// Replace what is there under the same names.
    #[arg(long)]
    pub(crate) overwrite_blobs: bool,
    /// Only say what would be made.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

/// How a bundle is cut.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct CutArgs {
    /// A bundle for each of these.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) by: Option<CutBy>,
    /// Parts of this length, such as 4GiB: NAME.001, NAME.002, … FAT32 takes files up to 4095MiB.
    #[arg(long, value_name = "SIZE", value_parser = crate::output::parse_bytes)]
    pub(crate) size: Option<u64>,
}

/// What each bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CutBy {
    /// One repository, with all its tags.
    Repo,
}
