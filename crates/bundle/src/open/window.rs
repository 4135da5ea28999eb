//! The stretch of the file that is in memory, and the stretch that is wanted next.

use std::ops::Range;

use crate::error::{Error, ErrorKind};

/// One contiguous stretch. It grows at its end while what is asked for is inside it or adjoins it, and starts anew
/// elsewhere otherwise.
#[derive(Debug)]
pub(super) struct Window {
    file_len: u64,
    start: u64,
    bytes: Vec<u8>,
    wanted: Option<Range<u64>>,
}

impl Window {
    /// An empty window that wants the first `first` bytes of a file of `file_len` bytes.
    pub(super) fn new(file_len: u64, first: u64) -> Self {
        let first = first.min(file_len);
        Self { file_len, start: 0, bytes: Vec::new(), wanted: (first > 0).then_some(0..first) }
    }

    pub(super) fn file_len(&self) -> u64 {
        self.file_len
    }

    pub(super) fn wanted(&self) -> Option<Range<u64>> {
        self.wanted.clone()
    }

    /// Wants nothing any more.
    pub(super) fn close(&mut self) {
        self.wanted = None;
    }

    /// Takes the wanted bytes.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Some(wanted) = self.wanted.take() else { return Ok(()) };
        let len = wanted.end - wanted.start;
        match usize::try_from(len).ok().and_then(|len| bytes.get(..len)) {
            Some(bytes) => self.bytes.extend_from_slice(bytes),
            None => {
                let got = wanted.start.saturating_add(bytes.len() as u64);
                let detail = format!("it ended at byte {got} although it is {} bytes long", self.file_len);
                return Err(Error::new(ErrorKind::Truncated, "", detail));
            }
        }
        Ok(())
    }

    /// These bytes, if they are here.
    pub(super) fn peek(&self, range: &Range<u64>) -> Option<&[u8]> {
        let start = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get(start..end)
    }

    /// These bytes, which the file has. When they are not here they are wanted from now on, with `ahead` bytes in
    /// all as far as the file goes.
    pub(super) fn get(&mut self, range: Range<u64>, ahead: u64) -> Option<&[u8]> {
        if self.peek(&range).is_none() {
            self.want(&range, ahead);
            return None;
        }
        self.peek(&range)
    }

    fn want(&mut self, range: &Range<u64>, ahead: u64) {
        let end = self.start.saturating_add(self.bytes.len() as u64);
        if (self.start..=end).contains(&range.start) {
            let passed = usize::try_from(range.start - self.start).unwrap_or(self.bytes.len());
            self.bytes.drain(..passed);
        } else {
            self.bytes.clear();
        }
        self.start = range.start;
        let from = self.start.saturating_add(self.bytes.len() as u64);
        let to = range.end.max(range.start.saturating_add(ahead)).min(self.file_len);
        self.wanted = Some(from..to);
    }

    /// Gives up all bytes. They begin at the start of the file when everything asked for did.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
