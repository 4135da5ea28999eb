//! Parts that the store copies by itself.

use percent_encoding::utf8_percent_encode;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;

use super::S3Stage;
use crate::error::{Error, ErrorKind};
use crate::names::KEPT_IN_PATH;
use crate::retry::retry;
use crate::s3::ask::Ask;
use crate::s3::{PARTS_MAX, fail, lists, quoted};
use crate::store::{Block, CopyPlace, CopySource};

/// How much longer than other answers that of a copy may take, in seconds.
const PATIENCE_SECONDS: u64 = 300;

#[derive(Deserialize)]
struct Copied {
    #[serde(rename = "ETag")]
    etag: String,
}

impl S3Stage {
    /// Copies a part, if the source is behind the same endpoint and this credential may read it.
    pub(super) async fn copy_part(
        &self,
        block: &Block,
        source: &CopySource,
        offset: u64,
    ) -> Result<bool, Error> {
        let CopyPlace::S3 { endpoint, bucket, name } = &source.place else { return Ok(false) };
        if *endpoint != self.store.options.endpoint || block.len == 0 || block.index as usize >= PARTS_MAX {
            return Ok(false);
        }
        let upload = self.upload().await?;
        let from = format!("/{bucket}/{}", utf8_percent_encode(name, KEPT_IN_PATH));
        let ask = Ask::new(Method::PUT, &self.name)
            .query("partNumber", &(block.index + 1))
            .query("uploadId", &upload)
            .header("x-amz-copy-source", &from)
            .header("x-amz-copy-source-range", &format!("bytes={offset}-{}", offset + block.len - 1))
            .patient(PATIENCE_SECONDS);
        let ask = &match &source.etag {
            Some(etag) => ask.header("x-amz-copy-source-if-match", etag),
            None => ask,
        };
        let copied = retry(&self.store.retry, |_| async move {
            let text = self.store.ask_text(ask).await?;
            if text.contains("<Error>") {
                let refusal = fail::Refusal::read(500, &HeaderMap::new(), text.as_bytes());
                return Err(fail::failure(&self.store, &self.name, &refusal));
            }
            lists::parsed::<Copied>(&self.store, &self.name, &text)
        });
        match copied.await {
            Ok(copied) => {
                self.note(block, quoted(&copied.etag));
                Ok(true)
            }
            // the writer's credential may not read there, or the store has no copies
            Err(e) if matches!(e.kind(), ErrorKind::Denied | ErrorKind::NotFound) || fail::lacks(&e) => {
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }
}
