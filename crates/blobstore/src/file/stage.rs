//! Writing a file block by block.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::journal::{Journal, Record};
use super::{JOURNAL_SUFFIX, PARTIAL_SUFFIX, blocking, os, publish, stat_of};
use crate::error::{Error, ErrorKind};
use crate::extents::Extents;
use crate::store::{BlobStat, Block, BlockId, Stage, StageOptions, StagedBlock};

/// Size of the buffer that checks what an earlier run wrote, in bytes.
const CHECK_BYTES: usize = 1 << 20;

/// After so many bytes their way to the disk is begun, so that little is left to wait for at the commit.
const SYNC_BYTES: u64 = 64 << 20;

/// A file being written. Locked against other writers as long as it lives.
#[derive(Debug)]
pub(super) struct FileStage {
    inner: Arc<Inner>,
    found: Vec<StagedBlock>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    shown: String,
    overwrite: bool,
    target: PathBuf,
    partial_path: PathBuf,
    partial: File,
    journal: Journal,
    written: Mutex<Extents>,
    ahead: Arc<Ahead>,
}

/// What is on its way to the disk while blocks still come.
#[derive(Debug)]
struct Ahead {
    /// The partial file once more: this may outlive a writer that is dropped, and must not keep its lock.
    partial: File,
    unsynced_bytes: AtomicU64,
    running: AtomicBool,
}

/// Which block stands where: offset → (length, id), never overlapping.
type Placed = BTreeMap<u64, (u64, BlockId)>;

impl FileStage {
    /// Opens `target` for writing; to be called where it may block. Its folder is there.
    pub(super) fn open(
        target: PathBuf,
        name: String,
        shown: String,
        options: &StageOptions,
    ) -> Result<Self, Error> {
        let failed = |e: io::Error| os::error(&shown, "write it", &e);
        let partial_path = beside(&target, PARTIAL_SUFFIX);
        let journal_path = beside(&target, JOURNAL_SUFFIX);
        if target.is_dir() {
            return Err(Error::new(ErrorKind::LocationInvalid, shown, "this is a folder, not a file"));
        }
        if target.exists() && !options.overwrite {
            tidy(&target, &partial_path, &journal_path);
            return Err(Error::already_exists(shown, "a file"));
        }
        let journal = Journal::open(&journal_path).map_err(|e| match e.kind() {
            io::ErrorKind::WouldBlock => busy(&shown),
            _ => failed(e),
        })?;
        remove_if_published(&target, &partial_path).map_err(failed)?;
        let partial = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial_path)
            .map_err(failed)?;
        if options.len > 0 {
            let folder = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            os::check_room(&shown, folder, options.len, &partial.metadata().map_err(failed)?)?;
        }
        let records = journal.records().map_err(failed)?;
        let placed = sound_blocks(&partial, &records).map_err(failed)?;
        if placed.is_empty() {
            journal.clear().and_then(|()| partial.set_len(0)).map_err(failed)?;
        }
        let found = placed
            .iter()
            .map(|(offset, (len, id))| StagedBlock { id: *id, offset: Some(*offset), index: None, len: *len })
            .collect();
        let mut written = Extents::default();
        placed.iter().for_each(|(offset, (len, _))| written.insert(*offset, offset + len));
        let ahead = Ahead::new(partial.try_clone().map_err(failed)?);
        let inner = Inner {
            name,
            shown,
            overwrite: options.overwrite,
            target,
            partial_path,
            partial,
            journal,
            written: Mutex::new(written),
            ahead: Arc::new(ahead),
        };
        Ok(Self { inner: Arc::new(inner), found })
    }
}

#[async_trait]
impl Stage for FileStage {
    fn staged(&self) -> Vec<StagedBlock> {
        self.found.clone()
    }

    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error> {
        let (inner, block) = (Arc::clone(&self.inner), *block);
        blocking(move || inner.put(&block, &bytes)).await?;
        Ahead::written(&self.inner.ahead, block.len);
        Ok(())
    }

    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        let (inner, blocks) = (Arc::clone(&self.inner), blocks.to_vec());
        blocking(move || inner.commit(&blocks)).await
    }

    async fn discard(&self) -> Result<(), Error> {
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.discard()).await
    }
}

impl Inner {
    fn failed(&self, act: &'static str) -> impl Fn(io::Error) -> Error {
        move |e| os::error(&self.shown, act, &e)
    }

    /// Bytes first, their record after them: a crash in between loses one block and never claims one.
    fn put(&self, block: &Block, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() as u64 != block.len || block.offset.checked_add(block.len).is_none() {
            return Err(Error::new(
                ErrorKind::Io,
                self.shown.as_str(),
                "a block has not the length it should have",
            ));
        }
        self.partial.write_all_at(bytes, block.offset).map_err(self.failed("write it"))?;
        let record = Record { block: *block, crc: crc32fast::hash(bytes) };
        self.journal.append(&record).map_err(self.failed("write its journal"))?;
        self.written.lock().insert(block.offset, block.offset + block.len);
        Ok(())
    }

    fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error> {
        let len = self.check_list(blocks)?;
        for hole in blocks.iter().filter(|b| b.id == BlockId::HOLE) {
            os::zero(&self.partial, hole.offset, hole.len).map_err(self.failed("write it"))?;
        }
        self.partial.set_len(len).map_err(self.failed("write it"))?;
        self.partial.sync_all().map_err(self.failed("write it to the disk"))?;
        publish::publish(&self.partial_path, &self.target, self.overwrite).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => Error::already_exists(self.shown.clone(), "a file"),
            _ => os::error(&self.shown, "give it its name", &e),
        })?;
        // the file is there: a journal that stays behind is removed by the next writer
        let _ = self.journal.remove();
        let meta = self.partial.metadata().map_err(self.failed("look at it"))?;
        Ok(stat_of(self.name.clone(), &meta))
    }

    /// That the blocks follow one another from the start and are all written. Answers the length in bytes.
    fn check_list(&self, blocks: &[Block]) -> Result<u64, Error> {
        self.written.lock().check(blocks).map_err(|offset| {
            let detail = format!("the block at byte {offset} is not written");
            Error::new(ErrorKind::BlocksMissing, self.shown.as_str(), detail)
        })
    }

    fn discard(&self) -> Result<(), Error> {
        *self.written.lock() = Extents::default();
        remove(&self.partial_path).map_err(self.failed("remove what was written of it"))?;
        self.journal.remove().map_err(self.failed("remove its journal"))
    }
}

impl Ahead {
    fn new(partial: File) -> Self {
        Self { partial, unsynced_bytes: AtomicU64::new(0), running: AtomicBool::new(false) }
    }

    /// Counts bytes and, when they are enough, has them written out in the background, one time at a time.
    fn written(ahead: &Arc<Self>, len: u64) {
        let unsynced = ahead.unsynced_bytes.fetch_add(len, Relaxed) + len;
        if unsynced < SYNC_BYTES || ahead.running.swap(true, Relaxed) {
            return;
        }
        ahead.unsynced_bytes.store(0, Relaxed);
        let ahead = Arc::clone(ahead);
        tokio::task::spawn_blocking(move || {
            // the commit synchronises once more, and tells what fails
            let _ = ahead.partial.sync_data();
            ahead.running.store(false, Relaxed);
        });
    }
}

/// What is whole in a partial file. The newest record of a place counts, unless the bytes are those of an older one.
fn sound_blocks(partial: &File, records: &[Record]) -> io::Result<Placed> {
    let size = partial.metadata()?.len();
    let mut placed = Placed::new();
    for Record { block, crc } in records.iter().rev() {
        let end = block.offset + block.len;
        if end <= size
            && overlapping(&placed, block.offset, end).is_none()
            && crc_at(partial, block.offset, block.len)? == *crc
        {
            placed.insert(block.offset, (block.len, block.id));
        }
    }
    Ok(placed)
}

fn crc_at(file: &File, mut offset: u64, len: u64) -> io::Result<u32> {
    let mut buffer = vec![0; CHECK_BYTES.min(len as usize)];
    let mut crc = crc32fast::Hasher::new();
    let end = offset + len;
    while offset < end {
        let piece = &mut buffer[..((end - offset) as usize).min(CHECK_BYTES)];
        file.read_exact_at(piece, offset)?;
        crc.update(piece);
        offset += piece.len() as u64;
    }
    Ok(crc.finalize())
}

/// The offset of a block that has bytes within `start..end`. Blocks do not overlap, so only the last one that starts before `end` can.
fn overlapping(placed: &Placed, start: u64, end: u64) -> Option<u64> {
    let (offset, (len, _)) = placed.range(..end.max(start + 1)).next_back()?;
    (offset + len > start || *offset == start).then_some(*offset)
}

/// Removes what a crash behind the visible moment left, unless somebody is writing. It is only tidying: its failure
/// is no failure.
fn tidy(target: &Path, partial: &Path, journal: &Path) {
    if !journal.exists() && !partial.exists() {
        return;
    }
    let Ok(journal) = Journal::open(journal) else { return };
    if remove_if_published(target, partial).is_ok() && !partial.exists() {
        let _ = journal.remove();
    }
}

/// Removes the second name of a file that was published by a link, when a crash kept that from being done.
fn remove_if_published(target: &Path, partial: &Path) -> io::Result<()> {
    match (fs::metadata(target), fs::metadata(partial)) {
        (Ok(target), Ok(there)) if os::is_same(&target, &there) => remove(partial),
        _ => Ok(()),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if !os::is_absent(&e) => Err(e),
        _ => Ok(()),
    }
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn busy(shown: &str) -> Error {
    Error::new(ErrorKind::Busy, shown, "another process is writing this file")
        .with_hint("wait until it has ended, or choose another name")
}

#[cfg(test)]
mod tests;
