//! `transload inspect`.

use transload_transfer::{Error, inspect};

use super::engine;
use crate::cli::{BundleArgs, InspectArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;

pub(crate) async fn run(
    args: InspectArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let BundleArgs { bundle, parts, trust, store } = &args.bundle;
    location::check_parts(bundle, parts)?;
    let (store, name) = location::open_bundle(bundle, store, trust, environment).await?;
    let inspection = inspect(&engine(None, &output.silent()), &store, &name).await?;
    output.inspection(&inspection, args.blobs)?;
    Ok(Exit::Success)
}
