//! Authentication: what a registry wants, and the tokens it gives.
//!
//! A registry is first asked without a credential. Its challenge says what it wants, once for all requests; from
//! then on a request brings its credential or its token along.

mod challenge;
mod exchange;
mod scope;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;

use crate::credentials::{Credential, CredentialProvider, Found};
use crate::error::{Error, ErrorKind};
use crate::http::{Http, Reply, What};
use challenge::Wanted;
pub(crate) use scope::Scope;
use token::{Token, TokenKey, Tokens};

/// How long an answer of the provider of credentials is good. A person who logs in again is served soon.
const LOOK_KEPT: Duration = Duration::from_secs(30);

/// What one registry wants and what it is given.
pub(crate) struct Auth {
    host: String,
    provider: Arc<dyn CredentialProvider>,
    wanted: Mutex<Option<Wanted>>,
    tokens: Tokens,
    /// What the provider said, by repository.
    looked: Mutex<HashMap<Option<String>, Looked>>,
}

/// An answer of the provider.
struct Looked {
    found: Option<Found>,
    at: Instant,
}

/// What a request takes along.
#[derive(Default)]
pub(crate) struct Ticket {
    pub(crate) header: Option<HeaderValue>,
    token: Option<Arc<Token>>,
    wanted: Option<Wanted>,
    known: bool,
}

impl Auth {
    pub(crate) fn new(host: &str, provider: Arc<dyn CredentialProvider>) -> Self {
        Self {
            host: host.to_owned(),
            provider,
            wanted: Mutex::new(None),
            tokens: Tokens::default(),
            looked: Mutex::default(),
        }
    }

    /// What a request of this scope takes along: nothing as long as the registry has not asked.
    pub(crate) async fn ticket(&self, http: &Http, scope: &Scope, subject: &str) -> Result<Ticket, Error> {
        let Some(wanted) = self.wanted.lock().clone() else { return Ok(Ticket::default()) };
        let repository = scope.repository();
        let found = self.look(repository).await?;
        let mut ticket = Ticket { known: true, wanted: Some(wanted.clone()), ..Ticket::default() };
        match (&wanted, &found) {
            (_, Some(Found { credential: Credential::Bearer(token), .. })) => {
                ticket.header = secret_header(&format!("Bearer {}", token.expose_secret()));
            }
            (Wanted::Basic, Some(Found { credential: Credential::Basic { user, secret }, .. })) => {
                ticket.header = Some(basic(user, secret.expose_secret()));
            }
            (
                Wanted::Basic,
                Some(Found { credential: Credential::IdentityToken(_) | Credential::Entra(_), .. }),
            ) => {
                return Err(Error::new(
                    ErrorKind::Unauthorized,
                    subject,
                    format!(
                        "the registry wants a user and a password; there is {}",
                        self.used_for(repository)
                    ),
                ));
            }
            (Wanted::Basic, None) => {}
            (Wanted::Bearer { realm, service }, found) => {
                if matches!(found, Some(Found { credential: Credential::Entra(_), .. })) {
                    exchange::check(realm, &self.host, subject)?;
                }
                let key = TokenKey { realm: realm.clone(), service: service.clone(), scope: scope.clone() };
                let token = self.tokens.get(http, &key, found.as_ref(), subject).await;
                let token = token.map_err(|error| self.explain(error, repository))?;
                ticket.header = Some(token.header.clone());
                ticket.token = Some(token);
            }
        }
        Ok(ticket)
    }

    /// Takes note of a 401. `Ok` when the request is to be sent again, with a new ticket of the scope (which may
    /// have been widened to what the registry asks for).
    pub(crate) fn refused(
        &self,
        ticket: &Ticket,
        reply: &Reply,
        scope: &mut Scope,
        subject: &str,
        http: &Http,
        last: bool,
    ) -> Result<(), Error> {
        let challenge = challenge::parse(&reply.headers);
        if let Some(token) = &ticket.token {
            token.forget();
        }
        let changed = challenge.as_ref().is_some_and(|c| ticket.wanted.as_ref() != Some(&c.wanted));
        if let Some(challenge) = &challenge {
            *self.wanted.lock() = Some(challenge.wanted.clone());
            if ticket.token.is_some() {
                scope.merge(&challenge.scope);
            }
        }
        let again = challenge.is_some() && (changed || ticket.token.is_some());
        if again && !last {
            return Ok(());
        }
        let insufficient = challenge.is_some_and(|c| c.insufficient_scope);
        Err(self.error(reply, scope, subject, http, insufficient && ticket.known))
    }

    /// The error that a 401 or 403 is, with the credential that was used.
    pub(crate) fn error(
        &self,
        reply: &Reply,
        scope: &Scope,
        subject: &str,
        http: &Http,
        insufficient: bool,
    ) -> Error {
        let error = reply.refusal(subject, What::LIST, http.limits());
        let had_one = self.found(scope.repository()).is_some();
        let kind = match error.kind() {
            ErrorKind::Unauthorized if insufficient && had_one => ErrorKind::Denied,
            kind => kind,
        };
        let error = Error::new(kind, subject, error.detail());
        self.explain(error, scope.repository())
    }

    /// An error that says which credential was used and what to do.
    fn explain(&self, error: Error, repository: Option<&str>) -> Error {
        if !matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied) {
            return error;
        }
        let used = self.used_for(repository);
        let hint = match (error.kind(), self.found(repository)) {
            (ErrorKind::Denied, Some(_)) => format!("ask for access to it on {}", self.host),
            (_, Some(_)) => {
                format!("log in again: 'transload login {0}', or with docker, podman or skopeo", self.host)
            }
            (_, None) => format!(
                "log in: 'transload login {0}', or with docker, podman or skopeo; check the repository's name too",
                self.host
            ),
        };
        let detail = format!("{}; credential used: {used}", error.detail());
        Error::new(error.kind(), error.subject(), detail).with_hint(hint)
    }

    /// Asks the provider, now and then: it may read a file or run a program, which is too much for every request.
    async fn look(&self, repository: Option<&str>) -> Result<Option<Found>, Error> {
        let key = repository.map(str::to_owned);
        if let Some(looked) = self.looked.lock().get(&key).filter(|l| l.at.elapsed() < LOOK_KEPT) {
            return Ok(looked.found.clone());
        }
        let found = self.provider.credential(&self.host, repository).await?;
        self.looked.lock().insert(key, Looked { found: found.clone(), at: Instant::now() });
        Ok(found)
    }

    /// The credential that was last found.
    fn found(&self, repository: Option<&str>) -> Option<Found> {
        self.looked.lock().get(&repository.map(str::to_owned)).and_then(|looked| looked.found.clone())
    }

    /// The same in words, or where none was found.
    fn used_for(&self, repository: Option<&str>) -> String {
        match (self.found(repository), self.provider.places()) {
            (Some(found), _) => found.to_string(),
            (None, places) if places.is_empty() => "no credential".to_owned(),
            (None, places) => format!("no credential (none for {} in {places})", self.host),
        }
    }

    /// Whether the registry has asked for anything.
    pub(crate) fn was_asked(&self) -> bool {
        self.wanted.lock().is_some()
    }

    /// Learns what the registry wants from an answer that was got for another reason.
    pub(crate) fn learn(&self, headers: &HeaderMap) {
        if let Some(challenge) = challenge::parse(headers) {
            self.wanted.lock().get_or_insert(challenge.wanted);
        }
    }
}

fn basic(user: &str, secret: &str) -> HeaderValue {
    // Base64 is always a valid header.
    secret_header(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{secret}"))))
        .unwrap_or_else(|| HeaderValue::from_static("Basic"))
}

fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
