//! One request: built, signed, sent.

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use object_store::aws::AwsAuthorizer;
use object_store::client::HttpRequestBody;
use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderName, HeaderValue};

use super::{Inner, fail};
use crate::error::{Error, ErrorKind};
use crate::names::KEPT_IN_PATH;
use crate::retry::Failure;

/// Bodies beyond this are hashed aside, so that they hold up nothing else.
const HASHED_ASIDE: usize = 256 * 1024;
/// Most of an answer that is read whole: a page of a list has 1,000 entries with names of up to 1 KiB.
pub(super) const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A question to the store.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    method: Method,
    /// Empty for the bucket itself.
    pub(super) name: &'a str,
    query: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
    /// SHA-256 of the body.
    hash: Option<Vec<u8>>,
    /// How many bytes' time the answer may take besides.
    patience: u64,
}

impl<'a> Ask<'a> {
    pub(super) fn new(method: Method, name: &'a str) -> Self {
        Self {
            method,
            name,
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            hash: None,
            patience: 0,
        }
    }

    pub(super) fn query(mut self, key: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((HeaderName::from_static(name), value.to_owned()));
        self
    }

    /// A header whose name is made at run time; one that cannot be a name is left out.
    pub(super) fn named_header(mut self, name: &str, value: &str) -> Self {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            self.headers.push((name, value.to_owned()));
        }
        self
    }

    /// With a body, which is hashed here and once: its hash is signed, so that the store refuses a damaged body.
    pub(super) async fn body(mut self, bytes: Bytes) -> Self {
        let hash = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
        self.hash = if bytes.len() > HASHED_ASIDE {
            let aside = bytes.clone();
            tokio::task::spawn_blocking(move || hash(&aside)).await.ok()
        } else {
            Some(hash(&bytes))
        };
        self.body = bytes;
        self
    }

    /// The store may be silent this many seconds longer.
    pub(super) fn patient(mut self, seconds: u64) -> Self {
        self.patience = seconds * crate::open::Timeouts::SLOWEST;
        self
    }

    fn url(&self, base: &str) -> String {
        // a bucket in the path has no slash behind it, a bucket in the host has
        let in_path = base.splitn(4, '/').nth(3).is_some();
        let slash = if in_path && self.name.is_empty() { "" } else { "/" };
        let mut url = format!("{base}{slash}{}", utf8_percent_encode(self.name, KEPT_IN_PATH));
        for (i, (key, value)) in self.query.iter().enumerate() {
            let value = utf8_percent_encode(value, crate::names::KEPT_IN_QUERY);
            url.push_str(&format!("{}{key}={value}", if i == 0 { '?' } else { '&' }));
        }
        url
    }
}

impl Inner {
    /// The answer, if it is a good one. A bucket of another region is followed there where no region was named.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<reqwest::Response, Failure> {
        let region = self.region.read().clone();
        let refusal = match self.ask_in(ask, &region).await? {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        match &refusal.region {
            Some(theirs) if *theirs != region && self.options.region.is_none() => {
                tracing::debug!(region = theirs, "the bucket is in another region");
                *self.region.write() = theirs.clone();
                let again = self.ask_in(ask, theirs).await?;
                again.map_err(|refusal| fail::failure(self, ask.name, &refusal))
            }
            _ => Err(fail::failure(self, ask.name, &refusal)),
        }
    }

    /// A whole answer as text.
    pub(super) async fn ask_text(&self, ask: &Ask<'_>) -> Result<String, Failure> {
        let answer = self.ask(ask).await?;
        let body = self.wire.text(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|e| crate::wire::unanswered(&self.describe(ask.name), &e))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn ask_in(
        &self,
        ask: &Ask<'_>,
        region: &str,
    ) -> Result<Result<reqwest::Response, fail::Refusal>, Failure> {
        let sent = self.signed(ask, region).await?;
        let len = ask.body.len() as u64 + ask.patience;
        let unanswered = |e| crate::wire::unanswered(&self.describe(ask.name), &e);
        let answer = self.wire.send(sent, len).await.map_err(unanswered)?;
        if answer.status().is_success() {
            return Ok(Ok(answer));
        }
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = self.wire.text(answer, 64 * 1024).await.unwrap_or_default();
        Ok(Err(fail::Refusal::read(status, &headers, &body)))
    }

    async fn signed(&self, ask: &Ask<'_>, region: &str) -> Result<reqwest::Request, Failure> {
        let subject = || self.describe(ask.name);
        let unusable = |what: &str| Error::new(ErrorKind::LocationInvalid, subject(), what);
        let url = ask.url(&self.options.base(&self.bucket, region));
        let mut request = http::Request::builder()
            .method(ask.method.clone())
            .uri(&url)
            .body(HttpRequestBody::empty())
            .map_err(|_| unusable("the URL cannot be used"))?;
        for (name, value) in &ask.headers {
            let value =
                HeaderValue::from_str(value).map_err(|_| unusable("a header cannot hold its value"))?;
            request.headers_mut().insert(name, value);
        }
        if let Some(credentials) = &self.credentials {
            let credential = credentials
                .get_credential()
                .await
                .map_err(|e| self.identity.failed(&self.describe(""), &e))?;
            AwsAuthorizer::new(&credential, "s3", region)
                .try_authorize(&mut request, ask.hash.as_deref())
                .map_err(|e| self.identity.failed(&self.describe(""), &e))?;
        }
        let (parts, _) = request.into_parts();
        let url = url.parse().map_err(|_| unusable("the URL cannot be used"))?;
        let mut sent = reqwest::Request::new(parts.method, url);
        *sent.headers_mut() = parts.headers;
        sent.headers_mut().insert(CONTENT_LENGTH, ask.body.len().into());
        *sent.body_mut() = Some(ask.body.clone().into());
        Ok(sent)
    }
}
