//! One request of the JSON API: built, sent, understood.
//!
//! <https://cloud.google.com/storage/docs/json_api/v1>

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Inner, fail};
use crate::error::{Error, ErrorKind};
use crate::names::KEPT_IN_QUERY;
use crate::retry::Failure;
use crate::store::BlobStat;

/// Most of an answer that is read whole: a page of a list has 1,000 entries.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// An object as the service shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    #[serde(default)]
    pub(super) name: String,
    /// A number, as text.
    #[serde(default)]
    size: String,
    /// Another whenever the content is another: what serves as the etag.
    #[serde(default)]
    pub(super) generation: String,
    updated: Option<String>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    /// CRC-32C of the content, big endian, in base64.
    pub(super) crc32c: Option<String>,
}

impl Object {
    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.size.parse().unwrap_or(0)
    }

    pub(super) fn into_stat(self) -> BlobStat {
        let updated = self.updated.as_deref().and_then(|t| OffsetDateTime::parse(t, &Rfc3339).ok());
        BlobStat {
            size: self.len(),
            name: self.name,
            etag: Some(self.generation),
            modified: updated.map(OffsetDateTime::unix_timestamp),
        }
    }
}

/// A question to the service.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: Method,
    /// What the question is about; empty for the bucket.
    pub(super) name: String,
    /// Behind the endpoint, with the bucket's name left out: before it and after it.
    path: (&'static str, String),
    query: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
}

impl Ask {
    fn new(method: Method, name: &str, path: (&'static str, String)) -> Self {
        Self {
            method,
            name: name.to_owned(),
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// About an object.
    pub(super) fn object(method: Method, name: &str) -> Self {
        Self::new(method, name, ("/storage/v1/b", format!("/o/{}", utf8_percent_encode(name, KEPT_IN_QUERY))))
    }

    /// For a list of objects.
    pub(super) fn list() -> Self {
        Self::new(Method::GET, "", ("/storage/v1/b", "/o".to_owned()))
    }

    /// To make an object of this body.
    pub(super) fn upload(name: &str, body: Bytes) -> Self {
        let ask = Self::new(Method::POST, name, ("/upload/storage/v1/b", "/o".to_owned()));
        Self { body, ..ask }.query("uploadType", "media").query("name", name)
    }

    /// To make an object of others; `body` says of which.
    pub(super) fn compose(name: &str, body: Bytes) -> Self {
        let ask = Self::object(Method::POST, name);
        let path = (ask.path.0, format!("{}/compose", ask.path.1));
        Self { path, body, ..ask }.header("content-type", "application/json")
    }

    pub(super) fn query(mut self, key: &'static str, value: &str) -> Self {
        self.query.push((key, value.to_owned()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((HeaderName::from_static(name), value.to_owned()));
        self
    }

    fn url(&self, store: &Inner) -> String {
        let mut url = format!("{}{}/{}{}", store.endpoint, self.path.0, store.bucket, self.path.1);
        for (i, (key, value)) in self.query.iter().enumerate() {
            let value = utf8_percent_encode(value, KEPT_IN_QUERY);
            url.push_str(&format!("{}{key}={value}", if i == 0 { '?' } else { '&' }));
        }
        url
    }
}

impl Inner {
    /// The answer, if it is a good one.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<reqwest::Response, Failure> {
        let subject = || self.describe(&ask.name);
        let unusable = |what: &str| Error::new(ErrorKind::LocationInvalid, subject(), what);
        let url = ask.url(self).parse().map_err(|_| unusable("the URL cannot be used"))?;
        let mut sent = reqwest::Request::new(ask.method.clone(), url);
        for (name, value) in &ask.headers {
            let value =
                HeaderValue::from_str(value).map_err(|_| unusable("a header cannot hold its value"))?;
            sent.headers_mut().insert(name, value);
        }
        if let Some(credentials) = &self.credentials {
            let token = credentials
                .get_credential()
                .await
                .map_err(|e| self.identity.failed(&self.describe(""), &e))?;
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.bearer))
                .map_err(|_| unusable("the token cannot be sent"))?;
            value.set_sensitive(true);
            sent.headers_mut().insert(AUTHORIZATION, value);
        }
        sent.headers_mut().insert(CONTENT_LENGTH, ask.body.len().into());
        *sent.body_mut() = Some(ask.body.clone().into());
        let unanswered = |e| crate::wire::unanswered(&subject(), &e);
        let answer = self.wire.send(sent, ask.body.len() as u64).await.map_err(unanswered)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = self.wire.text(answer, 64 * 1024).await.unwrap_or_default();
        Err(fail::failure(self, &ask.name, &fail::Refusal::read(status, &headers, &body)))
    }

    /// A whole answer, understood.
    pub(super) async fn ask_json<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, Failure> {
        let answer = self.ask(ask).await?;
        let body = self.wire.text(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|e| crate::wire::unanswered(&self.describe(&ask.name), &e))?;
        serde_json::from_slice(&body).map_err(|_| Failure {
            error: Error::new(ErrorKind::Failed, self.describe(&ask.name), "the answer cannot be understood"),
            again: true,
            after: None,
        })
    }
}
