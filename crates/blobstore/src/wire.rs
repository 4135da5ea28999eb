//! How requests travel: one HTTP client, whose errors never hold a URL.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::open::{ProxyOptions, StoreOptions, Timeouts};
use crate::retry::Failure;

/// After this long without an answer to what was sent, a connection counts as dead.
const UNANSWERED_MAX: Duration = Duration::from_secs(60);

/// An HTTP client with a store's options.
#[derive(Debug)]
pub(crate) struct Wire {
    client: reqwest::Client,
    /// Without proxies.
    direct: reqwest::Client,
    timeouts: Timeouts,
}

/// Why there was no answer, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The name is not known.
    Name,
    /// No connection.
    Connect,
    /// The certificate is not trusted, or TLS failed otherwise.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Cut,
}

/// What went wrong on the way, without the URL.
#[derive(Debug)]
pub(crate) struct WireError {
    pub(crate) trouble: Trouble,
    text: String,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for WireError {}

impl Wire {
    /// # Errors
    /// `LocationInvalid` for a certificate or a proxy that cannot be read.
    pub(crate) fn new(options: &StoreOptions) -> Result<Self, Error> {
        let direct = set_up(builder(options)?)?;
        let mut builder = builder(options)?;
        for proxy in proxies(&options.proxy)? {
            builder = builder.proxy(proxy);
        }
        Ok(Self { client: set_up(builder)?, direct, timeouts: options.timeouts.clone() })
    }
}

fn set_up(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    builder.build().map_err(|e| invalid("HTTP client", format!("it cannot be set up: {e}")))
}

fn builder(options: &StoreOptions) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(options.timeouts.connect)
        .tcp_nodelay(true)
        .tcp_keepalive(UNANSWERED_MAX / 2)
        .pool_idle_timeout(UNANSWERED_MAX);
    #[cfg(target_os = "linux")]
    {
        builder = builder.tcp_user_timeout(UNANSWERED_MAX);
    }
    for pem in &options.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|e| invalid("certificate file", format!("it holds no certificate: {e}")))?;
        if certificates.is_empty() {
            return Err(invalid("certificate file", "it holds no certificate"));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    Ok(builder)
}

fn proxies(options: &ProxyOptions) -> Result<Vec<reqwest::Proxy>, Error> {
    let none = || options.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
    let read = |url: &SecretString, make: fn(&str) -> reqwest::Result<reqwest::Proxy>| {
        make(url.expose_secret())
            .map(|proxy| proxy.no_proxy(none()))
            // the cause would show the URL, which may have a password
            .map_err(|_| invalid("proxy", "its URL cannot be read"))
    };
    let https = options.https.as_ref().map(|url| read(url, |u| reqwest::Proxy::https(u)));
    let http = options.http.as_ref().map(|url| read(url, |u| reqwest::Proxy::http(u)));
    https.into_iter().chain(http).collect()
}

fn invalid(subject: &str, detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::LocationInvalid, subject, detail)
}

impl Wire {
    /// Sends a request whose body has `len` bytes and waits for the answer's head.
    pub(crate) async fn send(
        &self,
        request: reqwest::Request,
        len: u64,
    ) -> Result<reqwest::Response, WireError> {
        let client = if is_link_local(request.url()) { &self.direct } else { &self.client };
        let patience = self.timeouts.idle + Duration::from_secs(len / Timeouts::SLOWEST);
        match tokio::time::timeout(patience, client.execute(request)).await {
            Ok(answer) => answer.map_err(trouble),
            Err(_) => Err(timed_out(patience)),
        }
    }

    /// The answer's body as it arrives; a pause longer than the limit is an error.
    pub(crate) fn body(&self, answer: reqwest::Response) -> BoxStream<'static, Result<Bytes, WireError>> {
        let idle = self.timeouts.idle;
        let pieces = stream::try_unfold(answer, move |mut answer| async move {
            match tokio::time::timeout(idle, answer.chunk()).await {
                Ok(Ok(piece)) => Ok(piece.map(|piece| (piece, answer))),
                Ok(Err(e)) => Err(trouble(e)),
                Err(_) => Err(timed_out(idle)),
            }
        });
        pieces.boxed()
    }

    /// The answer's body, up to `len_max` bytes of it.
    pub(crate) async fn text(&self, answer: reqwest::Response, len_max: usize) -> Result<Bytes, WireError> {
        let mut body = self.body(answer);
        let mut all = BytesMut::new();
        while let Some(piece) = body.try_next().await? {
            all.extend_from_slice(&piece[..piece.len().min(len_max - all.len())]);
            if all.len() == len_max {
                break;
            }
        }
        Ok(all.freeze())
    }
}

/// Where machines ask for what is theirs; no proxy leads there.
fn is_link_local(url: &reqwest::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_link_local(),
        Some(url::Host::Domain(name)) => name == "metadata.google.internal",
        _ => false,
    }
}

/// What an unanswered request failed with, at `subject`.
pub(crate) fn unanswered(subject: &str, wire: &WireError) -> Failure {
    let error = Error::new(ErrorKind::Unreachable, subject, wire.to_string());
    let (error, again) = match wire.trouble {
        Trouble::Name => {
            let hint = "check the store's name and this machine's name resolution";
            (error.with_hint(hint), wire.to_string().contains("Temporary"))
        }
        Trouble::Tls => (
            error.with_hint("if the store has a certificate of your own authority, give that with --ca-file"),
            false,
        ),
        Trouble::Connect => {
            (error.with_hint("check the address, and whether a firewall or a proxy is in between"), true)
        }
        Trouble::Timeout | Trouble::Cut => (error, true),
    };
    Failure { error, again, after: None }
}

fn timed_out(after: Duration) -> WireError {
    let text = format!("nothing was heard for {} seconds", after.as_secs());
    WireError { trouble: Trouble::Timeout, text }
}

fn trouble(error: reqwest::Error) -> WireError {
    let error = error.without_url();
    let cause = deepest(&error);
    let lower = cause.to_ascii_lowercase();
    let (trouble, text) =
        if lower.contains("certificate") || lower.contains("tls") || lower.contains("handshake") {
            (Trouble::Tls, format!("the TLS connection failed: {cause}"))
        } else if lower.contains("lookup address") || lower.contains("dns") {
            (Trouble::Name, format!("the host's name cannot be resolved: {cause}"))
        } else if error.is_timeout() {
            (Trouble::Timeout, "the connection was not made in time".to_owned())
        } else if error.is_connect() {
            (Trouble::Connect, format!("cannot connect: {cause}"))
        } else {
            (Trouble::Cut, format!("the connection broke: {cause}"))
        };
    WireError { trouble, text }
}

/// The innermost cause, which is what a person can do something about.
fn deepest(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
