//! Blobs of a store, one behind the other, read as if they were one: a bundle in parts, or the files of a folder.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use transload_blobstore::{BlobStat, BlobStore, CopySource};
use transload_oci::Digest;
use transload_registry::{self as registry, ByteStream};

use crate::code::Code;
use crate::error::Error;

/// What the pieces are to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// There is one.
    Whole,
    /// Parts of one file.
    Parts,
    /// The files of a folder whose name, with its `/`, is this; empty for the whole place.
    Folder(String),
}

/// Blobs of a store, one behind the other.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    store: Arc<dyn BlobStore>,
    pieces: Arc<[Piece]>,
    shape: Shape,
}

#[derive(Debug)]
struct Piece {
    stat: BlobStat,
    start: u64,
}

impl Piece {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.stat.size)
    }
}

impl Pieces {
    /// What a store needs to copy this range by itself, and where the range begins in that blob; `None` where the range
    /// is not one blob's, or a store has no such thing.
    pub(crate) fn copy_source(&self, range: &Range<u64>) -> Option<(CopySource, u64)> {
        let piece = self.pieces.iter().find(|p| p.start <= range.start && range.end <= p.end())?;
        let source = self.store.copy_source(&piece.stat.name, piece.stat.etag.as_deref())?;
        Some((source, range.start - piece.start))
    }

    pub(super) fn new(store: &Arc<dyn BlobStore>, stats: Vec<BlobStat>, shape: Shape) -> Self {
        let mut next = 0_u64;
        let pieces = stats.into_iter().map(|stat| {
            let start = next;
            next = next.saturating_add(stat.size);
            Piece { stat, start }
        });
        Self { store: Arc::clone(store), pieces: pieces.collect(), shape }
    }

    /// Length of all of them in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.pieces.last().map_or(0, Piece::end)
    }

    /// Each part as a file of its own, with its name; nothing unless it is in parts.
    pub(crate) fn apart(&self) -> Vec<(String, Self)> {
        let parts = self.pieces.iter().filter(|_| self.shape == Shape::Parts);
        let alone = |stat: &BlobStat| Self::new(&self.store, vec![stat.clone()], Shape::Whole);
        parts.map(|piece| (piece.stat.name.clone(), alone(&piece.stat))).collect()
    }

    /// When the last of them was written, in seconds since 1970.
    pub(crate) fn modified(&self) -> Option<i64> {
        self.pieces.iter().filter_map(|piece| piece.stat.modified).max()
    }

    /// Where and what they are, as the store knows them.
    pub(super) fn marks(&self) -> String {
        let mark = |piece: &Piece| {
            let BlobStat { name, size, etag, .. } = &piece.stat;
            format!("{} {size} {}\n", self.store.describe(name), etag.as_deref().unwrap_or("-"))
        };
        self.pieces.iter().map(mark).collect()
    }

    /// Changes whenever one of them does.
    pub(crate) fn etag(&self) -> String {
        let stats = self.pieces.iter().map(|piece| &piece.stat);
        match stats.clone().next().and_then(|stat| stat.etag.clone()) {
            Some(etag) if self.pieces.len() == 1 => etag,
            _ => {
                let mark = |stat: &BlobStat| {
                    let etag = stat.etag.as_deref().unwrap_or("-");
                    format!("{} {} {etag} {:?}\n", stat.name, stat.size, stat.modified)
                };
                Digest::sha256(stats.map(mark).collect::<String>().as_bytes()).to_string()
            }
        }
    }

    /// How many parts it has, if it is in parts.
    pub(super) fn parts(&self) -> Option<usize> {
        (self.shape == Shape::Parts).then_some(self.pieces.len())
    }

    /// Whether they are the files of a folder.
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.shape, Shape::Folder(_))
    }

    /// The files of a folder, with their names within it and their lengths.
    pub(super) fn folder(&self) -> Option<Vec<(String, u64)>> {
        let Shape::Folder(folder) = &self.shape else { return None };
        let name = |stat: &BlobStat| stat.name.strip_prefix(folder).unwrap_or(&stat.name).to_owned();
        Some(self.pieces.iter().map(|piece| (name(&piece.stat), piece.stat.size)).collect())
    }

    /// Where a byte is, for people.
    pub(super) fn place(&self, offset: u64) -> String {
        let Some(piece) = self.pieces.get(self.find(offset)) else { return format!("at byte {offset}") };
        match &self.shape {
            Shape::Whole => format!("at byte {offset}"),
            Shape::Parts => format!("at byte {} of {}", offset - piece.start, piece.stat.name),
            Shape::Folder(_) => format!("in {}", piece.stat.name),
        }
    }

    /// Index of the piece that has the byte.
    fn find(&self, offset: u64) -> usize {
        self.pieces.partition_point(|piece| piece.end() <= offset)
    }

    /// Bytes, wherever they stand. The first piece is opened now, the others when it is their turn.
    pub(crate) async fn read(&self, range: Range<u64>) -> Result<ByteStream, Error> {
        let first = self.find(range.start);
        let behind = self.pieces.partition_point(|piece| piece.start < range.end).max(first);
        if first >= behind {
            return Ok(stream::empty().boxed());
        }
        let opened = open(Arc::clone(&self.store), &self.pieces[first], &range).await?;
        let (pieces, store) = (Arc::clone(&self.pieces), Arc::clone(&self.store));
        let others = stream::iter(first + 1..behind)
            .then(move |index| {
                let (pieces, store, range) = (Arc::clone(&pieces), Arc::clone(&store), range.clone());
                async move { open(store, &pieces[index], &range).await.map_err(Error::into_reader) }
            })
            .try_flatten();
        Ok(opened.chain(others).boxed())
    }

    /// The same, gathered.
    pub(crate) async fn read_all(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let len = range.end.saturating_sub(range.start);
        gather(self.read(range).await?, len).await
    }

    pub(super) fn check_delete(&self) -> Result<(), Error> {
        Ok(self.pieces.iter().try_for_each(|piece| self.store.check_delete(&piece.stat.name))?)
    }

    /// Deletes them all, as they were when they were found.
    pub(super) async fn delete(&self) -> Result<(), Error> {
        for Piece { stat, .. } in self.pieces.iter() {
            self.store.delete(&stat.name, stat.etag.as_deref()).await?;
        }
        Ok(())
    }

    /// An error of a bundle in parts says which parts there are: one that is missing or short is the likely cause.
    pub(super) fn blame(&self, error: Error) -> Error {
        let (Shape::Parts, Code::BundleDamaged, [.., last]) = (&self.shape, error.code(), &*self.pieces)
        else {
            return error;
        };
        let detail = format!(
            "{}; it was read from {} parts, the last being {} with {} bytes",
            error.detail(),
            self.pieces.len(),
            last.stat.name,
            last.stat.size
        );
        Error::new(Code::PartMissing, error.subject(), detail)
    }
}

async fn open(store: Arc<dyn BlobStore>, piece: &Piece, range: &Range<u64>) -> Result<ByteStream, Error> {
    let start = range.start.max(piece.start) - piece.start;
    let end = range.end.min(piece.end()) - piece.start;
    let stream = store.read(&piece.stat.name, start..end, piece.stat.etag.as_deref()).await?;
    Ok(stream.map_err(|error| Error::from(error).into_reader()).boxed())
}

/// All of a stream of about `len` bytes.
pub(super) async fn gather(mut stream: ByteStream, len: u64) -> Result<Bytes, Error> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(len).unwrap_or(0));
    while let Some(chunk) = stream.try_next().await.map_err(from_reader)? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn from_reader(error: registry::Error) -> Error {
    error.into()
}
