//! `transload list`.

use transload_transfer::{Error, list};

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
    output.listing(&listing)?;
    Ok(Exit::Success)
}
