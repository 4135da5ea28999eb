//! The data plane of vaults (contract, § 8): by the vault's host, or beneath `/vaults/{vault}`.

use serde_json::json;
use transload_api::Listed;
use transload_api::secret::{SecretChange, SecretItem};
use transload_control::ledger::Page;
use transload_vault::SecretInfo;

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

fn names(call: &Call) -> (&str, &str) {
    (call.params.get("vault"), call.params.get("secret"))
}

/// The version that the path names; none for the latest.
fn version(call: &Call) -> Option<&str> {
    call.params.find("version").filter(|version| !version.is_empty())
}

pub(crate) async fn set(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (vault, name) = names(call);
    let asked = map::secret_asked(call.json::<SecretChange>()?)?;
    let secret = face.control.secrets(&call.caller).set(vault, name, asked).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::secret(&secret, face.place(&tenant))))
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (vault, name) = names(call);
    let secret = face.control.secrets(&call.caller).get(vault, name, version(call)).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::secret(&secret, face.place(&tenant))))
}

pub(crate) async fn update(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (vault, name) = names(call);
    let change = map::secret_change(call.json()?);
    let info = face.control.secrets(&call.caller).update(vault, name, version(call), change).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::secret_item(&info, true, face.place(&tenant))))
}

pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (vault, name) = names(call);
    let info = face.control.secrets(&call.caller).delete(vault, name).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::deleted_secret(&info, call.now.unix_timestamp(), face.place(&tenant))))
}

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (after, most) = (call.query.cursor()?, page_items(face, call)?);
    let page = face.control.secrets(&call.caller).list(names(call).0, after.as_deref(), most).await?;
    Ok(Answer::ok(&listed(face, call, &page, false)))
}

pub(crate) async fn versions(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let (vault, name) = names(call);
    let (after, most) = (call.query.cursor()?, page_items(face, call)?);
    let page = face.control.secrets(&call.caller).versions(vault, name, after.as_deref(), most).await?;
    Ok(Answer::ok(&listed(face, call, &page, true)))
}

fn page_items(face: &Face, call: &Call) -> Result<usize, Fault> {
    let most = face.control.limits().page_items_max;
    let asked = call.query.number("maxresults")?.and_then(|most| usize::try_from(most).ok());
    Ok(asked.unwrap_or(most).clamp(1, most.max(1)))
}

fn listed(face: &Face, call: &Call, page: &Page<SecretInfo>, versioned: bool) -> Listed<SecretItem> {
    let tenant = face.tenant();
    let place = face.place(&tenant);
    let value = page.items.iter().map(|info| map::secret_item(info, versioned, place)).collect();
    call.page(value, page.next.as_deref())
}

/// What is deleted is gone: there is nothing to recover or purge.
pub(crate) async fn deleted(_face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::ok(&json!({"value": [], "nextLink": null})))
}

/// See [`deleted`]. Clients that delete look here until they are told that it is not there any more.
pub(crate) async fn deleted_one(_face: &Face, call: &Call) -> Result<Answer, Fault> {
    let text = format!(
        "Deleted secret not found: '{}'. What is deleted is gone: there is nothing to recover or purge.",
        call.params.get("secret")
    );
    Err(Fault::not_found("SecretNotFound", text))
}
