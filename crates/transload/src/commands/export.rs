//! `transload export`.

use transload_transfer::{Error, Export, ExportOptions};

use super::{TOOL, engine, finish, pipe, plan};
use crate::cli::ExportArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;
use crate::registries::Registries;
use crate::selection::selection;

pub(crate) async fn run(
    args: Box<ExportArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let approved = args.plan.as_deref().map(plan::read).transpose()?;
    let selection = match (&approved, &args.plan) {
        (Some(approved), Some(file)) => approved.to_selection(&file.display().to_string())?,
        _ => selection(&args.selection)?,
    };
    let sources = Registries::new(&args.registries, &args.trust, environment)?
        .within(&args.resources, output)
        .sources(&selection)?;
    let (store, name) = if args.to == pipe::DASH {
        pipe::stdout(args.report.dry_run)?
    } else {
        location::open(&args.to, &args.store, &args.trust, environment)?
    };
    let options = ExportOptions {
        overwrite_blobs: args.overwrite_blobs,
        continue_on_errors: args.report.continue_on_errors,
        dry_run: args.report.dry_run,
        tool: TOOL.to_owned(),
    };
    let export = Export { sources, selection, approved, store, name, options };
    let report = export.run(&engine(Some(&args.resources), output)).await;
    Ok(finish(&report, args.report.report.as_deref(), output))
}
