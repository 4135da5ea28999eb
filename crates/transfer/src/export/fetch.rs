//! Fetching blobs, hashing them as they pass, and staging the blocks they fill.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use transload_blobstore::{Block, BlockId, BlockOrder, Stage, StagedBlock};
use transload_bundle::{self as bundle, BlockKey, BlockPlan, Entry, Piece};
use transload_oci::{Digest, Verifier};

use super::body::Body;
use super::buffers::{Buffer, Buffers};
use super::layout::PlannedBlock;
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::{BlobOutcome, Event};
use crate::walk::{Blob, Sources};

/// What stops a job.
#[derive(Debug)]
pub(super) enum Fault {
    /// This blob cannot be had: its artifacts fail, the others go on.
    Blob(Digest, Error),
    /// The store fails: nothing goes on.
    Store(Error),
}

/// What all jobs of an export share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) engine: Engine,
    pub(super) sources: Sources,
    pub(super) blobs: HashMap<Digest, Blob>,
    pub(super) stage: Arc<dyn Stage>,
    pub(super) order: BlockOrder,
    pub(super) buffers: Buffers,
    /// What an earlier run staged.
    pub(super) staged: HashMap<BlockKey, StagedBlock>,
    /// What can be committed, by key.
    pub(super) done: Mutex<HashMap<BlockKey, BlockId>>,
    /// Index of the block that is next, where blocks are put in order.
    pub(super) turn: watch::Sender<u32>,
    pub(super) moved_bytes: Mutex<u64>,
}

/// Where a large blob is taken up.
struct Start {
    /// First block to build.
    block: usize,
    verifier: Verifier,
}

impl Run {
    /// A block that an earlier run staged, if it can be used in this place.
    pub(super) fn found(&self, block: &PlannedBlock) -> Option<StagedBlock> {
        let staged = self.staged.get(&block.plan.key())?;
        let place = Block { id: staged.id, offset: block.offset, len: block.plan.len(), index: block.index };
        staged.fits(self.order, &place).then_some(*staged)
    }

    /// A blob that has blocks of its own.
    pub(super) async fn large(self: Arc<Self>, blocks: Vec<PlannedBlock>) -> Result<(), Fault> {
        let Some(entry) = blocks.first().and_then(|b| b.plan.pieces.first()).map(|piece| piece.entry) else {
            return Ok(());
        };
        let found: HashSet<usize> = (0..blocks.len()).filter(|i| self.found(&blocks[*i]).is_some()).collect();
        let start = self.resume_point(entry, &blocks);
        if start.block == blocks.len() {
            self.keep_all(&blocks);
            self.finished(entry, BlobOutcome::Existed);
            return Ok(());
        }
        let streamed = self.stream(entry, &blocks, start, &found).await;
        let streamed = match streamed {
            // what an earlier run staged may be of a blob that has been repaired since: once more, without it
            Err(Fault::Blob(_, error)) if error.code() == Code::DigestMismatch && !found.is_empty() => {
                self.engine.warn(format!(
                    "{}: what an earlier run staged is not sound, starting this blob again",
                    entry.digest.short()
                ));
                let start = Start { block: 0, verifier: Verifier::new(entry.digest, entry.size) };
                self.stream(entry, &blocks, start, &HashSet::new()).await
            }
            Err(Fault::Blob(digest, error)) if self.order == BlockOrder::InOrder => {
                self.void_rest(&blocks).await?;
                Err(Fault::Blob(digest, error))
            }
            other => other,
        };
        let outcome = if streamed.is_ok() { BlobOutcome::Moved } else { BlobOutcome::Failed };
        self.finished(entry, outcome);
        streamed
    }

    /// Behind the longest run of staged blocks at whose end the hash's state is known.
    fn resume_point(&self, entry: Entry, blocks: &[PlannedBlock]) -> Start {
        let mut start = Start { block: 0, verifier: Verifier::new(entry.digest, entry.size) };
        let staged = blocks.iter().map_while(|block| self.found(block));
        for (index, staged) in staged.enumerate() {
            let is_last = index + 1 == blocks.len();
            let behind = blocks[index].plan.pieces.first().map_or(0, |piece| piece.data_range().end);
            let verifier = bundle::block_midstate(&staged.id.0)
                .and_then(|midstate| Verifier::resume(entry.digest, entry.size, &midstate, behind));
            // the last block is staged only once the whole blob was verified
            if is_last {
                start.block = blocks.len();
            } else if let Some(verifier) = verifier {
                start = Start { block: index + 1, verifier };
            }
        }
        start
    }

    fn keep_all(&self, blocks: &[PlannedBlock]) {
        let mut done = self.done.lock();
        for block in blocks {
            if let Some(staged) = self.found(block) {
                done.insert(block.plan.key(), staged.id);
            }
        }
    }

    async fn stream(
        self: &Arc<Self>,
        entry: Entry,
        blocks: &[PlannedBlock],
        start: Start,
        found: &HashSet<usize>,
    ) -> Result<(), Fault> {
        let Start { block: first, mut verifier } = start;
        let offset = verifier.seen();
        self.keep_all(&blocks[..first]);
        self.engine.events.send(&Event::BlobStarted { digest: entry.digest, size: entry.size, offset });
        let mut body = Body::open(self, entry, offset).await?;
        let mut puts: JoinSet<Result<(), Error>> = JoinSet::new();
        for (index, block) in blocks.iter().enumerate().skip(first) {
            let mut buffer = self.buffer(1).await?;
            for piece in &block.plan.pieces {
                self.fill(&mut buffer.bytes, piece, &mut body, &mut verifier).await?;
            }
            let midstate = verifier.midstate();
            if index + 1 == blocks.len() {
                body.end(&mut verifier).await?;
                verifier.clone().finish().map_err(|mismatch| body.mismatch(&mismatch))?;
            }
            match self.found(block).filter(|_| found.contains(&index)) {
                Some(staged) => {
                    self.done.lock().insert(block.plan.key(), staged.id);
                    self.buffers.give_back(buffer.freeze());
                }
                None => {
                    let id = BlockId(bundle::block_id(&block.plan.key(), midstate.as_ref()));
                    let put = Arc::clone(self).put(block.clone(), id, buffer);
                    if self.order == BlockOrder::InOrder {
                        // one buffer a blob, so that those whose turn is later leave enough for the one whose turn it is
                        put.await.map_err(Fault::Store)?;
                    } else {
                        puts.spawn(put);
                    }
                }
            }
            while let Some(put) = puts.try_join_next() {
                joined(put)?;
            }
        }
        while let Some(put) = puts.join_next().await {
            joined(put)?;
        }
        Ok(())
    }

    /// Appends what a piece consists of: header, content from the body, padding.
    async fn fill(
        &self,
        out: &mut BytesMut,
        piece: &Piece,
        body: &mut Body,
        verifier: &mut Verifier,
    ) -> Result<(), Fault> {
        if piece.has_header() {
            out.extend_from_slice(&piece.entry.header());
        }
        let data = piece.data_range();
        let mut wanted = data.end - data.start;
        while wanted > 0 {
            let chunk = body.next(wanted).await?;
            verifier.update(&chunk).map_err(|mismatch| body.mismatch(&mismatch))?;
            out.extend_from_slice(&chunk);
            wanted -= chunk.len() as u64;
            self.engine
                .events
                .send(&Event::BlobProgress { digest: piece.entry.digest, bytes: chunk.len() as u64 });
        }
        out.resize(out.len() + usize::try_from(piece.padding()).unwrap_or(0), 0);
        Ok(())
    }

    /// Several small blobs that share a block. Those that cannot be had are returned; the others are staged.
    pub(super) async fn pack(self: Arc<Self>, block: PlannedBlock) -> Result<Vec<(Digest, Error)>, Fault> {
        if let Some(staged) = self.found(&block) {
            self.done.lock().insert(block.plan.key(), staged.id);
            block.plan.pieces.iter().for_each(|piece| self.finished(piece.entry, BlobOutcome::Existed));
            return Ok(Vec::new());
        }
        // the blobs beside the block they are copied into: twice its length
        let mut buffer = self.buffer(2).await?;
        let fetched = self.small(block.plan.pieces.iter().map(|piece| piece.entry).collect()).await;
        let mut contents = HashMap::new();
        let mut failed = Vec::new();
        for (entry, result) in fetched {
            match result {
                Ok(bytes) => drop(contents.insert(entry.digest, bytes)),
                Err(error) => failed.push((entry.digest, error)),
            }
        }
        let plan = match self.order {
            BlockOrder::AtCommit => block.plan.without(&|digest| !contents.contains_key(digest)),
            BlockOrder::Positioned | BlockOrder::Numbered | BlockOrder::InOrder => Some(block.plan.clone()),
        };
        let Some(plan) = plan else { return Ok(failed) };
        write_pack(&mut buffer.bytes, &plan, &contents);
        // in place, a block with a void in it is not the block that the key names
        let key = if failed.is_empty() || self.order == BlockOrder::AtCommit {
            plan.key()
        } else {
            bundle::bytes_key(&buffer.bytes)
        };
        let id = BlockId(bundle::block_id(&key, None));
        let original = block.plan.key();
        Arc::clone(&self).put(PlannedBlock { plan, ..block }, id, buffer).await.map_err(Fault::Store)?;
        self.done.lock().insert(original, id);
        Ok(failed)
    }

    /// Small blobs, each whole in memory, many at a time.
    pub(super) async fn small(&self, entries: Vec<Entry>) -> Vec<(Entry, Result<Bytes, Error>)> {
        futures_util::stream::iter(entries)
            .map(|entry| async move {
                let fetched = self.engine.request(self.whole(entry)).await;
                let outcome = if fetched.is_ok() { BlobOutcome::Moved } else { BlobOutcome::Failed };
                self.finished(entry, outcome);
                (entry, fetched)
            })
            .buffer_unordered(self.engine.limits.requests_at_once)
            .collect()
            .await
    }

    async fn whole(&self, entry: Entry) -> Result<Bytes, Error> {
        self.engine.events.send(&Event::BlobStarted { digest: entry.digest, size: entry.size, offset: 0 });
        let mut verifier = Verifier::new(entry.digest, entry.size);
        let mut bytes = BytesMut::with_capacity(usize::try_from(entry.size).unwrap_or(0));
        let mut body = Body::open(self, entry, 0).await.map_err(Fault::into_error)?;
        while verifier.remaining() > 0 {
            let chunk = body.next(verifier.remaining()).await.map_err(Fault::into_error)?;
            verifier.update(&chunk).map_err(|mismatch| body.mismatch(&mismatch).into_error())?;
            bytes.extend_from_slice(&chunk);
            self.engine.events.send(&Event::BlobProgress { digest: entry.digest, bytes: chunk.len() as u64 });
        }
        body.end(&mut verifier).await.map_err(Fault::into_error)?;
        verifier.finish().map_err(|mismatch| body.mismatch(&mismatch).into_error())?;
        *self.moved_bytes.lock() += entry.size;
        Ok(bytes.freeze())
    }

    pub(super) async fn buffer(&self, count: u32) -> Result<Buffer, Fault> {
        let closed = || Fault::Store(Error::new(Code::Internal, "", "the block buffers were closed"));
        if count == 1 { self.buffers.take().await } else { self.buffers.take_counting(count).await }
            .ok_or_else(closed)
    }

    async fn put(self: Arc<Self>, block: PlannedBlock, id: BlockId, buffer: Buffer) -> Result<(), Error> {
        let key = block.plan.key();
        let len = buffer.bytes.len() as u64;
        let filled = buffer.freeze();
        let placed = Block { id, offset: block.offset, len, index: block.index };
        self.put_in_turn(&placed, filled.bytes.clone()).await?;
        self.buffers.give_back(filled);
        self.done.lock().insert(key, id);
        if !block.plan.is_pack() {
            let content = block.plan.pieces.iter().map(|piece| piece.data_range());
            *self.moved_bytes.lock() += content.map(|data| data.end - data.start).sum::<u64>();
        }
        Ok(())
    }

    fn finished(&self, entry: Entry, outcome: BlobOutcome) {
        self.engine.events.send(&Event::BlobFinished { digest: entry.digest, size: entry.size, outcome });
    }
}

/// Whole entries one behind the other; what could not be had stands there as a void.
fn write_pack(out: &mut BytesMut, plan: &BlockPlan, contents: &HashMap<Digest, Bytes>) {
    for piece in &plan.pieces {
        let end = out.len() + usize::try_from(piece.len()).unwrap_or(0);
        match contents.get(&piece.entry.digest) {
            Some(bytes) => {
                out.extend_from_slice(&piece.entry.header());
                out.extend_from_slice(bytes);
            }
            None => out.extend_from_slice(&piece.entry.void_header()),
        }
        out.resize(end, 0);
    }
}

fn joined(put: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Fault> {
    match put {
        Ok(done) => done.map_err(Fault::Store),
        Err(error) => {
            Err(Fault::Store(Error::new(Code::Internal, "", format!("a staging task died: {error}"))))
        }
    }
}

impl Fault {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Blob(_, error) | Self::Store(error) => error,
        }
    }
}
