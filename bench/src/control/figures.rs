//! Figures of the control plane, and how they are shown.

use std::fmt::Write as _;

use serde::Serialize;

use super::LedgerKind;
use crate::corpora::Scale;
use crate::load::tally::Tally;
use crate::load::watch::Memory;
use crate::machine::Machine;

const MIB: f64 = 1024.0 * 1024.0;

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) machine: Machine,
    pub(super) scale: Scale,
    pub(super) pipelines: usize,
    pub(super) runs: usize,
    pub(super) sides: Vec<Side>,
}

/// One ledger.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    pub(super) ledger: LedgerKind,
    /// Resident memory of the server right after its start, bytes.
    pub(super) idle_rss: u64,
    pub(super) lines: Vec<Line>,
}

/// One kind of request.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    what: &'static str,
    requests: u64,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of the server for one request.
    server_cpu_ms: f64,
    memory: Memory,
}

impl Line {
    pub(super) fn new(
        what: &'static str,
        seconds: f64,
        mut tally: Tally,
        cpu_seconds: f64,
        memory: Memory,
    ) -> Self {
        let (p50_ms, p99_ms) = tally.percentiles().unwrap_or_default();
        let requests = tally.operations;
        let count = requests as f64;
        Self {
            what,
            requests,
            per_second: count / seconds,
            p50_ms,
            p99_ms,
            server_cpu_ms: cpu_seconds * 1000.0 / count,
            memory,
        }
    }
}

impl Report {
    /// As a page of Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{}\n\n{} pipelines, {} runs\n", self.machine, self.pipelines, self.runs);
        for side in &self.sides {
            let _ = write!(
                text,
                "\n{:?}; resident after the start {:.0} MiB\n\n\
                 | request | count | a second | p50 ms | p99 ms | server CPU ms | peak resident MiB |\n\
                 |---|---|---|---|---|---|---|\n",
                side.ledger,
                side.idle_rss as f64 / MIB
            );
            for line in &side.lines {
                let _ = writeln!(
                    text,
                    "| {} | {} | {:.0} | {:.1} | {:.1} | {:.2} | {:.0} |",
                    line.what,
                    line.requests,
                    line.per_second,
                    line.p50_ms,
                    line.p99_ms,
                    line.server_cpu_ms,
                    line.memory.peak_rss as f64 / MIB
                );
            }
        }
        text
    }
}
