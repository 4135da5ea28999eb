//! Opening a bundle, whoever wrote it and however it is wrapped: its head by ranged reads, and its contents as a
//! registry to read from.

mod find;
mod packed;
mod parts;
mod pieces;
mod source;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use transload_blobstore::{BlobStat, BlobStore, CopySource};
use transload_bundle::{self as bundle, Compression, Extent, OpenBundle, Opener};
use transload_oci::Digest;
use transload_registry::ByteStream;

pub(crate) use find::{among, find};
pub use parts::are_parts;
pub(crate) use parts::{PARTS_MAX, whole_name};
pub(crate) use pieces::Pieces;
pub(crate) use source::{BundleSource, MANIFEST_BYTES_MAX};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::report::{Form, Format};
use packed::Packed;
use pieces::Shape;

/// A bundle whose head has been read and checked.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) index: Arc<OpenBundle>,
    pub(crate) location: String,
    medium: Medium,
}

/// How its bytes are had.
#[derive(Debug, Clone)]
enum Medium {
    /// In any order.
    Plain(Pieces),
    /// Front to back, decompressed on the way.
    Packed(Packed),
}

/// Finds and opens whatever stands under a name: a file, a file in parts, or a folder that is an image layout. An
/// empty name is the whole place.
pub(crate) async fn bundle(engine: &Engine, store: &Arc<dyn BlobStore>, name: &str) -> Result<Opened, Error> {
    let pieces = find(engine, store, name).await?;
    open_pieces(engine, pieces, store.describe(name)).await
}

/// Opens one blob.
pub(crate) async fn open(
    engine: &Engine,
    store: &Arc<dyn BlobStore>,
    stat: &BlobStat,
) -> Result<Opened, Error> {
    let pieces = Pieces::new(store, vec![stat.clone()], Shape::Whole);
    open_pieces(engine, pieces, store.describe(&stat.name)).await
}

/// Opens what can be read in any order; of what is compressed only with what.
pub(crate) async fn glance(engine: &Engine, pieces: Pieces, location: String) -> Result<Glance, Error> {
    let limits = bundle::Limits::default();
    let fail = |error: bundle::Error| pieces.blame(Error::from_bundle(&error, &location));
    let mut opener = match pieces.folder() {
        Some(files) => {
            let mut opener = Opener::of_files(files, limits);
            opener.feed(&[]).map_err(fail)?;
            opener
        }
        None => Opener::new(pieces.len(), limits),
    };
    while let Some(range) = opener.want() {
        let start = range.start;
        let bytes = engine.request(pieces.read_all(range)).await?;
        let compression = Compression::of(&bytes).filter(|_| start == 0 && pieces.folder().is_none());
        if let Some(compression) = compression {
            return Ok(Glance::Packed(compression, pieces));
        }
        opener.feed(&bytes).map_err(fail)?;
    }
    let index = opener.finish().map_err(fail)?;
    Ok(Glance::Open(Opened { index: Arc::new(index), location, medium: Medium::Plain(pieces) }))
}

/// What a look at the front of a file shows.
#[derive(Debug)]
pub(crate) enum Glance {
    Open(Opened),
    /// It is compressed: all of it has to be read to know what is in it.
    Packed(Compression, Pieces),
}

/// Reads and checks a bundle's head.
async fn open_pieces(engine: &Engine, pieces: Pieces, location: String) -> Result<Opened, Error> {
    match glance(engine, pieces, location.clone()).await? {
        Glance::Open(opened) => Ok(opened),
        Glance::Packed(compression, pieces) => {
            let limits = bundle::Limits::default();
            let (index, packed) = packed::open(pieces, compression, &location, limits).await?;
            Ok(Opened { index: Arc::new(index), location, medium: Medium::Packed(packed) })
        }
    }
}

impl Opened {
    /// What was opened from a pipe: `behind` is asked for what is not in the head, and has nothing.
    pub(crate) fn of_stream(index: Arc<OpenBundle>, behind: &Arc<dyn BlobStore>) -> Self {
        let location = behind.describe("");
        let stat = BlobStat { name: String::new(), size: index.len, etag: None, modified: None };
        let medium = Medium::Plain(Pieces::new(behind, vec![stat], Shape::Whole));
        Self { index, location, medium }
    }

    /// What a store needs to copy a range by itself, and where it begins there.
    pub(crate) fn copy_source(&self, range: &Range<u64>) -> Option<(CopySource, u64)> {
        match &self.medium {
            Medium::Plain(pieces) => pieces.copy_source(range),
            Medium::Packed(_) => None,
        }
    }

    /// Length in bytes, of all files that it consists of.
    pub(crate) fn len(&self) -> u64 {
        self.pieces().len()
    }

    /// The files that it consists of.
    pub(crate) fn into_pieces(self) -> Pieces {
        self.pieces().clone()
    }

    fn pieces(&self) -> &Pieces {
        match &self.medium {
            Medium::Plain(pieces) => pieces,
            Medium::Packed(packed) => packed.pieces(),
        }
    }

    /// Whether it is compressed as a whole: then its contents come in one order only.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.medium, Medium::Packed(_))
    }

    /// What it is, for reports.
    pub(crate) fn form(&self) -> Form {
        let compression = match &self.medium {
            Medium::Plain(_) => None,
            Medium::Packed(packed) => Some(packed.compression().as_str()),
        };
        let format = match self.index.format {
            bundle::Format::Bundle => Format::Bundle,
            // one of ours that was unpacked, packed anew or compressed is one still
            bundle::Format::Layout if self.index.transfer.is_some() => Format::Bundle,
            bundle::Format::Layout => Format::Layout,
            bundle::Format::DockerArchive => Format::DockerArchive,
        };
        let pieces = self.pieces();
        Form { format, compression, parts: pieces.parts(), folder: pieces.folder().is_some() }
    }

    /// What a person should know about manifests that were made on opening.
    pub(crate) fn conversion(&self) -> Option<String> {
        let made = self.index.made.len();
        (made > 0).then(|| {
            format!(
                "{} is a docker-archive, which has no manifests: {made} made here, so their digests are new",
                self.location
            )
        })
    }

    /// Refuses to delete what cannot be deleted for certain.
    pub(crate) fn check_delete(&self) -> Result<(), Error> {
        if self.pieces().folder().is_some() {
            let detail = "it is a folder, and deletes only files";
            return Err(Error::new(Code::Usage, self.location.clone(), detail)
                .with_next("leave out --delete-source-blob-on-success and delete the folder yourself"));
        }
        self.pieces().check_delete()
    }

    /// Deletes the very files that were read.
    pub(crate) async fn delete(&self) -> Result<(), Error> {
        self.pieces().delete().await
    }

    /// Bytes of the file, wherever they stand.
    pub(crate) async fn range(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let len = range.end.saturating_sub(range.start);
        let at = Extent { offset: range.start, len };
        pieces::gather(self.read(&at, 0).await?, len).await
    }

    /// What the store knows the files by: names, lengths, etags.
    pub(crate) fn marks(&self) -> String {
        self.pieces().marks()
    }

    /// Where some content stands, for people.
    pub(crate) fn place(&self, at: &Extent) -> String {
        match &self.medium {
            Medium::Plain(pieces) => pieces.place(at.offset),
            Medium::Packed(packed) => {
                format!("at byte {} of what is inside the {}", at.offset, packed.compression().as_str())
            }
        }
    }

    /// Some content, from byte `from` on.
    pub(crate) async fn read(&self, at: &Extent, from: u64) -> Result<ByteStream, Error> {
        let range = at.offset + from.min(at.len)..at.offset + at.len;
        match &self.medium {
            Medium::Plain(pieces) => pieces.read(range).await,
            Medium::Packed(packed) => packed.read(range).await,
        }
    }

    /// The content of a digest, whole, for what is small.
    pub(crate) async fn content(&self, digest: &Digest, bytes_max: u64) -> Result<Option<Bytes>, Error> {
        if let Some(bytes) = self.index.cached(digest) {
            return Ok(Some(bytes));
        }
        let Some(extent) = self.index.catalog.get(digest) else { return Ok(None) };
        if extent.len > bytes_max {
            let detail = format!(
                "{digest} is used as a manifest and is {} bytes long; the bound is {bytes_max}",
                extent.len
            );
            return Err(Error::new(Code::LimitExceeded, self.location.clone(), detail));
        }
        let stream = self.read(extent, 0).await?;
        pieces::gather(stream, extent.len).await.map(Some)
    }
}
