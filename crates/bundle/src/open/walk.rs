//! The walk over a tar's headers, whoever wrote it.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use transload_oci::Digest;

use super::Extent;
use super::found::{self, Found};
use super::window::Window;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names::{self, EntryRole};
use crate::tar::entry::{self, Entry, Form, Said};
use crate::tar::read::{self, Header};
use crate::tar::{RECORD_BYTES, padded};

/// How much is read at once while entries are small.
const AHEAD_BYTES: u64 = 64 << 10;
/// Content up to this length is worth keeping, and worth reading on behind.
const SMALL_BYTES: u64 = AHEAD_BYTES;

/// What the walk has found so far.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Where the next header is.
    offset: u64,
    /// End of the head, in a bundle that is walked only that far.
    head_len: Option<u64>,
    /// Whether the next header is behind a large entry.
    behind_large: bool,
    entries: usize,
    said: Said,
    pub(super) found: Found,
    pub(super) kept: BTreeMap<Digest, Bytes>,
    kept_bytes: u64,
}

/// How far one step came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Again,
    /// Bytes are wanted.
    Wait,
    End,
}

impl Walk {
    /// A walk over the head alone, which is in the window already.
    pub(super) fn of_head(head_len: u64) -> Self {
        Self { head_len: Some(head_len), ..Self::default() }
    }

    /// Goes on by one header.
    pub(super) fn step(&mut self, window: &mut Window, limits: &Limits) -> Result<Progress, Error> {
        if self.head_len == Some(self.offset) {
            return Ok(Progress::End);
        }
        let content_at = self.offset.saturating_add(RECORD_BYTES);
        if content_at > self.end(window) {
            return Err(self.cut_off("", "it ends without the two empty records of a tar's end"));
        }
        let ahead = if self.behind_large { RECORD_BYTES } else { AHEAD_BYTES };
        let Some(bytes) = window.get(self.offset..content_at, ahead) else { return Ok(Progress::Wait) };
        let record = bytes.first_chunk().ok_or_else(|| self.cut_off("", "a header is cut off"))?;
        let header = read::header(record)
            .map_err(|detail| Error::new(ErrorKind::Damaged, entry::at(self.offset), detail))?;
        match header {
            None => self.trailer(content_at, window),
            Some(header) => self.entry(&header, content_at, window, limits),
        }
    }

    fn end(&self, window: &Window) -> u64 {
        self.head_len.unwrap_or(window.file_len())
    }

    /// The error for something that passes the end of the file, or of the head.
    fn cut_off(&self, subject: &str, detail: &str) -> Error {
        let kind = if self.head_len.is_some() { ErrorKind::Damaged } else { ErrorKind::Truncated };
        Error::new(kind, subject, detail)
    }

    fn trailer(&mut self, second_at: u64, window: &mut Window) -> Result<Progress, Error> {
        if self.head_len.is_some() {
            return Err(self.cut_off("head", "it ends earlier than index.json says"));
        }
        if self.said.is_waiting() {
            return Err(Error::new(ErrorKind::Damaged, "last entry", "there is only its name, no entry"));
        }
        let second = second_at..second_at.saturating_add(RECORD_BYTES);
        if second.end > window.file_len() {
            return Err(self.cut_off("", "it ends within the two empty records of a tar's end"));
        }
        // both records are asked for: behind a large entry the window holds the first alone, and asking for the second
        // alone would let go of it
        match window.get(self.offset..second.end, 0) {
            None => Ok(Progress::Wait),
            Some(bytes) if bytes.iter().all(|b| *b == 0) => Ok(Progress::End),
            Some(_) => {
                let subject = format!("record at byte {}", self.offset);
                Err(Error::new(ErrorKind::Damaged, subject, "it is empty, and more entries follow it"))
            }
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        at: u64,
        window: &mut Window,
        limits: &Limits,
    ) -> Result<Progress, Error> {
        let done = if header.is_record() {
            let content = self.content(&header_name(header), at, header.size, window)?;
            self.record(header, content, window, limits)?
        } else {
            let entry = self.said.entry(header)?;
            let done = match &entry.form {
                Form::File => self.file(&entry, at, window, limits)?,
                form => {
                    self.found.not_a_file(&entry.name, form, limits)?;
                    Some(at)
                }
            };
            // waiting means coming back to this header, with the records that are about it
            if done.is_some() {
                self.said = Said::default();
            }
            done
        };
        let Some(next) = done else { return Ok(Progress::Wait) };
        self.entries += 1;
        if self.entries > limits.entries_max {
            let detail = format!("it has more than {} entries", limits.entries_max);
            return Err(Error::new(ErrorKind::LimitExceeded, "", detail));
        }
        self.behind_large = next - self.offset > SMALL_BYTES;
        self.offset = next;
        Ok(Progress::Again)
    }

    /// The content's place, with its padding inside the file.
    fn content(&self, name: &str, at: u64, size: u64, window: &Window) -> Result<Range<u64>, Error> {
        let padded_end = at.checked_add(padded(size)).filter(|end| *end < u64::MAX / 2);
        let Some(padded_end) = padded_end else {
            return Err(Error::new(ErrorKind::Hostile, name, "its size is larger than any file"));
        };
        if padded_end > self.end(window) {
            let end = self.end(window);
            let detail = format!("it should end at byte {padded_end}, but all ends at byte {end}");
            return Err(self.cut_off(name, &detail));
        }
        Ok(at..at + size)
    }

    /// Content that has to be here whole, with its header: asking for the content alone would let go of the header, and
    /// whoever comes back to the entry begins with that.
    fn with_header<'w>(&self, content: Range<u64>, window: &'w mut Window) -> Option<&'w [u8]> {
        let bytes = window.get(self.offset..content.end, AHEAD_BYTES)?;
        let header_len = usize::try_from(content.start - self.offset).ok()?;
        bytes.get(header_len..)
    }

    /// Takes a GNU or PAX record about the next entry. Gives the offset behind it, `None` to wait.
    fn record(
        &mut self,
        header: &Header,
        content: Range<u64>,
        window: &mut Window,
        limits: &Limits,
    ) -> Result<Option<u64>, Error> {
        entry::check_record(header.size, self.offset, limits)?;
        let next = content.start + padded(header.size);
        let Some(bytes) = self.with_header(content, window) else { return Ok(None) };
        self.said.take(header.kind, bytes, self.offset)?;
        Ok(Some(next))
    }

    fn file(
        &mut self,
        entry: &Entry,
        at: u64,
        window: &mut Window,
        limits: &Limits,
    ) -> Result<Option<u64>, Error> {
        let (name, size) = (&entry.name, entry.size);
        let content = self.content(name, at, size, window)?;
        let mut document = None;
        if found::is_document(name, size, limits)? {
            let Some(bytes) = self.with_header(content.clone(), window) else { return Ok(None) };
            document = Some(Bytes::copy_from_slice(bytes));
        }
        self.found.file(name, Extent { offset: at, len: size }, document, limits)?;
        if let EntryRole::Blob(digest) = names::role(name) {
            self.keep(digest, &content, window, limits);
        }
        Ok(Some(at + padded(size)))
    }

    /// Keeps a small blob that happens to be in memory: it may be a manifest.
    fn keep(&mut self, digest: Digest, content: &Range<u64>, window: &Window, limits: &Limits) {
        let size = content.end - content.start;
        let room = limits.kept_bytes_max.saturating_sub(self.kept_bytes);
        if self.head_len.is_some() || size > SMALL_BYTES.min(room) {
            return;
        }
        if let Some(bytes) = window.peek(content) {
            self.kept_bytes += size;
            self.kept.insert(digest, Bytes::copy_from_slice(bytes));
        }
    }
}

fn header_name(header: &Header) -> String {
    String::from_utf8_lossy(&header.name).into_owned()
}
