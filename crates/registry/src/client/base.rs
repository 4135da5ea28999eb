//! What every operation uses: the registry's address, its connections, its authentication.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use parking_lot::Mutex;
use reqwest::header::{HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::sync::OnceCell;
use transload_oci::{Digest, is_repository};
use url::Url;

use super::LoginCheck;
use super::endpoint::Endpoint;
use crate::auth::{Auth, Scope, Ticket};
use crate::error::{Error, ErrorKind};
use crate::http::{Call, Http, Reply, Want, What};
use crate::limits::Limits;
use crate::options::ClientOptions;

/// Attempts at one request that only differ in what was learned of authentication: the first question, the
/// token, the token anew.
const ROUNDS_MAX: usize = 3;

/// So many pages for people instead of answers, and none otherwise, and the registry has no referrers API: a single
/// one may be the blip of a proxy, and must not cost the signatures of everything that follows.
const REFERRERS_REFUSALS_MAX: i32 = 4;

/// The lock of one fallback tag, by repository and subject.
type TagLocks = Mutex<HashMap<(String, Digest), Arc<tokio::sync::Mutex<()>>>>;

/// A registry as the client knows it.
pub(crate) struct Base {
    endpoint: Endpoint,
    /// Scheme and host, once they are known.
    root: OnceCell<Url>,
    http: Http,
    auth: Auth,
    fallback_tags: TagLocks,
    /// How often the registry answered a question for referrers as one that does not know the path; far below zero
    /// once it has answered one.
    referrers_refusals: AtomicI32,
}

impl Base {
    pub(crate) fn new(host: &str, options: ClientOptions) -> Result<Self, Error> {
        let endpoint = Endpoint::parse(host)?;
        Ok(Self {
            http: Http::new(&options, endpoint.host())?,
            auth: Auth::new(endpoint.host(), options.credentials),
            root: OnceCell::new(),
            fallback_tags: Mutex::default(),
            referrers_refusals: AtomicI32::new(0),
            endpoint,
        })
    }

    pub(super) fn host(&self) -> &str {
        self.endpoint.host()
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    pub(super) fn limits(&self) -> &Limits {
        self.http.limits()
    }

    pub(super) fn has_referrers_api(&self) -> bool {
        self.referrers_refusals.load(Ordering::Relaxed) < REFERRERS_REFUSALS_MAX
    }

    /// Takes note of whether the registry knew the path.
    pub(super) fn note_referrers_api(&self, known: bool) {
        if known {
            self.referrers_refusals.store(i32::MIN / 2, Ordering::Relaxed);
        } else {
            self.referrers_refusals.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn fallback_lock(&self, repository: &str, subject: &Digest) -> Arc<tokio::sync::Mutex<()>> {
        self.fallback_tags.lock().entry((repository.to_owned(), *subject)).or_default().clone()
    }

    /// `https://host:port/`, or with `http`.
    pub(super) async fn root(&self) -> Result<&Url, Error> {
        self.root.get_or_try_init(|| self.endpoint.root(&self.http, &self.auth)).await
    }

    /// `/v2/` and what follows.
    pub(super) async fn url(&self, path: &str) -> Result<Url, Error> {
        let mut url = self.root().await?.clone();
        url.set_path(&format!("/v2/{path}"));
        Ok(url)
    }

    /// The same within a repository, whose name is checked: it becomes part of a path.
    pub(super) async fn repository_url(&self, repository: &str, rest: &str) -> Result<Url, Error> {
        if !is_repository(repository) {
            let subject = format!("{}/{repository}", self.host());
            return Err(Error::new(
                ErrorKind::RepositoryNotFound,
                subject,
                "this is not a repository's name",
            ));
        }
        self.url(&format!("{repository}/{rest}")).await
    }

    /// Sends a request, with credentials when it goes to the registry itself.
    pub(super) async fn call(&self, call: &Call, scope: &Scope, subject: &str) -> Result<Reply, Error> {
        if !self.is_home(&call.url).await? {
            return self.http.send(call, None, subject).await;
        }
        let mut scope = scope.clone();
        let mut round = 1;
        loop {
            let ticket = self.auth.ticket(&self.http, &scope, subject).await?;
            let reply = self.http.send(call, ticket.header.as_ref(), subject).await?;
            if reply.status != StatusCode::UNAUTHORIZED || reply.url.origin() != call.url.origin() {
                return Ok(reply);
            }
            self.auth.refused(&ticket, &reply, &mut scope, subject, &self.http, round == ROUNDS_MAX)?;
            round += 1;
        }
    }

    /// See [`super::Client::check_login`].
    pub(super) async fn check_login(&self) -> Result<LoginCheck, Error> {
        let url = self.url("").await?;
        let call = Call::new(Method::GET, url, Want::Whole(self.limits().error_body_bytes_max));
        let reply = self.call(&call, &Scope::default(), self.host()).await?;
        match reply.status.as_u16() {
            200 if self.auth.was_asked() => Ok(LoginCheck::Accepted),
            200 => Ok(LoginCheck::NotAsked),
            404 => Err(Error::new(
                ErrorKind::Unsupported,
                self.host(),
                "there is no registry at this address: it does not know /v2/",
            )),
            _ => Err(self.refusal(&reply, &Scope::default(), self.host(), What::LIST)),
        }
    }

    /// What a request that is not sent by [`Self::call`] takes along.
    pub(super) async fn ticket(&self, url: &Url, scope: &Scope, subject: &str) -> Result<Ticket, Error> {
        if !self.is_home(url).await? {
            return Ok(Ticket::default());
        }
        self.auth.ticket(&self.http, scope, subject).await
    }

    /// Takes note of a 401 to such a request; see [`Auth::refused`].
    pub(super) fn refused(
        &self,
        ticket: &Ticket,
        reply: &Reply,
        scope: &mut Scope,
        subject: &str,
    ) -> Result<(), Error> {
        self.auth.refused(ticket, reply, scope, subject, &self.http, false)
    }

    /// The error that an answer is.
    pub(super) fn refusal(&self, reply: &Reply, scope: &Scope, subject: &str, what: What) -> Error {
        let error = reply.refusal(subject, what, self.limits());
        if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unauthorized) {
            return self.auth.error(reply, scope, subject, &self.http, false);
        }
        if error.detail().contains("HTTP request to an HTTPS server") {
            return Error::new(ErrorKind::Protocol, subject, "it wants HTTPS, and plain HTTP was spoken")
                .with_hint("leave out --plain-http");
        }
        error
    }

    /// Whether this is an address of the registry itself, which may see its credentials.
    async fn is_home(&self, url: &Url) -> Result<bool, Error> {
        Ok(self.root().await?.origin() == url.origin())
    }

    /// Where an upload goes on. Registries behind a proxy that ends TLS often name themselves with `http`: that
    /// is the same registry and stays HTTPS.
    pub(super) async fn location(&self, reply: &Reply, subject: &str) -> Result<Option<Url>, Error> {
        let Some(location) = reply.header(&LOCATION) else { return Ok(None) };
        if let Some(url) = named_without_tls(self.root().await?, &reply.url, location) {
            return Ok(Some(url));
        }
        self.http.resolve(&reply.url, location).map(Some).map_err(|fault| fault.into_error(subject))
    }
}

/// The registry's own HTTPS address, where `location` names it with plain HTTP.
fn named_without_tls(root: &Url, base: &Url, location: &str) -> Option<Url> {
    let mut named = base.join(location).ok()?;
    if root.scheme() != "https" || named.scheme() != "http" || named.host() != root.host() {
        return None;
    }
    named.set_scheme("https").and_then(|()| named.set_port(root.port())).ok()?;
    Some(named)
}

/// `host/repository:tag`, `host/repository@digest`.
pub(super) fn subject(host: &str, repository: &str, reference: &str) -> String {
    let separator = if reference.contains(':') { '@' } else { ':' };
    format!("{host}/{repository}{separator}{reference}")
}

/// A header with the authorization in it, marked so that nobody prints it.
pub(super) fn authorize(headers: &mut reqwest::header::HeaderMap, authorization: Option<HeaderValue>) {
    if let Some(value) = authorization {
        headers.insert(reqwest::header::AUTHORIZATION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_that_forgets_its_tls_is_still_itself_and_nobody_else() {
        let root = Url::parse("https://r.test:5443/").unwrap();
        let named = |location| named_without_tls(&root, &root, location).map(|url| url.to_string());
        assert_eq!(named("http://r.test/v2/a?x=1").as_deref(), Some("https://r.test:5443/v2/a?x=1"));
        assert_eq!(named("http://r.test:5443/v2/a").as_deref(), Some("https://r.test:5443/v2/a"));
        assert_eq!(named("http://other.test/v2/a"), None);
        assert_eq!(named("https://r.test/v2/a"), None);
        assert_eq!(named("/v2/a"), None);
        let plain = Url::parse("http://r.test/").unwrap();
        assert_eq!(named_without_tls(&plain, &plain, "http://r.test/v2/a"), None);
    }
}
