//! `transload audit`.

use std::time::Duration;

use transload_client::AuditQuery;
use transload_client::api::access::AuditEntry;
use transload_transfer::{Code, Error};

use super::{Plane, moment, offline, trouble};
use crate::cli::plane::AuditArgs;
use crate::commands::until_signal;
use crate::config::Environment;
use crate::exit::Exit;
use crate::output::{Cell, Output, Page, Table};

/// How far back it looks when nothing is said.
const SINCE: &str = "24h";
/// Between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: AuditArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let mut wanted = AuditQuery {
        who: args.who,
        action: args.action,
        target: args.on,
        outcome: args.outcome.map(|outcome| outcome.name().to_owned()),
        correlation: args.correlation,
        since: Some(when("--since", args.since.as_deref().unwrap_or(SINCE))?),
        until: args.until.as_deref().map(|text| when("--until", text)).transpose()?,
        after: None,
    };
    let top = args.top as usize;
    let since = wanted.since.clone().unwrap_or_default();
    if args.offline.offline {
        let entries = last(offline::audit(args.offline.ledger, &wanted, environment).await?, top);
        output.list("audit", &entries, || page(&entries, &since))?;
        return Ok(Exit::Success);
    }
    let plane = Plane::open(&args.connect, environment)?;
    let entries = last(plane.client.audit(&wanted, usize::MAX).await.map_err(trouble::error)?, top);
    if !args.follow {
        output.list("audit", &entries, || page(&entries, &since))?;
        return Ok(Exit::Success);
    }
    let stop = until_signal();
    let mut fresh = entries;
    loop {
        for entry in &fresh {
            output.show("audit_entry", entry, || Page::new().text(line(entry)))?;
        }
        wanted.after = fresh.iter().map(|entry| entry.sequence).max().or(wanted.after);
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return Ok(Exit::Success),
        }
        fresh = plane.client.audit(&wanted, usize::MAX).await.map_err(trouble::error)?;
    }
}

/// A moment, or so long ago, in the form of the API.
fn when(option: &str, text: &str) -> Result<String, Error> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(moment.to_string());
    }
    let ago =
        crate::window::parse_duration(text).ok().and_then(|ago| jiff::Timestamp::now().checked_sub(ago).ok());
    ago.map(|moment| moment.to_string()).ok_or_else(|| {
        Error::new(Code::Usage, format!("{option} {text}"), "it is neither a moment nor a length of time")
            .with_next("write it as 2026-11-01T00:00:00Z, or as 24h for so long ago")
    })
}

fn last(mut entries: Vec<AuditEntry>, top: usize) -> Vec<AuditEntry> {
    entries.drain(..entries.len().saturating_sub(top));
    entries
}

fn page(entries: &[AuditEntry], since: &str) -> Page {
    let mut table = Table::new(["AT", "WHO", "ACTION", "TARGET", "OUTCOME", "FROM"]).wraps(&[3]);
    for entry in entries {
        table.row([
            Cell::told(moment(&entry.at), entry.at.as_str()),
            entry.principal_name.as_str().into(),
            Cell::told(short(&entry.action), entry.action.as_str()),
            Cell::told(short(&entry.target), entry.target.as_str()),
            outcome(entry).into(),
            entry.address.clone().unwrap_or_default().into(),
        ]);
    }
    if !entries.is_empty() {
        return Page::new().table(table);
    }
    Page::new()
        .text(format!("nothing since {} fits; --since looks further back\n", moment(since)))
        .rows(table)
}

/// Without the words that every resource has: `registries/central/pipelineRuns/r1`, `resourceGroups/lab`.
fn short(text: &str) -> String {
    let behind = match text.split_once("/providers/") {
        Some((_, behind)) => behind,
        None if text.starts_with("/subscriptions/") => text.splitn(4, '/').nth(3).unwrap_or(text),
        None => text,
    };
    match behind.split_once('/') {
        Some((namespace, rest)) if namespace.starts_with("Microsoft.") => rest.to_owned(),
        _ => behind.to_owned(),
    }
}

fn outcome(entry: &AuditEntry) -> String {
    match &entry.code {
        Some(code) => format!("{} ({code})", entry.outcome.to_lowercase()),
        None => entry.outcome.to_lowercase(),
    }
}

fn line(entry: &AuditEntry) -> String {
    let AuditEntry { at, principal_name, action, target, .. } = entry;
    format!("{}  {principal_name}  {}  {}  {}\n", moment(at), short(action), short(target), outcome(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_resource_has_is_left_out() {
        let run = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r/pipelineRuns/x";
        assert_eq!(short(run), "registries/r/pipelineRuns/x");
        assert_eq!(short("/subscriptions/s/resourceGroups/g"), "resourceGroups/g");
        assert_eq!(short("Microsoft.KeyVault/vaults/write"), "vaults/write");
        assert_eq!(short("secrets/get"), "secrets/get");
    }

    #[test]
    fn moments_are_moments_or_so_long_ago() {
        assert_eq!(when("--since", "2026-11-01T00:00:00Z").unwrap(), "2026-11-01T00:00:00Z");
        assert_eq!(when("--since", "2026-11-01T02:00:00+02:00").unwrap(), "2026-11-01T00:00:00Z");
        let ago: jiff::Timestamp = when("--since", "24h").unwrap().parse().unwrap();
        let hours = (jiff::Timestamp::now().as_second() - ago.as_second()) / 3600;
        assert_eq!(hours, 24);
        assert!(when("--since", "yesterday").is_err());
    }
}
