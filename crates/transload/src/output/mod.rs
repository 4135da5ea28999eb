//! What the program says: progress to stderr, results to stdout, or JSON lines to stdout.

mod bars;
mod bytes;
mod json;
mod lines;
mod render;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use serde::Serialize;
use transload_transfer::{Error, Event, Events, Inspection, Report};

use crate::cli::OutputArgs;
use crate::config::Environment;

pub(crate) use bytes::{human, parse as parse_bytes};

/// How the program speaks in this run.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    style: Style,
    color: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Bars on a terminal.
    Bars,
    /// Plain lines.
    Lines,
    /// JSON lines.
    Json,
    /// Only what went wrong.
    Quiet,
}

impl Output {
    pub(crate) fn new(args: &OutputArgs, environment: &Environment) -> Self {
        let style = match (args.json, args.quiet, std::io::stderr().is_terminal()) {
            (true, ..) => Style::Json,
            (_, true, _) => Style::Quiet,
            (_, _, true) => Style::Bars,
            _ => Style::Lines,
        };
        Self { style, color: std::io::stderr().is_terminal() && !environment.no_color }
    }

    /// The same without progress.
    pub(crate) fn silent(&self) -> Self {
        Self { style: if self.style == Style::Json { Style::Json } else { Style::Quiet }, color: self.color }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.style == Style::Json
    }

    /// A fresh receiver of events.
    pub(crate) fn events(&self) -> Events {
        match self.style {
            Style::Bars => Events::to(Arc::new(bars::Bars::new())),
            Style::Lines => Events::to(Arc::new(lines::Lines::new())),
            Style::Json => Events::to(Arc::new(json::JsonLines::new())),
            Style::Quiet => Events::none(),
        }
    }

    /// Shows how it ended.
    pub(crate) fn report(&self, report: &Report) {
        match self.style {
            Style::Json => json::line(&json::Tagged { event: "report", content: report }),
            Style::Quiet => self.failures(report),
            Style::Bars | Style::Lines => {
                out(&render::report(report));
                self.failures(report);
            }
        }
    }

    fn failures(&self, report: &Report) {
        for warning in &report.warnings {
            error_line(&format!("warning: {warning}"));
        }
        err(&render::failures(report, self.color));
    }

    /// Shows an error that ended the command before there was anything to report.
    pub(crate) fn error(&self, error: &Error) {
        if self.style == Style::Json {
            json::line(&Event::Failed { error: error.clone() });
        }
        err(&render::error(error, self.color));
    }

    /// A value as JSON: laid out for people, or as the one event that it is.
    pub(crate) fn json(&self, event: &'static str, value: &impl Serialize) {
        if self.style == Style::Json {
            return json::line(&json::Tagged { event, content: value });
        }
        match serde_json::to_string_pretty(value) {
            Ok(text) => out(&format!("{text}\n")),
            Err(error) => error_line(&format!("error: cannot write JSON: {error}")),
        }
    }

    pub(crate) fn inspection(&self, inspection: &Inspection, blobs: bool) {
        out(&render::inspection(inspection, blobs));
    }

    /// A report within running text: the same, moved in.
    pub(crate) fn report_indented(&self, report: &Report) {
        self.say_indented(&render::report(report));
        if self.style != Style::Json {
            self.failures(report);
        }
    }

    /// An inspection within running text.
    pub(crate) fn inspection_indented(&self, inspection: &Inspection) {
        self.say_indented(&render::inspection(inspection, false));
    }

    fn say_indented(&self, text: &str) {
        text.lines().for_each(|line| self.say(&format!("     {line}")));
    }

    /// A line of running text for people.
    pub(crate) fn say(&self, text: &str) {
        if matches!(self.style, Style::Bars | Style::Lines) {
            out(&format!("{text}\n"));
        }
    }
}

/// Writes to stdout. A reader that has gone away is no failure of ours.
fn out(text: &str) {
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

fn err(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// A line on stderr.
pub(crate) fn error_line(text: &str) {
    err(&format!("{text}\n"));
}
