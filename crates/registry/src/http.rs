//! Requests with bounds: redirects by hand, retries, one gate per host, bodies that cannot grow without end.
//!
//! Nothing here knows what a registry is. Who may see a credential is decided here, though: an
//! `Authorization` goes to the origin (scheme, host, port) of the request it was given with and to no other.

mod answer;
mod build;
mod fault;
mod gate;
mod quota;
mod retry;

pub(crate) use answer::{Reply, What, one_line};
pub(crate) use build::is_loopback;
pub(crate) use fault::Fault;
pub(crate) use gate::Turn;
pub(crate) use retry::Retry;

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use tokio::time::timeout;
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::options::{ClientOptions, OnWait, Wait};
use gate::Gate;

/// Shorter waits are nobody's concern.
const TOLD_FROM: Duration = Duration::from_secs(1);

/// One request that can be sent as often as needed.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) want: Want,
    /// How long to wait for the head of the answer, where that is not the time for any byte.
    pub(crate) patience: Option<Duration>,
}

/// What to do with the body of a successful answer. Bodies of errors are always read, and bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Read it whole, so many bytes at most.
    Whole(usize),
    /// The same, and what is larger is no manifest.
    Manifest(usize),
    /// Hand it out as it comes.
    Stream,
}

impl Call {
    pub(crate) fn new(method: Method, url: Url, want: Want) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), want, patience: None }
    }

    pub(crate) fn header(mut self, name: reqwest::header::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }
}

/// The connections of one client, to a registry, its token service and its storage.
pub(crate) struct Http {
    client: reqwest::Client,
    gate: Gate,
    plain_http: bool,
    limits: Limits,
    on_wait: Option<OnWait>,
}

impl Http {
    pub(crate) fn new(options: &ClientOptions, subject: &str) -> Result<Self, Error> {
        Ok(Self {
            client: build::client(options, subject)?,
            gate: Gate::new(options.limits.requests_per_host_max),
            plain_http: options.plain_http,
            limits: options.limits.clone(),
            on_wait: options.on_wait.clone(),
        })
    }

    /// Sends a request, follows its redirects and tries again what may be tried again. Any status that is not
    /// a matter of trying again comes back as an answer.
    pub(crate) async fn send(
        &self,
        call: &Call,
        authorization: Option<&HeaderValue>,
        subject: &str,
    ) -> Result<Reply, Error> {
        let mut retry = Retry::new(&self.limits);
        loop {
            let fault = match self.follow(call, authorization).await {
                Ok(reply) => match Fault::of_status(&reply, &self.limits) {
                    None => return Ok(reply),
                    Some(fault) => fault,
                },
                Err(fault) => fault,
            };
            self.pause(&mut retry, fault, &call.url, subject).await?;
        }
    }

    /// One attempt at a request, redirects included, from the first URL on: a redirect's target is good for
    /// minutes only, so that it is asked for anew every time.
    pub(crate) async fn follow(
        &self,
        call: &Call,
        authorization: Option<&HeaderValue>,
    ) -> Result<Reply, Fault> {
        let mut url = call.url.clone();
        for _ in 0..=self.limits.redirects_max {
            let authorization = authorization.filter(|_| url.origin() == call.url.origin());
            let reply = self.once(call, url, authorization).await?;
            if !reply.status.is_redirection() || !matches!(call.method, Method::GET | Method::HEAD) {
                return Ok(reply);
            }
            let Some(location) = reply.headers.get(LOCATION).and_then(|l| l.to_str().ok()) else {
                return Ok(reply);
            };
            url = self.resolve(&reply.url, location)?;
        }
        Err(Fault::lasting(ErrorKind::Failed, format!("more than {} redirects", self.limits.redirects_max)))
    }

    /// The URL that a `Location` names. From HTTPS it does not lead to HTTP, unless plain HTTP was asked for.
    pub(crate) fn resolve(&self, base: &Url, location: &str) -> Result<Url, Fault> {
        let bad = |why: &str| Err(Fault::lasting(ErrorKind::Failed, format!("the server redirects {why}")));
        let Ok(url) = base.join(location) else { return bad("to something that is no URL") };
        match url.scheme() {
            "https" => Ok(url),
            "http" if base.scheme() == "http" || self.plain_http => Ok(url),
            "http" => bad("from HTTPS to plain HTTP"),
            _ => bad("to a scheme that is neither HTTP nor HTTPS"),
        }
    }

    async fn once(&self, call: &Call, url: Url, authorization: Option<&HeaderValue>) -> Result<Reply, Fault> {
        let turn = self.gate.wait(&url).await;
        let mut headers = call.headers.clone();
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let request = self.client.request(call.method.clone(), url.clone()).headers(headers);
        let request = match (&call.method, call.body.is_empty()) {
            (&Method::GET | &Method::HEAD | &Method::DELETE, true) => request,
            (_, true) => request.header(CONTENT_LENGTH, HeaderValue::from_static("0")),
            (_, false) => request.body(call.body.clone()),
        };
        let patience = call.patience.unwrap_or(self.limits.read_idle_timeout);
        let response = match timeout(patience, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Fault::of_transport(&error)),
            Err(_) => return Err(Fault::stalled(patience)),
        };
        self.reply(url, response, call.want, turn).await
    }

    /// Waits until the host of this URL may be asked, for [`Self::push`], whose caller watches the clock.
    pub(crate) async fn wait(&self, url: &Url) -> Turn {
        self.gate.wait(url).await
    }

    /// Sends a request whose body cannot be had a second time. No redirect is followed, nothing tried again.
    pub(crate) async fn push(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: reqwest::Body,
        turn: Turn,
    ) -> Result<Reply, Fault> {
        let request = self.client.request(method, url.clone()).headers(headers).body(body);
        let response = request.send().await.map_err(|error| Fault::of_transport(&error))?;
        self.reply(url, response, Want::Whole(self.limits.error_body_bytes_max), turn).await
    }

    async fn reply(
        &self,
        url: Url,
        response: reqwest::Response,
        want: Want,
        turn: Turn,
    ) -> Result<Reply, Fault> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut reply = Reply { status, headers, url, body: Bytes::new(), response: None, turn: None };
        match want {
            Want::Stream if status.is_success() => {
                reply.response = Some(response);
                reply.turn = Some(turn);
            }
            Want::Whole(bytes_max) | Want::Manifest(bytes_max) if status.is_success() => {
                let (body, cut) = self.read(response, bytes_max).await?;
                if cut {
                    let manifest = matches!(want, Want::Manifest(_));
                    let kind = if manifest { ErrorKind::ManifestInvalid } else { ErrorKind::Failed };
                    return Err(Fault::lasting(kind, format!("the answer is larger than {bytes_max} bytes")));
                }
                reply.body = body;
            }
            // An error that cannot be read to its end is still that error.
            _ => {
                reply.body = self
                    .read(response, self.limits.error_body_bytes_max)
                    .await
                    .map(|(body, _)| body)
                    .unwrap_or_default();
            }
        }
        Ok(reply)
    }

    /// A body, `bytes_max` of it at most, and whether there was more.
    async fn read(&self, response: reqwest::Response, bytes_max: usize) -> Result<(Bytes, bool), Fault> {
        let mut stream = response.bytes_stream();
        let mut body: Vec<u8> = Vec::new();
        loop {
            match timeout(self.limits.read_idle_timeout, stream.next()).await {
                Err(_) => return Err(Fault::stalled(self.limits.read_idle_timeout)),
                Ok(None) => return Ok((body.into(), false)),
                Ok(Some(Err(error))) => return Err(Fault::of_transport(&error)),
                Ok(Some(Ok(chunk))) => {
                    let take = chunk.len().min(bytes_max - body.len());
                    body.extend_from_slice(&chunk[..take]);
                    if take < chunk.len() {
                        return Ok((body.into(), true));
                    }
                }
            }
        }
    }

    /// Waits as a fault asks for, or gives it up as an error. `url` is what the request was for.
    pub(crate) async fn pause(
        &self,
        retry: &mut Retry,
        fault: Fault,
        url: &Url,
        subject: &str,
    ) -> Result<(), Error> {
        let pause = match retry.next(&fault, &self.limits) {
            Some(pause) => pause,
            None => return Err(fault.with_time().into_error(subject)),
        };
        tracing::debug!(subject, reason = %fault.detail(), pause_ms = pause.as_millis() as u64, "trying again");
        if fault.retry_after().is_some() {
            let asking = fault.url().unwrap_or(url);
            let first = self.gate.close(asking, pause);
            if let Some(on_wait) = self.on_wait.as_ref().filter(|_| first && pause >= TOLD_FROM) {
                let host = asking.host_str().unwrap_or_default().to_owned();
                on_wait(&Wait { host, pause, reason: fault.detail().to_owned() });
            }
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn plain_http(&self) -> bool {
        self.plain_http
    }
}

/// Whether a status is one that a later attempt may turn into another.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}
