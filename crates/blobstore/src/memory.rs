//! A store in memory: the double for tests of whatever is built on the seam, and a place for bundles that came through a
//! pipe and are short.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};
use crate::extents::Extents;
use crate::names::check_name;
use crate::store::{
    BlobStat, BlobStore, Block, BlockId, BlockLimits, BlockOrder, ByteStream, Stage, StageOptions,
    StagedBlock,
};

/// What stands before the names of blobs.
const MEMORY: &str = "memory:";
/// Size of the pieces that a read hands out, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// A store in memory. Clones share their content, as two processes share a folder.
#[derive(Clone)]
pub struct MemoryStore {
    label: String,
    limits: BlockLimits,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    blobs: BTreeMap<String, Blob>,
    staged: HashMap<String, BTreeMap<BlockId, Staged>>,
    /// Every block that was put, in order, where blocks stand where they are put.
    written: HashMap<String, Vec<(u64, Bytes)>>,
    versions: u64,
    puts: u64,
    failures: BTreeMap<u64, ErrorKind>,
}

#[derive(Clone)]
struct Blob {
    bytes: Bytes,
    etag: String,
    metadata: BTreeMap<String, String>,
}

struct Staged {
    offset: u64,
    index: u32,
    bytes: Bytes,
}

impl MemoryStore {
    /// An empty store that orders blocks in the way given, with wide limits.
    pub fn new(order: BlockOrder) -> Self {
        Self::with_limits(BlockLimits {
            order,
            block_bytes_min: 0,
            block_bytes_max: 1 << 30,
            blocks_max: 50_000,
        })
    }

    /// An empty store with these limits.
    pub fn with_limits(limits: BlockLimits) -> Self {
        Self { label: MEMORY.to_owned(), limits, state: Arc::default() }
    }

    /// An empty store, with wide limits, whose every blob is called `label` before people.
    pub fn named(label: impl Into<String>, order: BlockOrder) -> Self {
        Self { label: label.into(), ..Self::new(order) }
    }

    /// Makes the `n`-th `put` from the store's beginning (the first is 1) fail once with this kind, before it stages anything.
    pub fn fail_put(&self, n: u64, kind: ErrorKind) {
        self.state.lock().failures.insert(n, kind);
    }

    /// How many times `put` was called, failures included.
    pub fn puts(&self) -> u64 {
        self.state.lock().puts
    }

    /// Puts a whole blob there, as another program would.
    pub fn insert(&self, name: &str, bytes: impl Into<Bytes>) {
        self.state.lock().insert(name, bytes.into(), BTreeMap::new());
    }

    /// A blob's bytes.
    pub fn bytes(&self, name: &str) -> Option<Bytes> {
        self.state.lock().blobs.get(name).map(|b| b.bytes.clone())
    }

    /// The metadata a blob was committed with.
    pub fn metadata(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.state.lock().blobs.get(name).map(|b| b.metadata.clone())
    }

    fn blob(&self, name: &str, etag: Option<&str>) -> Result<Blob, Error> {
        check_name(name)?;
        let state = self.state.lock();
        let blob = state
            .blobs
            .get(name)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, self.describe(name), "there is no such blob"))?;
        if etag.is_some_and(|e| e != blob.etag) {
            return Err(Error::new(ErrorKind::Changed, self.describe(name), "the blob is another by now"));
        }
        Ok(blob.clone())
    }
}

impl State {
    fn insert(&mut self, name: &str, bytes: Bytes, metadata: BTreeMap<String, String>) -> BlobStat {
        self.versions += 1;
        let blob = Blob { bytes, etag: format!("\"{}\"", self.versions), metadata };
        let stat = blob.stat(name);
        self.blobs.insert(name.to_owned(), blob);
        stat
    }
}

impl Blob {
    fn stat(&self, name: &str) -> BlobStat {
        BlobStat {
            name: name.to_owned(),
            size: self.bytes.len() as u64,
            etag: Some(self.etag.clone()),
            modified: None,
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("limits", &self.limits).finish_non_exhaustive()
    }
}

#[async_trait]
impl BlobStore for MemoryStore {
    fn describe(&self, name: &str) -> String {
        if self.label == MEMORY { format!("{MEMORY}{name}") } else { self.label.clone() }
    }

    fn limits(&self) -> BlockLimits {
        self.limits
    }

    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error> {
        check_name(name)?;
        Ok(self.state.lock().blobs.get(name).map(|b| b.stat(name)))
    }

    async fn read(&self, name: &str, range: Range<u64>, etag: Option<&str>) -> Result<ByteStream, Error> {
        let bytes = self.blob(name, etag)?.bytes;
        let size = bytes.len() as u64;
        let (start, end) = (range.start.min(size) as usize, range.end.min(size) as usize);
        let mut rest = bytes.slice(start..end.max(start));
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            pieces.push(Ok(rest.split_to(rest.len().min(CHUNK_BYTES))));
        }
        if range.end > size && range.start < range.end {
            let detail = format!("the blob has {size} bytes and byte {} was asked for", range.end - 1);
            pieces.push(Err(Error::new(ErrorKind::Truncated, self.describe(name), detail)));
        }
        Ok(stream::iter(pieces).boxed())
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error> {
        let found: Vec<_> = self
            .state
            .lock()
            .blobs
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, blob)| Ok(blob.stat(name)))
            .collect();
        Ok(stream::iter(found).boxed())
    }

    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error> {
        self.blob(name, etag)?;
        self.state.lock().blobs.remove(name);
        Ok(())
    }

    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error> {
        check_name(name)?;
        let state = self.state.lock();
        if !options.overwrite && state.blobs.contains_key(name) {
            return Err(Error::already_exists(self.describe(name), "a blob"));
        }
        let order = self.limits.order;
        let found = state
            .staged
            .get(name)
            .into_iter()
            .flatten()
            .map(|(id, staged)| StagedBlock {
                id: *id,
                offset: (order == BlockOrder::Positioned).then_some(staged.offset),
                index: (order == BlockOrder::Numbered).then_some(staged.index),
                len: staged.bytes.len() as u64,
            })
            .collect();
        drop(state);
        Ok(Box::new(MemoryStage { store: self.clone(), name: name.to_owned(), options, found }))
    }
}

#[derive(Debug)]
struct MemoryStage {
    store: MemoryStore,
    name: String,
    options: StageOptions,
    found: Vec<StagedBlock>,
}

impl MemoryStage {
    fn error(&self, kind: ErrorKind, detail: impl Into<String>) -> Error {
        Error::new(kind, self.store.describe(&self.name), detail)
    }
}

#[async_trait]
impl Stage for MemoryStage {
    fn staged(&self) -> Vec<StagedBlock> {
        self.found.clone()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        // give other tasks a turn, as a store that does input and output would
        tokio::task::yield_now().await;
        let mut state = self.store.state.lock();
        state.puts += 1;
        let n = state.puts;
        if let Some(kind) = state.failures.remove(&n) {
            return Err(self.error(kind, format!("put {n} fails on request")));
        }
        if bytes.len() as u64 != block.len || block.len > self.store.limits.block_bytes_max {
            return Err(self.error(ErrorKind::Io, "the block has not the length it should have"));
        }
        let order = self.store.limits.order;
        if order == BlockOrder::InOrder {
            let written = state.written.entry(self.name.clone()).or_default();
            let next = written.last().map_or(0, |(offset, bytes)| offset + bytes.len() as u64);
            if next != block.offset {
                let detail = format!("the next byte is {next}, not {}", block.offset);
                return Err(self.error(ErrorKind::Io, detail));
            }
            written.push((block.offset, bytes));
            return Ok(());
        }
        let staged = state.staged.entry(self.name.clone()).or_default();
        match order {
            BlockOrder::AtCommit | BlockOrder::InOrder => {}
            BlockOrder::Positioned => {
                let end = block.offset + block.len;
                staged.retain(|_, s| s.offset >= end || s.offset + s.bytes.len() as u64 <= block.offset);
            }
            BlockOrder::Numbered => staged.retain(|_, s| s.index != block.index),
        }
        staged.insert(block.id, Staged { offset: block.offset, index: block.index, bytes: bytes.clone() });
        if order == BlockOrder::Positioned {
            state.written.entry(self.name.clone()).or_default().push((block.offset, bytes));
        }
        Ok(())
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        tokio::task::yield_now().await;
        let mut state = self.store.state.lock();
        if !self.options.overwrite && state.blobs.contains_key(&self.name) {
            return Err(Error::already_exists(self.store.describe(&self.name), "a blob"));
        }
        let whole = match self.store.limits.order {
            BlockOrder::AtCommit => state.in_order(&self.name, blocks),
            BlockOrder::InOrder => Some(state.as_it_came(&self.name)),
            BlockOrder::Numbered => state.by_number(&self.name, blocks, self.store.limits.block_bytes_min),
            BlockOrder::Positioned => state.in_place(&self.name, blocks),
        };
        let missing = || self.error(ErrorKind::BlocksMissing, "a block of the list is not staged");
        let whole = whole.ok_or_else(missing)?;
        state.written.remove(&self.name);
        state.staged.remove(&self.name);
        Ok(state.insert(&self.name, whole, self.options.metadata.clone()))
    }

    async fn discard(&self) -> Result<(), Error> {
        self.store.state.lock().staged.remove(&self.name);
        self.store.state.lock().written.remove(&self.name);
        Ok(())
    }
}

impl State {
    /// The staged blocks in the list's order.
    fn in_order(&self, name: &str, blocks: &[Block]) -> Option<Bytes> {
        let mut whole = BytesMut::new();
        for block in blocks {
            let staged = self.staged.get(name)?.get(&block.id)?;
            if staged.bytes.len() as u64 != block.len {
                return None;
            }
            whole.extend_from_slice(&staged.bytes);
        }
        Some(whole.freeze())
    }

    /// Everything that was put, as it came.
    fn as_it_came(&self, name: &str) -> Bytes {
        let written = self.written.get(name).map(Vec::as_slice).unwrap_or_default();
        written.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    /// The staged blocks in the list's order, which is that of their numbers; holes are zeroes.
    fn by_number(&self, name: &str, blocks: &[Block], block_bytes_min: u64) -> Option<Bytes> {
        let mut whole = BytesMut::new();
        let (last, others) = match blocks.split_last() {
            Some((last, others)) => (Some(last), others),
            None => (None, blocks),
        };
        if others.iter().any(|block| block.len < block_bytes_min)
            || blocks.windows(2).any(|pair| pair[0].index >= pair[1].index)
        {
            return None;
        }
        for block in others.iter().chain(last) {
            if block.id == BlockId::HOLE {
                whole.resize(whole.len() + usize::try_from(block.len).ok()?, 0);
                continue;
            }
            let staged = self.staged.get(name)?.get(&block.id)?;
            if staged.index != block.index || staged.bytes.len() as u64 != block.len {
                return None;
            }
            whole.extend_from_slice(&staged.bytes);
        }
        Some(whole.freeze())
    }

    /// Everything where it was put.
    fn in_place(&self, name: &str, blocks: &[Block]) -> Option<Bytes> {
        let mut extents = Extents::default();
        let written = self.written.get(name).map(Vec::as_slice).unwrap_or_default();
        written.iter().for_each(|(offset, bytes)| extents.insert(*offset, offset + bytes.len() as u64));
        let len = usize::try_from(extents.check(blocks).ok()?).ok()?;
        let mut whole = BytesMut::zeroed(len);
        for (offset, bytes) in written {
            let start = usize::try_from(*offset).ok()?.min(len);
            let end = (start + bytes.len()).min(len);
            whole[start..end].copy_from_slice(&bytes[..end - start]);
        }
        for hole in blocks.iter().filter(|b| b.id == BlockId::HOLE) {
            let start = usize::try_from(hole.offset).ok()?;
            whole[start..start + usize::try_from(hole.len).ok()?].fill(0);
        }
        Some(whole.freeze())
    }
}
