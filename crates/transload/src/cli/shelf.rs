//! Arguments of a registry that is made of bundles.

use clap::Args;
use transload_oci::Rename;

use super::{StoreArgs, TrustArgs};

/// Bundles that are served as they are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bundles")]
pub(crate) struct ShelfArgs {
    /// Serve bundles as they are, to be read only: a bundle of any kind that import takes, or a folder, a container or a
    /// prefix with several. Of a tag that several have, the one of the last counts; a delta comes behind its base.
    #[arg(long, value_name = "LOCATION", num_args = 1.., conflicts_with = "data", required_unless_present = "data")]
    pub(crate) bundle: Vec<String>,
    /// Give repositories of the bundles other names, as import does: 'team/*=prod/team/*'. The first that fits counts.
    #[arg(long, value_name = "FROM=TO", requires = "bundle", value_parser = clap::value_parser!(Rename))]
    pub(crate) map: Vec<Rename>,
    /// The repository of images to which their bundle gives no name. Without it they have the name of the bundle's file.
    #[arg(long, value_name = "NAME", requires = "bundle", value_parser = repository)]
    pub(crate) repository: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

fn repository(text: &str) -> Result<String, String> {
    if transload_oci::is_repository(text) {
        return Ok(text.to_owned());
    }
    Err("it is no name of a repository, such as team/web".to_owned())
}
