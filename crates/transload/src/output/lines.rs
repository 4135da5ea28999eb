//! Progress as plain lines, where there is no terminal.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use transload_transfer::{BlobOutcome, Event, Observer, Operation, Totals, WaitReason};

use super::bytes::human;
use super::error_line;

/// So often at most.
const EVERY: Duration = Duration::from_secs(5);

pub(super) struct Lines(Mutex<State>);

struct State {
    total: u64,
    done: u64,
    started: Instant,
    told: Instant,
}

impl Lines {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(State { total: 0, done: 0, started: now, told: now }))
    }
}

impl Observer for Lines {
    fn event(&self, event: &Event) {
        match event {
            Event::Planned { operation, totals } => {
                let mut state = self.0.lock();
                state.total = totals.bytes_moved;
                state.started = Instant::now();
                error_line(&planned(*operation, totals));
            }
            Event::Resumed { bytes } => {
                error_line(&format!("an earlier run left {}: going on from there", human(*bytes)));
            }
            Event::BlobStarted { offset, .. } => self.0.lock().done += offset,
            Event::BlobFinished { size, outcome: BlobOutcome::Existed, .. } => self.0.lock().done += size,
            Event::BlobProgress { bytes, .. } => {
                let mut state = self.0.lock();
                state.done += bytes;
                if state.told.elapsed() >= EVERY {
                    state.told = Instant::now();
                    error_line(&state.line());
                }
            }
            Event::Waiting { reason, subject, until, .. } => {
                error_line(&waiting(*reason, subject.as_deref(), until));
            }
            Event::Warning { message } => error_line(&format!("warning: {message}")),
            _ => {}
        }
    }
}

impl State {
    fn line(&self) -> String {
        let rate = self.done as f64 / self.started.elapsed().as_secs_f64().max(0.001);
        let left = self.total.saturating_sub(self.done) as f64 / rate.max(1.0);
        let percent = self.done.min(self.total) * 100 / self.total.max(1);
        format!(
            "{} of {} ({percent} %), {}/s, about {left:.0} s left",
            human(self.done.min(self.total)),
            human(self.total),
            human(rate as u64),
        )
    }
}

/// That nothing moves, and until when.
pub(super) fn waiting(reason: WaitReason, subject: Option<&str>, until: &str) -> String {
    match reason {
        WaitReason::Window => format!("waiting until {until}: outside the window; it goes on by itself"),
        WaitReason::Throttled => {
            format!("waiting until {until}: {} has had enough for now", subject.unwrap_or("the registry"))
        }
    }
}

/// `1 blob`, `2 blobs`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The plan in a line.
pub(super) fn planned(operation: Operation, totals: &Totals) -> String {
    if operation == Operation::Relay {
        return format!("planned: {} in all, {} to move", human(totals.bytes), human(totals.bytes_moved));
    }
    let verify = operation == Operation::Verify;
    let mut text = format!(
        "{}: {}, {}, {}, {} in all",
        if verify { "checking" } else { "planned" },
        counted(totals.artifacts, "artifact"),
        counted(totals.manifests, "manifest"),
        counted(totals.blobs, "blob"),
        human(totals.bytes)
    );
    if verify {
        return text;
    }
    text.push_str(&format!("; {} to move", human(totals.bytes_moved)));
    if totals.bytes_present > 0 {
        text.push_str(&format!(", {} there already", human(totals.bytes_present)));
    }
    if totals.bytes_shared > 0 {
        text.push_str(&format!(", {} saved by sharing", human(totals.bytes_shared)));
    }
    text
}
