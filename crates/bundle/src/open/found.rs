//! What was found in a tar or a folder, and what that makes of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use transload_oci::Digest;

use super::Extent;
use crate::error::{Error, ErrorKind};
use crate::head::LAYOUT_NAME;
use crate::index;
use crate::limits::Limits;
use crate::names::{self, EntryRole};
use crate::outcome;
use crate::tar::entry::Form;

/// No `oci-layout` is longer.
const LAYOUT_BYTES_MAX: u64 = 4096;
/// Links that are followed to a file.
const LINKS_MAX: usize = 8;

/// The files that were found so far.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where every blob of an image layout lies.
    pub(super) catalog: BTreeMap<Digest, Extent>,
    layout: Option<Bytes>,
    index: Option<Bytes>,
    /// `manifest.json`, as docker writes it.
    pub(super) docker: Option<Bytes>,
    /// `.outcome`, as a bundle of ours has it that was written into a pipe.
    pub(super) outcome: Option<Bytes>,
    /// Where every other file lies; `None` for a name that is there twice.
    files: BTreeMap<String, Option<Extent>>,
    /// Links, by their names.
    links: BTreeMap<String, String>,
    /// Bytes of the names above.
    names_bytes: u64,
    /// The first thing that an image layout does not have, kept back: other findings explain the file better.
    odd: Option<Error>,
    nested_layout: Option<String>,
    is_folder: bool,
}

/// What the findings come to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// An image layout, with its `index.json`.
    Layout(Bytes),
    /// A docker-archive, with its `manifest.json`.
    Archive(Bytes),
}

/// Whether a file is one of those that say what all of it is: then its content is to be read.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] when it is longer than is read.
pub(super) fn is_document(name: &str, size: u64, limits: &Limits) -> Result<bool, Error> {
    let max = match names::role(name) {
        EntryRole::Layout => LAYOUT_BYTES_MAX,
        EntryRole::Index => limits.index_json_bytes_max,
        // beside a layout it may be anything
        EntryRole::DockerManifest => return Ok(size <= limits.index_json_bytes_max),
        EntryRole::Ignored => return Ok(name == outcome::NAME && size <= limits.transfer_bytes_max),
        _ => return Ok(false),
    };
    if size > max {
        let detail = format!("its {size} bytes are more than the {max} allowed");
        return Err(Error::new(ErrorKind::LimitExceeded, name, detail));
    }
    Ok(true)
}

impl Found {
    /// Of a folder on somebody's disk: what lies beside the layout is harmless.
    pub(super) fn of_folder() -> Self {
        Self { is_folder: true, ..Self::default() }
    }

    /// Takes a file. `content` is given for the documents ([`is_document`]).
    pub(super) fn file(
        &mut self,
        name: &str,
        at: Extent,
        content: Option<Bytes>,
        limits: &Limits,
    ) -> Result<(), Error> {
        let twice = || Error::new(ErrorKind::Hostile, name, "it is there twice");
        match names::role(name) {
            role @ (EntryRole::Layout | EntryRole::Index) => {
                let slot = if role == EntryRole::Index { &mut self.index } else { &mut self.layout };
                match slot.replace(content.unwrap_or_default()) {
                    Some(_) => Err(twice()),
                    None => Ok(()),
                }
            }
            EntryRole::Blob(digest) => match self.catalog.insert(digest, at) {
                Some(_) => Err(twice()),
                None => Ok(()),
            },
            EntryRole::DockerManifest => {
                self.docker = content;
                self.other(name, at, limits)
            }
            EntryRole::NestedLayout(folder) => {
                self.nested_layout = Some(folder);
                Ok(())
            }
            EntryRole::Ignored => {
                if name == outcome::NAME {
                    self.outcome = content;
                }
                self.other(name, at, limits)
            }
            EntryRole::Outside => {
                let error = Error::new(ErrorKind::Hostile, name, "an image layout has no such file");
                self.odd.get_or_insert(error);
                self.other(name, at, limits)
            }
        }
    }

    /// Takes what is no file.
    pub(super) fn not_a_file(&mut self, name: &str, form: &Form, limits: &Limits) -> Result<(), Error> {
        let what = match form {
            Form::File | Form::Directory => return Ok(()),
            Form::HardLink(_) => "a hard link",
            Form::Symlink(_) => "a symbolic link",
            Form::Special(what) => what,
        };
        let detail = format!("it is {what}, and an image layout has only files");
        self.odd.get_or_insert(Error::new(ErrorKind::Hostile, name, detail));
        let target = match form {
            Form::Symlink(target) => target.clone(),
            // a hard link names its target from the top
            Form::HardLink(target) => format!("{}{target}", "../".repeat(name.matches('/').count())),
            _ => return Ok(()),
        };
        self.count(name.len() + target.len(), limits)?;
        self.links.insert(name.to_owned(), target);
        Ok(())
    }

    fn other(&mut self, name: &str, at: Extent, limits: &Limits) -> Result<(), Error> {
        self.count(name.len(), limits)?;
        self.files.entry(name.to_owned()).and_modify(|place| *place = None).or_insert(Some(at));
        Ok(())
    }

    fn count(&mut self, len: usize, limits: &Limits) -> Result<(), Error> {
        self.names_bytes = self.names_bytes.saturating_add(len as u64);
        if self.names_bytes <= limits.names_bytes_max {
            return Ok(());
        }
        let detail =
            format!("the names of the files in it are longer than {} bytes together", limits.names_bytes_max);
        Err(Error::new(ErrorKind::LimitExceeded, "", detail))
    }

    /// Where a file lies that `manifest.json` names, links followed.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] when it is missing, [`ErrorKind::Hostile`] when a link leads out or in circles, or
    /// when the name is there twice.
    pub(super) fn place_of(&self, name: &str) -> Result<Extent, Error> {
        let hostile = |detail: &str| Error::new(ErrorKind::Hostile, name, detail);
        let mut at = names::normal(name.as_bytes()).map_err(hostile)?;
        for _ in 0..LINKS_MAX {
            let Some(target) = self.links.get(&at) else {
                let blob = Digest::from_layout_path(&at).and_then(|digest| self.catalog.get(&digest));
                return match (blob, self.files.get(&at)) {
                    (Some(extent), _) | (None, Some(Some(extent))) => Ok(*extent),
                    (None, Some(None)) => Err(hostile("it is there twice")),
                    (None, None) => {
                        let detail = "manifest.json names this file, and it is missing";
                        Err(Error::new(ErrorKind::Damaged, name, detail))
                    }
                };
            };
            at = names::beside(&at, target)
                .ok_or_else(|| hostile("it is a link that leads out of the archive"))?;
        }
        Err(hostile("it is a link that leads to links without end"))
    }

    /// What the walk came to, once it is sure.
    pub(super) fn verdict(&mut self) -> Result<Verdict, Error> {
        match (self.layout.take(), self.index.take()) {
            (Some(layout), Some(index)) => {
                if let Some(error) = self.odd.take().filter(|_| !self.is_folder) {
                    return Err(error);
                }
                check_layout(&layout)?;
                Ok(Verdict::Layout(index))
            }
            (layout, index) => match self.docker.take() {
                Some(manifest) => Ok(Verdict::Archive(manifest)),
                None => Err(self.no_layout(layout.is_some(), index.is_some())),
            },
        }
    }

    fn no_layout(&self, has_layout: bool, has_index: bool) -> Error {
        let not = |detail: String, hint: &str| Error::new(ErrorKind::NotABundle, "", detail).with_hint(hint);
        if has_layout || has_index {
            let name = if has_layout { index::NAME } else { LAYOUT_NAME };
            return Error::new(ErrorKind::Damaged, name, "it is missing from the image layout");
        }
        if let Some(folder) = &self.nested_layout {
            let detail = format!("the image layout in it is in the folder '{folder}', not at the top");
            let hint = "pack what is in the folder: tar -C FOLDER -cf FILE oci-layout index.json blobs";
            return not(detail, hint);
        }
        if self.files.contains_key("repositories") {
            let detail = "it was saved by a docker older than 1.10: there is no manifest.json in it";
            return not(detail.to_owned(), "load it with a current docker and save it again");
        }
        let detail =
            "it is a tar, but not an OCI image layout: there is no oci-layout and no index.json in it";
        not(
            detail.to_owned(),
            "a bundle is made by 'transload export', or by 'skopeo copy … oci-archive:FILE'",
        )
    }
}

/// Checks the version in `oci-layout` (image-spec, "oci-layout file").
fn check_layout(bytes: &[u8]) -> Result<(), Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Layout {
        image_layout_version: String,
    }
    let subject = LAYOUT_NAME;
    let layout: Layout = serde_json::from_slice(bytes)
        .map_err(|e| Error::new(ErrorKind::Damaged, subject, format!("it cannot be read: {e}")))?;
    if layout.image_layout_version.starts_with("1.") {
        return Ok(());
    }
    let version: String = layout.image_layout_version.chars().filter(|c| !c.is_control()).take(20).collect();
    let detail = format!("the image layout has version '{version}', this program reads version 1");
    Err(Error::new(ErrorKind::TooNew, subject, detail))
}
