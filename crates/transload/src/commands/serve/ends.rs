//! How workers reach stores and registries, and who they are there.

use transload_endpoints::{Ambient, ClientOptions, Endpoints, Options};
use transload_transfer::Error;

use crate::commands::TOOL;
use crate::config::Environment;
use crate::location;
use crate::registries::ca_pem;
use crate::settings::Work;

/// Ends as the arguments and the environment have them.
///
/// # Errors
/// `Usage` for a file that cannot be read, and what a profile or credential that cannot be used is.
pub(super) fn endpoints(work: &Work, environment: &Environment) -> Result<Endpoints, Error> {
    let mut stores = location::options(&work.trust, environment)?;
    let aws = environment.aws.with_profile().map_err(|error| told(&error))?;
    stores.s3.endpoint = aws.endpoint();
    stores.s3.region = aws.region();
    stores.gcs = environment.google.options();
    let registries = ClientOptions {
        ca_pem: ca_pem(&work.trust)?,
        proxy: environment.proxy.clone(),
        user_agent: TOOL.to_owned(),
        ..ClientOptions::default()
    };
    let ambient = Ambient {
        entra: Some(environment.azure.worker().map_err(|error| told(&error))?),
        s3: aws.identity().ok(),
        gcs: Some(environment.google.identity()),
    };
    Ok(Endpoints::new(Options {
        stores,
        registries,
        folders: work.folders.clone(),
        ambient,
        ..Options::default()
    }))
}

fn told(error: &transload_endpoints::Error) -> Error {
    location::told(error)
}
