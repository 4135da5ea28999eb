//! The command line of `transload relay`.

use std::path::PathBuf;

use clap::Args;

use super::{ResourceArgs, StoreArgs, TrustArgs};

/// How the store of --to is spoken to, where the bundle's own store is another one on the network.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Object storage of --to, when both ends are on the network")]
pub(crate) struct DestinationArgs {
    /// The environment variable that holds the SAS token for --to.
    #[arg(long, value_name = "NAME", conflicts_with = "to_sas_token_file")]
    pub(crate) to_sas_token_env: Option<String>,
    /// The file that holds the SAS token for --to.
    #[arg(long, value_name = "FILE")]
    pub(crate) to_sas_token_file: Option<PathBuf>,
    /// The environment variable that holds the account key for --to.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["to_sas_token_env", "to_sas_token_file", "to_account_key_file"])]
    pub(crate) to_account_key_env: Option<String>,
    /// The file that holds the account key for --to.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to_sas_token_env", "to_sas_token_file"])]
    pub(crate) to_account_key_file: Option<PathBuf>,
    /// The URL of the S3 or Google Cloud Storage endpoint for --to.
    #[arg(long, value_name = "URL")]
    pub(crate) to_endpoint: Option<String>,
    /// The region of the bucket in --to.
    #[arg(long, value_name = "NAME")]
    pub(crate) to_region: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload relay /media/stick/release.tar --to https://acct.blob.core.windows.net/transfer --sas-token-env SAS
  transload relay s3://outbox/release.tar --to s3://inbox/ --endpoint https://minio.near --to-endpoint https://minio.far
  transload relay /media/stick/release.tar.001 --to /srv/bundles/release.tar

Kill it at any point and run the same command again: it goes on where it stopped.")]
pub(crate) struct RelayArgs {
    /// The bundle: a file, a file in parts, or the URL of a blob.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: String,
    /// Where it goes: a file, a folder, or the URL of a container, a bucket or a blob. In a folder, container or bucket it
    /// keeps its name. `-` is standard output.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) to: String,
    /// Replace a blob of that name.
    #[arg(long)]
    pub(crate) overwrite_blobs: bool,
    /// Only look: say what would move.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write the report (JSON) to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}
