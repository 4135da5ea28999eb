//! The SDK's way to the network: this crate's HTTP client.

use async_trait::async_trait;
use azure_core::error::ErrorKind as CoreKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use futures_util::TryStreamExt;

use crate::wire::{Trouble, Wire, WireError};

/// The HTTP client under the SDK's pipeline.
#[derive(Debug)]
pub(super) struct Pipe(pub(super) Wire);

#[async_trait]
impl HttpClient for Pipe {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let other = |e: Box<dyn std::error::Error + Send + Sync>| azure_core::Error::new(CoreKind::Other, e);
        let len = request.body().len().unwrap_or(0);
        let method =
            reqwest::Method::from_bytes(request.method().as_ref().as_bytes()).map_err(|e| other(e.into()))?;
        let mut sent = reqwest::Request::new(method, request.url().clone());
        for (name, value) in request.headers().iter() {
            let name = reqwest::header::HeaderName::from_bytes(name.as_str().as_bytes())
                .map_err(|e| other(e.into()))?;
            sent.headers_mut()
                .append(name, value.as_str().parse().map_err(|_| other("a header's value".into()))?);
        }
        *sent.body_mut() = Some(match request.body().clone() {
            Body::Bytes(bytes) => bytes.into(),
            Body::SeekableStream(stream) => reqwest::Body::wrap_stream(stream),
        });
        let answer = self.0.send(sent, len).await.map_err(failed)?;
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let status = answer.status().as_u16().into();
        Ok(AsyncRawResponse::new(status, headers, Box::pin(self.0.body(answer).map_err(failed))))
    }
}

fn failed(error: WireError) -> azure_core::Error {
    let unconnected = matches!(error.trouble, Trouble::Name | Trouble::Connect | Trouble::Tls);
    azure_core::Error::new(if unconnected { CoreKind::Connection } else { CoreKind::Io }, error)
}
