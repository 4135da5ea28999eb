//! A request and its repetitions.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use crate::answer::Answer;
use crate::connect::Client;
use crate::error::{Error, Kind};
use crate::token::For;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one segment of a path, or one value of a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

impl Client {
    /// Asks with a token; once more with a new one where it is not taken. The answer may be a refusal.
    pub(crate) async fn ask(
        &self,
        method: &Method,
        path: &str,
        body: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<Answer, Error> {
        let fill = |request: RequestBuilder| match body {
            Some(body) => request.json(body),
            // the length is said, so that nothing on the way waits for a body
            None if *method == Method::GET => request,
            None => request.header(reqwest::header::CONTENT_LENGTH, "0"),
        };
        self.ask_filled(method, path, fill).await
    }

    /// The same with a body that is a text, said to be JSON.
    pub(crate) async fn ask_text(&self, method: &Method, path: &str, body: &str) -> Result<Answer, Error> {
        let fill = |request: RequestBuilder| {
            request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.to_owned())
        };
        self.ask_filled(method, path, fill).await
    }

    async fn ask_filled(
        &self,
        method: &Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let what = For::path(path);
        let token = self.token(what, None).await?;
        let answer = self.repeat(method, path, &fill, Some(&token)).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let renewed = self.token(what, Some(&token)).await?;
        if renewed.expose_secret() == token.expose_secret() {
            return Ok(answer);
        }
        self.repeat(method, path, &fill, Some(&renewed)).await
    }

    /// Asks, and asks again where the server is busy or cannot be reached.
    pub(crate) async fn repeat(
        &self,
        method: &Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
        token: Option<&SecretString>,
    ) -> Result<Answer, Error> {
        let limits = &self.0.options.limits;
        let url = self.url(path)?;
        let mut pause = limits.pause_first;
        for attempt in 1.. {
            let mut request = fill(self.0.http.request(method.clone(), url.clone()));
            if let Some(token) = token {
                request = request.bearer_auth(token.expose_secret());
            }
            let last = attempt >= limits.attempts_max;
            let wait = match self.once(request, &url).await {
                Ok(answer) if last || !may_repeat(method, answer.status) => return Ok(answer),
                Ok(answer) => match answer.retry_after {
                    Some(asked) if asked > limits.retry_after_max => return Ok(answer),
                    asked => asked.unwrap_or(pause).max(pause),
                },
                Err(Failure::NotSent(_)) if !last => pause,
                Err(Failure::NoAnswer(_)) if !last && *method != Method::POST => pause,
                Err(Failure::NotSent(error) | Failure::NoAnswer(error) | Failure::Certain(error)) => {
                    return Err(error);
                }
            };
            tracing::debug!(path = url.path(), attempt, wait_ms = wait.as_millis(), "asking again");
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2).min(limits.retry_after_max);
        }
        Err(Error::new(Kind::Unreachable, self.server(), "it was asked often enough"))
    }

    async fn once(&self, request: RequestBuilder, url: &Url) -> Result<Answer, Failure> {
        let subject = self.server();
        let answer = request.send().await.map_err(|error| {
            let told = Error::of_transport(&subject, &error);
            match (told.kind(), error.is_connect()) {
                (Kind::Tls, _) => Failure::Certain(told),
                (_, true) => Failure::NotSent(told),
                _ => Failure::NoAnswer(told),
            }
        })?;
        let path = url.path().to_owned();
        Answer::read(path, answer, self.0.options.limits.answer_bytes_max).await.map_err(|error| match error
            .kind()
        {
            Kind::Protocol => Failure::Certain(error),
            _ => Failure::NoAnswer(error),
        })
    }

    /// A path and query at this server; of a whole URL only path and query count.
    pub(crate) fn url(&self, path: &str) -> Result<Url, Error> {
        let odd = |_| Error::new(Kind::Protocol, path.chars().take(200).collect::<String>(), "it is no URL");
        let named = match path.starts_with('/') {
            true => self.0.options.server.join(path).map_err(odd)?,
            false => Url::parse(path).map_err(odd)?,
        };
        let mut url = self.0.options.server.clone();
        url.set_path(named.path());
        url.set_query(named.query());
        Ok(url)
    }

    /// What a server may ask for between two looks.
    pub(crate) fn pause(&self, asked: Option<Duration>) -> Duration {
        let limits = &self.0.options.limits;
        asked.unwrap_or(limits.poll_interval).min(limits.retry_after_max)
    }
}

/// Why there is no answer.
enum Failure {
    /// The server never saw it.
    NotSent(Error),
    /// It may have been carried out.
    NoAnswer(Error),
    /// It will not get better.
    Certain(Error),
}

/// 429 and 503 say that nothing was done; of the others that is known only where doing it twice is doing it once.
fn may_repeat(method: &Method, status: u16) -> bool {
    match status {
        429 | 503 => true,
        500 | 502 | 504 => *method != Method::POST,
        _ => false,
    }
}
