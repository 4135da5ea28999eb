//! Arguments of `registry`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::plane::{
    RegistryCreateArgs, RegistryDeleteArgs, RegistryImportArgs, RegistryListArgs, RegistryNameArgs,
};
use super::{AccessArgs, HtpasswdArgs, ListenArgs, ShelfArgs};

#[derive(Debug, Args)]
#[command(after_help = "\
serve, gc, check and htpasswd work with a folder on this machine. The others are about registries of a control plane
(`transload serve`): those that it has itself, and those anywhere that its pipelines move artifacts from or to.")]
pub(crate) struct RegistryCommandArgs {
    #[command(subcommand)]
    pub(crate) command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Run a registry over a folder, or over bundles as they are.
    Serve(Box<ServeArgs>),
    /// Free what nothing refers to, also while the registry runs.
    Gc(GcArgs),
    /// Read every byte of a registry's folder and hold it against its digest, also while the registry runs.
    Check(CheckArgs),
    /// Write a user and the hash of their password into a file for `serve --htpasswd`.
    Htpasswd(HtpasswdArgs),
    /// Control plane: make a registry, one that the server has or one somewhere else.
    Create(Box<RegistryCreateArgs>),
    /// Control plane: list registries.
    List(RegistryListArgs),
    /// Control plane: show a registry.
    Show(RegistryNameArgs),
    /// Control plane: remove a registry with its pipelines and runs. What an outer one holds stays.
    Delete(RegistryDeleteArgs),
    /// Control plane: have the server try whether a registry can be reached with what it has.
    Test(RegistryNameArgs),
    /// Control plane: copy an image from any registry into one.
    ImportImage(Box<RegistryImportArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Manifests refer to blobs, tags and indexes to manifests. What is younger than the grace stays, because clients push
blobs first and the manifest last. Manifests without a tag stay unless --untagged is given: they can be pulled by digest.

Examples:
  transload registry gc --data /srv/registry --dry-run
  transload registry gc --data /srv/registry --untagged --grace 7d")]
pub(crate) struct GcArgs {
    /// The folder that holds the registry.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) what: GcWhatArgs,
    /// Only say what would be freed.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What a collection of garbage takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Garbage collection")]
pub(crate) struct GcWhatArgs {
    /// Leave alone what was pushed, mounted or asked for within this time.
    #[arg(long = "gc-grace", visible_alias = "grace", value_name = "TIME", default_value = "24h", value_parser = crate::window::parse_duration)]
    pub(crate) grace: Duration,
    /// Take manifests, too, that no tag leads to: neither directly, nor through an index, nor as what they are about.
    #[arg(long = "gc-untagged", visible_alias = "untagged")]
    pub(crate) untagged: bool,
    /// Drop uploads that nothing was written to for so long.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = crate::window::parse_duration)]
    pub(crate) upload_expiry: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = "\
What is damaged is named with the tags that need it. With --repair a damaged blob is moved to quarantine/ in the folder, so
that clients see that it is missing and push it again; and referrers are found that another registry has written.

Examples:
  transload registry check --data /srv/registry
  transload registry check --data /srv/registry --repair --output json")]
pub(crate) struct CheckArgs {
    /// The folder that holds the registry.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Put damaged blobs aside, so that they can be pushed again.
    #[arg(long)]
    pub(crate) repair: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload registry serve --data /srv/registry
  transload registry serve --data /srv/registry --listen 127.0.0.1:5001
  transload registry serve --bundle /media/stick/release.tar
  transload registry serve --bundle s3://box/base.tar --bundle /media/stick/week-31.tar
  transload registry serve --data /srv/registry --tls-generate=registry.far --access-log /var/log/registry.log
  transload registry serve --data /srv/registry --listen 0.0.0.0:5000 --tls-generate --htpasswd users
  transload registry serve --data /srv/registry --tls-cert tls.crt --tls-key tls.key --metrics-listen 127.0.0.1:9090

SIGTERM or Ctrl-C stops it when what runs has ended, a second one at once. SIGHUP opens the access log anew and reads the
certificate.")]
pub(crate) struct ServeArgs {
    /// The folder that holds the registry; it is made when it is not there.
    #[arg(long, value_name = "DIR", required_unless_present = "bundle")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) listening: ListenArgs,
    #[command(flatten)]
    pub(crate) access: AccessArgs,
    /// Collect garbage every so often; 0s for never.
    #[arg(
        long,
        value_name = "TIME",
        default_value = "24h",
        value_parser = crate::window::parse_duration,
        help_heading = "Garbage collection"
    )]
    pub(crate) gc_interval: Duration,
    #[command(flatten)]
    pub(crate) gc: GcWhatArgs,
    #[command(flatten)]
    pub(crate) bundles: ShelfArgs,
}
