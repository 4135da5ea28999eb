//! Reports, errors and inspections as text for people.

use std::collections::BTreeMap;

use owo_colors::OwoColorize;
use transload_transfer::{
    ArtifactReport, ArtifactStatus, Error, Format, Inspection, Operation, Outcome, ReferrerReport, Report,
    Totals,
};

use super::bytes::human;
use super::lines::counted;
use super::{Cell, Page, Table};

/// From so many artifacts on, a report counts them instead of listing them.
const LISTED_MAX: usize = 40;

/// An error, and what to do next.
pub(super) fn error(error: &Error, color: bool) -> String {
    let word = if color { "error:".red().bold().to_string() } else { "error:".to_owned() };
    let mut text = format!("{word} {error} [{}]\n", error.code());
    if !error.next_step().is_empty() {
        text.push_str(&format!("  next: {}\n", error.next_step()));
    }
    text
}

/// Everything that failed, each with its cause.
pub(super) fn failures(report: &Report, color: bool) -> String {
    let mut text = String::new();
    for artifact in &report.artifacts {
        let Some(failure) = &artifact.error else { continue };
        // one cause of several artifacts is told with each of their names
        if !failure.subject().contains(&artifact.source) && !artifact.source.contains(failure.subject()) {
            text.push_str(&format!("{}:\n  ", artifact.source));
        }
        text.push_str(&error(failure, color));
    }
    if let Some(whole) = &report.error {
        let told = report
            .artifacts
            .iter()
            .filter_map(|a| a.error.as_ref())
            .any(|e| e.to_string() == whole.to_string());
        if !told {
            text.push_str(&error(whole, color));
        }
    }
    text
}

/// How it ended, in some lines.
pub(super) fn report(report: &Report) -> Page {
    Page::new().text(told(report)).rows(report_rows(report))
}

fn told(report: &Report) -> String {
    if matches!(report.outcome, Outcome::Failed | Outcome::Interrupted) {
        return untouched(report);
    }
    let mut text = artifact_lines(report);
    let totals = &report.totals;
    match report.outcome {
        _ if report.dry_run => text.push_str(&plan_summary(report)),
        Outcome::Unchanged => text.push_str(&format!("nothing to do: {} has it all\n", report.target)),
        _ => text.push_str(&summary(report, totals)),
    }
    text
}

/// What became of the artifacts that did not fail themselves.
fn untouched(report: &Report) -> String {
    let skipped = report.artifacts.iter().filter(|a| a.status == ArtifactStatus::Skipped).count();
    let failed = report.artifacts.iter().filter(|a| a.error.is_some()).count();
    match (skipped, failed) {
        (0, _) | (_, 0) => String::new(),
        _ => format!(
            "{skipped} other {} left as {} because of what follows\n",
            if skipped == 1 { "artifact was" } else { "artifacts were" },
            if skipped == 1 { "it was" } else { "they were" }
        ),
    }
}

fn artifact_lines(report: &Report) -> String {
    if report.artifacts.len() > LISTED_MAX {
        return String::new();
    }
    let mut text = String::new();
    for artifact in report.artifacts.iter().filter(|artifact| artifact.error.is_none()) {
        let digest = artifact.digest.map(|digest| digest.short()).unwrap_or_default();
        let name = artifact.target.as_deref().unwrap_or(&artifact.source);
        let mut extra = String::new();
        if !artifact.platforms.is_empty() {
            extra.push_str(&format!("  {}", platforms(artifact)));
        }
        let omitted = artifact.foreign_layers.iter().filter(|layer| !layer.carried).count();
        if omitted > 0 {
            extra.push_str(&format!("  without {}", counted(omitted, "foreign layer")));
        }
        if !artifact.referrers.is_empty() {
            extra.push_str(&format!("  +{} referrers", artifact.referrers.len()));
        }
        text.push_str(&format!(
            "{:9} {name}  {digest}  {}{extra}\n",
            status_word(artifact.status),
            human(artifact.bytes)
        ));
    }
    text
}

/// Platforms of an artifact, and those that are not in it.
fn platforms(artifact: &ArtifactReport) -> String {
    match artifact.platforms_dropped.as_slice() {
        [] => artifact.platforms.join(" "),
        dropped => format!("{} (without {})", artifact.platforms.join(" "), dropped.join(" ")),
    }
}

/// Status, source, target, digest, bytes and code of each artifact.
fn report_rows(report: &Report) -> Table {
    let mut table = Table::new(["STATUS", "SOURCE", "TARGET", "DIGEST", "SIZE", "CODE"]);
    for artifact in &report.artifacts {
        table.row([
            status_word(artifact.status).into(),
            artifact.source.as_str().into(),
            artifact.target.as_deref().unwrap_or_default().into(),
            Cell::digest(artifact.digest),
            Cell::bytes(artifact.bytes),
            artifact.code().map(|code| code.to_string()).unwrap_or_default().into(),
        ]);
    }
    table
}

fn status_word(status: ArtifactStatus) -> &'static str {
    match status {
        ArtifactStatus::Planned => "planned",
        ArtifactStatus::Exported => "exported",
        ArtifactStatus::Imported => "imported",
        ArtifactStatus::Unchanged => "unchanged",
        ArtifactStatus::Verified => "verified",
        ArtifactStatus::Skipped => "skipped",
        ArtifactStatus::Failed => "failed",
    }
}

fn plan_summary(report: &Report) -> String {
    let mut text = format!("dry run: nothing was written to {}\n", report.target);
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for origin in report.selection.iter().filter_map(|chosen| chosen.origin.as_deref()) {
        *files.entry(origin.rsplit_once(", line ").map_or(origin, |(file, _)| file)).or_default() += 1;
    }
    for (file, count) in files {
        text.push_str(&format!("  {file} names {}\n", counted(count, "artifact")));
    }
    for chosen in report.selection.iter().filter(|chosen| !chosen.names.is_empty()) {
        text.push_str(&format!("  {} is {}\n", chosen.asked, counted(chosen.count, "artifact")));
    }
    text.push_str(&format!("  {}\n", super::lines::planned(report.operation, &report.totals)));
    if let Some(bundle) = report.bundle.as_ref().filter(|_| report.operation == Operation::Export) {
        text.push_str(&format!("  the bundle will be {} long\n", human(bundle.bytes)));
    }
    text
}

fn summary(report: &Report, totals: &Totals) -> String {
    let (head, moved) = match report.operation {
        Operation::Relay => (format!("relayed {} to {}\n", report.source, report.target), "moved"),
        Operation::Verify => (done(report, "verified", "in"), "checked"),
        Operation::Export => (done(report, "exported", "to"), "moved"),
        Operation::Import => (done(report, "imported", "to"), "moved"),
        Operation::Copy => (done(report, "copied", "to"), "moved"),
    };
    let mut text = head;
    text.push_str(&format!("  {} {moved}", human(totals.bytes_moved)));
    let mut also = |bytes: u64, what: &str| {
        if bytes > 0 {
            text.push_str(&format!(", {} {what}", human(bytes)));
        }
    };
    also(totals.bytes_resumed, "kept from an earlier run");
    also(totals.bytes_mounted, "mounted");
    also(totals.bytes_present, "there already");
    also(totals.bytes_shared, "saved by sharing");
    let rate = totals.bytes_moved as f64 / report.seconds.max(0.001);
    text.push_str(&format!("; {:.1} s", report.seconds));
    if totals.bytes_moved > 0 {
        text.push_str(&format!(", {}/s", human(rate as u64)));
    }
    text.push('\n');
    if let Some(bundle) = report.bundle.as_ref().filter(|_| report.operation == Operation::Export) {
        if bundle.location == crate::commands::STDOUT {
            text.push_str(&format!("  the bundle is {} long\n", human(bundle.bytes)));
            return text;
        }
        text.push_str(&format!("  the bundle is {} long; next, on the far side:\n", human(bundle.bytes)));
        text.push_str(&format!("  transload import {} --to REGISTRY\n", bundle.location));
    }
    text
}

/// How many artifacts were done.
fn done(report: &Report, verb: &str, to: &str) -> String {
    let totals = &report.totals;
    let done = totals.artifacts - totals.failed;
    let of = if totals.failed > 0 { format!(" of {}", totals.artifacts) } else { String::new() };
    format!(
        "{verb} {done}{of} {} {to} {}\n",
        plural(if totals.failed > 0 { totals.artifacts } else { done }, "artifact"),
        report.target
    )
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// What kind of bundle it is, if it is none of ours in one plain file.
fn form(inspection: &Inspection) -> String {
    let form = &inspection.form;
    let mut facts: Vec<String> = Vec::new();
    match form.format {
        Format::Bundle => {}
        Format::Layout => facts.push("OCI image layout".to_owned()),
        Format::DockerArchive => facts.push("docker-archive".to_owned()),
    }
    facts.extend(form.compression.map(|compression| format!("compressed with {compression}")));
    facts.extend(form.parts.map(|parts| format!("in {parts} parts")));
    facts.extend(form.folder.then(|| "a folder".to_owned()));
    let mut text = if facts.is_empty() { String::new() } else { format!("{}\n", facts.join(", ")) };
    if !inspection.converted.is_empty() {
        text.push_str(
            "converted: a docker-archive has no manifests, they were made here and their digests are new\n",
        );
    }
    text
}

/// What is in a bundle.
pub(super) fn inspection(inspection: &Inspection, blobs: bool) -> Page {
    let mut above = format!("{}  {}\n", inspection.location, human(inspection.bytes));
    above.push_str(&form(inspection));
    if let Some(tool) = &inspection.tool {
        above.push_str(&format!("written by {tool}"));
        if let Some(plan) = &inspection.plan_id {
            above.push_str(&format!(", plan {}", &plan[..plan.len().min(12)]));
        }
        above.push('\n');
    }
    let mut page = Page::new().text(above).table(artifact_table(&inspection.artifacts));
    for missing in &inspection.missing {
        let why = missing.text.as_deref().or(missing.code.as_deref()).unwrap_or("no reason recorded");
        page = page.text(format!("not in it: {} ({why})\n", missing.source));
    }
    for artifact in &inspection.artifacts {
        for layer in artifact.foreign_layers.iter().filter(|layer| !layer.carried) {
            let urls = layer.urls.join(" ");
            let (name, digest) = (&artifact.source, layer.digest.short());
            page = page.text(format!("not in it: foreign layer {digest} of {name} ({urls})\n"));
        }
        if let Some(original) = artifact.original_digest {
            page = page
                .text(format!("{}: its index was {original} before it was written anew\n", artifact.source));
        }
    }
    if blobs {
        page = page.table(blob_table(inspection));
    }
    page.text(inspection_totals(&inspection.totals))
}

fn inspection_totals(totals: &Totals) -> String {
    let mut text = format!(
        "{}, {}, {}, {}",
        counted(totals.artifacts, "artifact"),
        counted(totals.manifests, "manifest"),
        counted(totals.blobs, "blob"),
        human(totals.bytes)
    );
    if totals.bytes_shared > 0 {
        text.push_str(&format!("; sharing saves {}", human(totals.bytes_shared)));
    }
    text.push('\n');
    text
}

fn artifact_table(artifacts: &[ArtifactReport]) -> Table {
    let mut table = Table::new(["ARTIFACT", "DIGEST", "SIZE", "PLATFORMS", "REFERRERS"]);
    for artifact in artifacts {
        let mut kinds: Vec<&str> = artifact.referrers.iter().map(referrer_kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let referrers = match artifact.referrers.len() {
            0 => String::new(),
            count => format!("{count}: {}", kinds.join(", ")),
        };
        table.row([
            artifact.source.as_str().into(),
            Cell::digest(artifact.digest),
            Cell::bytes(artifact.bytes),
            platforms(artifact).into(),
            Cell::told(referrers, artifact.referrers.len().to_string()),
        ]);
    }
    table.right(&[2]).wraps(&[0, 3, 4])
}

/// What a referrer is, in a word: cosign's tags say more than the media types behind them.
fn referrer_kind(referrer: &ReferrerReport) -> &str {
    match referrer.tag.as_deref().and_then(|tag| tag.rsplit_once('.')) {
        Some((_, "sig")) => "signature",
        Some((_, "att")) => "attestation",
        Some((_, "sbom")) => "SBOM",
        _ => {
            let kind = referrer.artifact_type.as_deref().unwrap_or("referrer");
            kind.rsplit('/').next().unwrap_or(kind)
        }
    }
}

fn blob_table(inspection: &Inspection) -> Table {
    let mut table = Table::new(["BLOB", "SIZE", "OFFSET", "ARTIFACTS", "MEDIA TYPE"]);
    for blob in &inspection.blobs {
        table.row([
            blob.digest.to_string().into(),
            Cell::bytes(blob.size),
            blob.offset.to_string().into(),
            blob.artifacts.to_string().into(),
            blob.media_type.as_str().into(),
        ]);
    }
    table.right(&[1, 2, 3]).wraps(&[4])
}
