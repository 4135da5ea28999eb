//! What the program says: progress to stderr, results to stdout, or JSON lines to stdout.

mod bars;
mod bytes;
mod json;
mod lines;
mod listing;
mod page;
mod plan;
mod render;
mod shape;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use parking_lot::Mutex;
use serde::Serialize;
use transload_registry::{OnWait, Wait};
use transload_transfer::{
    Diff, Error, Event, Events, Inspection, Listing, PlanFile, Report, SplitReport, WaitReason,
};

use crate::cli::OutputArgs;

pub(crate) use bars::Bar;
pub(crate) use bytes::{human, parse as parse_bytes, parse_rate};
pub(crate) use lines::counted;
pub(crate) use page::{Cell, Page, Screen, Table, Tone};
pub(crate) use shape::{Format, Query};

/// How the program speaks in this run.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    style: Style,
    format: Option<Format>,
    query: Option<Query>,
    /// Of standard output.
    screen: Screen,
    /// Whether standard error shows colours.
    color: bool,
    /// Who gets the events of what runs now.
    listening: Arc<Mutex<Option<Events>>>,
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

/// As without any argument.
impl Default for Output {
    fn default() -> Self {
        Self::new(&OutputArgs { output: None, query: None, json: false, quiet: false })
    }
}

impl Output {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        // asked of the library that writes, which knows NO_COLOR, CLICOLOR, CLICOLOR_FORCE and dumb terminals
        let stdout = std::io::stdout();
        let colored = |choice| choice != ColorChoice::Never;
        let color = colored(AutoStream::choice(&std::io::stderr()));
        let style = match (args.json, args.quiet, std::io::stderr().is_terminal()) {
            (true, ..) => Style::Json,
            (_, true, _) => Style::Quiet,
            (_, _, true) if anstyle_query::term_supports_color() => Style::Bars,
            _ => Style::Lines,
        };
        let width = terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
        let screen =
            Screen { width: width.filter(|width| *width > 0), color: colored(AutoStream::choice(&stdout)) };
        Self {
            style,
            format: args.output,
            query: args.query.clone(),
            screen,
            color,
            listening: Arc::default(),
        }
    }

    /// The same without progress.
    pub(crate) fn silent(&self) -> Self {
        let style = if self.style == Style::Json { Style::Json } else { Style::Quiet };
        Self { style, ..self.clone() }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.style == Style::Quiet
    }

    pub(crate) fn is_json(&self) -> bool {
        self.style == Style::Json
    }

    /// A fresh receiver of events. It gets the waits of registries too.
    pub(crate) fn events(&self) -> Events {
        let events = match self.style {
            Style::Bars => Events::to(Arc::new(bars::Bars::new())),
            Style::Lines => Events::to(Arc::new(lines::Lines::new())),
            Style::Json => Events::to(Arc::new(json::JsonLines::new())),
            Style::Quiet => Events::none(),
        };
        *self.listening.lock() = Some(events.clone());
        events
    }

    /// What clients of registries tell when a host asks them to wait.
    pub(crate) fn on_wait(&self) -> OnWait {
        let listening = Arc::clone(&self.listening);
        Arc::new(move |wait: &Wait| {
            let event = Event::Waiting {
                reason: WaitReason::Throttled,
                subject: Some(wait.host.clone()),
                until: crate::window::from_now(wait.pause),
                seconds: wait.pause.as_secs(),
            };
            if let Some(events) = listening.lock().as_ref() {
                events.send(&event);
            }
        })
    }

    /// A bar for bytes, where bars are shown.
    pub(crate) fn bar(&self, name: &'static str) -> Bar {
        Bar::new(name, self.style == Style::Bars)
    }

    /// Shows a result. With `--json` it is the event of this name; else standard output gets what `page` makes of
    /// it for people, or the value itself in the shape that `--output` and `--query` ask for.
    ///
    /// # Errors
    /// `Usage` when the query does not fit the value.
    pub(crate) fn show<T: Serialize>(
        &self,
        event: &'static str,
        value: &T,
        page: impl FnOnce() -> Page,
    ) -> Result<(), Error> {
        if self.style == Style::Json {
            json::line(&json::Tagged { event, content: value });
            return Ok(());
        }
        out(&shape::render(self.format, self.query.as_ref(), value, page, self.screen)?);
        Ok(())
    }

    /// Shows a list. With `--json` it is the event of this name, with the items in `value`.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn list<T: Serialize>(
        &self,
        event: &'static str,
        items: &[T],
        page: impl FnOnce() -> Page,
    ) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Items<'a, T> {
            value: &'a [T],
        }
        match self.style {
            Style::Json => self.show(event, &Items { value: items }, page),
            _ => self.show(event, &items, page),
        }
    }

    /// Tells where something is that goes on: a line where there are no bars, or an event.
    pub(crate) fn progress<T: Serialize>(&self, event: &'static str, value: &T, text: &str) {
        match self.style {
            Style::Json => json::line(&json::Tagged { event, content: value }),
            Style::Lines => error_line(text),
            Style::Bars | Style::Quiet => {}
        }
    }

    /// Tells of something that happened while others go on: a line, or an event.
    pub(crate) fn told<T: Serialize>(&self, event: &'static str, value: &T, text: &str) {
        match self.style {
            Style::Json => json::line(&json::Tagged { event, content: value }),
            Style::Lines | Style::Bars => error_line(text),
            Style::Quiet => {}
        }
    }

    /// Shows a result that nobody waits for: not to those who want to hear only of what went wrong.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn announce<T: Serialize>(
        &self,
        event: &'static str,
        value: &T,
        page: impl FnOnce() -> Page,
    ) -> Result<(), Error> {
        let asked_for = self.format.is_some() || self.query.is_some();
        if self.style == Style::Quiet && !asked_for { Ok(()) } else { self.show(event, value, page) }
    }

    /// Shows how it ended.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn report(&self, report: &Report) -> Result<(), Error> {
        let asked_for = self.format.is_some() || self.query.is_some();
        let mut shown = Ok(());
        if self.style != Style::Quiet || asked_for {
            shown = self.show("report", report, || render::report(report));
        }
        if self.style != Style::Json {
            self.failures(report);
        }
        shown
    }

    /// Shows what failed, and what a person should know.
    pub(crate) fn failures(&self, report: &Report) {
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

    /// Shows what is in a bundle.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn inspection(&self, inspection: &Inspection, blobs: bool) -> Result<(), Error> {
        self.show("inspection", inspection, || render::inspection(inspection, blobs))
    }

    /// Shows what lies in a place.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn listing(&self, listing: &Listing) -> Result<(), Error> {
        self.show("listing", listing, || listing::page(listing))
    }

    /// Shows what became of a split.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn split(&self, report: &SplitReport) -> Result<(), Error> {
        let asked_for = self.format.is_some() || self.query.is_some();
        let mut shown = Ok(());
        if self.style != Style::Quiet || asked_for {
            shown = self.show("split", report, || listing::split_page(report));
        }
        if self.style != Style::Json {
            report.bundles.iter().for_each(|bundle| self.failures(bundle));
            let told = report.bundles.iter().any(|bundle| bundle.error.is_some());
            if let Some(error) = report.error.as_ref().filter(|_| !told) {
                err(&render::error(error, self.color));
            }
        }
        shown
    }

    /// Shows a plan. Without a terminal and without other wishes it is the document itself.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn plan(&self, file: &PlanFile) -> Result<(), Error> {
        let is_piped = self.screen.width.is_none() && !std::io::stdout().is_terminal();
        let format = self.format.or(is_piped.then_some(Format::Json));
        Self { format, ..self.clone() }.show("plan", file, || plan::page(file))
    }

    /// Shows a plan to people, whatever standard output is.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn plan_page(&self, file: &PlanFile) -> Result<(), Error> {
        self.show("plan", file, || plan::page(file))
    }

    /// Shows what is different.
    ///
    /// # Errors
    /// Those of [`Self::show`].
    pub(crate) fn diff(&self, diff: &Diff) -> Result<(), Error> {
        self.show("diff", diff, || plan::diff_page(diff))
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

    fn say_indented(&self, page: &Page) {
        let inside = Screen { width: self.screen.width.map(|width| width.saturating_sub(5)), ..self.screen };
        page.render(inside).lines().for_each(|line| self.say(&format!("     {line}")));
    }

    /// Something a person should know that is no failure.
    pub(crate) fn warning(&self, text: &str) {
        match self.style {
            Style::Json => json::line(&Event::Warning { message: text.to_owned() }),
            _ => error_line(&format!("warning: {text}")),
        }
    }

    /// A line of running text for people.
    pub(crate) fn say(&self, text: &str) {
        if matches!(self.style, Style::Bars | Style::Lines) {
            out(&format!("{text}\n"));
        }
    }
}

/// Whether standard output carries a bundle.
static STDOUT_IS_DATA: AtomicBool = AtomicBool::new(false);

/// Standard output carries a bundle from now on: whatever is said goes to standard error.
pub(crate) fn give_stdout_away() {
    STDOUT_IS_DATA.store(true, Ordering::Relaxed);
}

fn stdout_is_data() -> bool {
    STDOUT_IS_DATA.load(Ordering::Relaxed)
}

/// Writes to stdout. A reader that has gone away is no failure of ours.
fn out(text: &str) {
    if stdout_is_data() {
        return err(text);
    }
    let mut stdout = anstream::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

fn err(text: &str) {
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Something made for another program, on stdout.
pub(crate) fn raw(text: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text).and_then(|()| stdout.flush());
}

/// A question on stderr, whose answer goes on in its line.
pub(crate) fn error_text(text: &str) {
    err(text);
}

/// A line on stderr.
pub(crate) fn error_line(text: &str) {
    err(&format!("{text}\n"));
}
