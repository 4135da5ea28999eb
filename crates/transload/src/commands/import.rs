//! `transload import`.

use transload_transfer::{Error, Import, Retag, StreamImport, TargetOptions};

use super::{engine, finish, pipe};
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
    location::check_parts(&args.bundle, &args.parts)?;
    let (target, prefix) = Registries::new(&args.registries, &args.trust, environment)?
        .within(&args.resources, output)
        .target(&args.target.to)?;
    let options = TargetOptions {
        prefix,
        renames: args.target.map.clone(),
        platform_rewrite: args.platform_rewrite,
        overwrite_tags: args.target.overwrite_tags,
        continue_on_errors: args.report.continue_on_errors,
        dry_run: args.report.dry_run,
        retag: Retag::Keep,
        checkpoint: None,
    };
    let engine = engine(Some(&args.resources), output);
    if args.bundle == pipe::DASH {
        let (label, reader) = pipe::stdin()?;
        let report = StreamImport { label, reader, only: args.only, target, options }.run(&engine).await;
        return Ok(finish(&report, args.report.report.as_deref(), output));
    }
    let (store, name) = location::open_bundle(&args.bundle, &args.store, &args.trust, environment).await?;
    let delete_source_blob_on_success = args.delete_source_blob_on_success;
    let import = Import { store, name, only: args.only, target, options, delete_source_blob_on_success };
    let report = import.run(&engine).await;
    Ok(finish(&report, args.report.report.as_deref(), output))
}
