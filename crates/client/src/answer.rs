//! An answer that was read to its end.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind};

/// Status, headers that count, body.
pub(crate) struct Answer {
    pub(crate) subject: String,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) correlation: Option<String>,
    /// The URL of an operation's status.
    pub(crate) async_operation: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Answer {
    pub(crate) async fn read(
        subject: String,
        answer: reqwest::Response,
        bytes_max: usize,
    ) -> Result<Self, Error> {
        let status = answer.status().as_u16();
        let text = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
        let mut read = Self {
            status,
            body: Bytes::new(),
            correlation: text("x-ms-correlation-request-id"),
            async_operation: text("azure-asyncoperation"),
            location: text("location"),
            retry_after: retry_after(answer.headers()),
            subject,
        };
        read.body = body(&read.subject, answer, bytes_max).await?;
        Ok(read)
    }

    /// The answer, unless it is a refusal.
    pub(crate) fn accepted(self) -> Result<Self, Error> {
        match self.status {
            400.. => Err(Error::of_answer(self.status, self.correlation, &self.subject, &self.body)),
            300..400 => {
                let text = "it sends elsewhere, where no token goes; give the server's own URL";
                Err(Error::new(Kind::Protocol, self.subject, text))
            }
            _ => Ok(self),
        }
    }

    /// Its body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // serde's words may repeat what was sent, which may be a secret: only the place is told
            let text = format!(
                "the answer is not what this API gives (status {}, line {}, column {}); is it a Transload server?",
                self.status,
                error.line(),
                error.column()
            );
            Error::new(Kind::Protocol, &self.subject, text).with_correlation(self.correlation.clone())
        })
    }
}

async fn body(subject: &str, mut answer: reqwest::Response, bytes_max: usize) -> Result<Bytes, Error> {
    let mut all = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if all.len() + chunk.len() > bytes_max => {
                let text = format!("the answer is longer than {bytes_max} bytes");
                return Err(Error::new(Kind::Protocol, subject, text));
            }
            Ok(Some(chunk)) => all.extend_from_slice(&chunk),
            Ok(None) => return Ok(all.into()),
            Err(error) => return Err(Error::of_transport(subject, &error)),
        }
    }
}

/// In seconds, as this API gives it; a date is for others.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}
