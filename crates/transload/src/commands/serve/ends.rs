//! How workers reach stores and registries, and who they are there.

use transload_endpoints::{ClientOptions, Endpoints, Options};
use transload_transfer::Error;

use crate::commands::TOOL;
use crate::config::Environment;
use crate::location;
use crate::registries::{bounds, ca_pem};
use crate::settings::Work;

/// Ends as the arguments and the environment have them.
///
/// # Errors
/// `Usage` for a file that cannot be read, and what a profile or credential that cannot be used is.
pub(super) fn endpoints(work: &Work, environment: &Environment) -> Result<Endpoints, Error> {
    let registries = ClientOptions {
        ca_pem: ca_pem(&work.trust)?,
        proxy: environment.proxy.clone(),
        user_agent: TOOL.to_owned(),
        limits: bounds(&work.resources),
        ..ClientOptions::default()
    };
    let stores = location::options(&work.trust, environment)?;
    let options = Options { stores, registries, folders: work.folders.clone(), ..Options::default() };
    let options = options.with_environment(&environment.azure, &environment.aws, &environment.google);
    Ok(Endpoints::new(options.map_err(|error| location::told(&error))?))
}
