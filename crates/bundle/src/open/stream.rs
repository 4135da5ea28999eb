//! The opener of tars that come as a stream: nothing can be read again, so what may be needed is kept.

use std::collections::BTreeMap;

use bytes::Bytes;
use transload_oci::{Algorithm, Hasher};

use super::contents::{Contents, Packed};
use super::found::{self, Found};
use super::resolve::Resolve;
use super::{Extent, OpenBundle};
use crate::compression::Compression;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names::EntryRole;
use crate::stream::{EntryForm, StreamEntry, StreamEvent, StreamReader};
use crate::tar::entry::Form;

/// Content up to this length is worth keeping.
const SMALL_BYTES: u64 = 64 << 10;

/// Opens a tar that is pushed into it, front to back: [`feed`](Self::feed) everything, then
/// [`finish`](Self::finish). For a file that is compressed, whose places cannot be read one by one.
///
/// Offsets in the catalog are those of the stream. Small contents and JSON documents are kept, as far as the
/// [`Limits`] go, and [`OpenBundle::cached`] has them.
#[derive(Debug)]
pub struct StreamOpener {
    limits: Limits,
    reader: StreamReader,
    found: Found,
    entry: Option<Current>,
    kept: Kept,
    is_over: bool,
}

/// The entry whose content is passing.
#[derive(Debug)]
struct Current {
    entry: StreamEntry,
    role: EntryRole,
    left: u64,
    /// The first bytes, until there are enough of them to tell what they begin.
    first: Vec<u8>,
    fate: Fate,
}

/// What becomes of the content that passes.
enum Fate {
    Undecided,
    Keep(Vec<u8>),
    Hash(Compression, Hasher),
    Pass,
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Undecided => "Undecided",
            Self::Keep(_) => "Keep",
            Self::Hash(..) => "Hash",
            Self::Pass => "Pass",
        })
    }
}

/// What was kept, by its place in the stream.
#[derive(Debug, Default)]
struct Kept {
    bytes: BTreeMap<u64, Bytes>,
    layers: BTreeMap<u64, Packed>,
    small_bytes: u64,
    document_bytes: u64,
}

impl StreamOpener {
    /// An opener at the beginning of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            reader: StreamReader::new(limits),
            found: Found::default(),
            entry: None,
            kept: Kept::default(),
            is_over: false,
        }
    }

    /// Takes the stream's next bytes.
    ///
    /// # Errors
    /// As [`Opener::feed`](super::Opener::feed).
    pub fn feed(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.reader.feed(bytes);
        while let Some(event) = self.reader.next()? {
            match event {
                StreamEvent::Entry(entry) => self.begin(entry)?,
                StreamEvent::Data(bytes) => self.data(&bytes)?,
                StreamEvent::End => self.is_over = true,
            }
        }
        Ok(())
    }

    /// Whether the tar's end was seen: what is behind it does not matter.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The open bundle.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when the tar is not over, else as [`Opener::feed`](super::Opener::feed);
    /// [`ErrorKind::LimitExceeded`] when something that is needed was too long to be kept.
    pub fn finish(mut self) -> Result<OpenBundle, Error> {
        let len = self.reader.offset();
        self.reader.finish()?;
        let mut resolve = Resolve::of(std::mem::take(&mut self.found), None, &self.limits)?;
        if !resolve.advance(&mut self.kept, &self.limits)? {
            return Err(Error::new(ErrorKind::Damaged, "", "it could not be opened"));
        }
        let mut bundle = resolve.bundle(len, BTreeMap::new());
        let kept = |at: &Extent| self.kept.bytes.get(&at.offset).cloned();
        bundle.kept = bundle.catalog.iter().filter_map(|(digest, at)| Some((*digest, kept(at)?))).collect();
        Ok(bundle)
    }

    fn begin(&mut self, entry: StreamEntry) -> Result<(), Error> {
        let form = match &entry.form {
            EntryForm::File => None,
            EntryForm::Directory => Some(Form::Directory),
            EntryForm::Symlink(target) => Some(Form::Symlink(target.clone())),
            EntryForm::HardLink(target) => Some(Form::HardLink(target.clone())),
        };
        if let Some(form) = form {
            return self.found.not_a_file(&entry.name, &form, &self.limits);
        }
        let is_document = found::is_document(&entry.name, entry.size, &self.limits)?;
        let fate = if is_document { Fate::Keep(Vec::new()) } else { Fate::Undecided };
        let current = Current { role: entry.role(), left: entry.size, first: Vec::new(), fate, entry };
        if current.left == 0 {
            return self.end(current);
        }
        self.entry = Some(current);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(mut current) = self.entry.take() else { return Ok(()) };
        current.left = current.left.saturating_sub(bytes.len() as u64);
        match &mut current.fate {
            Fate::Undecided => {
                current.first.extend_from_slice(bytes);
                if current.first.len() >= Compression::MAGIC_BYTES || current.left == 0 {
                    current.fate = self.kept.fate(&current, &self.limits);
                    let first = std::mem::take(&mut current.first);
                    current.fate.take(&first);
                }
            }
            fate => fate.take(bytes),
        }
        if current.left == 0 {
            return self.end(current);
        }
        self.entry = Some(current);
        Ok(())
    }

    fn end(&mut self, current: Current) -> Result<(), Error> {
        let StreamEntry { name, offset, size, .. } = current.entry;
        let is_document = found::is_document(&name, size, &self.limits)?;
        let mut content = None;
        match current.fate {
            Fate::Keep(bytes) => {
                let bytes = Bytes::from(bytes);
                self.kept.bytes.insert(offset, bytes.clone());
                content = Some(bytes);
            }
            Fate::Hash(compression, hasher) => {
                let packed = Packed { compression: Some(compression), digest: Some(hasher.finish()) };
                self.kept.layers.insert(offset, packed);
            }
            Fate::Undecided | Fate::Pass => {}
        }
        let content = content.filter(|_| is_document);
        self.found.file(&name, Extent { offset, len: size }, content, &self.limits)
    }
}

impl Fate {
    fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Keep(kept) => kept.extend_from_slice(bytes),
            Self::Hash(_, hasher) => hasher.update(bytes),
            Self::Undecided | Self::Pass => {}
        }
    }
}

impl Kept {
    /// What becomes of an entry that begins like this.
    fn fate(&mut self, current: &Current, limits: &Limits) -> Fate {
        let size = current.entry.size;
        let is_blob = matches!(current.role, EntryRole::Blob(_));
        if let Some(compression) = Compression::of(&current.first).filter(|_| !is_blob) {
            return Fate::Hash(compression, Hasher::new(Algorithm::Sha256));
        }
        let is_json = current.first.trim_ascii_start().first().is_none_or(|b| matches!(b, b'{' | b'['));
        let (sum, max) = if is_json {
            (&mut self.document_bytes, limits.documents_bytes_max)
        } else if size <= SMALL_BYTES {
            (&mut self.small_bytes, limits.kept_bytes_max)
        } else {
            return Fate::Pass;
        };
        if sum.saturating_add(size) > max {
            return Fate::Pass;
        }
        *sum += size;
        Fate::Keep(Vec::new())
    }
}

impl Contents for Kept {
    fn peek(&self, at: Extent) -> Option<&[u8]> {
        self.bytes.get(&at.offset).map(AsRef::as_ref)
    }

    fn bytes(&mut self, at: Extent) -> Result<Option<Bytes>, Error> {
        if at.len == 0 {
            return Ok(Some(Bytes::new()));
        }
        self.bytes.get(&at.offset).cloned().map(Some).ok_or_else(|| {
            let subject = format!("content at byte {}", at.offset);
            let detail =
                format!("its {} bytes are too many to be kept while a compressed file is read", at.len);
            Error::new(ErrorKind::LimitExceeded, subject, detail).with_hint("decompress the file first")
        })
    }

    fn layer(&mut self, at: Extent) -> Result<Option<Packed>, Error> {
        Ok(Some(self.layers.get(&at.offset).copied().unwrap_or(Packed { compression: None, digest: None })))
    }
}

#[cfg(test)]
mod tests {
    use transload_oci::Digest;

    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let limits = Limits { kept_bytes_max: 10, documents_bytes_max: 20, ..Limits::default() };
        let mut kept = Kept::default();
        let mut fate = |first: &[u8], size| {
            let entry = StreamEntry {
                name: Digest::sha256(first).layout_path(),
                form: EntryForm::File,
                size,
                offset: 0,
            };
            let role = entry.role();
            let current = Current { entry, role, left: size, first: first.to_vec(), fate: Fate::Undecided };
            kept.fate(&current, &limits)
        };
        assert!(matches!(fate(b"abcd", 8), Fate::Keep(_)));
        assert!(matches!(fate(b"abcd", 3), Fate::Pass), "more than is kept of small contents");
        assert!(matches!(fate(b" {\"a", 20), Fate::Keep(_)), "documents have their own room");
        assert!(matches!(fate(b"{\"a\"", 1), Fate::Pass));
        assert!(matches!(fate(b"abcd", SMALL_BYTES + 1), Fate::Pass));
        assert!(matches!(fate(b"\x1f\x8b\x08\x00", 5), Fate::Pass), "a blob has its digest in its name");
    }
}
