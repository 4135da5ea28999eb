//! The files of a folder, laid one behind the other as if they were one.

use bytes::Bytes;

use super::Extent;
use super::found::{self, Found};
use super::window::Window;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names;

/// The files that were not looked at yet.
#[derive(Debug)]
pub(super) struct Files {
    todo: std::vec::IntoIter<(String, u64)>,
    next: Option<(String, Extent)>,
    offset: u64,
    pub(super) found: Found,
}

impl Files {
    /// Files with their names relative to the folder, and their lengths in bytes.
    pub(super) fn of(files: Vec<(String, u64)>) -> Self {
        Self { todo: files.into_iter(), next: None, offset: 0, found: Found::of_folder() }
    }

    /// Goes as far as contents are there. `true` when every file was looked at.
    pub(super) fn advance(&mut self, window: &mut Window, limits: &Limits) -> Result<bool, Error> {
        if self.todo.len() > limits.entries_max {
            let detail = format!("it has more than {} files", limits.entries_max);
            return Err(Error::new(ErrorKind::LimitExceeded, "", detail));
        }
        loop {
            let Some((name, at)) = self.next.take().or_else(|| self.following()) else { return Ok(true) };
            let mut document = None;
            if found::is_document(&name, at.len, limits)? && at.len > 0 {
                let Some(bytes) = window.get(at.range(), 0) else {
                    self.next = Some((name, at));
                    return Ok(false);
                };
                document = Some(Bytes::copy_from_slice(bytes));
            }
            let normal = names::normal(name.as_bytes())
                .map_err(|detail| Error::new(ErrorKind::Hostile, &name, detail))?;
            self.found.file(&normal, at, document, limits)?;
        }
    }

    fn following(&mut self) -> Option<(String, Extent)> {
        let (name, len) = self.todo.next()?;
        let at = Extent { offset: self.offset, len };
        self.offset = self.offset.saturating_add(len);
        Some((name, at))
    }
}
