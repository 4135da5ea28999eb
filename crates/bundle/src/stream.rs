//! The reader of tars that come as a stream: bytes in, entries out, each byte seen once.

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names::{self, EntryRole};
use crate::sniff;
use crate::tar::entry::{self, Form, Said};
use crate::tar::read::{self, Kind};
use crate::tar::{RECORD_BYTES, padded};

const RECORD_LEN: usize = RECORD_BYTES as usize;

/// An entry of a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Its name without `./` and doubled slashes; empty only for the root folder. Never absolute, no `..` in it.
    pub name: String,
    /// What it is.
    pub form: EntryForm,
    /// Bytes of content; 0 for what is no file.
    pub size: u64,
    /// Offset of its content in the stream, in bytes.
    pub offset: u64,
}

impl StreamEntry {
    /// What the name stands for in an image layout. Links and folders have names, too: look at the form first.
    pub fn role(&self) -> EntryRole {
        names::role(&self.name)
    }
}

/// What an entry of a tar is. Devices, pipes and sparse files are refused and never seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryForm {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link, with its target as it is written: it may be absolute and may have `..` in it.
    Symlink(String),
    /// A hard link, with its target as it is written.
    HardLink(String),
}

/// What a [`StreamReader`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// An entry begins. `size` bytes of content follow as [`Data`](Self::Data), in as many pieces as they come in.
    Entry(StreamEntry),
    /// Content of the last entry; never empty.
    Data(Bytes),
    /// The two empty records that end a tar were read. Whatever is fed from now on is passed over.
    End,
}

/// Reads a tar that is pushed into it: [`feed`](Self::feed) bytes as they come, take [`next`](Self::next) until there
/// is nothing, and when the stream is over ask [`finish`](Self::finish) whether the tar was.
///
/// Reads V7, ustar, GNU and PAX headers. It checks form and bounds of each entry; whether a name is there twice, or
/// belongs there at all, is for the caller, who knows what the tar is to be.
///
/// ```
/// use transload_bundle::{Error, Limits, StreamEvent, StreamReader};
///
/// fn names(pieces: impl Iterator<Item = &'static [u8]>) -> Result<Vec<String>, Error> {
///     let (mut reader, mut names) = (StreamReader::new(Limits::default()), Vec::new());
///     for piece in pieces {
///         reader.feed(piece.into());
///         while let Some(event) = reader.next()? {
///             if let StreamEvent::Entry(entry) = event {
///                 names.push(entry.name);
///             }
///         }
///     }
///     reader.finish()?;
///     Ok(names)
/// }
///
/// let error = names([&b"\x1f\x8b\x08"[..], &[0; 512]].into_iter()).unwrap_err();
/// assert_eq!(error.to_string(), "it is gzip-compressed, a bundle is an uncompressed tar");
/// ```
#[derive(Debug)]
pub struct StreamReader {
    limits: Limits,
    /// What was fed and not yet taken.
    input: Bytes,
    /// Offset of `input` in the stream.
    offset: u64,
    state: State,
    entries: usize,
    said: Said,
}

#[derive(Debug)]
enum State {
    /// A header is due; what there is of it.
    Header(Vec<u8>),
    /// A GNU or PAX record is due, `whole` bytes with its padding; its header was at byte `at`.
    Record {
        kind: Kind,
        size: usize,
        whole: usize,
        got: Vec<u8>,
        at: u64,
    },
    /// Content is due, and padding behind it.
    Content {
        left: u64,
        padding: u64,
        name: String,
    },
    /// The first empty record was read, the second is due.
    Trailer(Vec<u8>),
    End,
    Failed,
}

impl StreamReader {
    /// A reader at the beginning of a stream. Of the limits those on entries and their records are used.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Bytes::new(),
            offset: 0,
            state: State::Header(Vec::new()),
            entries: 0,
            said: Said::default(),
        }
    }

    /// Takes the stream's next bytes. What was fed before is to have been taken by [`next`](Self::next): bytes that
    /// were not are copied.
    pub fn feed(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            self.input = [self.input.as_ref(), bytes.as_ref()].concat().into();
        }
    }

    /// Offset in the stream of the first byte that was not taken yet.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What the bytes at hand show next; `None` when more are needed, and behind the end.
    ///
    /// # Errors
    /// [`ErrorKind::NotABundle`] when the stream is no tar, [`ErrorKind::Damaged`] and [`ErrorKind::Hostile`] for
    /// entries that nobody honest writes, [`ErrorKind::LimitExceeded`]. Nothing is found afterwards.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator is over when it says so, this one is fed again"
    )]
    pub fn next(&mut self) -> Result<Option<StreamEvent>, Error> {
        loop {
            match self.step() {
                Ok(Step::Again) => {}
                Ok(Step::Wait) => return Ok(None),
                Ok(Step::Found(event)) => return Ok(Some(event)),
                Err(error) => {
                    self.state = State::Failed;
                    return Err(error);
                }
            }
        }
    }

    /// Says whether the tar is over, when the stream is.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] when it is not, [`ErrorKind::NotABundle`] when there was none,
    /// [`ErrorKind::Damaged`] after a failure of [`next`](Self::next), which said more.
    pub fn finish(self) -> Result<(), Error> {
        let cut_off = |subject: &str, detail: String| Err(Error::new(ErrorKind::Truncated, subject, detail));
        let end = self.offset;
        match self.state {
            State::End => Ok(()),
            State::Failed => Err(Error::new(ErrorKind::Damaged, "", "it could not be read")),
            State::Header(got) if self.entries == 0 && self.offset < RECORD_BYTES => {
                if got.is_empty() {
                    Err(sniff::empty())
                } else {
                    sniff::check(&got)
                }
            }
            State::Content { left, name, .. } if left > 0 => {
                cut_off(&name, format!("it ends at byte {end}, {left} bytes too early"))
            }
            _ => cut_off("", format!("it ends at byte {end} without the two empty records of a tar's end")),
        }
    }

    fn step(&mut self) -> Result<Step, Error> {
        match &mut self.state {
            State::Header(got) => {
                let Some(record) = collect(got, RECORD_LEN, &mut self.input, &mut self.offset) else {
                    return Ok(Step::Wait);
                };
                self.header(&record)
            }
            State::Record { kind, size, whole, got, at } => {
                let Some(record) = collect(got, *whole, &mut self.input, &mut self.offset) else {
                    return Ok(Step::Wait);
                };
                let content = record.get(..*size).unwrap_or(&record);
                self.said.take(*kind, content, *at)?;
                self.state = State::Header(Vec::new());
                Ok(Step::Again)
            }
            State::Content { .. } => Ok(self.content()),
            State::Trailer(got) => {
                let Some(record) = collect(got, RECORD_LEN, &mut self.input, &mut self.offset) else {
                    return Ok(Step::Wait);
                };
                self.trailer(&record)
            }
            State::End => {
                self.offset = self.offset.saturating_add(self.input.len() as u64);
                self.input = Bytes::new();
                Ok(Step::Wait)
            }
            State::Failed => Ok(Step::Wait),
        }
    }

    fn header(&mut self, record: &[u8]) -> Result<Step, Error> {
        let at = self.offset - RECORD_BYTES;
        if at == 0 {
            sniff::check(record)?;
        }
        let record = record.first_chunk().ok_or_else(|| internal("a header is short"))?;
        let header =
            read::header(record).map_err(|detail| Error::new(ErrorKind::Damaged, entry::at(at), detail))?;
        let Some(header) = header else {
            self.state = State::Trailer(Vec::new());
            return Ok(Step::Again);
        };
        self.entries += 1;
        if self.entries > self.limits.entries_max {
            let detail = format!("it has more than {} entries", self.limits.entries_max);
            return Err(Error::new(ErrorKind::LimitExceeded, "", detail));
        }
        if header.is_record() {
            entry::check_record(header.size, at, &self.limits)?;
            let size = usize::try_from(header.size).unwrap_or_default();
            let whole = usize::try_from(padded(header.size)).unwrap_or_default();
            self.state = State::Record { kind: header.kind, size, whole, got: Vec::new(), at };
            return Ok(Step::Again);
        }
        self.entry(&header)
    }

    fn entry(&mut self, header: &read::Header) -> Result<Step, Error> {
        let entry::Entry { name, form, size } = std::mem::take(&mut self.said).entry(header)?;
        let form = match form {
            Form::File => EntryForm::File,
            Form::Directory => EntryForm::Directory,
            Form::Symlink(target) => EntryForm::Symlink(target),
            Form::HardLink(target) => EntryForm::HardLink(target),
            Form::Special(what) => {
                let detail = format!("it is {what}, and an image layout has only files");
                return Err(Error::new(ErrorKind::Hostile, name, detail));
            }
        };
        if self.offset.checked_add(padded(size)).is_none_or(|end| end >= u64::MAX / 2) {
            return Err(Error::new(ErrorKind::Hostile, name, "its size is larger than any file"));
        }
        self.state = State::Content { left: size, padding: padded(size) - size, name: name.clone() };
        Ok(Step::Found(StreamEvent::Entry(StreamEntry { name, form, size, offset: self.offset })))
    }

    fn content(&mut self) -> Step {
        let State::Content { left, padding, .. } = &mut self.state else { return Step::Wait };
        let is_content = *left > 0;
        let due = if is_content { left } else { padding };
        if *due == 0 {
            self.state = State::Header(Vec::new());
            return Step::Again;
        }
        let len = usize::try_from(*due).unwrap_or(usize::MAX).min(self.input.len());
        if len == 0 {
            return Step::Wait;
        }
        *due -= len as u64;
        self.offset += len as u64;
        let bytes = self.input.split_to(len);
        if is_content { Step::Found(StreamEvent::Data(bytes)) } else { Step::Again }
    }

    fn trailer(&mut self, second: &[u8]) -> Result<Step, Error> {
        if self.said.is_waiting() {
            return Err(Error::new(ErrorKind::Damaged, "last entry", "there is only its name, no entry"));
        }
        if second.iter().any(|b| *b != 0) {
            let subject = format!("record at byte {}", self.offset - 2 * RECORD_BYTES);
            return Err(Error::new(ErrorKind::Damaged, subject, "it is empty, and more entries follow it"));
        }
        self.state = State::End;
        Ok(Step::Found(StreamEvent::End))
    }
}

enum Step {
    Again,
    /// Bytes are needed.
    Wait,
    Found(StreamEvent),
}

/// Moves input into `got` until it has `len` bytes, and gives those.
fn collect(got: &mut Vec<u8>, len: usize, input: &mut Bytes, offset: &mut u64) -> Option<Vec<u8>> {
    let taken = input.split_to((len - got.len()).min(input.len()));
    *offset += taken.len() as u64;
    got.extend_from_slice(&taken);
    (got.len() == len).then(|| std::mem::take(got))
}

fn internal(detail: &str) -> Error {
    Error::new(ErrorKind::Damaged, "", detail)
}
