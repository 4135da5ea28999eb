//! What the parts of an unfinished upload are: the store knows their numbers, lengths and etags, but not the ids that
//! the engine gave their blocks, and a resumed blob needs those. They are kept in an object beside the blob, written
//! anew every few parts, and believed only as far as the store's own list agrees.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::Inner;
use super::ask::Ask;
use super::lists;
use crate::error::{Error, ErrorKind};
use crate::retry::retry;
use crate::store::{BlockId, StagedBlock};

/// What is behind a blob's name in the name of its ledger.
const SUFFIX: &str = ".partial.blocks";
/// Version of the ledger's form.
const VERSION: u32 = 1;

/// An unfinished upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ledger {
    version: u32,
    /// The store's id of it.
    pub(super) upload: String,
    /// What the finished object will carry, so that it can be told from anybody else's.
    pub(super) nonce: String,
    /// By number.
    pub(super) parts: BTreeMap<u32, Part>,
}

/// A part that is uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Part {
    /// The block's id in base64.
    id: String,
    pub(super) len: u64,
    pub(super) etag: String,
}

impl Part {
    pub(super) fn new(id: &BlockId, len: u64, etag: String) -> Self {
        Self { id: STANDARD.encode(id.0), len, etag }
    }

    pub(super) fn is(&self, id: &BlockId, len: u64) -> bool {
        self.len == len && self.block_id().as_ref() == Some(id)
    }

    fn block_id(&self) -> Option<BlockId> {
        Some(BlockId(STANDARD.decode(&self.id).ok()?.try_into().ok()?))
    }
}

/// Whether an object of this name is a ledger and no blob.
pub(super) fn is_ledger(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// The blob that a ledger of this name is beside.
pub(super) fn blob_of(ledger: &str) -> &str {
    ledger.strip_suffix(SUFFIX).unwrap_or(ledger)
}

pub(super) fn name_of(blob: &str) -> String {
    format!("{blob}{SUFFIX}")
}

impl Ledger {
    pub(super) fn new(upload: String, nonce: String) -> Self {
        Self { version: VERSION, upload, nonce, parts: BTreeMap::new() }
    }

    /// The ledger beside a blob, with the parts that the store confirms; `None` when there is none that is good for
    /// anything.
    pub(super) async fn find(store: &Inner, blob: &str) -> Result<Option<Self>, Error> {
        let Some(mut ledger) = Self::read(store, blob).await? else { return Ok(None) };
        let Some(listed) = lists::parts(store, blob, &ledger.upload).await? else {
            tracing::debug!(blob, "the upload that a ledger tells of is gone");
            remove(store, blob).await?;
            return Ok(None);
        };
        ledger.parts.retain(|number, part| {
            listed.get(number).is_some_and(|(len, etag)| *len == part.len && *etag == part.etag)
        });
        Ok(Some(ledger))
    }

    /// The ledger as it was written.
    pub(super) async fn read(store: &Inner, blob: &str) -> Result<Option<Self>, Error> {
        let name = name_of(blob);
        let name = &name;
        let text = retry(&store.retry, |_| async move { store.ask_text(&Ask::new(Method::GET, name)).await });
        match text.await {
            // one that cannot be read is as good as none: what it told of is uploaded again
            Ok(text) => Ok(serde_json::from_str(&text).ok().filter(|l: &Self| l.version == VERSION)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    pub(super) async fn write(&self, store: &Inner, blob: &str) -> Result<(), Error> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let name = name_of(blob);
        let ask = Ask::new(Method::PUT, &name).header("content-type", "application/json");
        let ask = &ask.body(Bytes::from(text)).await;
        retry(&store.retry, |_| async move { store.ask(ask).await.map(|_| ()) }).await
    }

    /// What an earlier run staged.
    pub(super) fn staged(&self) -> Vec<StagedBlock> {
        let block = |(number, part): (&u32, &Part)| {
            let index = number.checked_sub(1)?;
            Some(StagedBlock { id: part.block_id()?, offset: None, index: Some(index), len: part.len })
        };
        self.parts.iter().filter_map(block).collect()
    }
}

/// Removes a blob's ledger; there may be none.
pub(super) async fn remove(store: &Inner, blob: &str) -> Result<(), Error> {
    let name = name_of(blob);
    let name = &name;
    match retry(&store.retry, |_| store.delete(name, None)).await {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
