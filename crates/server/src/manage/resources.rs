//! Resources of every type in one list, with what clients filter it by (contract, § 8).

use transload_api::GenericResource;
use transload_control::resource::{Stored, kind};

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

/// The types, in the order of the list. Those beneath a registry are only listed when they are asked for.
const KINDS: &[&str] =
    &[kind::REGISTRY, kind::VAULT, kind::USER_IDENTITY, kind::EXPORT_PIPELINE, kind::IMPORT_PIPELINE];
const TOP_KINDS: usize = 3;
/// The types that a deployment in complete mode removes, in the order in which they go: what reads secrets before the vaults.
pub(crate) const DELETED_IN_COMPLETE_MODE: &[&str] = &[kind::REGISTRY, kind::USER_IDENTITY, kind::VAULT];

/// One condition: a member and what it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    member: String,
    value: String,
}

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let conditions = parse(call.query.said("$filter").unwrap_or_default())?;
    let scope = call.scope()?;
    let most = face.page_items(call)?;
    let tenant = face.tenant();
    let place = face.place(&tenant);
    let (mut at, mut after) = cursor(call)?;
    let mut found: Vec<GenericResource> = Vec::new();
    // clients look at the first page and no further where it is empty, so pages are filled
    while let Some(kind) = KINDS.get(at).filter(|_| found.len() < most) {
        if wanted(&conditions, at, kind) {
            let page =
                face.control.list(&call.caller, &scope, kind, after.as_deref(), most - found.len()).await?;
            let fitting = page.items.iter().filter(|stored| fits(&conditions, stored));
            found.extend(fitting.map(|stored| map::generic(stored, place)));
            after = page.next;
        } else {
            after = None;
        }
        if after.is_none() {
            at += 1;
        }
    }
    let more = (at < KINDS.len()).then(|| format!("{at}.{}", after.unwrap_or_default()));
    let more =
        more.filter(|_| KINDS.iter().enumerate().skip(at).any(|(at, kind)| wanted(&conditions, at, kind)));
    Ok(Answer::ok(&call.page(found, more.as_deref())))
}

fn cursor(call: &Call) -> Result<(usize, Option<String>), Fault> {
    let Some(text) = call.query.cursor()? else { return Ok((0, None)) };
    let read = text.split_once('.').and_then(|(at, after)| Some((at.parse().ok()?, after)));
    let (at, after) = read.ok_or_else(|| {
        Fault::invalid("$skipToken", "This is no token of an earlier page. Use nextLink as it stands.")
    })?;
    Ok((at, Some(after.to_owned()).filter(|after| !after.is_empty())))
}

fn wanted(conditions: &[Condition], at: usize, kind: &str) -> bool {
    let named = conditions.iter().filter(|condition| condition.member == "resourcetype");
    let mut named = named.peekable();
    match named.peek() {
        None => at < TOP_KINDS,
        Some(_) => named.all(|condition| condition.value.eq_ignore_ascii_case(kind)),
    }
}

fn fits(conditions: &[Condition], stored: &Stored) -> bool {
    conditions.iter().all(|condition| {
        let value = condition.value.as_str();
        match condition.member.as_str() {
            "name" => stored.id.name().eq_ignore_ascii_case(value),
            "resourcegroup" => stored.id.group().is_some_and(|group| group.eq_ignore_ascii_case(value)),
            // of the type the whole page is
            _ => true,
        }
    })
}

/// `member eq 'value' and …`: what clients of registries and vaults send.
fn parse(filter: &str) -> Result<Vec<Condition>, Fault> {
    let refuse = || {
        Fault::bad(
            "InvalidFilterInQueryString",
            "The filter is taken as resourceType, name or resourceGroup, each with eq and a text in single quotes, and with \
             'and' between them.",
        )
    };
    let mut conditions = Vec::new();
    let mut rest = filter.trim();
    while !rest.is_empty() {
        let (member, after) = rest.split_once(char::is_whitespace).ok_or_else(refuse)?;
        let member = member.to_ascii_lowercase();
        if !["resourcetype", "name", "resourcegroup"].contains(&member.as_str()) {
            return Err(refuse());
        }
        let after = word(after, "eq").and_then(|after| after.strip_prefix('\'')).ok_or_else(refuse)?;
        let (value, after) = after.split_once('\'').ok_or_else(refuse)?;
        conditions.push(Condition { member, value: value.to_owned() });
        rest = after.trim();
        if !rest.is_empty() {
            rest = word(rest, "and").filter(|rest| !rest.is_empty()).ok_or_else(refuse)?;
        }
    }
    Ok(conditions)
}

/// What follows a word, in whatever case.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (head, rest) = text.split_once(char::is_whitespace)?;
    head.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(filter: &str) -> Option<Vec<(String, String)>> {
        let conditions = parse(filter).ok()?;
        Some(conditions.into_iter().map(|condition| (condition.member, condition.value)).collect())
    }

    #[test]
    fn filters_that_clients_send_are_read() {
        let kind = |value: &str| ("resourcetype".to_owned(), value.to_owned());
        let name = |value: &str| ("name".to_owned(), value.to_owned());
        assert_eq!(parsed(""), Some(vec![]));
        assert_eq!(
            parsed("resourceType eq 'Microsoft.KeyVault/vaults' and name eq 'labvault'"),
            Some(vec![kind("Microsoft.KeyVault/vaults"), name("labvault")])
        );
        assert_eq!(parsed("NAME  EQ 'a b'"), Some(vec![name("a b")]));
    }

    #[test]
    fn other_filters_are_refused_and_not_ignored() {
        for filter in [
            "name",
            "name eq",
            "name eq a",
            "name ne 'a'",
            "tagName eq 'a'",
            "name eq 'a' or name eq 'b'",
            "name eq 'a' and",
            "name eq 'é",
        ] {
            assert_eq!(parsed(filter), None, "{filter}");
        }
    }
}
