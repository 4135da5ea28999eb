//! Relay: a bundle from one store into another, as it is, every content checked on the way.

pub(crate) use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use transload_blobstore::{
    BlobStore, Block, BlockId, BlockLimits, BlockOrder, Stage, StageOptions, StagedBlock,
};
use transload_bundle::{self as bundle, BlockKey};
use transload_oci::Digest;

use crate::check::{Bad, Check};
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::export::CATEGORY;
use crate::open::{self, Opened};
use crate::report::{BundleReport, Operation, Outcome, Report, Totals};

/// Cuts are at multiples of this: there a SHA-256 has a midstate, and a tar its records.
const ALIGNED_BYTES: u64 = 512;

/// What to relay, and where to.
#[derive(Debug)]
pub struct Relay {
    /// Where the bundle is.
    pub from: Arc<dyn BlobStore>,
    /// Its name there.
    pub name: String,
    /// Where it goes.
    pub to: Arc<dyn BlobStore>,
    /// Its name there; without one it keeps its own.
    pub to_name: Option<String>,
    /// Replace a blob of that name.
    pub overwrite_blobs: bool,
    /// Only plan.
    pub dry_run: bool,
}

/// What all blocks of a relay share.
struct Run {
    engine: Engine,
    opened: Opened,
    /// Whether the one store copies from the other by itself, as far as is known.
    copies: Arc<AtomicBool>,
    stage: Arc<dyn Stage>,
    order: BlockOrder,
    blocks: Vec<(BlockKey, Block)>,
    /// What an earlier run staged.
    staged: HashMap<BlockKey, StagedBlock>,
    buffers: Arc<Semaphore>,
    reads_at_once: usize,
}

impl Relay {
    /// Plans, and unless it is a dry run acts. Everything that happened is in the report.
    pub async fn run(self, engine: &Engine) -> Report {
        let started = Instant::now();
        let (source, target) = (self.from.describe(&self.name), self.to.describe(&self.target_name()));
        let mut report = Report::new(Operation::Relay, source, target).with_dry_run(self.dry_run);
        if let Err(error) = engine.until_cancelled(self.steps(engine, &mut report)).await {
            report.fail(error);
        }
        report.finish(engine, started)
    }

    fn target_name(&self) -> String {
        // of a bundle in parts the parts are put together
        let own = || open::whole_name(self.name.rsplit('/').next().unwrap_or(&self.name)).to_owned();
        self.to_name.clone().unwrap_or_else(own)
    }

    async fn steps(&self, engine: &Engine, report: &mut Report) -> Result<(), Error> {
        let opened = open::bundle(engine, &self.from, &self.name).await?;
        refuse_wrapped(&opened)?;
        let (name, len) = (self.target_name(), opened.len());
        report.plan_id = opened.index.transfer.as_ref().map(|transfer| transfer.plan_id.clone());
        report.bundle = Some(BundleReport { location: self.to.describe(&name), bytes: len });
        report.totals =
            Totals { blobs: opened.index.catalog.len(), bytes: len, bytes_moved: len, ..Totals::default() };
        let identity = identity(&opened).await?;
        if self.is_there(engine, &name, &opened, &identity).await? {
            report.totals.bytes_present = len;
            report.totals.bytes_moved = 0;
            report.outcome = Outcome::Unchanged;
            return Ok(());
        }
        engine.events.send(&Event::Planned { operation: Operation::Relay, totals: report.totals });
        if self.dry_run {
            return Ok(());
        }
        let run = self.begin(engine, opened, &name, &identity).await?;
        let (blocks, moved) = match run.act().await {
            Ok(done) => done,
            Err(error) => {
                // the first failure is what matters; what the next run does not find it moves again
                let _ = run.stage.keep().await;
                return Err(error);
            }
        };
        report.totals.bytes_moved = moved;
        report.totals.bytes_resumed = len - moved;
        let stat = run.stage.commit(&blocks).await?;
        engine.events.send(&Event::Committed { location: self.to.describe(&name), bytes: stat.size });
        report.outcome = Outcome::Succeeded;
        Ok(())
    }

    /// Whether this very bundle is there already.
    async fn is_there(
        &self,
        engine: &Engine,
        name: &str,
        ours: &Opened,
        identity: &Digest,
    ) -> Result<bool, Error> {
        if self.overwrite_blobs {
            return Ok(false);
        }
        let Some(stat) = self.to.stat(name).await? else { return Ok(false) };
        let there = open::open(engine, &self.to, &stat).await.ok();
        if let Some(there) = &there
            && there.len() == ours.len()
            && there.index.head_len.is_some()
            && self::identity(there).await? == *identity
        {
            return Ok(true);
        }
        let what = if there.is_some() { "another bundle" } else { "a blob that is no bundle" };
        let detail = format!("{what} is already there ({} bytes)", stat.size);
        Err(Error::new(Code::BundleExists, self.to.describe(name), detail))
    }

    async fn begin(
        &self,
        engine: &Engine,
        opened: Opened,
        name: &str,
        identity: &Digest,
    ) -> Result<Run, Error> {
        let (limits, len) = (self.to.limits(), opened.len());
        let block_bytes = block_bytes(engine, &limits, len)?;
        let options = StageOptions {
            overwrite: self.overwrite_blobs,
            metadata: [(CATEGORY.0.to_owned(), CATEGORY.1.to_owned())].into(),
            len,
        };
        let stage: Arc<dyn Stage> = Arc::from(self.to.stage(name, options).await?);
        let ours = stage.staged().into_iter().filter(|block| bundle::is_block_id(&block.id.0));
        let buffers = usize::try_from(engine.limits.memory_bytes_max / block_bytes).unwrap_or(1).max(2);
        Ok(Run {
            engine: engine.clone(),
            copies: Arc::new(AtomicBool::new(true)),
            order: limits.order,
            blocks: blocks(identity, len, block_bytes),
            staged: ours.map(|block| (bundle::block_key(&block.id.0), block)).collect(),
            buffers: Arc::new(Semaphore::new(buffers)),
            reads_at_once: (buffers / 2).clamp(1, engine.limits.blobs_at_once.max(1)),
            opened,
            stage,
        })
    }
}

/// What has no bytes that could be relayed as they are.
fn refuse_wrapped(opened: &Opened) -> Result<(), Error> {
    let form = opened.form();
    let (detail, next) = match (form.folder, form.compression) {
        (true, _) => (
            "it is a folder, and a bundle in a store is one file",
            "pack it first: tar -cf layout.tar -C FOLDER .",
        ),
        (_, Some(_)) => (
            "it is compressed as a whole, and could not be read by ranges where it goes",
            "decompress it first",
        ),
        _ => return Ok(()),
    };
    Err(Error::new(Code::StoreUnsupported, opened.location.clone(), detail).with_next(next))
}

/// What tells this bundle from all others: its head, which names every content; where there is none, the files' own marks.
async fn identity(opened: &Opened) -> Result<Digest, Error> {
    match opened.index.head_len {
        Some(head_len) => Ok(Digest::sha256(&opened.range(0..head_len).await?)),
        None => Ok(Digest::sha256(opened.marks().as_bytes())),
    }
}

/// The length of blocks: as the engine likes it, within what the store takes.
fn block_bytes(engine: &Engine, limits: &BlockLimits, len: u64) -> Result<u64, Error> {
    let least = len.div_ceil(limits.blocks_max as u64).max(limits.block_bytes_min);
    let wished = engine.limits.block_bytes.max(least).next_multiple_of(ALIGNED_BYTES);
    if wished > limits.block_bytes_max {
        let detail = format!("{len} bytes do not fit the {} blocks that the store takes", limits.blocks_max);
        return Err(Error::new(Code::LimitExceeded, "", detail));
    }
    Ok(wished)
}

/// The bundle from its first byte to its last. Keys come from what the bundle is and where the block stands.
fn blocks(identity: &Digest, len: u64, block_bytes: u64) -> Vec<(BlockKey, Block)> {
    let count = len.div_ceil(block_bytes);
    (0..count)
        .map(|n| {
            let offset = n * block_bytes;
            let block_len = block_bytes.min(len - offset);
            let named = format!("transload relay 1\n{identity}\n{offset} {block_len}\n");
            let key = bundle::bytes_key(named.as_bytes());
            let index = u32::try_from(n).unwrap_or(u32::MAX);
            let id = BlockId(bundle::block_id(&key, None));
            (key, Block { id, offset, len: block_len, index })
        })
        .collect()
}

impl Run {
    /// A block that an earlier run staged, if it can be used in this place.
    fn found(&self, n: usize) -> Option<StagedBlock> {
        let (key, block) = &self.blocks[n];
        let staged = self.staged.get(key)?;
        staged.fits(self.order, block).then_some(*staged)
    }

    /// Moves every block that is not there. Answers what to commit, and how many bytes moved.
    async fn act(&self) -> Result<(Vec<Block>, u64), Error> {
        let mut check = Check::new(&self.engine, &self.opened.index);
        let mut list: Vec<Block> = self.blocks.iter().map(|(_, block)| *block).collect();
        let first = self.resume(&mut check, &mut list);
        let resumed: u64 = list[..first].iter().map(|block| block.len).sum();
        if resumed > 0 {
            self.engine.events.send(&Event::Resumed { bytes: resumed });
        }
        let reads = stream::iter(first..list.len()).map(|n| self.fetch(n)).buffered(self.reads_at_once);
        let mut reads = std::pin::pin!(reads);
        let mut puts: JoinSet<Result<(), Error>> = JoinSet::new();
        let mut moved = 0;
        while let Some((n, bytes, turn)) = reads.try_next().await? {
            // a block goes to the store only when every content that ends in it is sound
            if let Err(bad) = check.pass(&bytes) {
                puts.abort_all();
                // a pipe takes nothing back
                let _ = self.stage.discard().await;
                return Err(self.damaged(&bad));
            }
            let key = self.blocks[n].0;
            let id = BlockId(bundle::block_id(&key, check.midstate().as_ref()));
            list[n].id = id;
            if self.found(n).is_some_and(|staged| staged.id == id) {
                continue;
            }
            moved += list[n].len;
            let put = self.put(list[n], bytes, turn);
            if self.order == BlockOrder::InOrder {
                put.await?;
            } else {
                puts.spawn(put);
            }
            while let Some(done) = puts.try_join_next() {
                joined(done)?;
            }
        }
        while let Some(done) = puts.join_next().await {
            joined(done)?;
        }
        if !check.is_over() {
            let detail = "it ended before its last content";
            return Err(Error::new(Code::BundleChanged, self.opened.location.clone(), detail));
        }
        Ok((list, moved))
    }

    /// Behind the longest run of staged blocks at whose end the check can be taken up.
    fn resume(&self, check: &mut Check, list: &mut [Block]) -> usize {
        let mut first = 0;
        let staged: Vec<StagedBlock> = (0..list.len()).map_while(|n| self.found(n)).collect();
        for (n, staged) in staged.iter().enumerate() {
            let behind = list[n].offset + list[n].len;
            if check.resume(behind, bundle::block_midstate(&staged.id.0).as_ref()) {
                first = n + 1;
            }
        }
        for (block, staged) in list.iter_mut().zip(&staged).take(first) {
            block.id = staged.id;
        }
        first
    }

    /// Reads one block, once there is room for it.
    async fn fetch(&self, n: usize) -> Result<(usize, Bytes, OwnedSemaphorePermit), Error> {
        let closed = |_| Error::new(Code::Internal, "", "the block buffers were closed");
        let turn = Arc::clone(&self.buffers).acquire_owned().await.map_err(closed)?;
        let Block { offset, len, .. } = self.blocks[n].1;
        self.engine.until_open().await;
        let bytes = self.opened.range(offset..offset + len).await?;
        self.engine.pass(len).await;
        if bytes.len() as u64 != len {
            let detail = format!("it ended at byte {}", offset + bytes.len() as u64);
            return Err(Error::new(Code::BundleChanged, self.opened.location.clone(), detail));
        }
        Ok((n, bytes, turn))
    }

    /// Puts a block that has been checked: by a copy from store to store where that can be had, else its bytes.
    fn put(
        &self,
        block: Block,
        bytes: Bytes,
        turn: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let (stage, copies) = (Arc::clone(&self.stage), Arc::clone(&self.copies));
        let range = block.offset..block.offset + block.len;
        let source = copies.load(Relaxed).then(|| self.opened.copy_source(&range)).flatten();
        async move {
            let copied = match &source {
                Some((source, offset)) => stage.put_from(&block, source, *offset).await?,
                None => false,
            };
            if !copied {
                copies.store(false, Relaxed);
                stage.put(&block, bytes).await?;
            }
            drop(turn);
            Ok(())
        }
    }

    fn damaged(&self, bad: &Bad) -> Error {
        let subject = format!("{}@{}", self.opened.location, bad.digest);
        let detail = format!("{}: {}", self.opened.place(&bad.at), bad.reason);
        Error::new(Code::BundleDamaged, subject, detail)
    }
}

fn joined(done: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    done.map_err(|error| Error::new(Code::Internal, "", format!("a staging task died: {error}")))?
}
