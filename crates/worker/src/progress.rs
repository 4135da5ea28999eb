//! What an attempt came to so far: the record as the engine's events make it, and the lines of its log.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use transload_control::run::Record;
use transload_transfer::{BlobOutcome, Event, Events, Report};

use crate::limits::Limits;
use crate::record;
use crate::words::{Task, shortened};

/// Shared by the engine, which tells, and the heartbeat, which writes.
#[derive(Debug)]
pub(crate) struct Progress {
    task: Task,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    record: Record,
    changed: bool,
    lines: VecDeque<String>,
    lines_told: usize,
}

impl Progress {
    /// An attempt begins.
    pub(crate) fn new(mut record: Record, task: Task, limits: Limits) -> Arc<Self> {
        record::begin(&mut record);
        let state = State { record, changed: true, lines: VecDeque::new(), lines_told: 0 };
        Arc::new(Self { task, limits, state: Mutex::new(state) })
    }

    pub(crate) fn task(&self) -> Task {
        self.task
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What the engine tells.
    pub(crate) fn events(self: &Arc<Self>) -> Events {
        let progress = Arc::clone(self);
        Events::to(Arc::new(move |event: &Event| progress.take(event)))
    }

    fn take(&self, event: &Event) {
        let mut state = self.state.lock();
        record::fold(&mut state.record, event, self.task, &self.limits);
        state.changed = true;
        if !is_worth_a_line(event) {
            return;
        }
        let ends = matches!(event, Event::Failed { .. });
        if let Ok(line) = serde_json::to_string(event) {
            self.push(&mut state, line, ends);
        }
    }

    /// Adds a line of the worker's own to the log.
    pub(crate) fn line(&self, line: &serde_json::Value) {
        let line = line.to_string();
        self.push(&mut self.state.lock(), line, true);
    }

    fn push(&self, state: &mut State, line: String, always: bool) {
        let full = state.lines_told >= self.limits.log_lines_max;
        let waiting = state.lines.len() >= self.limits.log_lines_waiting_max;
        if (full || waiting) && !always {
            return;
        }
        state.lines_told += 1;
        let most = self.limits.log_line_chars_max;
        let fits = line.chars().count() <= most;
        // half a document would be none
        state.lines.push_back(if fits { line } else { json!({"cut": shortened(&line, most)}).to_string() });
    }

    /// The engine is done: what it reports counts more than what it told on the way. Of several transfers in a row only
    /// the last brings the run to its end.
    pub(crate) fn settle(&self, report: &Report, is_last: bool) {
        self.change(|record| {
            let before = record.percentage;
            record::settle(record, report, self.task, &self.limits);
            if !is_last {
                record.percentage = before;
            }
        });
    }

    /// Notes a warning.
    pub(crate) fn warn(&self, message: &str) {
        self.change(|record| record::warn(record, message, &self.limits));
    }

    /// Changes the record.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Record)) {
        let mut state = self.state.lock();
        change(&mut state.record);
        state.changed = true;
    }

    /// The record as it is.
    pub(crate) fn record(&self) -> Record {
        self.state.lock().record.clone()
    }

    /// The record, if it changed since this was last asked.
    pub(crate) fn take_changed(&self) -> Option<Record> {
        let mut state = self.state.lock();
        std::mem::take(&mut state.changed).then(|| state.record.clone())
    }

    /// The lines that wait to be written.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.state.lock().lines.iter().cloned().collect()
    }

    /// The first so many lines were written.
    pub(crate) fn written(&self, count: usize) {
        let mut state = self.state.lock();
        let count = count.min(state.lines.len());
        state.lines.drain(..count);
    }
}

/// What moves bytes is told by the percentage.
fn is_worth_a_line(event: &Event) -> bool {
    match event {
        Event::BlobProgress { .. } | Event::BlobStarted { .. } => false,
        Event::BlobFinished { outcome, .. } => *outcome == BlobOutcome::Failed,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warning(text: &str) -> Event {
        Event::Warning { message: text.to_owned() }
    }

    #[test]
    fn the_log_is_bounded_in_lines_and_characters_and_still_tells_the_end() {
        let limits = Limits { log_lines_max: 3, log_line_chars_max: 60, ..Limits::default() };
        let progress = Progress::new(Record::default(), Task::Import, limits);
        for number in 0..10 {
            progress.take(&warning(&number.to_string()));
        }
        progress.take(&warning(&"x".repeat(500)));
        progress.line(&json!({"event": "ended", "text": "y".repeat(500)}));
        let lines = progress.lines();
        assert_eq!(lines.len(), 4, "{lines:?}");
        for line in &lines {
            let parsed: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(parsed.is_object() && line.chars().count() < 100, "{line}");
        }
        assert!(lines[3].contains("ended"));
        progress.line(&json!({"event": "more"}));
        progress.written(4);
        assert_eq!(progress.lines(), [r#"{"event":"more"}"#]);
    }

    #[test]
    fn the_record_is_given_out_when_it_changed() {
        let progress = Progress::new(Record::default(), Task::Import, Limits::default());
        assert!(progress.take_changed().is_some());
        assert!(progress.take_changed().is_none());
        progress.warn("look");
        assert_eq!(progress.take_changed().unwrap().warnings, ["look"]);
    }
}
