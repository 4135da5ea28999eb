//! Arguments of `ca`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct CaArgs {
    #[command(subcommand)]
    pub(crate) command: CaCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Issue a certificate for another program that stands beside the server, a storage emulator for example.
    Issue(CaIssueArgs),
    /// Print the authority's certificate (PEM): what clients have to trust.
    Show(CaShowArgs),
}

/// Which authority.
#[derive(Debug, Args)]
pub(crate) struct CaFolderArgs {
    /// The server's folder. Without it /var/lib/transload for root, else ~/.local/share/transload.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where the authority is kept, if the server was told by --tls-folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls_folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  transload ca issue '*.blob.storage.localhost' 127.0.0.1 --out /etc/azurite
  azurite-blob --cert '/etc/azurite/_.blob.storage.localhost.crt' --key '/etc/azurite/_.blob.storage.localhost.key'
  transload ca issue registry.transload.example --days 30

The authority is the one that `transload serve` made in its folder, and so this is for the server's machine. It can issue for
the names that it was made with and for all that is beneath them; localhost and this machine's name are among them.")]
pub(crate) struct CaIssueArgs {
    /// What the certificate is for: hosts, perhaps with a star in front, and IP addresses.
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
    /// The folder for certificate (.crt) and key (.key), which are called after the first name.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,
    /// For how many days. It ends with the authority at the latest.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: u16,
    /// Replace files that are there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) folder: CaFolderArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  transload ca show > ca.pem && curl --cacert ca.pem https://127.0.0.1:8443/healthz")]
pub(crate) struct CaShowArgs {
    #[command(flatten)]
    pub(crate) folder: CaFolderArgs,
}
