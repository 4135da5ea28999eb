//! `transload copy`.

use transload_transfer::{Copy, Error, Retag, TargetOptions};

use super::{engine, finish};
use crate::cli::CopyArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::registries::Registries;
use crate::selection::selection;

pub(crate) async fn run(
    args: Box<CopyArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let selection = selection(&args.selection)?;
    let registries =
        Registries::new(&args.registries, &args.trust, environment)?.within(&args.resources, output);
    let sources = registries.sources(&selection)?;
    let (target, prefix) = registries.target(&args.target.to)?;
    let options = TargetOptions {
        // a copy says so in its selection
        platform_rewrite: false,
        prefix,
        renames: args.target.map.clone(),
        overwrite_tags: args.target.overwrite_tags,
        continue_on_errors: args.report.continue_on_errors,
        dry_run: args.report.dry_run,
        retag: Retag::Keep,
        checkpoint: None,
    };
    let report =
        Copy { sources, selection, target, options }.run(&engine(Some(&args.resources), output)).await;
    Ok(finish(&report, args.report.report.as_deref(), output))
}
