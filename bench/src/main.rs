//! `transload-bench`: times transload against floors of curl and openssl and against skopeo, in one run, as ratios.

mod control;
mod corpora;
mod floor;
mod load;
mod machine;
mod program;
mod report;
mod scenario;
mod sink;
mod trivial;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use transload_registry::{Client, ClientOptions};

use crate::corpora::{CorpusName, Scale};
use crate::scenario::{Bench, Settings};

/// Times transload against what curl and openssl need for the same bytes, and against skopeo.
#[derive(Debug, Parser)]
#[command(name = "transload-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fill a running registry with a corpus and print its references.
    Corpus {
        /// Which.
        #[arg(value_enum)]
        corpus: CorpusName,
        /// The registry, as host:port.
        #[arg(long, value_name = "REGISTRY")]
        to: String,
        /// How large.
        #[arg(long, value_enum, default_value = "full")]
        scale: Scale,
    },
    /// Listen as a blob store that answers as Azure does and throws every byte away.
    Sink {
        /// Where to listen.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:10000")]
        listen: SocketAddr,
        /// Wait so long before each answer.
        #[arg(long, value_name = "MS", default_value = "0")]
        latency_ms: u64,
    },
    /// Time everything. Starts the registries it needs.
    Run {
        /// Which corpora to take; all of them when none is named.
        #[arg(value_enum)]
        corpora: Vec<CorpusName>,
        /// `smoke` is small, quick and looks at correctness alone; `full` is what figures are made of.
        #[arg(long, value_enum, default_value = "full")]
        scale: Scale,
        /// Repetitions; the corpus with the 3 GiB layer has one.
        #[arg(long, value_name = "N", default_value = "3")]
        repeat: usize,
        /// Write the figures to this file as well.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Put everything that is written (registries, bundles, archives) below this folder.
        #[arg(long, value_name = "FOLDER")]
        work_dir: Option<PathBuf>,
        /// The program to time. Without it, the one beside this one.
        #[arg(long, value_name = "FILE")]
        transload: Option<PathBuf>,
        /// Leave skopeo out, which takes most of the time.
        #[arg(long)]
        no_skopeo: bool,
    },
    /// Put the depot and docker-registry under the same load, in turns.
    Load {
        /// Which kinds of load; all of them when none is named.
        #[arg(value_enum)]
        only: Vec<load::Work>,
        /// `smoke` is small, quick and looks at correctness alone; `full` is what figures are made of.
        #[arg(long, value_enum, default_value = "full")]
        scale: Scale,
        /// Repetitions, each with fresh servers.
        #[arg(long, value_name = "N", default_value = "3")]
        repeat: usize,
        /// Write the figures to this file as well.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Put the data of both servers below this folder.
        #[arg(long, value_name = "FOLDER")]
        work_dir: Option<PathBuf>,
        /// The program whose `registry serve` is put under load. Without it, the one beside this one.
        #[arg(long, value_name = "FILE")]
        transload: Option<PathBuf>,
    },
    /// Fill the ledger of a control plane with pipelines and runs, and ask for them.
    Control {
        /// Which ledgers; both when none is named.
        #[arg(value_enum)]
        only: Vec<control::LedgerKind>,
        /// `smoke` is small, quick and looks at correctness alone; `full` is what figures are made of.
        #[arg(long, value_enum, default_value = "full")]
        scale: Scale,
        /// Write the figures to this file as well.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Put the ledgers below this folder.
        #[arg(long, value_name = "FOLDER")]
        work_dir: Option<PathBuf>,
        /// The program whose `serve` is put under load. Without it, the one beside this one.
        #[arg(long, value_name = "FILE")]
        transload: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Corpus { corpus, to, scale } => fill(corpus, &to, scale),
        Command::Sink { listen, latency_ms } => {
            let sink = sink::Sink::start(listen, Duration::from_millis(latency_ms))?;
            say(&format!("{}/container", sink.account_url()));
            sink.serve_forever()
        }
        Command::Run { corpora, scale, repeat, json, work_dir, transload, no_skopeo } => {
            prepare(scale, work_dir.as_deref())?;
            let program = transload.map_or_else(beside_this_program, Ok)?;
            let settings = Settings { scale, repeat: repetitions(scale, repeat), no_skopeo };
            let report = Bench::new(settings, &program)?.run(&corpora)?;
            say(&report.table());
            write_json(json.as_deref(), &report)
        }
        Command::Load { only, scale, repeat, json, work_dir, transload } => {
            prepare(scale, work_dir.as_deref())?;
            let program = transload.map_or_else(beside_this_program, Ok)?;
            let settings = load::Settings { scale, repeat: repetitions(scale, repeat), only };
            let report = load::run(&program, &settings)?;
            say(&report.table());
            write_json(json.as_deref(), &report)
        }
        Command::Control { only, scale, json, work_dir, transload } => {
            prepare(scale, work_dir.as_deref())?;
            let program = transload.map_or_else(beside_this_program, Ok)?;
            let report = control::run(&program, &control::Settings { scale, only })?;
            say(&report.table());
            write_json(json.as_deref(), &report)
        }
    }
}

fn prepare(scale: Scale, work_dir: Option<&Path>) -> Result<()> {
    if scale == Scale::Full && cfg!(debug_assertions) {
        bail!("figures of a debug build mean nothing: build with --release");
    }
    if let Some(folder) = work_dir
        && tempfile::env::override_temp_dir(folder).is_err()
    {
        bail!("the folder for temporary files is set already");
    }
    Ok(())
}

fn repetitions(scale: Scale, wanted: usize) -> usize {
    scale.pick(1, wanted.max(1))
}

fn write_json(file: Option<&Path>, report: &impl serde::Serialize) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    std::fs::write(file, serde_json::to_vec_pretty(report)?)
        .with_context(|| format!("writing {}", file.display()))
}

fn fill(corpus: CorpusName, to: &str, scale: Scale) -> Result<()> {
    let corpus = corpora::make(corpus, scale);
    let client = Client::new(to, ClientOptions::default())?;
    runtime()?.block_on(corpus.push(&client))?;
    say(&corpus.references(to).join("\n"));
    Ok(())
}

fn beside_this_program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("transload");
    if !program.is_file() {
        bail!("{} is not there: build it with the same profile, or name it", program.display());
    }
    Ok(program)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// A line on standard output.
fn say(text: &str) {
    // a reader that has gone away is no failure
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A line of progress.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
