//! Progress on a terminal: a line for every long blob that moves, and a total.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use transload_oci::Digest;
use transload_transfer::{BlobOutcome, Event, Observer};

use super::bytes::human;
use super::lines::{planned, waiting};

/// Shorter blobs are gone before anyone could read their line.
const SHOWN_FROM_BYTES: u64 = 2 * 1024 * 1024;
const TICK: Duration = Duration::from_millis(120);
const BLOB: &str =
    "  {prefix} {bar:24} {binary_bytes:>10} of {binary_total_bytes:10} {binary_bytes_per_sec:>12}";
const TOTAL: &str = "  {prefix:12} {bar:24} {binary_bytes:>10} of {binary_total_bytes:10} {binary_bytes_per_sec:>12}  ETA {eta}";

/// A single bar, for what is no transfer.
#[derive(Clone)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar of this name; without `shown`, none.
    pub(super) fn new(name: &'static str, shown: bool) -> Self {
        Self(shown.then(|| ProgressBar::new(0).with_style(Bars::style(TOTAL)).with_prefix(name)))
    }

    /// So many of so many bytes are done.
    pub(crate) fn at(&self, bytes: u64, total: u64) {
        if let Some(bar) = &self.0 {
            bar.set_length(total);
            bar.set_position(bytes);
        }
    }

    /// Takes it away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

pub(super) struct Bars {
    all: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    resolving: Option<ProgressBar>,
    total: Option<ProgressBar>,
    blobs: HashMap<Digest, ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self { all: MultiProgress::new(), state: Mutex::default() }
    }

    fn style(template: &str) -> ProgressStyle {
        // the templates are ours: a fault in one shows as the plain default
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ")
    }

    fn resolving(&self, artifact: &str) {
        let mut state = self.state.lock();
        let bar = state.resolving.get_or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_message(format!("looking at {artifact}"));
    }

    fn planned(&self, bytes: u64, text: &str) {
        let mut state = self.state.lock();
        if let Some(bar) = state.resolving.take() {
            bar.finish_and_clear();
        }
        let _ = self.all.println(text);
        let bar = self.all.add(ProgressBar::new(bytes)).with_style(Self::style(TOTAL)).with_prefix("total");
        bar.enable_steady_tick(TICK);
        state.total = Some(bar);
    }

    fn started(&self, digest: Digest, size: u64, offset: u64) {
        let mut state = self.state.lock();
        let Some(total) = &state.total else { return };
        total.inc(offset);
        // rates count from here, not from what an earlier run had done
        total.reset_eta();
        if size >= SHOWN_FROM_BYTES {
            let bar = self.all.insert_before(total, ProgressBar::new(size)).with_style(Self::style(BLOB));
            bar.set_prefix(digest.short());
            bar.set_position(offset);
            bar.reset_eta();
            state.blobs.insert(digest, bar);
        }
    }

    fn moved(&self, digest: &Digest, bytes: u64) {
        let state = self.state.lock();
        state.total.iter().chain(state.blobs.get(digest)).for_each(|bar| bar.inc(bytes));
    }

    fn finished(&self, digest: &Digest, size: u64, outcome: BlobOutcome) {
        let mut state = self.state.lock();
        if let Some(bar) = state.blobs.remove(digest) {
            bar.finish_and_clear();
        }
        if outcome == BlobOutcome::Existed
            && let Some(total) = &state.total
        {
            total.inc(size);
        }
    }

    fn end(&self) {
        let mut state = self.state.lock();
        for bar in state.resolving.take().into_iter().chain(state.total.take()) {
            bar.finish_and_clear();
        }
        state.blobs.drain().for_each(|(_, bar)| bar.finish_and_clear());
        let _ = self.all.clear();
    }
}

impl Observer for Bars {
    fn event(&self, event: &Event) {
        match event {
            Event::Resolving { artifact } => self.resolving(artifact),
            Event::Planned { operation, totals } => {
                self.planned(totals.bytes_moved, &planned(*operation, totals));
            }
            Event::Resumed { bytes } => {
                let _ =
                    self.all.println(format!("an earlier run left {}: going on from there", human(*bytes)));
            }
            Event::BlobStarted { digest, size, offset } => self.started(*digest, *size, *offset),
            Event::BlobProgress { digest, bytes } => self.moved(digest, *bytes),
            Event::BlobFinished { digest, size, outcome } => self.finished(digest, *size, *outcome),
            Event::Waiting { reason, subject, until, .. } => {
                let _ = self.all.println(waiting(*reason, subject.as_deref(), until));
            }
            Event::Warning { message } => {
                let _ = self.all.println(format!("warning: {message}"));
            }
            Event::ArtifactFinished { .. } | Event::Failed { .. } | Event::Committed { .. } => self.end(),
            _ => {}
        }
    }
}
