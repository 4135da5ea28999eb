//! Figures, and how they are shown.

use std::fmt::Write as _;

use serde::Serialize;

use crate::corpora::{CorpusName, Scale};
use crate::machine::Machine;
use crate::program::Timed;

const MIB: f64 = 1024.0 * 1024.0;

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) scale: Scale,
    pub(crate) corpora: Vec<Figures>,
}

/// Figures of one corpus.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) corpus: CorpusName,
    pub(crate) artifacts: usize,
    pub(crate) blobs: usize,
    /// Bytes of all blobs, each once.
    pub(crate) bytes: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) ratios: Vec<Ratio>,
    /// Requests that were counted.
    pub(crate) facts: Vec<(String, u64)>,
}

/// One thing that was timed.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// One for each repetition.
    pub(crate) seconds: Vec<f64>,
    pub(crate) median_seconds: f64,
    /// The largest of all repetitions.
    pub(crate) peak_rss_bytes: Option<u64>,
}

/// One time over another.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    pub(crate) what: String,
    /// One for each repetition: what drifts during a run drifts on both sides.
    pub(crate) values: Vec<f64>,
    pub(crate) median: f64,
    /// What it should not be above.
    pub(crate) goal: Option<f64>,
}

impl Figures {
    pub(crate) fn new(corpus: CorpusName, made: &transload_testkit::images::Corpus) -> Self {
        Self {
            corpus,
            artifacts: made.entries.len(),
            blobs: made.unique_blobs().len(),
            bytes: made.unique_blob_bytes(),
            rows: Vec::new(),
            ratios: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Adds one repetition of something.
    pub(crate) fn add(&mut self, what: &str, timed: &Timed) {
        let at = self.rows.iter().position(|row| row.what == what).unwrap_or_else(|| {
            let what = what.to_owned();
            self.rows.push(Row { what, seconds: Vec::new(), median_seconds: 0.0, peak_rss_bytes: None });
            self.rows.len() - 1
        });
        if let Some(row) = self.rows.get_mut(at) {
            row.seconds.push(timed.seconds);
            row.median_seconds = median(&row.seconds);
            row.peak_rss_bytes = row.peak_rss_bytes.max(timed.peak_rss_bytes);
        }
    }

    /// Adds one repetition of something that another program did.
    pub(crate) fn add_floor(&mut self, what: &str, seconds: f64) {
        self.add(what, &Timed { seconds, peak_rss_bytes: None });
    }

    /// The quickest of these, by its median.
    pub(crate) fn quickest<'a>(&self, names: &[&'a str]) -> &'a str {
        let time = |name: &str| self.row(name).map_or(f64::MAX, |row| row.median_seconds);
        names.iter().copied().min_by(|a, b| time(a).total_cmp(&time(b))).unwrap_or_default()
    }

    /// Adds the ratio of a sum of rows to another.
    pub(crate) fn ratio(&mut self, what: &str, over: &[&str], under: &[&str], goal: Option<f64>) {
        let sum = |names: &[&str], n: usize| -> Option<f64> {
            names.iter().map(|name| self.row(name)?.seconds.get(n).copied()).sum()
        };
        let values: Vec<f64> = (0..).map_while(|n| Some(sum(over, n)? / sum(under, n)?)).collect();
        if !values.is_empty() {
            self.ratios.push(Ratio { what: what.to_owned(), median: median(&values), values, goal });
        }
    }

    /// Adds a bound in seconds as a ratio to it.
    pub(crate) fn bound(&mut self, what: &str, row: &str, seconds: f64) {
        let Some(values) = self.row(row).map(|row| row.seconds.clone()) else { return };
        self.ratios.push(Ratio {
            what: what.to_owned(),
            median: median(&values),
            values,
            goal: Some(seconds),
        });
    }

    fn row(&self, what: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.what == what)
    }
}

impl Report {
    /// Without goals: small corpora are over before anything can be told of their times.
    pub(crate) fn without_goals(mut self) -> Self {
        for ratio in self.corpora.iter_mut().flat_map(|figures| &mut figures.ratios) {
            ratio.goal = None;
        }
        self
    }

    /// As Markdown.
    pub(crate) fn table(&self) -> String {
        let mut out = format!(
            "{}
",
            self.machine
        );
        for figures in &self.corpora {
            // writing to a string cannot fail
            let _ = figures.write(&mut out);
        }
        out
    }
}

impl Figures {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Self { corpus, artifacts, blobs, bytes, .. } = self;
        let mib = *bytes as f64 / MIB;
        writeln!(out, "\n## {corpus:?}: {artifacts} artifacts, {blobs} blobs, {mib:.0} MiB\n")?;
        writeln!(out, "| what | median s | MiB/s | peak MiB | all |\n|---|---|---|---|---|")?;
        for row in &self.rows {
            let rate = mib / row.median_seconds;
            let peak = row.peak_rss_bytes.map_or(String::new(), |b| format!("{:.0}", b as f64 / MIB));
            let all = list(&row.seconds);
            writeln!(out, "| {} | {:.3} | {rate:.0} | {peak} | {all} |", row.what, row.median_seconds)?;
        }
        writeln!(out, "\n| ratio | median | goal | all |\n|---|---|---|---|")?;
        for ratio in &self.ratios {
            let goal = ratio.goal.map_or(String::new(), |goal| {
                format!("≤ {goal} {}", if ratio.median <= goal { "reached" } else { "MISSED" })
            });
            writeln!(out, "| {} | {:.2} | {goal} | {} |", ratio.what, ratio.median, list(&ratio.values))?;
        }
        if self.facts.is_empty() {
            return Ok(());
        }
        let facts: Vec<_> = self.facts.iter().map(|(what, count)| format!("{what} {count}")).collect();
        writeln!(out, "\nRequests: {}", facts.join(", "))
    }
}

fn list(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(" ")
}

/// The middle value; of an even number, the mean of both in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2, middle.checked_sub(1).and_then(|m| sorted.get(m))) {
        (Some(upper), 0, Some(lower)) => (upper + lower) / 2.0,
        (Some(value), ..) => *value,
        (None, ..) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpora;

    #[test]
    fn ratios_are_taken_within_a_repetition() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < 1e-9);
        let made = corpora::make(CorpusName::Small, Scale::Smoke);
        let mut figures = Figures::new(CorpusName::Small, &made);
        for (a, b) in [(1.0, 2.0), (6.0, 3.0), (2.0, 2.0)] {
            figures.add_floor("a", a);
            figures.add_floor("b", b);
        }
        figures.ratio("a to b", &["a"], &["b"], Some(0.9));
        assert!((figures.ratios[0].median - 1.0).abs() < 1e-9);
        assert_eq!(figures.quickest(&["a", "b"]), "a");
        let mut out = String::new();
        figures.write(&mut out).unwrap();
        assert!(out.contains("≤ 0.9 MISSED"), "{out}");
    }
}
