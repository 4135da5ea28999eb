//! `transload list`.

use transload_transfer::{Code, Error, list};

use super::engine;
use crate::cli::ListArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;

pub(crate) async fn run(args: ListArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let (store, name) = location::open(&args.location, &args.store, &args.trust, environment)?;
    let prefix = name.unwrap_or_default();
    let listing = list(&engine(None, &output.silent()), &store, &prefix).await?;
    if !prefix.is_empty() && listing.bundles.is_empty() && listing.others.is_empty() {
        let detail = "there is no folder of that name, and no file whose name begins so";
        return Err(Error::new(Code::BundleNotFound, store.describe(&prefix), detail)
            .with_next("check the name, or list what is above it"));
    }
    output.listing(&listing)?;
    Ok(Exit::Success)
}
