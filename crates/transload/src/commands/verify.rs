//! `transload verify`.

use transload_transfer::{Error, Verify};

use super::{engine, finish};
use crate::cli::{BundleArgs, VerifyArgs};
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;

pub(crate) async fn run(args: VerifyArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let BundleArgs { bundle, parts, trust, store } = &args.bundle;
    location::check_parts(bundle, parts)?;
    let (store, name) = location::open_bundle(bundle, store, trust, environment).await?;
    let report = Verify { store, name }.run(&engine(None, output)).await;
    Ok(finish(&report, args.report.as_deref(), output))
}
