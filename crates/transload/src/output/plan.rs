//! Plans and differences for people.

use transload_transfer::{Diff, Difference, PlanFile};

use super::bytes::human;
use super::lines::counted;
use super::{Cell, Page, Table};

/// What would move, artifact by artifact.
pub(super) fn page(plan: &PlanFile) -> Page {
    let mut table =
        Table::new(["ARTIFACT", "DIGEST", "SIZE", "PLATFORMS", "REFERRERS"]).right(&[2]).wraps(&[3]);
    for content in &plan.contents.artifacts {
        let registry =
            if content.registry.is_empty() { String::new() } else { format!("{}/", content.registry) };
        table.row([
            format!("{registry}{}", content.name()).into(),
            Cell::digest(Some(content.digest)),
            Cell::bytes(content.bytes),
            content.platforms.join(" ").into(),
            match content.referrers.len() {
                0 => Cell::told("", "0"),
                count => count.to_string().into(),
            },
        ]);
    }
    let mut head = format!("plan {}\n", plan.plan_id);
    head.push_str(&format!("  asked for: {}\n", plan.selection.join(", ")));
    if !plan.options.referrers {
        head.push_str("  without signatures, SBOMs and attestations\n");
    }
    if !plan.options.platforms.is_empty() {
        let how = if plan.options.platform_rewrite { ", indexes written anew" } else { "" };
        head.push_str(&format!("  platforms: {}{how}\n", plan.options.platforms.join(" ")));
    }
    if plan.options.omit_foreign_layers {
        head.push_str("  without layers that need not be in a registry\n");
    }
    let tail =
        format!("{}, {} in all\n", counted(plan.contents.artifacts.len(), "artifact"), human(plan.bytes));
    Page::new().text(head).table(table).text(tail)
}

/// What is new, gone, moved and the same.
pub(super) fn diff_page(diff: &Diff) -> Page {
    let mut table = Table::new(["CHANGE", "ARTIFACT", "BEFORE", "AFTER", "SIZE", "NEW BYTES", "REFERRERS"])
        .right(&[4, 5]);
    let kinds = [("new", &diff.new), ("gone", &diff.gone), ("moved", &diff.moved), ("same", &diff.same)];
    for (kind, list) in kinds {
        for one in list {
            table.row([
                kind.into(),
                one.name.as_str().into(),
                Cell::digest(one.before),
                Cell::digest(one.after),
                Cell::bytes(one.bytes),
                Cell::bytes(one.bytes_new),
                referrers(one).into(),
            ]);
        }
    }
    let totals = &diff.totals;
    let tail = format!(
        "{} new, {} gone, {} moved, {} the same; {} are new of {}, {} gone, {} in both\n",
        diff.new.len(),
        diff.gone.len(),
        diff.moved.len(),
        diff.same.len(),
        human(totals.bytes_new),
        human(totals.bytes_after),
        human(totals.bytes_gone),
        human(totals.bytes_same),
    );
    Page::new().table(table).text(tail)
}

fn referrers(one: &Difference) -> String {
    match (one.referrers_new.len(), one.referrers_gone.len()) {
        (0, 0) => String::new(),
        (new, 0) => format!("+{new}"),
        (0, gone) => format!("-{gone}"),
        (new, gone) => format!("+{new} -{gone}"),
    }
}
