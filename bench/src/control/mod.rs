//! The control plane with many resources in its ledger: how quickly it makes, shows and lists them.

mod figures;
mod hand;

use std::cell::Cell;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use serde::Serialize;
use transload_testkit::peers::Postgres;
use transload_testkit::site::{Site, SiteOptions};

use crate::corpora::Scale;
use crate::load::tally::Tally;
use crate::load::watch::Watched;
use crate::machine::{self, Machine};
pub(crate) use figures::Report;
use figures::{Line, Side};
use hand::Hand;

/// Requests that are under way at a time.
const CONNECTIONS: usize = 16;
/// Group and registry that everything is in.
const GROUP: &str = "bench";
const REGISTRY: &str = "benchregistry";

/// Where the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LedgerKind {
    /// A file.
    Sqlite,
    /// Debian's PostgreSQL, as it is by default.
    Postgres,
}

/// How to run.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) scale: Scale,
    /// These, or both.
    pub(crate) only: Vec<LedgerKind>,
}

/// How much there is.
struct Sizes {
    pipelines: usize,
    runs: usize,
    gets: usize,
    lists: usize,
}

/// What is asked for again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Work {
    PutPipelines,
    PutRuns,
    GetPipeline,
    GetRun,
    GetOperation,
    ListPipelines,
    ListRuns,
    PutRunAgain,
}

/// Runs it: a fresh server for each ledger.
pub(crate) fn run(program: &Path, settings: &Settings) -> Result<Report> {
    if let Some(load) = machine::noise() {
        crate::note(&format!("the machine is busy (load {load}): rates will be noise"));
    }
    let sizes = Sizes {
        pipelines: settings.scale.pick(20, 1_000),
        runs: settings.scale.pick(200, 20_000),
        gets: settings.scale.pick(100, 5_000),
        lists: settings.scale.pick(20, 500),
    };
    let kinds = [LedgerKind::Sqlite, LedgerKind::Postgres];
    let mut sides = Vec::new();
    for kind in kinds.into_iter().filter(|kind| settings.only.is_empty() || settings.only.contains(kind)) {
        sides.push(side(program, kind, &sizes)?);
    }
    Ok(Report {
        machine: Machine::this(),
        scale: settings.scale,
        pipelines: sizes.pipelines,
        runs: sizes.runs,
        sides,
    })
}

fn side(program: &Path, kind: LedgerKind, sizes: &Sizes) -> Result<Side> {
    let postgres = (kind == LedgerKind::Postgres).then(Postgres::start);
    let options = SiteOptions {
        ledger: postgres.as_ref().map(|postgres| postgres.database()),
        // the runs stay where they are: what is measured is the control plane
        workers: 0,
        tls: false,
        ..SiteOptions::default()
    };
    let site = Site::start(program, options);
    let process = Watched(site.pid());
    let (idle_rss, _) = process.resident()?;
    site.make_group(GROUP);
    site.make_external(GROUP, REGISTRY, "registry.example");
    let mut lines = Vec::new();
    for work in Work::ALL {
        crate::note(&format!("{kind:?}: {}", work.text()));
        let cpu = process.cpu_seconds()?;
        let ((seconds, tally), memory) = process.during(|| phase(&site, work, sizes))?;
        lines.push(Line::new(work.text(), seconds, tally, process.cpu_seconds()? - cpu, memory));
    }
    let runs = site.list(&format!("{}/pipelineRuns", site.registry(GROUP, REGISTRY)));
    ensure!(runs.len() == sizes.runs, "{} runs were made, {} are there", sizes.runs, runs.len());
    Ok(Side { ledger: kind, idle_rss, lines })
}

fn phase(site: &Site, work: Work, sizes: &Sizes) -> Result<(f64, Tally)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hand = Hand::new(site)?;
    let next = Cell::new(0);
    let started = Instant::now();
    let tally = runtime.block_on(async {
        let working: FuturesUnordered<_> =
            (0..CONNECTIONS).map(|_| work_off(&hand, work, sizes, &next)).collect();
        working.try_fold(Tally::default(), async |sum, one| Ok(sum.join(one))).await
    })?;
    Ok((started.elapsed().as_secs_f64(), tally))
}

async fn work_off(hand: &Hand, work: Work, sizes: &Sizes, next: &Cell<usize>) -> Result<Tally> {
    let mut tally = Tally::default();
    while next.get() < work.count(sizes) {
        let index = next.replace(next.get() + 1);
        let begun = Instant::now();
        let bytes = hand.perform(work, index, sizes).await?;
        tally.took(begun.elapsed());
        tally.add(bytes);
    }
    Ok(tally)
}

impl Work {
    /// In the order in which they are done.
    const ALL: [Self; 8] = [
        Self::PutPipelines,
        Self::PutRuns,
        Self::PutRunAgain,
        Self::GetPipeline,
        Self::GetRun,
        Self::GetOperation,
        Self::ListPipelines,
        Self::ListRuns,
    ];

    fn count(self, sizes: &Sizes) -> usize {
        match self {
            Self::PutPipelines => sizes.pipelines,
            Self::PutRuns => sizes.runs,
            Self::GetPipeline | Self::GetRun | Self::GetOperation | Self::PutRunAgain => sizes.gets,
            Self::ListPipelines | Self::ListRuns => sizes.lists,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::PutPipelines => "PUT of a new pipeline",
            Self::PutRuns => "PUT of a new run",
            Self::PutRunAgain => "the same PUT of a run again",
            Self::GetPipeline => "GET of a pipeline",
            Self::GetRun => "GET of a run",
            Self::GetOperation => "GET of an operation",
            Self::ListPipelines => "LIST of pipelines, first page",
            Self::ListRuns => "LIST of runs, a page from anywhere",
        }
    }
}
