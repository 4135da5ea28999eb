//! Writing an object: parts of a multipart upload.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::Method;
use serde::Deserialize;

use super::ask::Ask;
use super::ledger::{self, Ledger, Part};
use super::{Inner, PARTS_MAX, lists, quoted};
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::store::{BlobStat, Block, CopySource, Stage, StageOptions, StagedBlock};

mod copy;
mod finish;

/// What a bundle is, to whoever downloads it by other means.
const CONTENT_TYPE: &str = "application/x-tar";
/// Metadata by which a finished object is known to be of this upload.
pub(super) const NONCE_HEADER: &str = "x-amz-meta-transload-upload";
/// The ledger is written when so many parts are new, but not more often than this,
const LEDGER_PARTS: usize = 16;
const LEDGER_PAUSE: Duration = Duration::from_secs(1);
/// and when something is new for so long.
const LEDGER_AGE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct S3Stage {
    store: Arc<Inner>,
    name: String,
    options: StageOptions,
    found: Vec<StagedBlock>,
    /// The upload and its parts; begun with the first block.
    ledger: Mutex<Option<Ledger>>,
    /// Held by whoever begins the upload.
    beginning: tokio::sync::Mutex<()>,
    news: Mutex<News>,
    /// Held by whoever writes the ledger.
    writing: tokio::sync::Mutex<()>,
}

/// What the ledger in the store does not know yet.
#[derive(Debug)]
struct News {
    parts: usize,
    written: Instant,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    upload_id: String,
}

impl S3Stage {
    /// Looks whether the object is there and which upload of it is unfinished.
    pub(super) async fn open(store: Arc<Inner>, name: &str, options: StageOptions) -> Result<Self, Error> {
        if !options.overwrite && store.head(name).await?.is_some() {
            return Err(Error::already_exists(store.describe(name), "an object"));
        }
        let ledger = Ledger::find(&store, name).await?;
        Ok(Self {
            store,
            name: name.to_owned(),
            options,
            found: ledger.as_ref().map(Ledger::staged).unwrap_or_default(),
            ledger: Mutex::new(ledger),
            beginning: tokio::sync::Mutex::default(),
            news: Mutex::new(News { parts: 0, written: Instant::now() }),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// The upload's id; it is begun if there is none yet, and noted at once so that a next run can find it.
    async fn upload(&self) -> Result<String, Error> {
        let known = || self.ledger.lock().as_ref().map(|l| l.upload.clone());
        if let Some(upload) = known() {
            return Ok(upload);
        }
        let _alone = self.beginning.lock().await;
        if let Some(upload) = known() {
            return Ok(upload);
        }
        let nonce = format!("{:032x}", rand::random::<u128>());
        let ask = self.described(Ask::new(Method::POST, &self.name)).header(NONCE_HEADER, &nonce);
        let ask = &ask.query("uploads", "");
        let begun: Begun = retry(&self.store.retry, |_| async move {
            lists::parsed(&self.store, &self.name, &self.store.ask_text(ask).await?)
        })
        .await?;
        let ledger = Ledger::new(begun.upload_id.clone(), nonce);
        ledger.write(&self.store, &self.name).await?;
        *self.ledger.lock() = Some(ledger);
        Ok(begun.upload_id)
    }

    /// What the finished object says about itself.
    fn described<'a>(&self, ask: Ask<'a>) -> Ask<'a> {
        let ask = ask.header("content-type", CONTENT_TYPE);
        self.options
            .metadata
            .iter()
            .fold(ask, |ask, (key, value)| ask.named_header(&format!("x-amz-meta-{key}"), value))
    }

    /// Writes the ledger if it is time. The blob is sound without it: a failure costs the next run a few parts, and
    /// not this one the blob.
    async fn tell(&self) {
        let due = {
            let news = self.news.lock();
            let age = news.written.elapsed();
            (news.parts >= LEDGER_PARTS && age >= LEDGER_PAUSE) || (news.parts > 0 && age >= LEDGER_AGE)
        };
        // whoever writes it comes by again
        let Ok(_alone) = self.writing.try_lock() else { return };
        if due && let Err(error) = self.write_ledger().await {
            tracing::debug!(%error, "the ledger is behind");
        }
    }

    async fn write_ledger(&self) -> Result<(), Error> {
        let Some(ledger) = self.ledger.lock().clone() else { return Ok(()) };
        let told = std::mem::take(&mut self.news.lock().parts);
        let written = ledger.write(&self.store, &self.name).await;
        let mut news = self.news.lock();
        news.written = Instant::now();
        if written.is_err() {
            news.parts += told;
        }
        written
    }

    async fn upload_part(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        let number = block.index.saturating_add(1);
        if bytes.len() as u64 != block.len || number as usize > PARTS_MAX {
            let detail = format!("block {number} does not fit: {} of {} bytes", bytes.len(), block.len);
            return Err(Error::new(ErrorKind::Io, self.store.describe(&self.name), detail));
        }
        let upload = self.upload().await?;
        let ask = Ask::new(Method::PUT, &self.name).query("partNumber", &number).query("uploadId", &upload);
        let ask = &ask.body(bytes).await;
        let etag = retry(&self.store.retry, |_| async move {
            let answer = self.store.ask(ask).await?;
            let etag = answer.headers().get("etag").and_then(|v| v.to_str().ok()).map(quoted);
            etag.ok_or_else(|| Failure {
                error: Error::new(ErrorKind::Failed, self.store.describe(&self.name), "a part got no etag"),
                again: true,
                after: None,
            })
        })
        .await?;
        self.note(block, etag);
        Ok(())
    }

    fn note(&self, block: &Block, etag: String) {
        if let Some(ledger) = self.ledger.lock().as_mut() {
            ledger.parts.insert(block.index + 1, Part::new(&block.id, block.len, etag));
        }
        self.news.lock().parts += 1;
    }
}

#[async_trait]
impl Stage for S3Stage {
    fn staged(&self) -> Vec<StagedBlock> {
        self.found.clone()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        self.upload_part(block, bytes).await?;
        self.tell().await;
        Ok(())
    }

    async fn put_from(&self, block: &Block, source: &CopySource, offset: u64) -> Result<bool, Error> {
        let copied = self.copy_part(block, source, offset).await?;
        if copied {
            self.tell().await;
        }
        Ok(copied)
    }

    async fn keep(&self) -> Result<(), Error> {
        let _alone = self.writing.lock().await;
        if self.news.lock().parts > 0 { self.write_ledger().await } else { Ok(()) }
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        self.finish(blocks).await
    }

    async fn discard(&self) -> Result<(), Error> {
        let Some(ledger) = self.ledger.lock().take() else { return Ok(()) };
        self.abort(&ledger.upload).await?;
        ledger::remove(&self.store, &self.name).await
    }
}

impl S3Stage {
    async fn abort(&self, upload: &str) -> Result<(), Error> {
        let ask = &Ask::new(Method::DELETE, &self.name).query("uploadId", &upload);
        match retry(&self.store.retry, |_| async move { self.store.ask(ask).await.map(|_| ()) }).await {
            // gone already
            Err(e) if !matches!(e.kind(), ErrorKind::BlocksMissing | ErrorKind::NotFound) => Err(e),
            _ => Ok(()),
        }
    }
}
