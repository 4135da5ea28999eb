//! The command lines of `transload plan` and `transload diff`.

use std::path::PathBuf;

use clap::Args;

use super::{RegistryArgs, ResourceArgs, SelectionArgs, StoreArgs, TrustArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload plan 'registry.example/team/*:^1.4' > plan.json
  transload plan --show plan.json
  transload export --plan plan.json --to /media/stick/

Written to a pipe or a file it is JSON, on a terminal a table.")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Plan what can be moved when something cannot; exit 3 then.
    #[arg(long)]
    pub(crate) continue_on_errors: bool,
    /// Write the plan to this file, and show it.
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Show a plan that was made before.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["artifacts", "artifacts_file", "save"])]
    pub(crate) show: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload diff last-week.tar this-week.tar
  transload diff release.tar registry.far/mirror       # what an import would change, seen from the bundle
  transload diff approved.json plan.json --exit-code

Artifacts are the same when repository and tag are. Of a registry only the names that the other side has are looked at.")]
pub(crate) struct DiffArgs {
    /// A bundle, a plan (FILE.json), or a registry with a prefix if wanted (docker://… where it could be taken for a file).
    #[arg(value_name = "BEFORE")]
    pub(crate) before: String,
    /// The same.
    #[arg(value_name = "AFTER")]
    pub(crate) after: String,
    /// Exit with 6 when there is a difference.
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}
