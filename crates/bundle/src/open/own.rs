//! What only a bundle of our own has: a head of known length, and a catalog of what is behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use transload_oci::Digest;

use super::contents::Contents;
use super::transfer::{self, Layers};
use super::{Extent, is};
use crate::catalog;
use crate::error::{Error, ErrorKind};
use crate::head::{EMPTY_JSON, LAYOUT_JSON, LAYOUT_NAME};
use crate::index::{self, Geometry, Root, Roots, annotation};
use crate::layout::{Entry, TRAILER_LEN};
use crate::limits::Limits;
use crate::tar::{RECORD_BYTES, padded, read, write};

/// Offset of `index.json`'s header: behind `oci-layout`, its header and its padding.
const INDEX_HEADER_OFFSET: u64 = 2 * RECORD_BYTES;

const CATALOG: &str = "catalog";

/// A bundle laid out as this tool does it.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) geometry: Geometry,
    pub(super) catalog: BTreeMap<Digest, Extent>,
    /// Where something more than the end of a tar stands behind the data.
    pub(super) tail: Option<Range<u64>>,
}

/// The length of a file that is read as it comes: nobody knows it.
pub(super) const LEN_UNKNOWN: u64 = u64::MAX;

/// The size of `index.json` if the file begins byte for byte as our bundles do.
pub(super) fn index_size(first: &[u8]) -> Option<u64> {
    let mut front = write::file_header(LAYOUT_NAME, LAYOUT_JSON.len() as u64);
    front.extend_from_slice(LAYOUT_JSON);
    front.resize(INDEX_HEADER_OFFSET as usize, 0);
    let header: &read::Record = first.strip_prefix(front.as_slice())?.first_chunk()?;
    let size = read::header(header).ok()??.size;
    (write::file_header(index::NAME, size) == header).then_some(size)
}

/// Where the content of `index.json` is.
pub(super) fn index_range(size: u64, file_len: u64, limits: &Limits) -> Result<Range<u64>, Error> {
    if size > limits.index_json_bytes_max {
        let detail = format!("its {size} bytes are more than the {} allowed", limits.index_json_bytes_max);
        return Err(Error::new(ErrorKind::LimitExceeded, index::NAME, detail));
    }
    let start = INDEX_HEADER_OFFSET + RECORD_BYTES;
    let end = start.saturating_add(size);
    if end > file_len {
        let detail = format!("it should end at byte {end}, but the file ends at byte {file_len}");
        return Err(Error::new(ErrorKind::Truncated, index::NAME, detail));
    }
    Ok(start..end)
}

impl Own {
    /// Reads from `index.json` how the bundle is laid out. `None` when another tool wrote it.
    pub(super) fn of(roots: &Roots, file_len: u64, limits: &Limits) -> Result<Option<Self>, Error> {
        let damaged = |detail: &str| Err(Error::new(ErrorKind::Damaged, index::NAME, detail));
        let Some(transfer) = &roots.transfer else {
            let ours = |root: &Root| root.descriptor.annotations.contains_key(annotation::REPOSITORY);
            return if roots.roots.iter().any(ours) {
                damaged("the transfer manifest that belongs to it is missing")
            } else {
                Ok(None)
            };
        };
        let Some(geometry) = Geometry::of(transfer) else {
            return damaged("the length of the head is missing or malformed");
        };
        let Geometry { head_bytes, data_bytes, .. } = geometry;
        let lengths = head_bytes.checked_add(data_bytes).and_then(|len| len.checked_add(TRAILER_LEN));
        let aligned = head_bytes.is_multiple_of(RECORD_BYTES) && data_bytes.is_multiple_of(RECORD_BYTES);
        let Some(len) = lengths.filter(|_| aligned) else {
            return damaged("the lengths of head and data are impossible");
        };
        if file_len == LEN_UNKNOWN {
            return Self::within(geometry, None, limits).map(Some);
        }
        if file_len < len {
            let detail = format!("it has {file_len} of its {len} bytes");
            let hint = "the copy that made it did not finish: copy it again";
            return Err(Error::new(ErrorKind::Truncated, "", detail).with_hint(hint));
        }
        let data_end = len - TRAILER_LEN;
        let tail = (file_len > len).then_some(data_end..file_len);
        // an outcome has a header and a content at least
        let outcome_len = 2 * RECORD_BYTES..=limits.transfer_bytes_max;
        if tail.is_some() && !outcome_len.contains(&(file_len - len)) {
            let detail = format!("it is {file_len} bytes long, but says of itself that it has {len}");
            return Err(Error::new(ErrorKind::Damaged, "", detail));
        }
        Self::within(geometry, tail, limits).map(Some)
    }

    fn within(geometry: Geometry, tail: Option<Range<u64>>, limits: &Limits) -> Result<Self, Error> {
        let Geometry { head_bytes, .. } = geometry;
        if head_bytes > limits.head_bytes_max {
            let detail =
                format!("its {head_bytes} bytes are more than the {} allowed", limits.head_bytes_max);
            return Err(Error::new(ErrorKind::LimitExceeded, "head", detail));
        }
        Ok(Self { geometry, catalog: BTreeMap::new(), tail })
    }

    /// Length of the bundle in bytes, without an outcome.
    pub(super) fn len(&self) -> u64 {
        self.geometry.head_bytes + self.geometry.data_bytes + TRAILER_LEN
    }

    /// Checks the head, which is in the window whole: every blob against its digest, the catalog against the
    /// headers (`walked`) and the bounds of the file, the roots against the catalog. Keeps the catalog.
    pub(super) fn check(
        &mut self,
        layers: &Layers,
        roots: &Roots,
        walked: &BTreeMap<Digest, Extent>,
        contents: &mut dyn Contents,
        limits: &Limits,
    ) -> Result<(), Error> {
        let bytes = transfer::blob(contents, walked, &layers.catalog, limits.head_bytes_max)?
            .ok_or_else(|| damaged(CATALOG, "it is not in the head"))?;
        let Geometry { catalog_offset, catalog_bytes, .. } = self.geometry;
        let said = Extent { offset: catalog_offset, len: catalog_bytes };
        if walked.get(&layers.catalog.digest) != Some(&said) {
            return Err(damaged(CATALOG, "it is not where index.json says"));
        }
        self.catalog = catalog::parse(&bytes, limits.entries_max)?;
        let transfer = roots.transfer.iter().map(|transfer| transfer.digest);
        let unlisted: BTreeSet<Digest> =
            transfer.chain([layers.json.digest, layers.catalog.digest, Digest::sha256(EMPTY_JSON)]).collect();
        self.check_head(walked, &unlisted, contents)?;
        self.check_data(walked)?;
        for root in &roots.roots {
            let size = self.catalog.get(&root.descriptor.digest).map(|extent| extent.len);
            if size != Some(root.descriptor.size) {
                let detail = "index.json names it, the catalog does not, or with another size";
                return Err(damaged(root.descriptor.digest, detail));
            }
        }
        Ok(())
    }

    /// What the headers of the head say is what the catalog says, and the bytes are what their names say.
    fn check_head(
        &self,
        walked: &BTreeMap<Digest, Extent>,
        unlisted: &BTreeSet<Digest>,
        contents: &dyn Contents,
    ) -> Result<(), Error> {
        for (digest, extent) in walked {
            match self.catalog.get(digest) {
                Some(listed) if listed != extent => {
                    return Err(damaged(digest, "the catalog has another place for it than the tar"));
                }
                None if !unlisted.contains(digest) => {
                    return Err(damaged(digest, "it is in the head, but not in the catalog"));
                }
                _ => {}
            }
            if !contents.peek(*extent).is_some_and(|bytes| is(digest, bytes)) {
                return Err(damaged(digest, "its bytes have another digest"));
            }
        }
        Ok(())
    }

    /// What the catalog says of the data section can be: aligned, inside, and room for every header.
    fn check_data(&self, walked: &BTreeMap<Digest, Extent>) -> Result<(), Error> {
        let Geometry { head_bytes, data_bytes, .. } = self.geometry;
        let end = head_bytes.saturating_add(data_bytes);
        let mut data: Vec<_> =
            self.catalog.iter().filter(|(digest, _)| !walked.contains_key(*digest)).collect();
        data.sort_by_key(|(_, extent)| extent.offset);
        let mut free = head_bytes;
        for (digest, extent) in data {
            let header_len = Entry::new(*digest, extent.len).header_len();
            let header = extent.offset.checked_sub(header_len).filter(|header| *header >= free);
            if header.is_none() || !extent.offset.is_multiple_of(RECORD_BYTES) {
                return Err(damaged(digest, "the catalog has an impossible place for it"));
            }
            free = extent.offset.saturating_add(padded(extent.len));
            if free > end {
                return Err(damaged(digest, "the catalog places it behind the end of the data"));
            }
        }
        Ok(())
    }

    /// The listed content that is wholly in `front`, the first bytes of the file.
    pub(super) fn kept(&self, front: &Bytes) -> BTreeMap<Digest, Bytes> {
        let slice = |extent: &Extent| {
            let range = extent.range();
            let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
            (start <= end && end <= front.len()).then(|| front.slice(start..end))
        };
        self.catalog.iter().filter_map(|(digest, extent)| Some((*digest, slice(extent)?))).collect()
    }
}

fn damaged(subject: impl std::fmt::Display, detail: &str) -> Error {
    Error::new(ErrorKind::Damaged, subject, detail)
}
