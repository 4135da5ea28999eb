//! How requests travel: one HTTP client, whose errors never hold a URL.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind as CoreKind;
use azure_core::http::headers::Headers;
use azure_core::http::response::PinnedStream;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use futures_util::stream;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind};
use crate::open::{ProxyOptions, StoreOptions, Timeouts};

/// After this long without an answer to what was sent, a connection counts as dead.
const UNANSWERED_MAX: Duration = Duration::from_secs(60);

/// The HTTP client under the SDK's pipeline.
#[derive(Debug)]
pub(super) struct Wire {
    client: reqwest::Client,
    timeouts: Timeouts,
}

/// Why there was no answer, or not all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
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
pub(super) struct WireError {
    pub(super) trouble: Trouble,
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
    pub(super) fn new(options: &StoreOptions) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
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
        for proxy in proxies(&options.proxy)? {
            builder = builder.proxy(proxy);
        }
        let client =
            builder.build().map_err(|e| invalid("HTTP client", format!("it cannot be set up: {e}")))?;
        Ok(Self { client, timeouts: options.timeouts.clone() })
    }
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

#[async_trait]
impl HttpClient for Wire {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let len = request.body().len().unwrap_or(0);
        let method = reqwest::Method::from_bytes(request.method().as_ref().as_bytes())
            .map_err(|e| azure_core::Error::new(CoreKind::Other, e))?;
        let mut sent = self.client.request(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            sent = sent.header(name.as_str(), value.as_str());
        }
        sent = match request.body().clone() {
            Body::Bytes(bytes) => sent.body(bytes),
            Body::SeekableStream(stream) => sent.body(reqwest::Body::wrap_stream(stream)),
        };
        let patience = self.timeouts.idle + Duration::from_secs(len / Timeouts::SLOWEST);
        let answer = match tokio::time::timeout(patience, sent.send()).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(e)) => return Err(trouble(e)),
            Err(_) => return Err(timed_out(patience)),
        };
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let status = answer.status().as_u16().into();
        Ok(AsyncRawResponse::new(status, headers, body(answer, self.timeouts.idle)))
    }
}

/// The body as it arrives; a pause longer than `idle` is an error.
fn body(answer: reqwest::Response, idle: Duration) -> PinnedStream {
    Box::pin(stream::try_unfold(answer, move |mut answer| async move {
        match tokio::time::timeout(idle, answer.chunk()).await {
            Ok(Ok(piece)) => Ok(piece.map(|piece| (piece, answer))),
            Ok(Err(e)) => Err(trouble(e)),
            Err(_) => Err(timed_out(idle)),
        }
    }))
}

fn timed_out(after: Duration) -> azure_core::Error {
    let text = format!("nothing was heard for {} seconds", after.as_secs());
    azure_core::Error::new(CoreKind::Io, WireError { trouble: Trouble::Timeout, text })
}

fn trouble(error: reqwest::Error) -> azure_core::Error {
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
    let kind = if error.is_connect() { CoreKind::Connection } else { CoreKind::Io };
    azure_core::Error::new(kind, WireError { trouble, text })
}

/// The innermost cause, which is what a person can do something about.
fn deepest(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
