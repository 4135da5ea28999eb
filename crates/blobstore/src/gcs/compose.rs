//! The commit: blocks are composed into one object, in rounds if they are many.
//!
//! <https://cloud.google.com/storage/docs/composite-objects>

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::ask::{Ask, Object};
use super::stage::{GcsStage, crc32c};
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::store::{BlobStat, Block};

/// Most objects that one request composes.
const SOURCES_MAX: usize = 32;
/// Requests at a time.
const REQUESTS: usize = 8;
/// What a bundle is, to whoever downloads it by other means.
const CONTENT_TYPE: &str = "application/x-tar";
/// Metadata by which a finished object is known to be of this run.
const NONCE_KEY: &str = "transload-upload";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Composition<'a> {
    source_objects: Vec<Source<'a>>,
    destination: Destination,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Destination {
    content_type: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// A piece of the blob: an object's name and length in bytes.
type Piece = (String, u64);

impl GcsStage {
    pub(super) async fn compose(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        if !self.options.overwrite && self.store.object(&self.name).await?.is_some() {
            return Err(self.already_exists());
        }
        let made = match self.staged_pieces(blocks).await? {
            pieces if pieces.is_empty() => self.make_empty().await,
            pieces => {
                let pieces = self.gathered(pieces).await?;
                let ask = self.composition(&self.name, &pieces, self.destination());
                let len = pieces.iter().map(|(_, len)| len).sum();
                retry(&self.store.retry, |attempt| self.finish(&ask, attempt, len)).await
            }
        };
        match made {
            Ok(object) => Ok(object.into_stat()),
            // another writer took the blocks away when it had finished
            Err(e) if !self.options.overwrite && self.store.object(&self.name).await?.is_some() => {
                tracing::debug!(error = %e, "another writer was first");
                Err(self.already_exists())
            }
            Err(e) => Err(e),
        }
    }

    /// The list's blocks, of which each must be staged.
    async fn staged_pieces(&self, blocks: &[Block]) -> Result<Vec<Piece>, Error> {
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let there = self.blocks().await?;
        let piece = |block: &Block| {
            let name = self.block_name(&block.id);
            (there.get(&name) == Some(&block.len)).then_some((name, block.len))
        };
        blocks.iter().map(piece).collect::<Option<_>>().ok_or_else(|| self.missing())
    }

    fn missing(&self) -> Error {
        let detail = "a block of the list is not staged, or not any more";
        Error::new(ErrorKind::BlocksMissing, self.store.describe(&self.name), detail)
    }

    /// As many pieces as one request takes: larger ones are made of the given ones until they are few enough.
    async fn gathered(&self, mut pieces: Vec<Piece>) -> Result<Vec<Piece>, Error> {
        let mut round = 0;
        while pieces.len() > SOURCES_MAX {
            round += 1;
            let groups = pieces.chunks(SOURCES_MAX).enumerate().map(|(n, group)| async move {
                // no block's id looks like this
                let name = format!("{}~{round}.{n:05}", self.folder());
                self.compose_piece(name, group).await
            });
            // owned futures, or the stream would borrow what it replaces
            let groups: Vec<_> = groups.collect();
            pieces = stream::iter(groups).buffered(REQUESTS).try_collect().await?;
        }
        Ok(pieces)
    }

    async fn compose_piece(&self, name: String, group: &[Piece]) -> Result<Piece, Error> {
        let len = group.iter().map(|(_, len)| len).sum();
        let ask = &self.composition(&name, group, Destination::default());
        let made: Object = retry(&self.store.retry, |_| self.store.ask_json(ask))
            .await
            .map_err(|e| if e.kind() == ErrorKind::NotFound { self.missing() } else { e })?;
        self.check_len(&made, len)?;
        Ok((name, len))
    }

    fn composition(&self, name: &str, pieces: &[Piece], destination: Destination) -> Ask {
        let source_objects = pieces.iter().map(|(name, _)| Source { name }).collect();
        let body = serde_json::to_vec(&Composition { source_objects, destination }).unwrap_or_default();
        Ask::compose(name, Bytes::from(body))
    }

    fn destination(&self) -> Destination {
        let mut metadata = self.options.metadata.clone();
        metadata.insert(NONCE_KEY.to_owned(), self.nonce.clone());
        Destination { content_type: CONTENT_TYPE, metadata }
    }

    /// The one visible moment.
    async fn finish(&self, ask: &Ask, attempt: u32, len: u64) -> Result<Object, Failure> {
        let ask = ask.clone();
        let ask = if self.options.overwrite { ask } else { ask.query("ifGenerationMatch", "0") };
        let failure = match self.store.ask_json::<Object>(&ask).await {
            Ok(made) => return self.check_len(&made, len).map(|()| made).map_err(Failure::from),
            Err(failure) => failure,
        };
        match failure.error.kind() {
            // an earlier attempt may have been carried out without its answer reaching us
            ErrorKind::Changed | ErrorKind::NotFound if attempt > 1 => {
                let there = self.store.object(&self.name).await?;
                let ours = there.filter(|o| o.metadata.get(NONCE_KEY) == Some(&self.nonce));
                ours.ok_or(failure)
            }
            ErrorKind::NotFound => Err(self.missing().into()),
            _ => Err(failure),
        }
    }

    /// Nothing can be composed of nothing.
    async fn make_empty(&self) -> Result<Object, Error> {
        let ask = Ask::upload(&self.name, Bytes::new()).header("content-type", CONTENT_TYPE);
        let ask = if self.options.overwrite { ask } else { ask.query("ifGenerationMatch", "0") };
        let ask = &ask;
        retry(&self.store.retry, |_| self.upload(ask, crc32c(&[]))).await?;
        self.store.object(&self.name).await?.ok_or_else(|| {
            Error::new(ErrorKind::Failed, self.store.describe(&self.name), "the object that was made is gone")
        })
    }

    fn check_len(&self, made: &Object, len: u64) -> Result<(), Error> {
        if made.len() == len {
            return Ok(());
        }
        let detail = format!("the object that the store composed has {} bytes, not {len}", made.len());
        Err(Error::new(ErrorKind::Failed, self.store.describe(&self.name), detail))
    }
}
