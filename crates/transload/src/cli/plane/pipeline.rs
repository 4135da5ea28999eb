//! Arguments of `pipeline`.

use clap::{Args, Subcommand, ValueEnum};

use super::{ConnectArgs, InRegistryArgs};

#[derive(Debug, Args)]
pub(crate) struct PipelineArgs {
    #[command(subcommand)]
    pub(crate) command: PipelineCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PipelineCommand {
    /// Make or change a pipeline.
    Create(PipelineCreateArgs),
    /// List pipelines of a registry.
    List(PipelineListArgs),
    /// Show a pipeline.
    Show(PipelineNameArgs),
    /// Remove a pipeline. Its runs and bundles stay.
    Delete(PipelineNameArgs),
    /// Have the server try whether a pipeline's registry and container can be reached with what it has.
    Check(PipelineNameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PipelineCreateArgs {
    #[command(subcommand)]
    pub(crate) command: PipelineCreateCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PipelineCreateCommand {
    /// Registry to container: each run writes a bundle.
    Export(Box<PipelineExportArgs>),
    /// Container to registry: each run imports a bundle; with the trigger, each bundle that arrives.
    Import(Box<PipelineImportArgs>),
}

/// Where bundles are, and who the pipeline is there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Container")]
pub(crate) struct ContainerArgs {
    /// The container: https://account.blob.core.windows.net/name, s3://bucket, gs://bucket, or file:///folder where the
    /// operator allowed it. No token is in it.
    #[arg(long, value_name = "URI")]
    pub(crate) container: String,
    /// The secret with the SAS token (of buckets: the keys), such as https://NAME.vault…/secrets/sas. VAULT/SECRET stands
    /// for a secret in a vault of the same group. The pipeline gets the right to read it, unless --no-grant is given.
    #[arg(long, value_name = "URI", conflicts_with = "managed_storage")]
    pub(crate) secret_uri: Option<String>,
    /// Enter the container as the worker's own identity, without a secret.
    #[arg(long)]
    pub(crate) managed_storage: bool,
    /// Use this identity (its name in the group, or its id) instead of one that is the pipeline's own. May be given several
    /// times.
    #[arg(long, value_name = "NAME")]
    pub(crate) identity: Vec<String>,
    /// Leave the vault's access policies alone.
    #[arg(long)]
    pub(crate) no_grant: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload pipeline create export weekly --container https://acct.blob.core.windows.net/transfer --secret-uri lab/sas
  transload pipeline create export weekly --container s3://outbox --managed-storage --overwrite-blobs")]
pub(crate) struct PipelineExportArgs {
    /// The pipeline: 5 to 50 letters and digits.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) container: ContainerArgs,
    /// Let runs replace a blob of their name.
    #[arg(long, help_heading = "Runs")]
    pub(crate) overwrite_blobs: bool,
    /// Let runs go on with the other artifacts when one fails.
    #[arg(long, help_heading = "Runs")]
    pub(crate) continue_on_errors: bool,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload pipeline create import arrivals --container https://acct.blob.core.windows.net/inbox --secret-uri lab/sas
  transload pipeline create import arrivals --container file:///srv/inbox --trigger disabled --overwrite-tags")]
pub(crate) struct PipelineImportArgs {
    /// The pipeline: 5 to 50 letters and digits.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) container: ContainerArgs,
    /// Whether bundles that arrive are imported by themselves.
    #[arg(long, value_enum, value_name = "STATUS", default_value = "enabled", help_heading = "Runs")]
    pub(crate) trigger: TriggerArg,
    /// Let runs move tags that are there.
    #[arg(long, help_heading = "Runs")]
    pub(crate) overwrite_tags: bool,
    /// Delete a bundle when all of it is in the registry.
    #[arg(long, help_heading = "Runs")]
    pub(crate) delete_source_blob_on_success: bool,
    /// Let runs go on with the other artifacts when one fails.
    #[arg(long, help_heading = "Runs")]
    pub(crate) continue_on_errors: bool,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// Whether a trigger works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TriggerArg {
    /// It does.
    Enabled,
    /// It does not.
    Disabled,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload pipeline list --registry central")]
pub(crate) struct PipelineListArgs {
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload pipeline show weekly
  transload pipeline check import/arrivals

Where an export and an import pipeline have the same name, write export/NAME or import/NAME.")]
pub(crate) struct PipelineNameArgs {
    /// The pipeline.
    #[arg(value_name = "PIPELINE")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}
