//! What can be done on the ledger itself, on the server's machine: for when nobody is left who may.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use transload_client::AuditQuery;
use transload_client::api::access::{AuditEntry, Principal, PrincipalSecret};
use transload_control::access::{Grant, Principal as Stored, Role};
use transload_control::audit::{Entry, Filter, Outcome};
use transload_control::{Error as Trouble, Ledger, LedgerLimits, NewPrincipal, OneTimeSecret, ResourceId};
use transload_transfer::{Code, Error};
use uuid::Uuid;

use super::principals::{save_or_show, show};
use super::roles::{find, unknown};
use crate::cli::LedgerArgs;
use crate::cli::plane::{ConnectArgs, PrincipalCreateArgs, PrincipalRotateArgs, RoleNameArg};
use crate::config::Environment;
use crate::contexts::Handed;
use crate::exit::Exit;
use crate::output::Output;
use crate::settings::Kept;

/// Under what the ledger keeps the ids of subscription and tenant, and the URL that clients know the server by.
const META_SUBSCRIPTION: &str = "subscription";
const META_TENANT: &str = "tenant";
const META_BASE: &str = "names/base";
/// Entries that are asked for at once.
const PAGE: usize = 500;
/// Who does it, as the audit log has it.
const WHO: &str = "transload --offline";

pub(super) async fn principals(args: LedgerArgs, environment: &Environment) -> Result<Vec<Principal>, Error> {
    all(&open(args, environment).await?.ledger).await
}

pub(super) async fn create(
    args: PrincipalCreateArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let opened = open(args.offline.ledger, environment).await?;
    let ledger = &opened.ledger;
    let grant = match args.role {
        Some(role) => Some((role_of(role), scope(ledger, args.scope.as_deref()).await?)),
        None => None,
    };
    let expires_at = args.secret.expires_in.map(|lasts| OffsetDateTime::now_utc() + lasts);
    let made = OneTimeSecret::new_principal(NewPrincipal { name: args.name, expires_at });
    let OneTimeSecret { principal: stored, secret } = made.map_err(error)?;
    ledger.put_principal(&stored).await.map_err(error)?;
    note(ledger, "principals/write", &target(&stored)).await?;
    if let Some((role, scope)) = grant {
        let grant = Grant { principal: stored.object_id.to_string(), role, scope };
        ledger.put_grant(&grant).await.map_err(error)?;
        note(ledger, "grants/write", &format!("{} {} {}", grant.principal, role.name(), grant.scope)).await?;
    }
    hand_over(&opened, &stored, &secret, args.secret.save.as_deref(), &args.connect, output).await
}

pub(super) async fn rotate(
    args: PrincipalRotateArgs,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let opened = open(args.offline.ledger, environment).await?;
    let ledger = &opened.ledger;
    let expires_at = args.secret.expires_in.map(|lasts| OffsetDateTime::now_utc() + lasts);
    let made = OneTimeSecret::of(Stored { expires_at, ..stored(ledger, &args.principal).await? });
    let OneTimeSecret { principal: stored, secret } = made.map_err(error)?;
    ledger.put_principal(&stored).await.map_err(error)?;
    note(ledger, "principals/rotate/action", &target(&stored)).await?;
    hand_over(&opened, &stored, &secret, args.secret.save.as_deref(), &args.connect, output).await
}

pub(super) async fn delete(
    args: LedgerArgs,
    principal: &str,
    environment: &Environment,
    output: &Output,
) -> Result<Exit, Error> {
    let ledger = &open(args, environment).await?.ledger;
    let stored = stored(ledger, principal).await?;
    ledger.delete_principal(stored.client_id).await.map_err(error)?;
    note(ledger, "principals/delete", &target(&stored)).await?;
    super::follow::fine(&format!("principal {principal} is gone, with its roles"), output)
}

/// Entries of the audit log, oldest first.
pub(super) async fn audit(
    args: LedgerArgs,
    wanted: &AuditQuery,
    environment: &Environment,
) -> Result<Vec<AuditEntry>, Error> {
    let ledger = &open(args, environment).await?.ledger;
    let outcomes = [Outcome::Done, Outcome::Denied, Outcome::Failed];
    let at =
        |text: &Option<String>| text.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    let filter = Filter {
        who: wanted.who.clone(),
        action: wanted.action.clone(),
        target: wanted.target.clone(),
        outcome: outcomes.into_iter().find(|one| wanted.outcome.as_deref() == Some(&format!("{one:?}"))),
        correlation: wanted.correlation.clone(),
        since: at(&wanted.since),
        until: at(&wanted.until),
    };
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.audit_page(&filter, after.as_deref(), PAGE).await.map_err(error)?;
        entries.extend(page.items.iter().map(shown));
        after = page.next;
        if after.is_none() {
            return Ok(entries);
        }
    }
}

/// A ledger, and the folder of its server.
struct Opened {
    ledger: Ledger,
    data: PathBuf,
}

/// The ledger that `serve` with the same options has. It has to be there: none is made.
async fn open(args: LedgerArgs, environment: &Environment) -> Result<Opened, Error> {
    let kept = Kept::new(args, environment)?;
    if kept.ledger.is_none() && !kept.ledger_file().is_file() {
        let file = kept.ledger_file().display().to_string();
        return Err(Error::new(Code::ResourceNotFound, file, "there is no ledger").with_next(
            "name the folder of `serve` with --data, or its ledger with --ledger, --ledger-file or --ledger-env",
        ));
    }
    let ledger = Ledger::open(&kept.ledger_url(), LedgerLimits::default()).await.map_err(error)?;
    Ok(Opened { ledger, data: kept.data })
}

fn error(trouble: Trouble) -> Error {
    Error::new(
        Code::LedgerUnavailable,
        trouble.target.unwrap_or_else(|| "ledger".to_owned()),
        trouble.message,
    )
    .with_next("check --data and --ledger, and that this user may read and write there")
}

async fn all(ledger: &Ledger) -> Result<Vec<Principal>, Error> {
    Ok(ledger.principals().await.map_err(error)?.iter().map(wire).collect())
}

async fn stored(ledger: &Ledger, text: &str) -> Result<Stored, Error> {
    let known = all(ledger).await?;
    let found = find(&known, text)?.ok_or_else(|| unknown(text))?;
    let client_id: Uuid = found.client_id.parse().map_err(|_| unknown(text))?;
    ledger.principal(client_id).await.map_err(error)?.ok_or_else(|| unknown(text))
}

/// An id, or the whole subscription: the one whose id the ledger keeps.
async fn scope(ledger: &Ledger, text: Option<&str>) -> Result<ResourceId, Error> {
    if let Some(id) = text {
        return super::lookup::parse(id);
    }
    let subscription = ledger.meta(META_SUBSCRIPTION).await.map_err(error)?.ok_or_else(|| {
        Error::new(Code::ResourceNotFound, "subscription", "`serve` has not run with this ledger yet")
    })?;
    Ok(ResourceId::subscription_of(&subscription))
}

fn role_of(role: RoleNameArg) -> Role {
    match role {
        RoleNameArg::Reader => Role::Reader,
        RoleNameArg::Operator => Role::Operator,
        RoleNameArg::Contributor => Role::Contributor,
        RoleNameArg::Owner => Role::Owner,
    }
}

/// Shows the secret, or writes it to the file with all that a context needs, as far as the ledger and its folder know.
async fn hand_over(
    opened: &Opened,
    stored: &Stored,
    secret: &SecretString,
    save: Option<&Path>,
    connect: &ConnectArgs,
    output: &Output,
) -> Result<Exit, Error> {
    let made = PrincipalSecret { principal: wire(stored), client_secret: secret.expose_secret().to_owned() };
    let Some(file) = save else { return show(made, None, output) };
    let meta = async |key: &str| opened.ledger.meta(key).await.map_err(error);
    let server = match &connect.server {
        Some(server) => Some(server.clone()),
        None => meta(META_BASE).await?,
    };
    let named = connect.trust.ca_file.first().cloned();
    let own = opened.data.join("tls/ca.crt");
    let handed = Handed {
        server: server.unwrap_or_default(),
        ca_pem: std::fs::read_to_string(named.unwrap_or(own)).ok(),
        ca_file: None,
        tenant: meta(META_TENANT).await?,
        client_id: made.principal.client_id.clone(),
        client_secret: secret.clone(),
    };
    save_or_show(made, &handed, file, output)
}

fn wire(stored: &Stored) -> Principal {
    Principal {
        client_id: stored.client_id.to_string(),
        object_id: stored.object_id.to_string(),
        name: stored.name.clone(),
        created_at: text(stored.created_at),
        expires_at: stored.expires_at.map(text),
    }
}

fn shown(entry: &Entry) -> AuditEntry {
    AuditEntry {
        sequence: entry.sequence,
        at: text(entry.at),
        principal_id: entry.who.clone(),
        principal_name: entry.who_name.clone(),
        action: entry.action.clone(),
        target: entry.target.clone(),
        outcome: format!("{:?}", entry.outcome),
        code: entry.code.clone(),
        correlation_id: entry.correlation.clone(),
        address: entry.address.clone(),
        detail: entry.detail.clone(),
    }
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// What the audit log calls a principal.
fn target(stored: &Stored) -> String {
    format!("principals/{}", stored.client_id)
}

/// What is done here is in the audit log too.
async fn note(ledger: &Ledger, action: &str, target: &str) -> Result<(), Error> {
    let entry = Entry {
        sequence: 0,
        at: OffsetDateTime::now_utc(),
        who: WHO.to_owned(),
        who_name: WHO.to_owned(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome: Outcome::Done,
        code: None,
        correlation: Uuid::new_v4().to_string(),
        address: None,
        detail: None,
    };
    ledger.audit(&entry).await.map(|_| ()).map_err(error)
}
