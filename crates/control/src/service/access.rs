//! Principals, sign-ins, and grants of roles.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, digest, rand};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Control;
use crate::access::{Caller, Grant, Principal, Role};
use crate::audit::Outcome;
use crate::error::{Code, Error};

/// Clients whose failed sign-ins are remembered at a time.
const CLIENTS_MAX: usize = 4096;
/// The longest that a client has to wait after failed sign-ins.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// A principal to be made.
#[derive(Debug, Clone, Default)]
pub struct NewPrincipal {
    /// For people.
    pub name: String,
    /// When its secret ends; never, where nothing is said.
    pub expires_at: Option<OffsetDateTime>,
}

/// A principal and its secret, which is shown this once: only its hash is kept.
#[derive(Debug)]
pub struct OneTimeSecret {
    /// The principal.
    pub principal: Principal,
    /// Its secret.
    pub secret: SecretString,
}

/// Failed sign-ins, each client's by itself: so that guessing is slow, and nobody can lock others out for long.
#[derive(Debug)]
pub(super) struct SignIns {
    failures_max: u32,
    failed: Mutex<HashMap<Uuid, (u32, Instant)>>,
}

impl SignIns {
    pub(super) fn new(failures_max: u32) -> Self {
        Self { failures_max, failed: Mutex::default() }
    }

    /// How long a client has to wait yet.
    fn wait(&self, client: Uuid) -> Option<Duration> {
        let failed = self.failed.lock();
        let (count, last) = failed.get(&client)?;
        let over = count.checked_sub(self.failures_max)?;
        let wait = Duration::from_secs(1u64 << over.min(10)).min(WAIT_MAX);
        wait.checked_sub(last.elapsed())
    }

    fn failed(&self, client: Uuid) {
        let mut failed = self.failed.lock();
        if failed.len() >= CLIENTS_MAX && !failed.contains_key(&client) {
            failed.retain(|_, (_, last)| last.elapsed() < WAIT_MAX);
            if failed.len() >= CLIENTS_MAX {
                return;
            }
        }
        let entry = failed.entry(client).or_insert((0, Instant::now()));
        *entry = (entry.0.saturating_add(1), Instant::now());
    }

    fn succeeded(&self, client: Uuid) {
        self.failed.lock().remove(&client);
    }
}

impl OneTimeSecret {
    /// A new principal, kept nowhere yet.
    ///
    /// # Errors
    /// [`Code::LedgerUnavailable`] when there are no random numbers.
    pub fn new_principal(new: NewPrincipal) -> Result<Self, Error> {
        Self::of(Principal {
            client_id: Uuid::new_v4(),
            object_id: Uuid::new_v4(),
            name: new.name,
            secret_hash: String::new(),
            created_at: OffsetDateTime::now_utc(),
            expires_at: new.expires_at,
        })
    }

    /// The same principal with a new secret, kept nowhere yet.
    ///
    /// # Errors
    /// As [`new_principal`](Self::new_principal).
    pub fn of(principal: Principal) -> Result<Self, Error> {
        let secret = new_secret()?;
        Ok(Self { principal: Principal { secret_hash: hash(&secret), ..principal }, secret })
    }
}

impl Control {
    /// Who signs in with this secret.
    ///
    /// # Errors
    /// [`Code::AuthenticationFailed`], the same for a client that is not known; [`Code::TooManyRequests`] after many failures.
    pub async fn sign_in(
        &self,
        caller: &Caller,
        client_id: Uuid,
        secret: &SecretString,
    ) -> Result<Principal, Error> {
        if let Some(wait) = self.0.sign_ins.wait(client_id) {
            let text = format!(
                "Too many failed sign-ins of this client: wait {} s and try again.",
                wait.as_secs() + 1
            );
            return Err(Error::new(Code::TooManyRequests, text));
        }
        let found = self.ledger().principal(client_id).await?;
        let given = hash(secret);
        let kept = found.as_ref().map_or(String::new(), |principal| principal.secret_hash.clone());
        let fits = constant_time::verify_slices_are_equal(given.as_bytes(), kept.as_bytes()).is_ok();
        let now = OffsetDateTime::now_utc();
        let why = match &found {
            Some(principal) if fits && principal.expires_at.is_none_or(|ends| ends > now) => {
                self.0.sign_ins.succeeded(client_id);
                return Ok(principal.clone());
            }
            Some(_) if fits => {
                "the client's secret has expired: make a new one with `transload principal rotate`"
            }
            _ => "the client id or its secret is not right",
        };
        self.0.sign_ins.failed(client_id);
        let error = Error::new(Code::AuthenticationFailed, why);
        let known = Caller {
            principal: found
                .as_ref()
                .map_or("unknown".to_owned(), |principal| principal.object_id.to_string()),
            name: found.map_or("unknown".to_owned(), |principal| principal.name),
            ..caller.clone()
        };
        self.note(&known, "signIn/action", &client_id.to_string(), Outcome::Denied, Some(&error), None)
            .await?;
        Err(error)
    }

    /// Makes a service principal.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`] for whoever is no Owner, [`Code::InvalidRequest`].
    pub async fn create_principal(&self, caller: &Caller, new: NewPrincipal) -> Result<OneTimeSecret, Error> {
        self.owner(caller, "principals/write").await?;
        let name = new.name.trim().to_owned();
        let made = OneTimeSecret::new_principal(NewPrincipal { name, ..new })?;
        let target = format!("principals/{}", made.principal.client_id);
        let work = async {
            let name = &made.principal.name;
            if name.is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
                let text = "A principal's name has 1 to 128 characters.";
                return Err(Error::new(Code::InvalidRequest, text).about("name"));
            }
            self.ledger().put_principal(&made.principal).await?;
            Ok(made)
        };
        self.audited(caller, "principals/write", &target, work).await
    }

    /// Gives a principal a new secret; the old one ends at once.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`], [`Code::ResourceNotFound`].
    pub async fn rotate_principal(
        &self,
        caller: &Caller,
        client_id: Uuid,
        expires_at: Option<OffsetDateTime>,
    ) -> Result<OneTimeSecret, Error> {
        self.owner(caller, "principals/rotate/action").await?;
        let work = async {
            let found = self.ledger().principal(client_id).await?;
            let principal = found.ok_or_else(|| no_principal(client_id))?;
            let made = OneTimeSecret::of(Principal { expires_at, ..principal })?;
            self.ledger().put_principal(&made.principal).await?;
            self.0.sign_ins.succeeded(client_id);
            Ok(made)
        };
        self.audited(caller, "principals/rotate/action", &format!("principals/{client_id}"), work).await
    }

    /// Removes a principal and its roles; whether there was one.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`].
    pub async fn delete_principal(&self, caller: &Caller, client_id: Uuid) -> Result<bool, Error> {
        self.owner(caller, "principals/delete").await?;
        let work = self.ledger().delete_principal(client_id);
        self.audited(caller, "principals/delete", &format!("principals/{client_id}"), work).await
    }

    /// Every principal.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`].
    pub async fn principals(&self, caller: &Caller) -> Result<Vec<Principal>, Error> {
        self.owner(caller, "principals/read").await?;
        self.ledger().principals().await
    }

    /// Gives a principal a role at a scope; whether it did not have it.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`] for whoever is no Owner of the scope; [`Code::SubscriptionNotFound`].
    pub async fn grant(&self, caller: &Caller, grant: Grant) -> Result<bool, Error> {
        self.in_subscription(&grant.scope)?;
        self.allow(caller, &grant.scope, Role::Owner, "grants/write").await?;
        let target = format!("{} {} at {}", grant.role.name(), grant.principal, grant.scope);
        self.audited(caller, "grants/write", &target, self.ledger().put_grant(&grant)).await
    }

    /// Takes a role away; whether it was there.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub async fn revoke(&self, caller: &Caller, grant: Grant) -> Result<bool, Error> {
        self.in_subscription(&grant.scope)?;
        self.allow(caller, &grant.scope, Role::Owner, "grants/delete").await?;
        let target = format!("{} {} at {}", grant.role.name(), grant.principal, grant.scope);
        self.audited(caller, "grants/delete", &target, self.ledger().delete_grant(&grant)).await
    }

    /// Every role of everybody.
    ///
    /// # Errors
    /// [`Code::AuthorizationFailed`].
    pub async fn grants(&self, caller: &Caller) -> Result<Vec<Grant>, Error> {
        self.owner(caller, "grants/read").await?;
        self.ledger().grants().await
    }

    async fn owner(&self, caller: &Caller, verb: &str) -> Result<(), Error> {
        self.allow(caller, &self.subscription(), Role::Owner, verb).await
    }
}

fn no_principal(client_id: Uuid) -> Error {
    Error::new(Code::ResourceNotFound, format!("There is no principal with client id '{client_id}'."))
}

fn hash(secret: &SecretString) -> String {
    hex::encode(digest::digest(&digest::SHA256, secret.expose_secret().as_bytes()))
}

/// Some 256 bits of chance, as text that needs no quoting, and that no command line takes for an option: `az login -p` would
/// one that begins with `-`.
fn new_secret() -> Result<SecretString, Error> {
    use base64::Engine as _;
    let mut bytes = [0u8; 32];
    loop {
        rand::fill(&mut bytes)
            .map_err(|_| Error::new(Code::LedgerUnavailable, "there are no random numbers"))?;
        let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        if !text.starts_with('-') {
            return Ok(text.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_begins_as_an_option_does() {
        // one in 64 would
        for _ in 0..2000 {
            let secret = new_secret().unwrap();
            assert!(secret.expose_secret().len() == 43 && !secret.expose_secret().starts_with('-'));
        }
    }
}
