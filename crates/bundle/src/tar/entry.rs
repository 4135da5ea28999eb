//! Entries: a header, and what the GNU and PAX records in front of it say.

use super::read::{self, Header, Kind, Pax};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::names;

/// An entry as its header and the records in front of it describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its name without `./` and doubled slashes; empty only for the root folder.
    pub(crate) name: String,
    /// What it is.
    pub(crate) form: Form,
    /// Bytes of content.
    pub(crate) size: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    File,
    Directory,
    /// With its target as it is written.
    Symlink(String),
    /// With its target as it is written.
    HardLink(String),
    /// A device or a pipe, in words.
    Special(&'static str),
}

/// What the records in front of an entry say about it.
#[derive(Debug, Default)]
pub(crate) struct Said {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

impl Said {
    /// Whether a record waits for its entry.
    pub(crate) fn is_waiting(&self) -> bool {
        self.name.is_some() || self.link.is_some() || self.pax.is_some()
    }

    /// Takes the content of a record of this kind. The header of the record is at byte `offset`.
    pub(crate) fn take(&mut self, kind: Kind, content: &[u8], offset: u64) -> Result<(), Error> {
        let fail = |kind, detail: &str| Err(Error::new(kind, at(offset), detail));
        match kind {
            Kind::LongName | Kind::LongLink => {
                let slot = if kind == Kind::LongName { &mut self.name } else { &mut self.link };
                let text = read::text(content).to_vec();
                if text.is_empty() || slot.replace(text).is_some() {
                    return fail(ErrorKind::Damaged, "its name record is empty or there twice");
                }
            }
            Kind::Pax | Kind::PaxGlobal => {
                let Some(pax) = read::pax(content) else {
                    return fail(ErrorKind::Damaged, "its PAX record is malformed");
                };
                let global = kind == Kind::PaxGlobal;
                if pax.sparse || (global && pax != Pax::default()) {
                    let detail = "a PAX record makes files sparse, or names all of them alike";
                    return fail(ErrorKind::Hostile, detail);
                }
                if !global && self.pax.replace(pax).is_some() {
                    return fail(ErrorKind::Damaged, "it has two PAX records");
                }
            }
            Kind::File | Kind::Directory | Kind::Other(_) => {}
        }
        Ok(())
    }

    /// The entry that this header begins, from whichever record has the say.
    ///
    /// What is no file may have no content: readers disagree on whether it is there, so one could be shown what
    /// another is not.
    pub(crate) fn entry(&self, header: &Header) -> Result<Entry, Error> {
        let raw = self.raw_name(header)?;
        let hostile = |detail: &str| Error::new(ErrorKind::Hostile, String::from_utf8_lossy(raw), detail);
        let name = names::normal(raw).map_err(hostile)?;
        let size = self.pax.as_ref().and_then(|pax| pax.size).unwrap_or(header.size);
        let form = match header.kind {
            Kind::Directory => Form::Directory,
            Kind::Other(b'1') => Form::HardLink(self.link(header)),
            Kind::Other(b'2') => Form::Symlink(self.link(header)),
            Kind::Other(b'3' | b'4') => Form::Special("a device"),
            Kind::Other(b'6') => Form::Special("a named pipe"),
            Kind::Other(flag) => {
                return Err(hostile(&format!("it is of type '{}'", char::from(flag).escape_default())));
            }
            _ => Form::File,
        };
        if name.is_empty() && form != Form::Directory {
            return Err(hostile("it has no name"));
        }
        if size != 0 && form != Form::File {
            return Err(hostile("it is no file and has content"));
        }
        Ok(Entry { name, form, size })
    }

    fn raw_name<'a>(&'a self, header: &'a Header) -> Result<&'a [u8], Error> {
        let path = self.pax.as_ref().and_then(|pax| pax.path.as_ref());
        if let (Some(long), Some(path)) = (&self.name, path)
            && long != path
        {
            let subject = String::from_utf8_lossy(long);
            return Err(Error::new(ErrorKind::Hostile, subject, "it has a second name"));
        }
        Ok(path.or(self.name.as_ref()).unwrap_or(&header.name))
    }

    fn link(&self, header: &Header) -> String {
        let path = self.pax.as_ref().and_then(|pax| pax.linkpath.as_ref());
        String::from_utf8_lossy(path.or(self.link.as_ref()).unwrap_or(&header.link)).into_owned()
    }
}

impl Header {
    /// Whether what follows is about the next entry and not an entry.
    pub(crate) fn is_record(&self) -> bool {
        matches!(self.kind, Kind::LongName | Kind::LongLink | Kind::Pax | Kind::PaxGlobal)
    }
}

/// What errors call an entry whose name is not known.
pub(crate) fn at(offset: u64) -> String {
    format!("entry at byte {offset}")
}

/// Refuses a GNU or PAX record that is longer than any name.
pub(crate) fn check_record(size: u64, offset: u64, limits: &Limits) -> Result<(), Error> {
    if size <= limits.extension_bytes_max {
        return Ok(());
    }
    let detail = format!("a name record of {size} bytes stands in front of it");
    Err(Error::new(ErrorKind::LimitExceeded, at(offset), detail))
}
