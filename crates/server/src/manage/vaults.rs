//! Vaults and their access policies. What is in them is another route's (`crate::vaults`).

use http::StatusCode;
use serde_json::json;
use transload_api::registry::{NameAnswer, NameCheck};
use transload_api::vault::AccessPolicyChange;
use transload_api::{Tags, Vault};
use transload_control::resource::{Body, kind};
use transload_control::{Code, PolicyChange, VaultSpec};

use crate::answer::Answer;
use crate::call::Call;
use crate::face::Face;
use crate::fault::Fault;
use crate::map;

pub(crate) async fn list(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let tenant = face.tenant();
    let place = face.place(&tenant);
    face.list(call, &call.scope()?, kind::VAULT, |stored| map::vault(stored, place)).await
}

pub(crate) async fn get(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let stored = face.control.get(&call.caller, &call.id("vault")?).await?;
    let tenant = face.tenant();
    Ok(Answer::ok(&map::vault(&stored, face.place(&tenant))?))
}

/// The whole vault, policies and all: `az keyvault set-policy` reads it, changes it and puts it back. Policies of which
/// nothing is said stay: templates leave them out that give them by resources of their own.
pub(crate) async fn put(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = face.canonical(call.id("vault")?).await?;
    let said: serde_json::Value = call.json()?;
    let sent: Vault = call.json()?;
    let tenant = face.tenant();
    let place = face.place(&tenant);
    let asked = map::vault_asked(sent, says_policies(&said), place);
    let put = face.control.put_vault(&call.caller, &id, asked).await?;
    Ok(Answer::ok(&map::vault(&put.stored, place)?))
}

/// What a PATCH does not say stays.
pub(crate) async fn patch(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let id = call.id("vault")?;
    let mut sent: serde_json::Value = call.json()?;
    let stored = face.control.get(&call.caller, &id).await?;
    let Body::Vault(vault) = stored.body else { return get(face, call).await };
    let mut asked = VaultSpec { policies: None, ..vault.into() };
    if let Some(tags) = sent.get_mut("tags").map(serde_json::Value::take) {
        asked.tags = serde_json::from_value::<Option<Tags>>(tags)
            .map_err(|_| Fault::invalid("tags", "Tags are texts."))?
            .unwrap_or_default();
    }
    let says_policies = says_policies(&sent);
    let tenant = face.tenant();
    let place = face.place(&tenant);
    let sent: Vault = crate::call::read_json(sent.to_string().as_bytes())?;
    let sent = map::vault_asked(sent, says_policies, place);
    asked.policies = sent.policies;
    asked.extra.extend(sent.extra);
    let put = face.control.put_vault(&call.caller, &id, asked).await?;
    Ok(Answer::ok(&map::vault(&put.stored, place)?))
}

fn says_policies(sent: &serde_json::Value) -> bool {
    sent.pointer("/properties/accessPolicies").is_some_and(|said| !said.is_null())
}

pub(crate) async fn delete(face: &Face, call: &Call) -> Result<Answer, Fault> {
    face.delete(call, &call.id("vault")?).await
}

/// `accessPolicies/add`, `replace`, `remove`; the answer has all that the vault has then.
pub(crate) async fn policies(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let word = call.params.get("operation").to_ascii_lowercase();
    let change = policy_change(&word)?;
    let sent: AccessPolicyChange = call.json()?;
    let policies = map::policies_asked(sent.properties.access_policies);
    let put = face.control.patch_policies(&call.caller, &call.id("vault")?, change, policies).await?;
    Ok(Answer::ok(&map::policies(&put.stored, &word)?))
}

/// What the last word of a change's path asks for.
///
/// # Errors
/// Any other word.
pub(crate) fn policy_change(word: &str) -> Result<PolicyChange, Fault> {
    match word.to_ascii_lowercase().as_str() {
        "add" => Ok(PolicyChange::Add),
        "replace" => Ok(PolicyChange::Replace),
        "remove" => Ok(PolicyChange::Remove),
        _ => Err(Fault::invalid("operation", "Access policies are changed by add, replace or remove.")),
    }
}

/// The id of a change names nothing that could be removed; clearing away what a deployment made asks for it, and means
/// no harm (contract, § 6).
pub(crate) async fn delete_policies(_face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Whether a vault's name is free: it is part of a host, so all of the server has it once.
pub(crate) async fn check_name(face: &Face, call: &Call) -> Result<Answer, Fault> {
    let NameCheck { name, .. } = call.json()?;
    let fits = (3..=24).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.ends_with('-');
    let (reason, text) = if !fits {
        (
            "AccountNameInvalid",
            "A vault's name has 3 to 24 letters, digits and dashes and begins with a letter.",
        )
    } else if vault_is_there(face, &name).await? {
        ("AlreadyExists", "The vault name is already in use.")
    } else {
        return Ok(Answer::ok(&NameAnswer { name_available: true, reason: None, message: None }));
    };
    Ok(Answer::ok(&NameAnswer {
        name_available: false,
        reason: Some(reason.to_owned()),
        message: Some(text.to_owned()),
    }))
}

async fn vault_is_there(face: &Face, name: &str) -> Result<bool, Fault> {
    match face.control.vault_named(name).await {
        Ok(_) => Ok(true),
        Err(error) if error.code == Code::ResourceNotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What is deleted is gone: there is nothing to recover or purge.
pub(crate) async fn deleted(_face: &Face, _call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::ok(&json!({"value": []})))
}

/// See [`deleted`].
pub(crate) async fn deleted_one(_face: &Face, call: &Call) -> Result<Answer, Fault> {
    let text = format!(
        "The vault '{}' is not there in a deleted state: what is deleted is gone.",
        call.params.get("vault")
    );
    Err(Fault::not_found("DeletedVaultNotFound", text))
}
