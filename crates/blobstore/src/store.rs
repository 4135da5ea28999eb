//! The seam itself.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use secrecy::SecretString;

use crate::error::{Error, ErrorKind};

/// Bytes as they arrive.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// A place that holds blobs: a folder, a container.
///
/// Names are relative to the place, with `/` between folders, never empty and never with `..` in them.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync + 'static {
    /// Where a blob is, for people: never with a secret in it.
    fn describe(&self, name: &str) -> String;

    /// How blobs are cut for this store.
    fn limits(&self) -> BlockLimits;

    /// Size and etag of a blob; `None` when there is none.
    async fn stat(&self, name: &str) -> Result<Option<BlobStat>, Error>;

    /// Bytes `range.start..range.end` of a blob (an end beyond the blob's is an error of kind `Truncated`
    /// once the stream ends early). With an etag, a blob that is another by now is an error of kind `Changed`.
    async fn read(&self, name: &str, range: Range<u64>, etag: Option<&str>) -> Result<ByteStream, Error>;

    /// The blobs whose names start with `prefix`, in name order. What is staged and not committed is not among them.
    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobStat, Error>>, Error>;

    /// What was staged under names that start with `prefix` and is not committed, with the names it will have, in
    /// name order; none where a store does not show it.
    async fn unfinished(&self, prefix: &str) -> Result<Vec<BlobStat>, Error> {
        let _ = prefix;
        Ok(Vec::new())
    }

    /// What another store of this kind needs to copy from a blob without its bytes coming by here; with an etag only as
    /// long as the blob is that one. `None` where there is no such thing. It may hold a token that ends after some
    /// minutes: to be asked for anew for every few blocks.
    fn copy_source(&self, name: &str, etag: Option<&str>) -> Option<CopySource> {
        let _ = (name, etag);
        None
    }

    /// Removes a blob; with an etag only that one. Deleting what is absent is an error of kind `NotFound`.
    async fn delete(&self, name: &str, etag: Option<&str>) -> Result<(), Error>;

    /// Refuses a [`delete`](Self::delete) that the credential shows to fail for certain. Nothing is asked of the
    /// store: it is for knowing before other work begins.
    fn check_delete(&self, name: &str) -> Result<(), Error> {
        let _ = name;
        Ok(())
    }

    /// Opens a blob for writing and finds what an earlier run staged under this name.
    ///
    /// # Errors
    /// `AlreadyExists` when there is a blob of that name and `overwrite` is not set; `Busy` when another
    /// process of this machine is writing it (where a store can tell); whatever denies access.
    async fn stage(&self, name: &str, options: StageOptions) -> Result<Box<dyn Stage>, Error>;
}

/// A blob being written. Dropping it keeps what was staged, for the next run.
#[async_trait]
pub trait Stage: fmt::Debug + Send + Sync {
    /// What an earlier run staged, whole and sound as far as the store can tell, as it was when this was opened.
    fn staged(&self) -> Vec<StagedBlock>;

    /// Stages one block. Any order, many at a time; the same block again replaces it.
    async fn put(&self, block: &Block, bytes: Bytes) -> Result<(), Error>;

    /// Stages one block as [`put`](Self::put) does, from the bytes of another blob that begin at `offset`, by the store
    /// itself. Says whether it was done: where it is `false`, nothing was, and the bytes have to be put.
    ///
    /// # Errors
    /// `Changed` when the source is another blob by now; whatever `put` fails with.
    async fn put_from(&self, block: &Block, source: &CopySource, offset: u64) -> Result<bool, Error> {
        let _ = (block, source, offset);
        Ok(false)
    }

    /// Makes certain that a later run finds everything that was staged, where the store has to be told. To be called
    /// when a run ends without a commit; without it a later run may miss the last few blocks.
    async fn keep(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Makes the blob of these blocks, in this order, visible: the one visible moment. The list is contiguous from
    /// offset 0. In a store that places blocks when they are staged, every listed byte must have been staged by
    /// some block of this or an earlier run, whichever; [`BlockId::HOLE`] excepted. Everything staged and not in the
    /// list is dropped. Durable when it returns.
    ///
    /// # Errors
    /// `AlreadyExists` when a blob of that name came into being meanwhile and `overwrite` was not set.
    async fn commit(&self, blocks: &[Block]) -> Result<BlobStat, Error>;

    /// Throws away what was staged, as far as the store allows.
    async fn discard(&self) -> Result<(), Error>;
}

/// A blob that a store can copy from. It shows no token.
#[derive(Clone)]
pub struct CopySource {
    pub(crate) place: CopyPlace,
    /// The blob that is meant.
    pub(crate) etag: Option<String>,
}

/// Where a store finds what it copies.
#[derive(Clone)]
pub(crate) enum CopyPlace {
    /// A URL of Azure with all that it takes to read there: a secret.
    Azure(SecretString),
    /// An object behind an endpoint; `None` is Amazon's.
    S3 { endpoint: Option<String>, bucket: String, name: String },
}

impl fmt::Debug for CopySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            CopyPlace::Azure(_) => f.write_str("CopySource(Azure)"),
            CopyPlace::S3 { bucket, name, .. } => write!(f, "CopySource(s3://{bucket}/{name})"),
        }
    }
}

/// How to open a blob for writing.
#[derive(Debug, Clone, Default)]
pub struct StageOptions {
    /// Whether a blob of that name may be replaced.
    pub overwrite: bool,
    /// Metadata to keep with the blob, where the store has such a thing. Keys are `[a-z_][a-z0-9_]*`.
    pub metadata: BTreeMap<String, String>,
    /// Planned length in bytes, for stores that can tell beforehand whether it fits; 0 when unknown.
    pub len: u64,
}

/// Names a block within its blob. The engine derives it from the block's content, so the same content has
/// the same id in every run: see the bundle crate for what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub [u8; 64]);

impl BlockId {
    /// A stretch that holds nothing. Only stores that place or number blocks when they are staged take it in a
    /// commit; it reads as zeroes, whatever was staged there.
    pub const HOLE: Self = Self([0; 64]);
}

/// A block to stage or to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Its name.
    pub id: BlockId,
    /// Where it stands in the blob, in bytes. Stores that order blocks at commit ignore it.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
    /// Its place in the list that will be committed, counted from 0. Only stores that number blocks
    /// ([`BlockOrder::Numbered`]) heed it.
    pub index: u32,
}

impl Block {
    /// Refuses bytes that are not as many as the block says.
    pub(crate) fn check_len(&self, bytes: &[u8], subject: impl FnOnce() -> String) -> Result<(), Error> {
        if bytes.len() as u64 == self.len {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Io, subject(), "a block has not the length it should have"))
    }
}

/// A block that an earlier run staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagedBlock {
    /// Its name.
    pub id: BlockId,
    /// Where it stands, in stores that place blocks when they are staged.
    pub offset: Option<u64>,
    /// Its place in the list, in stores that number blocks.
    pub index: Option<u32>,
    /// Length in bytes.
    pub len: u64,
}

impl StagedBlock {
    /// Whether it can be committed where `block` is planned, in a store of this order. That its content is the one that
    /// is planned is what its id says.
    pub fn fits(&self, order: BlockOrder, block: &Block) -> bool {
        let in_place = match order {
            BlockOrder::AtCommit => true,
            BlockOrder::Positioned => self.offset == Some(block.offset),
            BlockOrder::Numbered => self.index == Some(block.index),
            BlockOrder::InOrder => false,
        };
        in_place && self.len == block.len
    }
}

/// When a block gets its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockOrder {
    /// At the commit: a block can be left out, and what is behind it moves up (Azure).
    AtCommit,
    /// When it is staged: a block stands where it stands (files).
    Positioned,
    /// By number, when it is staged: blocks follow each other in the order of [`Block::index`], a block is only
    /// ever replaced whole, by another of the same number and length (parts of a multipart upload).
    Numbered,
    /// As it comes: blocks are put in the order of the list and cannot be taken back (a pipe).
    InOrder,
}

/// What a store demands of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockLimits {
    /// When a block gets its place.
    pub order: BlockOrder,
    /// Smallest block, in bytes; only the last one of a blob may be shorter. 0 for any length.
    pub block_bytes_min: u64,
    /// Largest block, in bytes.
    pub block_bytes_max: u64,
    /// Most blocks that one commit may list.
    pub blocks_max: usize,
}

/// A blob as a store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStat {
    /// Name within the store.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Changes whenever the content does. For files: made of size and times.
    pub etag: Option<String>,
    /// When it was last written, in seconds since 1970.
    pub modified: Option<i64>,
}
