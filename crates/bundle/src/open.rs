//! The reader: bytes in, wishes for bytes out.
//!
//! A bundle of our own says in `index.json` how long its head is: one or two reads bring all of it, and everything in
//! it is checked against its digests, the catalog against the headers, `index.json` against the transfer manifest.
//! Of any other image-layout tar the headers are walked, with small reads, wherever its `index.json` is. A docker-archive
//! gets manifests made for it, and a folder is read as if its files were one.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use transload_oci::Digest;

use crate::error::{Error, ErrorKind};
use crate::index::{self, Root, Roots};
use crate::limits::Limits;
use crate::outcome::StreamOutcome;
use crate::sniff;
use crate::transfer_manifest::TransferManifest;

mod archive;
mod contents;
mod files;
mod found;
mod naming;
mod own;
mod resolve;
mod stream;
mod transfer;
mod walk;
mod window;

pub use stream::StreamOpener;

use contents::{Hashing, Readable};
use files::Files;
use own::Own;
use resolve::Resolve;
use walk::{Progress, Walk};
use window::Window;

/// The first read: most heads are shorter.
const FIRST_BYTES: u64 = 1 << 20;

/// Where some content lies in a tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u64,
}

impl Extent {
    /// As a range of the file's bytes.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.len)
    }
}

/// What a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A bundle of ours: an image layout with a head and a catalog.
    Bundle,
    /// Any other image layout.
    Layout,
    /// A docker-archive (`docker save`): its manifests were made here, and their digests are new.
    DockerArchive,
}

/// A bundle whose front was read: what is in it and where.
#[derive(Debug, Clone)]
pub struct OpenBundle {
    /// Length of the file in bytes.
    pub len: u64,
    /// Where every blob's content lies. The places are inside the file and do not overlap; the content is not
    /// checked yet.
    pub catalog: BTreeMap<Digest, Extent>,
    /// The descriptors of `index.json`, without the transfer manifest.
    pub roots: Vec<Root>,
    /// The transfer manifest; `None` in a layout that another tool wrote.
    pub transfer: Option<TransferManifest>,
    /// Digest of the transfer manifest's OCI manifest, which vouches for the transfer manifest and the catalog; `None`
    /// in a layout that another tool wrote.
    pub transfer_digest: Option<Digest>,
    /// Length of the head in bytes; `None` in a tar that is not laid out as this tool does.
    pub head_len: Option<u64>,
    /// What became of a bundle that was written as a stream, where something failed. It has been heeded already in
    /// roots, catalog and transfer manifest.
    pub outcome: Option<StreamOutcome>,
    /// What it is.
    pub format: Format,
    /// Manifests that are in no file but were made when a docker-archive was opened.
    pub made: BTreeMap<Digest, Bytes>,
    kept: BTreeMap<Digest, Bytes>,
}

impl OpenBundle {
    /// Takes out what failed after the head was written: artifacts that failed, and blobs that mean nothing.
    pub fn apply(&mut self, outcome: StreamOutcome) {
        if let Some(transfer) = &mut self.transfer {
            outcome.apply(transfer);
            index::retain(&mut self.roots, transfer);
        }
        self.catalog.retain(|digest, _| !outcome.bad.contains(digest));
        self.outcome = Some(outcome);
    }

    /// Content that was made or read on opening, if its bytes have that digest. `None`: read it from its place.
    pub fn cached(&self, digest: &Digest) -> Option<Bytes> {
        let kept = || self.kept.get(digest).filter(|bytes| is(digest, bytes));
        self.made.get(digest).or_else(kept).cloned()
    }

    /// Length in bytes of a content that is here.
    pub fn size_of(&self, digest: &Digest) -> Option<u64> {
        let placed = self.catalog.get(digest).map(|extent| extent.len);
        placed.or_else(|| self.made.get(digest).map(|bytes| bytes.len() as u64))
    }
}

fn is(digest: &Digest, bytes: &[u8]) -> bool {
    Digest::of(digest.algorithm(), bytes) == *digest
}

/// Opens a bundle without reading it: ask [`want`](Self::want), read that, give it to [`feed`](Self::feed), until
/// nothing is wanted; then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Opener {
    limits: Limits,
    window: Window,
    step: Step,
    own: Option<Own>,
    walk: Walk,
    hashing: Option<Hashing>,
    resolve: Option<Resolve>,
    kept: Option<BTreeMap<Digest, Bytes>>,
    outcome: Option<StreamOutcome>,
}

#[derive(Debug)]
enum Step {
    /// The first bytes are on their way.
    Start,
    /// A bundle of ours: `index.json` is to be read whole, it has that many bytes.
    OwnIndex(u64),
    /// A bundle of ours: the head is to be read whole.
    OwnHead(Own),
    Walk,
    /// A folder's files are looked through.
    Files(Box<Files>),
    /// Everything was found: what it comes to is next.
    Resolve,
    /// What stands behind the data is next.
    Tail(Range<u64>),
    Done,
    Failed,
}

impl Opener {
    /// An opener of a file of `len` bytes.
    pub fn new(len: u64, limits: Limits) -> Self {
        Self::at(Step::Start, Window::new(len, FIRST_BYTES), limits)
    }

    /// An opener of an image layout that is a folder: its files with their names relative to it and their lengths in
    /// bytes, laid one behind the other. Every offset, of what is wanted and in the catalog, is in that row. Files that
    /// do not belong to a layout may be among them, or be left out.
    ///
    /// Ask [`want`](Self::want) after a [`feed`](Self::feed) of nothing.
    pub fn of_files(files: Vec<(String, u64)>, limits: Limits) -> Self {
        let len = files.iter().fold(0_u64, |sum, (_, len)| sum.saturating_add(*len));
        Self::at(Step::Files(Box::new(Files::of(files))), Window::new(len, 0), limits)
    }

    fn at(step: Step, window: Window, limits: Limits) -> Self {
        let walk = Walk::default();
        Self {
            limits,
            window,
            step,
            own: None,
            walk,
            hashing: None,
            resolve: None,
            kept: None,
            outcome: None,
        }
    }

    /// An opener of a bundle of our own ([`is_own`]) that is read as it comes: its length is not known. Whoever reads
    /// it to its end heeds what stands there: [`StreamOutcome::parse_tail`], [`OpenBundle::apply`].
    pub fn of_stream(limits: Limits) -> Self {
        Self::new(own::LEN_UNKNOWN, limits)
    }

    /// The bytes of the file to read next, never an empty range. `None` when nothing more is needed.
    pub fn want(&self) -> Option<Range<u64>> {
        self.window.wanted()
    }

    /// Takes the bytes that [`want`](Self::want) asked for; fewer mean that the file ended there.
    ///
    /// # Errors
    /// Any kind but [`ErrorKind::PlanInvalid`]. Nothing is wanted afterwards.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.want().is_none() && !matches!(self.step, Step::Files(_)) {
            return Ok(());
        }
        let result = self.window.fill(bytes).and_then(|()| self.advance());
        if result.is_err() {
            self.window.close();
            self.step = Step::Failed;
        }
        result
    }

    /// The open bundle.
    ///
    /// # Errors
    /// [`ErrorKind::NotABundle`] for an empty file, [`ErrorKind::Truncated`] when bytes are still wanted, and
    /// [`ErrorKind::Damaged`] after a failure of [`feed`](Self::feed), which said more.
    pub fn finish(mut self) -> Result<OpenBundle, Error> {
        match self.step {
            Step::Done => {}
            Step::Start if self.window.file_len() == 0 => return Err(sniff::empty()),
            Step::Failed => return Err(Error::new(ErrorKind::Damaged, "", "it could not be opened")),
            _ => return Err(Error::new(ErrorKind::Truncated, "", "its front was not read to the end")),
        }
        let fail = || Error::new(ErrorKind::Damaged, "", "it could not be opened");
        let resolve = self.resolve.take().ok_or_else(fail)?;
        let mut len = self.window.file_len();
        let kept = match resolve.own() {
            Some(own) => {
                if len == own::LEN_UNKNOWN {
                    len = own.len();
                }
                self.kept.unwrap_or_else(|| own.kept(&Bytes::from(self.window.take())))
            }
            None => self.walk.kept,
        };
        let mut open = resolve.bundle(len, kept);
        if let Some(outcome) = self.outcome {
            open.apply(outcome);
        }
        Ok(open)
    }

    /// Goes as far as the bytes at hand allow.
    fn advance(&mut self) -> Result<(), Error> {
        loop {
            let next = match std::mem::replace(&mut self.step, Step::Failed) {
                Step::Start => self.start()?,
                Step::OwnIndex(size) => self.own_index(size)?,
                Step::OwnHead(own) => self.own_head(own),
                Step::Walk => self.walk()?,
                Step::Files(mut files) => {
                    if files.advance(&mut self.window, &self.limits)? {
                        self.resolve = Some(Resolve::of(files.found, None, &self.limits)?);
                        Go(Step::Resolve)
                    } else {
                        Wait(Step::Files(files))
                    }
                }
                Step::Resolve => self.resolve()?,
                Step::Tail(range) => self.tail(range)?,
                end @ (Step::Done | Step::Failed) => Go(end),
            };
            match next {
                Go(end @ (Step::Done | Step::Failed)) => {
                    self.step = end;
                    return Ok(());
                }
                Go(step) => self.step = step,
                Wait(step) => {
                    self.step = step;
                    return Ok(());
                }
            }
        }
    }

    fn start(&mut self) -> Result<Next, Error> {
        let len = self.window.file_len().min(FIRST_BYTES);
        let Some(first) = self.window.get(0..len, 0) else { return Ok(Wait(Step::Start)) };
        sniff::check(first)?;
        Ok(Go(own::index_size(first).map_or(Step::Walk, Step::OwnIndex)))
    }

    fn own_index(&mut self, size: u64) -> Result<Next, Error> {
        let range = own::index_range(size, self.window.file_len(), &self.limits)?;
        let Some(front) = self.window.get(0..range.end, 0) else { return Ok(Wait(Step::OwnIndex(size))) };
        let index = usize::try_from(range.start).ok().and_then(|at| front.get(at..)).unwrap_or_default();
        let roots = Roots::of(index::parse(index, &self.limits)?)?;
        let own = Own::of(&roots, self.window.file_len(), &self.limits)?;
        Ok(Go(own.map_or(Step::Walk, Step::OwnHead)))
    }

    fn own_head(&mut self, own: Own) -> Next {
        let head_bytes = own.geometry.head_bytes;
        if self.window.get(0..head_bytes, 0).is_none() {
            return Wait(Step::OwnHead(own));
        }
        self.walk = Walk::of_head(head_bytes);
        self.own = Some(own);
        Go(Step::Walk)
    }

    fn walk(&mut self) -> Result<Next, Error> {
        match self.walk.step(&mut self.window, &self.limits)? {
            Progress::Again => Ok(Go(Step::Walk)),
            Progress::Wait => Ok(Wait(Step::Walk)),
            Progress::End => {
                let found = std::mem::take(&mut self.walk.found);
                self.resolve = Some(Resolve::of(found, self.own.take(), &self.limits)?);
                Ok(Go(Step::Resolve))
            }
        }
    }

    fn resolve(&mut self) -> Result<Next, Error> {
        let Some(resolve) = &mut self.resolve else { return Ok(Go(Step::Failed)) };
        let contents = &mut Readable { window: &mut self.window, hashing: &mut self.hashing };
        if !resolve.advance(contents, &self.limits)? {
            return Ok(Wait(Step::Resolve));
        }
        let Some(own) = resolve.own() else { return Ok(Go(Step::Done)) };
        let Some(tail) = own.tail.clone() else { return Ok(Go(Step::Done)) };
        // the window moves to the end of the file now
        self.kept = Some(own.kept(&Bytes::from(self.window.take())));
        Ok(Go(Step::Tail(tail)))
    }

    fn tail(&mut self, range: Range<u64>) -> Result<Next, Error> {
        let Some(tail) = self.window.get(range.clone(), 0) else { return Ok(Wait(Step::Tail(range))) };
        let said = self.resolve.as_ref().and_then(Resolve::own).map_or(0, Own::len);
        self.outcome = StreamOutcome::parse_tail(tail).map_err(|_| {
            let len = range.end;
            let detail = format!("it is {len} bytes long, but says of itself that it has {said}");
            Error::new(ErrorKind::Damaged, "", detail)
        })?;
        Ok(Go(Step::Done))
    }
}

/// Whether a file that begins with these bytes (1,536 at least) is laid out as this tool does it, so that its head
/// comes first.
pub fn is_own(first: &[u8]) -> bool {
    own::index_size(first).is_some()
}

/// The digest of a bundle's transfer manifest ([`OpenBundle::transfer_digest`]), out of the bundle's first bytes, as far
/// as `index.json` at least. `None` where another tool wrote it.
pub fn transfer_digest(front: &[u8]) -> Option<Digest> {
    let limits = Limits::default();
    let size = own::index_size(front)?;
    let range = own::index_range(size, front.len() as u64, &limits).ok()?;
    let index = front.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)?;
    let roots = Roots::of(index::parse(index, &limits).ok()?).ok()?;
    Some(roots.transfer?.digest)
}

/// What a step leads to: the next one at once, or the same one when the wanted bytes are there.
enum Next {
    Go(Step),
    Wait(Step),
}

use Next::{Go, Wait};
