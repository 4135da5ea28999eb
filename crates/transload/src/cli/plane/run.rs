//! Arguments of `run`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ConnectArgs, InRegistryArgs};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(subcommand)]
    pub(crate) command: RunCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Start a run of a pipeline.
    Create(Box<RunCreateArgs>),
    /// List runs, the oldest first.
    List(RunListArgs),
    /// Show a run.
    Show(RunNameArgs),
    /// Stop a run. What it staged or pushed stays, and a later run goes on from there.
    Cancel(RunCancelArgs),
    /// Remove a run's record; one that runs is stopped first. Bundles and images stay.
    Delete(RunDeleteArgs),
    /// Show what happened in a run.
    Logs(RunLogsArgs),
    /// Watch a run until it ends; the exit code says how.
    Watch(RunNameArgs),
    /// Remove the records of runs that failed.
    Clean(RunCleanArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload run create --pipeline weekly --artifacts team/web:v1 team/db:latest --blob release.tar --wait
  transload run create release7 --pipeline weekly --artifacts 'team/*:v7'
  transload run create --pipeline arrivals --blob release.tar --wait

The same request under the same name runs once; with --force it runs again.")]
pub(crate) struct RunCreateArgs {
    /// What the run is called: 5 to 50 letters and digits. Without it, the time.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The pipeline: its name, export/NAME or import/NAME where both have it, or its id.
    #[arg(long, value_name = "PIPELINE")]
    pub(crate) pipeline: String,
    /// What to export: repository:tag, repository@sha256:…, or patterns.
    #[arg(long, value_name = "ARTIFACT", num_args = 1..)]
    pub(crate) artifacts: Vec<String>,
    /// A file of artifacts, one a line, `#` before comments.
    #[arg(long, value_name = "FILE")]
    pub(crate) artifacts_file: Vec<PathBuf>,
    /// The blob: of an export what it is to be called (else NAME.tar), of an import which it is.
    #[arg(long, value_name = "NAME")]
    pub(crate) blob: Option<String>,
    /// Import the bundle only if its catalog has this digest.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) catalog_digest: Option<String>,
    /// Run again, also if the same run is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Wait until it has ended; the exit code says how.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload run list --top 10
  transload run list --pipeline weekly --query '[?properties.provisioningState==`Failed`].name'")]
pub(crate) struct RunListArgs {
    /// Only the last N.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top: Option<u32>,
    /// Only runs of this pipeline.
    #[arg(long, value_name = "PIPELINE")]
    pub(crate) pipeline: Option<String>,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload run watch release7")]
pub(crate) struct RunNameArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload run cancel release7 --wait")]
pub(crate) struct RunCancelArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) name: String,
    /// Wait until it has stopped.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload run delete release6 release7")]
pub(crate) struct RunDeleteArgs {
    /// The runs.
    #[arg(value_name = "RUN", required = true)]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload run logs release7
  transload run logs release7 --follow")]
pub(crate) struct RunLogsArgs {
    /// The run.
    #[arg(value_name = "RUN")]
    pub(crate) name: String,
    /// Go on until the run has ended.
    #[arg(long, short)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload run clean
  transload run clean --state canceled --state succeeded")]
pub(crate) struct RunCleanArgs {
    /// Runs that ended so.
    #[arg(long, value_enum, value_name = "STATE", default_value = "failed")]
    pub(crate) state: Vec<RunStateArg>,
    #[command(flatten)]
    pub(crate) within: InRegistryArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunStateArg {
    /// It failed.
    Failed,
    /// It was stopped.
    Canceled,
    /// It did what was asked for.
    Succeeded,
}
