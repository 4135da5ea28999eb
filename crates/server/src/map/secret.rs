//! Secrets of the data plane.

use secrecy::{ExposeSecret as _, SecretString};
use transload_api::secret::{DeletedSecret, SecretAttributes, SecretBundle, SecretChange, SecretItem};
use transload_vault::{Attributes, Change, NewSecret, Secret, SecretInfo};

use super::{Place, some};
use crate::fault::Fault;

/// A secret with its value: the answer to whoever may read it.
pub(crate) fn secret(kept: &Secret, place: Place<'_>) -> SecretBundle {
    SecretBundle { value: Some(kept.value.expose_secret().to_owned()), ..secret_bundle(&kept.info, place) }
}

fn secret_bundle(info: &SecretInfo, place: Place<'_>) -> SecretBundle {
    SecretBundle {
        value: None,
        id: format!("{}/{}", id(info, place), info.version),
        attributes: attributes(&info.attributes),
        content_type: info.content_type.clone(),
        tags: some(&info.tags),
    }
}

/// A secret without its value; with `versioned` as one of its versions. The answer to a change has this shape too.
pub(crate) fn secret_item(info: &SecretInfo, versioned: bool, place: Place<'_>) -> SecretItem {
    let id = id(info, place);
    SecretItem {
        id: if versioned { format!("{id}/{}", info.version) } else { id },
        attributes: attributes(&info.attributes),
        content_type: info.content_type.clone(),
        tags: some(&info.tags),
    }
}

/// A secret that is gone.
pub(crate) fn deleted_secret(info: &SecretInfo, now: i64, place: Place<'_>) -> DeletedSecret {
    let SecretBundle { id, attributes, content_type, tags, .. } = secret_bundle(info, place);
    DeletedSecret { id, attributes, content_type, tags, deleted_date: now, scheduled_purge_date: now }
}

/// `https://{vault}/secrets/{name}`: also where the vault was asked by a path. Clients take ids apart and count segments.
fn id(info: &SecretInfo, place: Place<'_>) -> String {
    format!("{}secrets/{}", super::vault::vault_uri(&info.vault, place), info.name)
}

fn attributes(kept: &Attributes) -> SecretAttributes {
    SecretAttributes {
        enabled: Some(kept.enabled),
        nbf: kept.not_before,
        exp: kept.expires,
        created: Some(kept.created),
        updated: Some(kept.updated),
        recovery_level: Some("Purgeable".to_owned()),
    }
}

/// A secret as it is asked for.
pub(crate) fn secret_asked(mut sent: SecretChange) -> Result<NewSecret, Fault> {
    let value =
        sent.value.take().ok_or_else(|| Fault::bad("BadParameter", "The property 'value' is required."))?;
    Ok(NewSecret { value: SecretString::from(value), change: secret_change(sent) })
}

/// A change as it is asked for.
pub(crate) fn secret_change(sent: SecretChange) -> Change {
    let attributes = sent.attributes.unwrap_or_default();
    Change {
        enabled: attributes.enabled,
        not_before: attributes.nbf,
        expires: attributes.exp,
        content_type: sent.content_type,
        tags: sent.tags,
    }
}
