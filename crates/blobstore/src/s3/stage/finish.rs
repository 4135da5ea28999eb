//! The end of an upload: its parts become an object.

use bytes::Bytes;
use quick_xml::escape::escape;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::S3Stage;
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::s3::ask::Ask;
use crate::s3::fail::{self, Refusal};
use crate::s3::ledger::{self, Ledger};
use crate::store::{BlobStat, Block, BlockId};

/// How much longer than other answers that of a completion may take, in seconds: the store puts an object together.
const PATIENCE_SECONDS: u64 = 600;

impl S3Stage {
    pub(super) async fn finish(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        self.fill_holes(blocks).await?;
        let size: u64 = blocks.iter().map(|b| b.len).sum();
        let made = if blocks.is_empty() { self.put_empty().await } else { self.complete(blocks).await };
        made?;
        self.clean_up(blocks.is_empty()).await;
        let stat = self.store.head(&self.name).await?.map(|head| head.stat);
        stat.filter(|stat| stat.size == size).ok_or_else(|| {
            let detail = "the object that the store made of the parts has not their length";
            Error::new(ErrorKind::Failed, self.store.describe(&self.name), detail)
        })
    }

    async fn fill_holes(&self, blocks: &[Block]) -> Result<(), Error> {
        for hole in blocks.iter().filter(|b| b.id == BlockId::HOLE) {
            let zeroes = vec![0; usize::try_from(hole.len).unwrap_or(usize::MAX)];
            self.upload_part(hole, Bytes::from(zeroes)).await?;
        }
        Ok(())
    }

    /// An upload has a part at least.
    async fn put_empty(&self) -> Result<(), Error> {
        let conditional = !self.options.overwrite;
        let ask = self.described(Ask::new(Method::PUT, &self.name)).body(Bytes::new()).await;
        let ask = if conditional { ask.header("if-none-match", "*") } else { ask };
        let ask = &ask;
        retry(&self.store.retry, |_| async move { self.store.ask(ask).await.map(|_| ()) })
            .await
            .map_err(|e| self.said_to_exist(e, conditional))
    }

    async fn complete(&self, blocks: &[Block]) -> Result<(), Error> {
        let Some((upload, nonce, list)) = self.part_list(blocks) else {
            let detail = "a block of the list is not staged, or not at its place";
            return Err(Error::new(ErrorKind::BlocksMissing, self.store.describe(&self.name), detail));
        };
        if !self.options.overwrite && self.store.head(&self.name).await?.is_some() {
            // not every store heeds the condition
            return Err(Error::already_exists(self.store.describe(&self.name), "an object"));
        }
        let mut conditional = !self.options.overwrite;
        loop {
            let ask = Ask::new(Method::POST, &self.name).query("uploadId", &upload);
            let ask = ask.header("content-type", "application/xml").patient(PATIENCE_SECONDS);
            let ask = if conditional { ask.header("if-none-match", "*") } else { ask };
            let ask = &ask.body(list.clone()).await;
            let done = retry(&self.store.retry, |attempt| self.complete_once(ask, attempt, &nonce)).await;
            match done {
                Err(e) if conditional && fail::lacks(&e) => conditional = false,
                result => return result.map_err(|e| self.said_to_exist(e, conditional)),
            }
        }
    }

    async fn complete_once(&self, ask: &Ask<'_>, attempt: u32, nonce: &str) -> Result<(), Failure> {
        let failure = match self.store.ask_text(ask).await {
            // the store begins to answer before it knows how it ends
            Ok(text) if text.contains("<Error>") => {
                let refusal = Refusal::read(500, &HeaderMap::new(), text.as_bytes());
                fail::failure(&self.store, &self.name, &refusal)
            }
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        let settled = matches!(
            failure.error.kind(),
            ErrorKind::Changed | ErrorKind::AlreadyExists | ErrorKind::BlocksMissing | ErrorKind::NotFound
        );
        // an earlier attempt may have been carried out without its answer reaching us
        if attempt > 1 && settled && self.is_ours(nonce).await? {
            return Ok(());
        }
        Err(failure)
    }

    async fn is_ours(&self, nonce: &str) -> Result<bool, Error> {
        Ok(self.store.head(&self.name).await?.is_some_and(|head| head.nonce.as_deref() == Some(nonce)))
    }

    fn said_to_exist(&self, error: Error, conditional: bool) -> Error {
        match error.kind() {
            ErrorKind::Changed if conditional => {
                Error::already_exists(self.store.describe(&self.name), "an object")
            }
            _ => error,
        }
    }

    /// The upload's id, its nonce, and the list to complete it with; `None` when a block is not staged.
    fn part_list(&self, blocks: &[Block]) -> Option<(String, String, Bytes)> {
        let ledger = self.ledger.lock();
        let ledger = ledger.as_ref()?;
        let mut list = String::from("<CompleteMultipartUpload>");
        let mut last = 0;
        for block in blocks {
            let number = block.index + 1;
            let part = ledger.parts.get(&number).filter(|p| p.is(&block.id, block.len))?;
            if number <= last {
                return None;
            }
            last = number;
            let etag = escape(&part.etag);
            list.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        list.push_str("</CompleteMultipartUpload>");
        Some((ledger.upload.clone(), ledger.nonce.clone(), Bytes::from(list)))
    }

    /// Removes the ledger, if it is not another writer's by now. The object is there: a failure here is no failure.
    async fn clean_up(&self, unused: bool) {
        let Some(ledger) = self.ledger.lock().take() else { return };
        if unused && let Err(error) = self.abort(&ledger.upload).await {
            tracing::debug!(%error, "an upload that nothing needs stays behind");
        }
        let removed = match Ledger::read(&self.store, &self.name).await {
            Ok(Some(there)) if there.upload == ledger.upload => ledger::remove(&self.store, &self.name).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::debug!(%error, "a ledger stays behind");
        }
    }
}
