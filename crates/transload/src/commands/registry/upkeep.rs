//! `transload registry gc` and `check`: by the process that has the folder, or here when nobody has it.

use std::path::Path;

use transload_depot::control::{Answer, Control, Request};
use transload_depot::{CheckOptions, CheckProgress, CheckReport, GcOptions, GcReport, Limits};
use transload_transfer::{Code, Error};

use super::super::until_signal;
use super::trouble;
use crate::cli::{CheckArgs, GcArgs, GcWhatArgs};
use crate::exit::Exit;
use crate::output::{Output, Page, Table, human};

impl GcWhatArgs {
    /// The same for the registry.
    pub(super) fn options(&self, dry_run: bool) -> GcOptions {
        let Self { grace, untagged, upload_expiry } = *self;
        GcOptions { grace, untagged, uploads_idle: upload_expiry, dry_run }
    }
}

pub(crate) async fn gc(args: &GcArgs, output: &Output) -> Result<Exit, Error> {
    let request = Request::Gc(args.what.options(args.dry_run));
    match ask(&args.data, request, output).await? {
        Answer::Gc(report) => {
            output.show("gc", &report, || gc_page(&report))?;
            Ok(Exit::Success)
        }
        other => Err(unexpected(&args.data, &other)),
    }
}

pub(crate) async fn check(args: &CheckArgs, output: &Output) -> Result<Exit, Error> {
    let request = Request::Check(CheckOptions { repair: args.repair });
    match ask(&args.data, request, output).await? {
        Answer::Check(report) => {
            output.show("check", &report, || check_page(&report))?;
            if report.is_sound() {
                return Ok(Exit::Success);
            }
            let (damaged, missing) = (report.damaged.len(), report.missing.len());
            let detail = format!("{damaged} damaged and {missing} missing; see above");
            let error = Error::new(Code::RegistryDamaged, args.data.display().to_string(), detail);
            Err(if args.repair { error.with_next("push what is affected again") } else { error })
        }
        other => Err(unexpected(&args.data, &other)),
    }
}

async fn ask(data: &Path, request: Request, output: &Output) -> Result<Answer, Error> {
    let control = Control::of(data, &Limits::default()).await.map_err(|error| trouble::error(&error))?;
    let stop = until_signal();
    let bar = output.bar("read");
    let seen = bar.clone();
    let progress = move |at: CheckProgress| seen.at(at.bytes, at.bytes_total);
    let asked = control.ask(request, progress, stop.clone()).await;
    bar.end();
    asked.map_err(|why| {
        let subject = data.display().to_string();
        if stop.is_cancelled() {
            Error::new(Code::Interrupted, subject, why)
        } else {
            Error::new(Code::StoreIo, subject, why)
        }
    })
}

fn unexpected(data: &Path, answer: &Answer) -> Error {
    Error::new(Code::Internal, data.display().to_string(), format!("unexpected answer {answer:?}"))
}

fn gc_page(report: &GcReport) -> Page {
    let would = if report.dry_run { "would free" } else { "freed" };
    let mut text = format!(
        "{would} {} in {} blobs and {} uploads\n",
        human(report.blob_bytes_removed + report.upload_bytes_removed),
        report.blobs_removed,
        report.uploads_removed
    );
    if report.manifests_removed + report.repositories_removed > 0 {
        text += &format!(
            "{} {} untagged manifests and {} empty repositories\n",
            if report.dry_run { "would remove" } else { "removed" },
            report.manifests_removed,
            report.repositories_removed
        );
    }
    text += &format!(
        "{} stay in {} blobs of {} repositories",
        human(report.blob_bytes),
        report.blobs,
        report.repositories - report.repositories_removed
    );
    if report.blobs_young > 0 {
        text += &format!("; {} that nothing refers to are within the grace", report.blobs_young);
    }
    text.push('\n');
    for problem in &report.problems {
        text += &format!("warning: {problem}\n");
    }
    Page::new().text(text)
}

fn check_page(report: &CheckReport) -> Page {
    let CheckReport { blobs, bytes, repositories, tags, .. } = report;
    let mut text = format!("{blobs} blobs ({}), {tags} tags in {repositories} repositories", human(*bytes));
    text += if report.is_sound() { ": everything is sound\n" } else { "\n" };
    let mut page = Page::new().text(text);
    if !report.damaged.is_empty() {
        let mut table = Table::new(["DAMAGED", "FOUND", "WHERE IT IS"]);
        for one in &report.damaged {
            table.row([one.digest.to_string().into(), one.found.as_str().into(), one.path.as_str().into()]);
        }
        page = page.table(table);
    }
    if !report.missing.is_empty() {
        let mut table = Table::new(["POINTS", "AT WHAT IS MISSING"]);
        for one in &report.missing {
            table.row([one.from.as_str().into(), one.to.as_str().into()]);
        }
        page = page.table(table);
    }
    if !report.affected.is_empty() {
        let names: Vec<&str> = report.affected.iter().map(String::as_str).collect();
        page = page.text(format!("cannot be pulled whole: {}\n", names.join(", ")));
    }
    page
}
