//! Resources of every type in one list, with what clients filter it by (contract, § 8).

use transload_api::GenericResource;
use transload_control::resource::kind;

use super::filter::Filter;
use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

/// The types, in the order of the list. Those beneath a registry are only listed when a type is asked for.
const KINDS: &[&str] = &[
    kind::REGISTRY,
    kind::VAULT,
    kind::USER_IDENTITY,
    kind::STORAGE_ACCOUNT,
    kind::EXPORT_PIPELINE,
    kind::IMPORT_PIPELINE,
];
const TOP_KINDS: usize = 4;
/// The types that a deployment in complete mode removes, in the order in which they go: what reads secrets before the vaults.
pub(crate) const DELETED_IN_COMPLETE_MODE: &[&str] =
    &[kind::REGISTRY, kind::STORAGE_ACCOUNT, kind::USER_IDENTITY, kind::VAULT];

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let filter = Filter::parse(call.query.said("$filter").unwrap_or_default())?;
    let expanded = call.query.said("$expand").unwrap_or_default().to_ascii_lowercase();
    let kinds = if filter.names_type() { KINDS } else { &KINDS[..TOP_KINDS] };
    let scope = call.scope()?;
    let most = face.page_items(call)?;
    let tenant = face.tenant();
    let place = face.place(&tenant);
    let (mut at, mut after) = cursor(call)?;
    let mut found: Vec<GenericResource> = Vec::new();
    // clients look at the first page and no further where it is empty, so pages are filled
    while let Some(kind) = kinds.get(at).filter(|_| found.len() < most) {
        if filter.may_have(kind) {
            let page =
                face.control.list(&call.caller, &scope, kind, after.as_deref(), most - found.len()).await?;
            let shown = page.items.iter().map(|stored| map::generic(stored, place, &expanded));
            found.extend(shown.filter(|resource| filter.passes(resource)));
            after = page.next;
        } else {
            after = None;
        }
        if after.is_none() {
            at += 1;
        }
    }
    let more = kinds.iter().skip(at).any(|kind| filter.may_have(kind));
    let more = more.then(|| format!("{at}.{}", after.unwrap_or_default()));
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
