//! How `object_store` reaches the network for credentials: through this crate's HTTP client.

use std::error::Error as StdError;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use crate::wire::{Trouble, Wire, WireError};

/// Most of an answer that is read; a credential is some kilobytes long.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Hands out this HTTP client, whatever options it is asked with.
#[derive(Debug)]
pub(crate) struct Connector(pub(crate) Arc<Wire>);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(Arc::clone(&self.0))))
    }
}

#[derive(Debug)]
struct Service(Arc<Wire>);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let unusable = |e: url::ParseError| HttpError::new(HttpErrorKind::Unknown, e);
        let mut sent = reqwest::Request::new(parts.method, parts.uri.to_string().parse().map_err(unusable)?);
        *sent.headers_mut() = parts.headers;
        let bytes = body.as_bytes().cloned().unwrap_or_default();
        let len = bytes.len() as u64;
        *sent.body_mut() = Some(bytes.into());
        let answer = self.0.send(sent, len).await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = self.0.text(answer, ANSWER_BYTES_MAX).await.map_err(failed)?;
        let mut answered = HttpResponse::new(body.into());
        *answered.status_mut() = status;
        *answered.headers_mut() = headers;
        Ok(answered)
    }
}

fn failed(error: WireError) -> HttpError {
    let kind = match error.trouble {
        Trouble::Name | Trouble::Connect | Trouble::Tls => HttpErrorKind::Connect,
        Trouble::Timeout => HttpErrorKind::Timeout,
        Trouble::Cut => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error)
}

/// The innermost words of a failure: the outer ones repeat them, and name addresses nobody knows.
pub(crate) fn words_of(error: &(dyn StdError + 'static)) -> String {
    const CHARS_MAX: usize = 300;
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string().chars().take(CHARS_MAX).collect()
}
