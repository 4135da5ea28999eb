//! The command line.

mod access;
mod bundles;
mod ca;
mod config;
mod everywhere;
mod login;
mod papers;
mod plan;
pub(crate) mod plane;
mod reach;
mod registry;
mod relay;
mod selection;
mod serve;
mod serving;
mod shelf;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use transload_transfer::{Code, Error};

pub(crate) use access::{AccessArgs, AnonymousArg, HtpasswdArgs};
pub(crate) use bundles::{ListArgs, SplitArgs};
pub(crate) use ca::{CaArgs, CaCommand, CaFolderArgs, CaIssueArgs, CaShowArgs};
pub(crate) use config::{ConfigArgs, ConfigCommand};
pub(crate) use everywhere::{OutputArgs, SettingsArgs};
pub(crate) use login::{LoginArgs, LogoutArgs};
pub(crate) use papers::{CompletionsArgs, ManArgs};
pub(crate) use plan::{DiffArgs, PlanArgs};
pub(crate) use reach::{RegistryArgs, ResourceArgs, StoreArgs, TrustArgs};
pub(crate) use registry::{CheckArgs, GcArgs, GcWhatArgs, RegistryCommand, RegistryCommandArgs, ServeArgs};
pub(crate) use relay::{DestinationArgs, RelayArgs};
pub(crate) use selection::{ForeignLayersArg, SelectionArgs, TargetArgs};
pub(crate) use serve::{LedgerArgs, ServerArgs, WorkArgs, WorkerArgs};
pub(crate) use serving::{ListenArgs, LogFormat, TlsArgs};
pub(crate) use shelf::ShelfArgs;

use crate::exit::Exit;

/// Moves container images and every other OCI artifact between registries that can never reach each other.
///
/// On this side:  transload export registry.example/team/web:v1 --to /media/stick/
/// On that side:  transload import /media/stick/web-v1-….tar --to registry.far
///
/// Nothing installed yet? `transload quickstart` shows the whole way on this machine.
#[derive(Debug, Parser)]
#[command(name = "transload", version, max_term_width = 110, after_help = EXIT_HELP, verbatim_doc_comment)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) settings: SettingsArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_HELP: &str = "Exit codes: 0 done, 2 usage, 3 partly done, 4 not found, 5 access, 6 conflict, 7 damaged, \
                         8 unavailable, 9 full, 10 several, 130 interrupted. docs/ERRORS.md has them all.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Registry to bundle: artifacts into one file or blob.
    Export(Box<ExportArgs>),
    /// Bundle to registry: everything in a bundle into a registry.
    Import(Box<ImportArgs>),
    /// Registry to registry, when both can be reached.
    Copy(Box<CopyArgs>),
    /// Say what an export would move, as a document that can be approved and exported just so.
    Plan(Box<PlanArgs>),
    /// Compare two bundles, a bundle and a registry, or two plans.
    Diff(Box<DiffArgs>),
    /// Store to store: a bundle as it is, every byte checked.
    Relay(Box<RelayArgs>),
    /// Show what is in a bundle.
    Inspect(InspectArgs),
    /// Check every byte of a bundle.
    Verify(VerifyArgs),
    /// Show the bundles in a folder or container, and what else lies there.
    List(ListArgs),
    /// Make several bundles of one, or parts that fit a stick.
    Split(Box<SplitArgs>),
    /// Run a registry; registries of a control plane.
    Registry(RegistryCommandArgs),
    /// Run the control plane: pipelines, runs, secrets, identities and triggers behind a REST API.
    Serve(Box<ServerArgs>),
    /// Perform the runs of a control plane, on this machine or many.
    Worker(Box<WorkerArgs>),
    /// Certificates of the authority that a control plane made for itself, on its machine.
    Ca(CaArgs),
    /// Keep where a control plane is and who you are there.
    Context(plane::ContextArgs),
    /// Resource groups of a control plane.
    Group(plane::GroupArgs),
    /// Export and import pipelines of a control plane.
    Pipeline(plane::PipelineArgs),
    /// Runs of pipelines.
    Run(plane::RunArgs),
    /// Deploy templates to a control plane.
    Deployment(plane::DeploymentArgs),
    /// Vaults of a control plane, and their secrets.
    Vault(plane::VaultArgs),
    /// Storage accounts that a control plane knows by name.
    Storage(plane::StorageArgs),
    /// Identities that many pipelines may have.
    Identity(plane::IdentityArgs),
    /// Service principals: programs and people that sign in to a control plane.
    Principal(plane::PrincipalArgs),
    /// Who may do what at a control plane.
    Role(plane::RoleArgs),
    /// Use Azure's `az` with a control plane.
    Az(plane::AzArgs),
    /// Read a control plane's audit log: who did what, and who was denied.
    Audit(Box<plane::AuditArgs>),
    /// Keep a credential for a registry.
    Login(LoginArgs),
    /// Forget the credential of a registry.
    Logout(LogoutArgs),
    /// Show and check settings.
    Config(ConfigArgs),
    /// Print a script that makes a shell complete this program's commands and options.
    Completions(CompletionsArgs),
    /// Write the manual pages.
    Man(ManArgs),
    /// The whole way on this machine, with nothing installed.
    Quickstart(QuickstartArgs),
}

/// What the end of a transfer leaves.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReportArgs {
    /// Only plan: say what would move, and what would fail.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Move what can be moved when something cannot; exit 3 then.
    #[arg(long)]
    pub(crate) continue_on_errors: bool,
    /// Write the report (JSON) to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload export registry.example/team/web:v1 registry.example/team/db --to /media/stick/
  transload export --from registry.example --artifacts-file release.txt --to https://acct.blob.core.windows.net/transfer --sas-token-env SAS
  transload export localhost:5000/app:v1 --to app.tar --dry-run
  transload export 'registry.example/team/*:^1.4' --exclude ':*-rc*' --latest 3 --to /media/stick/
  transload export localhost:5000/app:v1 --to - | ssh far transload import - --to registry.far

Kill it at any point and run the same command again: it goes on where it stopped.")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// A file, a folder, s3://bucket/name, gs://bucket/name, or the URL of an Azure container or blob. A folder, bucket
    /// or container gets a name made for it. `-` is standard output.
    #[arg(long, value_name = "LOCATION")]
    pub(crate) to: String,
    /// Export just what this plan says (`transload plan`), or nothing: whatever else came up since is refused.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["artifacts", "artifacts_file", "exclude", "latest", "from", "platform", "platform_rewrite", "foreign_layers", "no_referrers"])]
    pub(crate) plan: Option<PathBuf>,
    /// Replace a bundle of that name.
    #[arg(long)]
    pub(crate) overwrite_blobs: bool,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload import /media/stick/release.tar --to registry.far
  transload import release.tar --to registry.far/mirror --overwrite-tags
  transload import release.tar --to registry.far --only 'team/*' --map 'team/*=prod/team/*'
  transload import 'https://acct.blob.core.windows.net/transfer/release.tar' --sas-token-file sas.txt --to registry.far

Run it again as often as you like: what is there is not pushed again.")]
pub(crate) struct ImportArgs {
    /// The bundle: a file, s3://bucket/name, gs://bucket/name, or the URL of an Azure blob; an image layout as a folder; the
    /// first of several parts. `-` is standard input.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: String,
    /// Its other parts, as a shell lists them for NAME.*; they would be found without being named.
    #[arg(value_name = "PART", hide = true)]
    pub(crate) parts: Vec<String>,
    /// Import only what this pattern fits: 'team/*', 'team/web:v1.*'.
    #[arg(long, value_name = "PATTERN", value_parser = clap::value_parser!(transload_oci::Pattern))]
    pub(crate) only: Vec<transload_oci::Pattern>,
    /// Write indexes of which the bundle does not have every platform anew, so that they list what it has. For registries
    /// that take no other; the digest changes, signatures no longer fit.
    #[arg(long)]
    pub(crate) platform_rewrite: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    /// Delete the bundle when every artifact of it is in the registry.
    #[arg(long)]
    pub(crate) delete_source_blob_on_success: bool,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload copy registry.example/team/web:v1 --to registry.near/mirror
  transload copy --from registry.example --artifacts-file release.txt --to registry.near")]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
}

/// A bundle to read.
#[derive(Debug, Clone, Args)]
pub(crate) struct BundleArgs {
    /// The bundle: a file, s3://bucket/name, gs://bucket/name, or the URL of an Azure blob; an image layout as a folder; the
    /// first of several parts.
    #[arg(value_name = "BUNDLE")]
    pub(crate) bundle: String,
    /// Its other parts, as a shell lists them for NAME.*; they would be found without being named.
    #[arg(value_name = "PART", hide = true)]
    pub(crate) parts: Vec<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
    /// Show every blob too.
    #[arg(long)]
    pub(crate) blobs: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) bundle: BundleArgs,
    /// Write the report (JSON) to this file as well.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct QuickstartArgs {
    /// Keep the bundle in this folder instead of a temporary one.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
}

impl Cli {
    /// Refuses `--output` and `--query` where there is no result to show in another shape.
    pub(crate) fn refuse_shapes(&self) -> Result<(), Error> {
        let shaped = self.output.output.is_some() || self.output.query.is_some();
        let shapeless =
            matches!(self.command, Command::Quickstart(_) | Command::Completions(_) | Command::Man(_));
        if !shaped || !shapeless {
            return Ok(());
        }
        let detail = "this command has no result that --output or --query could show";
        Err(Error::new(Code::Usage, "--output", detail).with_next("leave out --output and --query"))
    }
}

/// Prints what the parser has to say and ends with the table's code.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    // a closed pipe is no reason to fail differently
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn plain_http_takes_no_value_or_a_host() {
        let parse = |args: &[&str]| {
            let mut all = vec!["transload", "copy", "r.io/a:1", "--to", "x"];
            all.extend_from_slice(args);
            match Cli::try_parse_from(all).map(|cli| cli.command) {
                Ok(Command::Copy(args)) => args.registries.plain_http,
                _ => Vec::new(),
            }
        };
        assert_eq!(parse(&["--plain-http"]), ["*"]);
        assert_eq!(parse(&["--plain-http=a:1", "--plain-http=b"]), ["a:1", "b"]);
    }
}
