//! The commands: arguments in, engine run, report out.

pub(crate) mod ca;
pub(crate) mod config;
pub(crate) mod copy;
pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod papers;
mod pipe;
pub(crate) mod plan;
pub(crate) mod plane;
pub(crate) mod registry;
pub(crate) mod relay;
pub(crate) mod serve;
pub(crate) mod split;
pub(crate) mod verify;

pub(crate) use pipe::STDOUT;

use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use transload_transfer::{Code, Engine, Error, Limits, Pace, Report, Schedule};

use crate::cli::ResourceArgs;
use crate::exit::Exit;
use crate::output::Output;

/// How this program names itself to registries and in bundles.
pub(crate) const TOOL: &str = concat!("transload/", env!("CARGO_PKG_VERSION"));

/// An engine with the bounds that the command line sets, which a signal stops.
pub(crate) fn engine(resources: Option<&ResourceArgs>, output: &Output) -> Engine {
    let mut limits = Limits::default();
    if let Some(concurrency) = resources.and_then(|resources| resources.concurrency) {
        limits.blobs_at_once = usize::from(concurrency);
        limits.requests_at_once = limits.requests_at_once.max(limits.blobs_at_once);
    }
    // a blob on its way holds one of the host's places: more of them than places could wait for each other
    if let Some(max_per_host) = resources.and_then(|resources| resources.max_per_host) {
        limits.blobs_at_once = limits.blobs_at_once.min(usize::from(max_per_host));
    }
    if let Some(memory_max) = resources.and_then(|resources| resources.memory_max) {
        limits.memory_bytes_max = memory_max;
        // two blocks at least are in flight: where memory is short, they are shorter
        const BLOCK_BYTES_MIN: u64 = 1024 * 1024;
        limits.block_bytes = limits.block_bytes.min((memory_max / 2).max(BLOCK_BYTES_MIN) / 512 * 512);
    }
    Engine::new(limits, output.events(), until_signal()).with_pace(pace(resources))
}

/// A token that a signal cancels.
pub(crate) fn until_signal() -> CancellationToken {
    let cancel = CancellationToken::new();
    // listening begins here, not when the task first runs: a signal before that would end the program
    if let (Ok(interrupt), Ok(terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    {
        tokio::spawn(stop_on_signal(interrupt, terminate, cancel.clone()));
    }
    cancel
}

fn pace(resources: Option<&ResourceArgs>) -> Pace {
    let window = resources.and_then(|resources| resources.window.clone());
    let schedule = window.map(|window| Arc::new(window) as Arc<dyn Schedule>);
    Pace::new(resources.and_then(|resources| resources.rate_limit), schedule)
}

/// The first signal stops cleanly, the second at once.
async fn stop_on_signal(mut interrupt: Signal, mut terminate: Signal, cancel: CancellationToken) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if cancel.is_cancelled() {
            std::process::exit(i32::from(Exit::Interrupted.row().0));
        }
        cancel.cancel();
    }
}

/// Shows a report, writes it where it was asked for, and says how to exit.
pub(crate) fn finish(report: &Report, file: Option<&Path>, output: &Output) -> Exit {
    let mut exit = Exit::of_report(report);
    if let Some(file) = file
        && let Err(error) = write_report(report, file)
    {
        output.error(&error);
        exit = if exit == Exit::Success { Exit::of(error.code()) } else { exit };
    }
    if let Err(error) = output.report(report) {
        output.error(&error);
        exit = if exit == Exit::Success { Exit::of(error.code()) } else { exit };
    }
    exit
}

fn write_report(report: &Report, file: &Path) -> Result<(), Error> {
    let failed = |detail: String| {
        Error::new(Code::StoreIo, format!("--report {}", file.display()), detail)
            .with_next("the transfer itself is not touched by this; the report stands in the output")
    };
    let json = serde_json::to_vec_pretty(report).map_err(|error| failed(error.to_string()))?;
    std::fs::write(file, json).map_err(|error| failed(error.to_string()))
}
