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
use crate::output::{Output, Page, Table};

/// Between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_secs(2);

pub(crate) async fn run(args: AuditArgs, environment: &Environment, output: &Output) -> Result<Exit, Error> {
    let mut wanted = AuditQuery {
        who: args.who,
        action: args.action,
        target: args.on,
        outcome: args.outcome.map(|outcome| outcome.name().to_owned()),
        correlation: args.correlation,
        since: args.since.as_deref().map(|text| when("--since", text)).transpose()?,
        until: args.until.as_deref().map(|text| when("--until", text)).transpose()?,
        after: None,
    };
    let top = args.top as usize;
    if args.offline.offline {
        let entries = offline::audit(args.offline.ledger, &wanted, top, environment).await?;
        output.list("audit", &entries, || page(&entries))?;
        return Ok(Exit::Success);
    }
    let plane = Plane::open(&args.connect, environment)?;
    let entries = plane.client.audit(&wanted, top).await.map_err(trouble::error)?;
    if !args.follow {
        output.list("audit", &entries, || page(&entries))?;
        return Ok(Exit::Success);
    }
    let stop = until_signal();
    let mut fresh = entries;
    loop {
        for entry in &fresh {
            output.show("audit_entry", entry, || Page::new().text(line(entry)))?;
        }
        wanted.after = fresh.iter().map(|entry| entry.sequence).max().or(wanted.after);
        // a page that was full has more behind it
        if fresh.len() < top {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.cancelled() => return Ok(Exit::Success),
            }
        }
        fresh = plane.client.audit(&wanted, top).await.map_err(trouble::error)?;
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

fn page(entries: &[AuditEntry]) -> Page {
    let mut table = Table::new(["AT", "WHO", "ACTION", "TARGET", "OUTCOME", "FROM"]).wraps(&[3]);
    for entry in entries {
        table.row([
            moment(&entry.at).into(),
            entry.principal_name.as_str().into(),
            entry.action.as_str().into(),
            entry.target.as_str().into(),
            outcome(entry).into(),
            entry.address.clone().unwrap_or_default().into(),
        ]);
    }
    if entries.is_empty() { Page::new().text("nothing fits\n").rows(table) } else { Page::new().table(table) }
}

fn outcome(entry: &AuditEntry) -> String {
    match &entry.code {
        Some(code) => format!("{} ({code})", entry.outcome.to_lowercase()),
        None => entry.outcome.to_lowercase(),
    }
}

fn line(entry: &AuditEntry) -> String {
    let AuditEntry { at, principal_name, action, target, .. } = entry;
    format!("{}  {principal_name}  {action}  {target}  {}\n", moment(at), outcome(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

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
