//! Principals, roles and the audit log.

use http::StatusCode;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use transload_api::Listed;
use transload_api::access::{Grant, NewPrincipal};
use transload_control::audit::{Filter, Outcome};
use uuid::Uuid;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

/// Entries of one answer of the audit log, where nothing is said.
const AUDIT_ITEMS: usize = 100;
/// And at most.
const AUDIT_ITEMS_MAX: u64 = 1000;

pub(crate) async fn principals(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let found = face.control.principals(&call.caller).await?;
    Ok(Answer::ok(&Listed { value: found.iter().map(map::principal).collect(), next_link: None }))
}

pub(crate) async fn new_principal(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let sent: NewPrincipal = call.json()?;
    let asked = transload_control::NewPrincipal { name: sent.name.clone(), expires_at: expiry(call, &sent)? };
    let made = face.control.create_principal(&call.caller, asked).await?;
    Ok(Answer::json(StatusCode::CREATED, &map::principal_secret(&made)))
}

fn expiry(call: &Call, sent: &NewPrincipal) -> Result<Option<OffsetDateTime>, Fault> {
    let Some(seconds) = sent.expires_in_seconds else { return Ok(None) };
    let lasting =
        i64::try_from(seconds).ok().and_then(|seconds| call.now.checked_add(Duration::seconds(seconds)));
    let lasting = lasting.filter(|at| *at > call.now && at.year() < 9999);
    lasting.map(Some).ok_or_else(|| {
        Fault::invalid("expiresInSeconds", "'expiresInSeconds' is at least 1, and not thousands of years.")
    })
}

fn client_id(call: &Call) -> Result<Uuid, Fault> {
    Uuid::parse_str(call.params.get("principal"))
        .map_err(|_| Fault::invalid("principal", "A principal is named by its client id, a GUID."))
}

pub(crate) async fn delete_principal(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let was_there = face.control.delete_principal(&call.caller, client_id(call)?).await?;
    Ok(Answer::empty(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

pub(crate) async fn rotate(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let sent: NewPrincipal = call.json_or_default()?;
    let expires_at = expiry(call, &sent)?;
    let made = face.control.rotate_principal(&call.caller, client_id(call)?, expires_at).await?;
    Ok(Answer::ok(&map::principal_secret(&made)))
}

pub(crate) async fn grants(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let found = face.control.grants(&call.caller).await?;
    Ok(Answer::ok(&Listed { value: found.iter().map(map::grant).collect(), next_link: None }))
}

pub(crate) async fn put_grant(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let sent: Grant = call.json()?;
    let grant = map::grant_asked(&sent, &face.control.subscription())?;
    face.control.grant(&call.caller, grant.clone()).await?;
    Ok(Answer::ok(&map::grant(&grant)))
}

pub(crate) async fn delete_grant(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let said = |name: &str| call.query.get(name).unwrap_or_default().to_owned();
    let sent = Grant { principal_id: said("principalId"), role: said("role"), scope: said("scope") };
    let grant = map::grant_asked(&sent, &face.control.subscription())?;
    let was_there = face.control.revoke(&call.caller, grant).await?;
    Ok(Answer::empty(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT }))
}

pub(crate) async fn audit(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let filter = filter(call)?;
    let after = match call.query.cursor()? {
        Some(cursor) => Some(cursor),
        None => call.query.number("after")?.filter(|number| *number > 0).map(map::log_mark),
    };
    let most = call.query.number("top")?.map(|top| top.clamp(1, AUDIT_ITEMS_MAX));
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(AUDIT_ITEMS);
    let page = face.control.audit(&call.caller, &filter, after.as_deref(), most).await?;
    let value = page.items.iter().map(map::audit_entry).collect();
    Ok(Answer::ok(&call.page(value, page.next.as_deref())))
}

fn filter(call: &Call) -> Result<Filter, Fault> {
    let said = |name: &str| call.query.said(name).map(str::to_owned);
    let time = |name: &str| match call.query.said(name) {
        None => Ok(None),
        Some(text) => OffsetDateTime::parse(text, &Rfc3339)
            .map(Some)
            .map_err(|_| Fault::invalid(name, format!("'{name}' is a time such as 2026-01-31T12:00:00Z."))),
    };
    let outcome = match call.query.said("outcome").map(str::to_ascii_lowercase).as_deref() {
        None => None,
        Some("done") => Some(Outcome::Done),
        Some("denied") => Some(Outcome::Denied),
        Some("failed") => Some(Outcome::Failed),
        Some(_) => return Err(Fault::invalid("outcome", "The outcome is Done, Denied or Failed.")),
    };
    Ok(Filter {
        who: said("who"),
        action: said("action"),
        target: said("target"),
        outcome,
        correlation: said("correlation"),
        since: time("since")?,
        until: time("until")?,
    })
}
