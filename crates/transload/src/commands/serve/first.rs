//! The first start: somebody has to be able to come in.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use transload_control::{Caller, Control, Grant, OneTimeSecret, Role};
use transload_transfer::Error;
use uuid::Uuid;

use super::plane::refused;
use crate::contexts::Handed;

/// Which client the administrator is; whoever wrote it first makes it.
const ADMINISTRATOR: &str = "administrator";
/// Who workers are towards registries that are hosted here.
const WORKERS: &str = "workers";

/// The administrator that was made just now.
#[derive(Debug)]
pub(crate) struct Administrator {
    pub(crate) client_id: Uuid,
    pub(crate) secret: SecretString,
    pub(crate) file: PathBuf,
}

/// Makes the administrator and the workers' principal at the first start. `None` when they are there.
pub(crate) async fn administrator(
    control: &Control,
    data: &Path,
    base: &str,
    ca: Option<&Path>,
) -> Result<Option<Administrator>, Error> {
    made_once(control, WORKERS, Role::Contributor).await?;
    let Some(made) = made_once(control, ADMINISTRATOR, Role::Owner).await? else { return Ok(None) };
    let file = data.join("administrator.json");
    let handed = Handed {
        server: base.to_owned(),
        ca_file: ca.map(|ca| std::path::absolute(ca).unwrap_or_else(|_| ca.to_owned())),
        ca_pem: None,
        tenant: Some(control.options().tenant.to_string()),
        client_id: made.principal.client_id.to_string(),
        client_secret: made.secret.clone(),
    };
    handed.write(&file)?;
    Ok(Some(Administrator { client_id: made.principal.client_id, secret: made.secret, file }))
}

/// The principal of that name, when it has to be made. That it was made is noted last: a start that was cut off makes another.
async fn made_once(control: &Control, name: &str, role: Role) -> Result<Option<OneTimeSecret>, Error> {
    let failed = |error: transload_control::Error| refused(&error);
    let itself = Caller::itself(&control.subscription(), Uuid::new_v4().to_string());
    let ledger = control.ledger();
    let key = format!("principals/{name}");
    // one that was deleted since stays deleted: that was somebody's will
    if ledger.meta(&key).await.map_err(failed)?.is_some() {
        return Ok(None);
    }
    let new = transload_control::NewPrincipal { name: name.to_owned(), expires_at: None };
    let made = control.create_principal(&itself, new).await.map_err(failed)?;
    let (client_id, principal) = (made.principal.client_id.to_string(), made.principal.object_id.to_string());
    let grant = Grant { principal, role, scope: control.subscription() };
    control.grant(&itself, grant).await.map_err(failed)?;
    let stands = ledger.put_meta_if_absent(&key, &client_id).await.map_err(failed)?;
    if stands != client_id {
        // another server that starts at the same time was first
        control.delete_principal(&itself, made.principal.client_id).await.map_err(failed)?;
        return Ok(None);
    }
    Ok(Some(made))
}

/// The principal that workers are towards hosted registries.
pub(crate) async fn workers(
    control: &Control,
) -> Result<transload_control::Principal, transload_control::Error> {
    let missing = || {
        let text = "the principal 'workers' was deleted, by which runs reach registries that are hosted here: start \
                    `transload serve` with a new ledger, or make registries external";
        transload_control::Error::new(transload_control::Code::AuthenticationFailed, text)
    };
    let client_id = control.ledger().meta(&format!("principals/{WORKERS}")).await?;
    let client_id = client_id.and_then(|text| Uuid::parse_str(&text).ok()).ok_or_else(missing)?;
    control.ledger().principal(client_id).await?.ok_or_else(missing)
}
