//! Figures of a load run, and how they are shown.

use std::fmt::Write as _;

use serde::Serialize;

use super::tally::Tally;
use super::watch::Memory;
use super::work::Work;
use crate::corpora::Scale;
use crate::machine::Machine;
use crate::report::median;

const MIB: f64 = 1024.0 * 1024.0;
/// The depot's memory over docker-registry's should not be above this.
const MEMORY_GOAL: f64 = 0.5;

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) machine: Machine,
    pub(super) scale: Scale,
    pub(super) idle: Idle,
    pub(super) lines: Vec<Line>,
}

/// Resident memory right after the start, and of it the process's own, bytes; one pair for each repetition.
#[derive(Debug, Default, Serialize)]
pub(super) struct Idle {
    docker: Vec<(u64, u64)>,
    depot: Vec<(u64, u64)>,
}

/// One kind of load over so many connections.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    work: Work,
    connections: usize,
    /// One for each repetition.
    pub(super) docker: Vec<Sample>,
    pub(super) depot: Vec<Sample>,
    /// Once: the generator against a server that does nothing.
    pub(super) trivial: Vec<Sample>,
}

/// One server under one load.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sample {
    seconds: f64,
    operations: u64,
    bytes: u64,
    /// Bytes a second, or operations a second, by what counts in this load.
    rate: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    generator_cpu_seconds: f64,
    pub(super) server_cpu_seconds: f64,
    pub(super) memory: Memory,
}

impl Idle {
    pub(super) fn add(&mut self, docker: (u64, u64), depot: (u64, u64)) {
        self.docker.push(docker);
        self.depot.push(depot);
    }
}

impl Sample {
    pub(super) fn new(mut tally: Tally, work: Work, seconds: f64, generator_cpu_seconds: f64) -> Self {
        let counted = if work.is_bytes() { tally.bytes } else { tally.operations };
        let percentiles = tally.percentiles();
        Self {
            seconds,
            operations: tally.operations,
            bytes: tally.bytes,
            rate: counted as f64 / seconds,
            p50_ms: percentiles.map(|(p50, _)| p50),
            p99_ms: percentiles.map(|(_, p99)| p99),
            generator_cpu_seconds,
            server_cpu_seconds: 0.0,
            memory: Memory::default(),
        }
    }

    /// Processor time of the server for what counts.
    fn server_cpu(&self) -> f64 {
        self.server_cpu_seconds / (self.rate * self.seconds)
    }

    /// Part of the time during which the generator's thread was running.
    fn generator_share(&self) -> f64 {
        self.generator_cpu_seconds / self.seconds
    }
}

impl Line {
    pub(super) fn new(work: Work, connections: usize) -> Self {
        Self { work, connections, docker: Vec::new(), depot: Vec::new(), trivial: Vec::new() }
    }

    /// The depot over docker-registry, repetition by repetition: the median, the smallest and the largest.
    fn ratio(&self, value: impl Fn(&Sample) -> f64) -> (f64, f64, f64) {
        let values: Vec<f64> =
            self.depot.iter().zip(&self.docker).map(|(depot, docker)| value(depot) / value(docker)).collect();
        let smallest = values.iter().copied().fold(f64::MAX, f64::min);
        (median(&values), smallest, values.iter().copied().fold(0.0, f64::max))
    }

    /// Whether the depot's latency has to be the lower one here.
    fn has_latency_goal(&self) -> bool {
        matches!(self.work, Work::GetByTag | Work::GetByDigest | Work::Mixed)
    }
}

fn mid(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    median(&samples.iter().map(value).collect::<Vec<_>>())
}

/// The largest of one repetition's lines.
fn peak(lines: &[Line], side: impl Fn(&Line) -> &[Sample], repetition: usize) -> f64 {
    let peaks = lines.iter().filter_map(|line| side(line).get(repetition)).map(|s| s.memory.peak_rss);
    peaks.max().unwrap_or(0) as f64
}

impl Report {
    /// As Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = format!(
            "{}
",
            self.machine
        );
        // writing to a string cannot fail
        let _ =
            self.rates(&mut out).and_then(|()| self.latencies(&mut out)).and_then(|()| self.memory(&mut out));
        out
    }

    fn rates(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n## Rates\n")?;
        writeln!(
            out,
            "| load | connections | docker-registry | depot | ratio | goal | server CPU, ratio | generator busy | trivial server |\n\
             |---|---|---|---|---|---|---|---|---|"
        )?;
        for line in &self.lines {
            let (unit, scale) = if line.work.is_bytes() { ("MiB/s", MIB) } else { ("/s", 1.0) };
            let rate = |samples: &[Sample]| format!("{:.0} {unit}", mid(samples, |s| s.rate) / scale);
            let (ratio, low, high) = line.ratio(|s| s.rate);
            let (cpu, ..) = line.ratio(Sample::server_cpu);
            let goal = self.goal(ratio, ratio >= 1.0, "≥ 1");
            let busy = |samples: &[Sample]| 100.0 * mid(samples, Sample::generator_share);
            writeln!(
                out,
                "| {} | {} | {} | {} | {ratio:.2} ({low:.2}–{high:.2}) | {goal} | {cpu:.2} | {:.0}, {:.0} % | {} |",
                line.work.text(),
                line.connections,
                rate(&line.docker),
                rate(&line.depot),
                busy(&line.docker),
                busy(&line.depot),
                rate(&line.trivial),
            )?;
        }
        Ok(())
    }

    fn latencies(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n## Latencies, ms\n")?;
        writeln!(
            out,
            "| load | connections | docker-registry p50 | p99 | depot p50 | p99 | p99 ratio | goal |\n|---|---|---|---|---|---|---|---|"
        )?;
        for line in self.lines.iter().filter(|line| !line.work.is_bytes()) {
            let (p50, p99) = (|s: &Sample| s.p50_ms.unwrap_or(0.0), |s: &Sample| s.p99_ms.unwrap_or(0.0));
            let (ratio, low, high) = line.ratio(p99);
            let goal =
                if line.has_latency_goal() { self.goal(ratio, ratio <= 1.0, "≤ 1") } else { String::new() };
            writeln!(
                out,
                "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {ratio:.2} ({low:.2}–{high:.2}) | {goal} |",
                line.work.text(),
                line.connections,
                mid(&line.docker, p50),
                mid(&line.docker, p99),
                mid(&line.depot, p50),
                mid(&line.depot, p99),
            )?;
        }
        Ok(())
    }

    fn memory(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n## Memory, MiB\n")?;
        writeln!(
            out,
            "| load | connections | docker-registry peak | mean | own | depot peak | mean | own | peak ratio |\n|---|---|---|---|---|---|---|---|---|"
        )?;
        let (docker, depot) = (idle(&self.idle.docker), idle(&self.idle.depot));
        writeln!(
            out,
            "| none | 0 | {:.1} | | {:.1} | {:.1} | | {:.1} | {:.2} |",
            docker.0 / MIB,
            docker.1 / MIB,
            depot.0 / MIB,
            depot.1 / MIB,
            depot.0 / docker.0
        )?;
        for line in &self.lines {
            let (ratio, ..) = line.ratio(|s| s.memory.peak_rss as f64);
            write!(out, "| {} | {} |", line.work.text(), line.connections)?;
            for samples in [&line.docker, &line.depot] {
                for value in [|m: &Memory| m.peak_rss, |m: &Memory| m.mean_rss, |m: &Memory| m.peak_anon] {
                    write!(out, " {:.1} |", mid(samples, |s| value(&s.memory) as f64) / MIB)?;
                }
            }
            writeln!(out, " {ratio:.2} |")?;
        }
        let count = self.lines.iter().map(|line| line.depot.len()).min().unwrap_or(0);
        let docker: Vec<f64> = (0..count).map(|n| peak(&self.lines, |line| &line.docker, n)).collect();
        let depot: Vec<f64> = (0..count).map(|n| peak(&self.lines, |line| &line.depot, n)).collect();
        let ratios: Vec<f64> = depot.iter().zip(&docker).map(|(a, b)| a / b).collect();
        let (docker, depot, ratio) = (median(&docker) / MIB, median(&depot) / MIB, median(&ratios));
        let goal = self.goal(ratio, ratio <= MEMORY_GOAL, "≤ 0.5");
        writeln!(out, "| all | | {docker:.1} | | | {depot:.1} | | | {ratio:.2} {goal} |")
    }

    /// Small runs are over before anything can be told of them.
    fn goal(&self, value: f64, reached: bool, text: &str) -> String {
        match (self.scale, reached) {
            (Scale::Full, true) if value.is_finite() => format!("{text} reached"),
            (Scale::Full, _) => format!("{text} MISSED"),
            (Scale::Smoke, _) => String::new(),
        }
    }
}

fn idle(samples: &[(u64, u64)]) -> (f64, f64) {
    let mid =
        |value: fn(&(u64, u64)) -> u64| median(&samples.iter().map(|s| value(s) as f64).collect::<Vec<_>>());
    (mid(|s| s.0), mid(|s| s.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn sample(operations: u64, ms: u64, peak_rss: u64) -> Sample {
        let mut tally = Tally::default();
        for _ in 0..operations {
            tally.add(1);
            tally.took(Duration::from_millis(ms));
        }
        let mut sample = Sample::new(tally, Work::GetByTag, 2.0, 1.0);
        sample.memory.peak_rss = peak_rss;
        sample
    }

    #[test]
    fn goals_are_held_against_the_other_registry() {
        let mut line = Line::new(Work::GetByTag, 4);
        line.docker = vec![sample(10, 4, 40 << 20), sample(20, 4, 40 << 20)];
        line.depot = vec![sample(20, 8, 10 << 20), sample(20, 8, 30 << 20)];
        line.trivial = vec![sample(90, 1, 0)];
        assert!((line.ratio(|s| s.rate).0 - 1.5).abs() < 1e-9);
        let (machine, idle) = (Machine::this(), Idle::default());
        let table = Report { machine, scale: Scale::Full, idle, lines: vec![line] }.table();
        for expected in [
            "| 8 /s | 10 /s | 1.50 (1.00–2.00) | ≥ 1 reached |",
            "| 4.00 | 4.00 | 8.00 | 8.00 | 2.00 (2.00–2.00) | ≤ 1 MISSED |",
            "| all | | 40.0 | | | 20.0 | | | 0.50 ≤ 0.5 reached |",
        ] {
            assert!(table.contains(expected), "{expected}: {table}");
        }
    }
}
