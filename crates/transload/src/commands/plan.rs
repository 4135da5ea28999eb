//! `transload plan`.

use std::path::Path;

use transload_transfer::{Code, Error, PlanFile};

use super::{TOOL, engine};
use crate::cli::PlanArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::Output;
use crate::registries::{Registries, read_bounded};
use crate::selection::selection;

/// A plan has some hundred bytes for each manifest and blob.
const PLAN_BYTES_MAX: u64 = 512 * 1024 * 1024;

pub(crate) async fn run(
    args: Box<PlanArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    if let Some(file) = &args.show {
        output.plan_page(&read(file)?)?;
        return Ok(Exit::Success);
    }
    let selection = selection(&args.selection)?;
    let sources = Registries::new(&args.registries, &args.trust, environment)?
        .within(&args.resources, output)
        .sources(&selection)?;
    let engine = engine(Some(&args.resources), &output.silent());
    let (report, plan) = PlanFile::make(&engine, &sources, &selection, TOOL, args.continue_on_errors).await;
    output.failures(&report);
    let exit = Exit::of_report(&report);
    let Some(plan) = plan else { return Ok(exit) };
    match &args.save {
        Some(file) => {
            save(&plan, file)?;
            output.plan_page(&plan)?;
        }
        None => output.plan(&plan)?,
    }
    Ok(exit)
}

/// Reads a plan from a file.
pub(super) fn read(file: &Path) -> Result<PlanFile, Error> {
    let bytes = read_bounded("plan", file, PLAN_BYTES_MAX)?;
    PlanFile::parse(&bytes, &file.display().to_string())
}

fn save(plan: &PlanFile, file: &Path) -> Result<(), Error> {
    let failed = |detail: String| Error::new(Code::StoreIo, format!("--save {}", file.display()), detail);
    let mut json = serde_json::to_vec_pretty(plan).map_err(|error| failed(error.to_string()))?;
    json.push(b'\n');
    std::fs::write(file, json).map_err(|error| failed(error.to_string()))
}
