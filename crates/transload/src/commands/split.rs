//! `transload split`.

use transload_transfer::{Code, Cut, Error, Outcome, Split};

use super::{TOOL, engine};
use crate::cli::SplitArgs;
use crate::config::Environment;
use crate::exit::Exit;
use crate::location;
use crate::output::Output;

/// A part shorter than this is a slip of the pen.
const PART_BYTES_MIN: u64 = 64 * 1024;

pub(crate) async fn run(
    args: Box<SplitArgs>,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let cut = match args.cut.size {
        Some(bytes) if bytes < PART_BYTES_MIN => {
            let detail = format!("parts of {bytes} bytes are too short: {PART_BYTES_MIN} at least");
            return Err(Error::new(Code::Usage, "--size", detail).with_next("give a unit: --size 4GiB"));
        }
        Some(bytes) => Cut::Bytes(bytes),
        None => Cut::Repositories,
    };
    let (store, name) = location::open_bundle(&args.bundle, &args.store, &args.trust, environment).await?;
    let (target, file) = location::open(&args.to, &args.store, &args.trust, environment)?;
    if let Some(file) = file {
        let detail = "this would be one file, and there will be several";
        return Err(Error::new(Code::Usage, target.describe(&file), detail)
            .with_next("name a folder, with a '/' behind it if it is to be made, or a container"));
    }
    let (overwrite_blobs, dry_run) = (args.overwrite_blobs, args.dry_run);
    let split = Split { store, name, target, cut, overwrite_blobs, dry_run, tool: TOOL.to_owned() };
    let report = split.run(&engine(Some(&args.resources), output)).await;
    output.split(&report)?;
    let failed = report.bundles.iter().map(Exit::of_report).find(|exit| *exit != Exit::Success);
    Ok(match &report.error {
        _ if report.outcome == Outcome::Interrupted => Exit::Interrupted,
        Some(error) => failed.unwrap_or_else(|| Exit::of(error.code())),
        None => failed.unwrap_or(Exit::Success),
    })
}
