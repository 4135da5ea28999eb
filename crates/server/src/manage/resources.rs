//! Resources of every type in one list, with what clients filter it by (contract, § 8).

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
    let tenant = face.tenant();
    let place = face.place(&tenant);
    face.list_filtered(call, kinds, &filter, |stored| Ok(map::generic(stored, place, &expanded))).await
}
