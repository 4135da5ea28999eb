//! What lies in a folder or container, and what a bundle was split into, for people.

use time::OffsetDateTime;
use time::macros::format_description;
use transload_transfer::{Form, Format, ListedBundle, Listing, Outcome, SplitReport};

use super::lines::counted;
use super::{Cell, Page, Table};

/// Names of artifacts that are shown of each bundle.
const NAMED_MAX: usize = 4;

pub(super) fn page(listing: &Listing) -> Page {
    let mut page = Page::new();
    if listing.bundles.is_empty() {
        page = page.text(format!("no bundle in {}\n", listing.location)).rows(bundle_table(&[]));
    } else {
        page = page.table(bundle_table(&listing.bundles));
    }
    if !listing.others.is_empty() {
        let mut table = Table::new(["NO BUNDLE", "SIZE", "MODIFIED", "BECAUSE"]);
        for other in &listing.others {
            table.row([
                other.name.as_str().into(),
                Cell::bytes(other.bytes),
                moment(other.modified),
                other.reason.as_str().into(),
            ]);
        }
        page = page.text("\n").table(table.right(&[1]).wraps(&[0, 3]));
    }
    page
}

/// What a bundle was split into.
pub(super) fn split_page(report: &SplitReport) -> Page {
    let made = report.bundles.len() + report.parts.len();
    if made == 0 {
        return Page::new().rows(Table::new(["MADE", "SIZE", "STATUS"]));
    }
    let mut table = Table::new(["MADE", "SIZE", "STATUS"]);
    for bundle in &report.bundles {
        let status = match bundle.outcome {
            _ if report.dry_run => "planned",
            Outcome::Succeeded => "written",
            Outcome::Unchanged => "unchanged",
            Outcome::Partial => "partial",
            Outcome::Failed => "failed",
            Outcome::Interrupted => "interrupted",
        };
        let bytes = bundle.bundle.as_ref().map_or(0, |written| written.bytes);
        table.row([bundle.target.as_str().into(), Cell::bytes(bytes), status.into()]);
    }
    for part in &report.parts {
        let status = if report.dry_run {
            "planned"
        } else if part.unchanged {
            "unchanged"
        } else {
            "written"
        };
        table.row([part.location.as_str().into(), Cell::bytes(part.bytes), status.into()]);
    }
    let mut page = Page::new().table(table.right(&[1]).wraps(&[0]));
    if let Some(first) = report.parts.first().filter(|_| report.error.is_none() && !report.dry_run) {
        let next = format!("next, on the far side:\n  transload import {} --to REGISTRY\n", first.location);
        page = page.text(next);
    }
    page
}

fn bundle_table(bundles: &[ListedBundle]) -> Table {
    let mut table = Table::new(["BUNDLE", "SIZE", "MODIFIED", "KIND", "ARTIFACTS"]);
    for bundle in bundles {
        let name = if bundle.name.is_empty() { "." } else { &bundle.name };
        table.row([
            name.into(),
            Cell::bytes(bundle.bytes),
            moment(bundle.modified),
            kind(&bundle.form).into(),
            Cell::told(artifacts(bundle), bundle.artifacts.len().to_string()),
        ]);
    }
    table.right(&[1]).wraps(&[0, 4])
}

/// A moment: the day and the minute in UTC, and in seconds since 1970.
fn moment(seconds: Option<i64>) -> Cell {
    let Some(seconds) = seconds else { return Cell::default() };
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]Z");
    let shown = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|time| time.format(&format).ok());
    Cell::told(shown.unwrap_or_default(), seconds.to_string())
}

fn kind(form: &Form) -> String {
    let format = match form.format {
        Format::Bundle => "bundle",
        Format::Layout => "layout",
        Format::DockerArchive => "docker-archive",
    };
    let parts = form.parts.map(|parts| format!(", {parts} parts")).unwrap_or_default();
    let folder = if form.folder { ", folder" } else { "" };
    format!("{format}{parts}{folder}")
}

fn artifacts(bundle: &ListedBundle) -> String {
    let mut names: Vec<&str> = bundle.artifacts.iter().map(|artifact| artifact.name.as_str()).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    names.truncate(NAMED_MAX);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    if bundle.missing > 0 {
        text.push_str(&format!(" ({} missing: their export failed)", counted(bundle.missing, "artifact")));
    }
    text
}
