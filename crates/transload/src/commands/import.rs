//! `transload import`.

use transload_transfer::{Error, Import, TargetOptions};

use super::{engine, finish};
use crate::cli::ImportArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;
use crate::registries::Registries;

pub(crate) async fn run(
    args: Box<ImportArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let (target, prefix) =
        Registries::new(&args.registries, &args.trust, environment)?.target(&args.target.to)?;
    let (store, name) = location::open_bundle(&args.bundle, &args.store, &args.trust, environment).await?;
    let options = TargetOptions {
        prefix,
        renames: args.target.map.clone(),
        overwrite_tags: args.target.overwrite_tags,
        continue_on_errors: args.report.continue_on_errors,
        dry_run: args.report.dry_run,
    };
    let delete_source_blob_on_success = args.delete_source_blob_on_success;
    let import = Import { store, name, only: args.only, target, options, delete_source_blob_on_success };
    let report = import.run(&engine(Some(&args.resources), output)).await;
    Ok(finish(&report, args.report.report.as_deref(), output))
}
