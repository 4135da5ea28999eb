//! Writing an object: its blocks as objects beside it.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};
use futures_util::TryStreamExt;

use super::ask::{Ask, Object};
use super::{Inner, lists};
use crate::error::{Error, ErrorKind};
use crate::retry::{Failure, retry};
use crate::store::{BlobStat, Block, BlockId, Stage, StageOptions, StagedBlock};

/// What is behind a blob's name in the names of its blocks.
const SUFFIX: &str = ".partial.blocks/";
/// Longest name of an object, in bytes.
const NAME_BYTES_MAX: usize = 1024;
/// Length of a block's id in its object's name.
const ID_CHARS: usize = 86;
/// Deletions at a time.
const DELETIONS: usize = 16;

#[derive(Debug)]
pub(super) struct GcsStage {
    pub(super) store: Arc<Inner>,
    pub(super) name: String,
    pub(super) options: StageOptions,
    /// What the finished object carries, so that it can be told from anybody else's.
    pub(super) nonce: String,
    found: Vec<StagedBlock>,
}

/// The blob that an object of this name is a block of; `None` when it is none.
pub(super) fn blob_of(name: &str) -> Option<&str> {
    name.rsplit_once(SUFFIX).map(|(blob, _)| blob)
}

impl GcsStage {
    /// Looks whether the object is there and which blocks of it are.
    pub(super) async fn open(store: Arc<Inner>, name: &str, options: StageOptions) -> Result<Self, Error> {
        if name.len() + SUFFIX.len() + ID_CHARS > NAME_BYTES_MAX {
            let detail = "the name is too long: blocks have names that begin with it";
            return Err(Error::new(ErrorKind::LocationInvalid, store.describe(name), detail));
        }
        let nonce = format!("{:032x}", rand::random::<u128>());
        let mut stage = Self { store, name: name.to_owned(), options, nonce, found: Vec::new() };
        if !stage.options.overwrite && stage.store.object(name).await?.is_some() {
            return Err(stage.already_exists());
        }
        let there = stage.blocks().await?;
        stage.found = there.iter().filter_map(|(name, len)| stage.staged_block(name, *len)).collect();
        Ok(stage)
    }

    pub(super) fn folder(&self) -> String {
        format!("{}{SUFFIX}", self.name)
    }

    /// Name of a block's object.
    pub(super) fn block_name(&self, id: &BlockId) -> String {
        format!("{}{}", self.folder(), URL_SAFE_NO_PAD.encode(id.0))
    }

    fn staged_block(&self, name: &str, len: u64) -> Option<StagedBlock> {
        let id = URL_SAFE_NO_PAD.decode(name.strip_prefix(&self.folder())?).ok()?;
        Some(StagedBlock { id: BlockId(id.try_into().ok()?), offset: None, index: None, len })
    }

    /// Everything in the blob's folder of blocks: names and lengths in bytes.
    pub(super) async fn blocks(&self) -> Result<HashMap<String, u64>, Error> {
        let objects = lists::objects(Arc::clone(&self.store), &self.folder()).await?;
        objects
            .map_ok(|object| (object.len(), object.name))
            .map_ok(|(len, name)| (name, len))
            .try_collect()
            .await
    }

    /// Removes everything in the blob's folder of blocks.
    pub(super) async fn clear(&self) -> Result<(), Error> {
        let names = self.blocks().await?.into_keys();
        futures_util::stream::iter(names.map(Ok))
            .try_for_each_concurrent(DELETIONS, |name| async move {
                let name = &name;
                match retry(&self.store.retry, |_| self.store.delete(name, None)).await {
                    Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
                    _ => Ok(()),
                }
            })
            .await
    }

    pub(super) fn already_exists(&self) -> Error {
        Error::already_exists(self.store.describe(&self.name), "an object")
    }

    /// Makes an object and compares what the store has with what was sent.
    pub(super) async fn upload(&self, ask: &Ask, crc: u32) -> Result<(), Failure> {
        let made: Object = self.store.ask_json(ask).await?;
        let theirs = made.crc32c.and_then(|c| STANDARD.decode(c).ok()).and_then(|c| c.try_into().ok());
        if theirs.map(u32::from_be_bytes).is_some_and(|theirs| theirs != crc) {
            let detail = "what the store received is not what was sent";
            let error = Error::new(ErrorKind::Failed, self.store.describe(&ask.name), detail);
            return Err(Failure { error, again: true, after: None });
        }
        Ok(())
    }
}

#[async_trait]
impl Stage for GcsStage {
    fn staged(&self) -> Vec<StagedBlock> {
        self.found.clone()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        block.check_len(&bytes, || self.store.describe(&self.name))?;
        let crc = crc32c(&bytes);
        let ask = Ask::upload(&self.block_name(&block.id), bytes);
        let ask = &ask.header("content-type", "application/octet-stream");
        retry(&self.store.retry, |_| self.upload(ask, crc)).await
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        let stat = self.compose(blocks).await?;
        // the object is there: what stays behind costs, but breaks nothing
        if let Err(error) = self.clear().await {
            tracing::debug!(%error, "blocks stay behind");
        }
        Ok(stat)
    }

    async fn discard(&self) -> Result<(), Error> {
        self.clear().await
    }
}

/// CRC-32C, which is what the service keeps of objects.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}
