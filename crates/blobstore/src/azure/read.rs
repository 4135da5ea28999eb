//! Reading a range.

use std::ops::Range;

use async_trait::async_trait;
use azure_core::http::{Context, Method, PipelineStreamOptions, Request};
use futures_util::{StreamExt, TryStreamExt};

use super::Inner;
use super::fail::header;
use crate::ranged::{Got, Ranged, check_start};
use crate::retry::{Failure, RetryLimits};
use crate::sas::Action;

#[async_trait]
impl Ranged for Inner {
    fn place_of(&self, name: &str) -> String {
        self.describe(name)
    }

    fn limits_of_retry(&self) -> &RetryLimits {
        &self.retry
    }

    /// The SDK's own download is not used: it cuts ranges into parts that it holds in memory.
    async fn get(&self, name: &str, range: &Range<u64>, etag: Option<&str>) -> Result<Got, Failure> {
        let mut request = Request::new(self.url(name, Action::Read)?, Method::Get);
        request.insert_header("x-ms-version", super::SERVICE_VERSION);
        request.insert_header("x-ms-range", format!("bytes={}-{}", range.start, range.end - 1));
        if let Some(etag) = etag {
            request.insert_header("if-match", etag.to_owned());
        }
        let answer = self
            .pipeline
            .stream(&Context::new(), &mut request, None::<PipelineStreamOptions>)
            .await
            .map_err(|e| self.failure(name, Action::Read, &e))?;
        let (status, headers, body) = answer.deconstruct();
        let content_range = header(&headers, "content-range");
        check_start(self.describe(name), status.into(), content_range.as_deref(), range)?;
        let subject = self.describe(name);
        let body = body.map_err(move |e| super::fail::interrupted(&subject, &e));
        Ok(Got { body: body.boxed(), etag: header(&headers, "etag") })
    }
}
