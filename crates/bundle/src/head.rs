//! The head of a bundle: everything that an importer plans with, in one stretch at the front.
//!
//! Order: `oci-layout`, `index.json`, the transfer manifest (OCI manifest, empty config, JSON), every manifest,
//! the small blobs, the catalog, and where a length is asked for a `.pad` entry of zeroes.
//!
//! No length in here depends on a digest or an offset: catalog lines and annotations have fixed widths. So the
//! two documents that hold such values are written once with zeroes to learn their lengths, and once for good.

use bytes::Bytes;
use transload_oci::{Digest, Manifest};

use crate::error::{Error, ErrorKind};
use crate::index;
use crate::layout::{Entry, Placed, TRAILER_LEN};
use crate::tar::{RECORD_BYTES, write};
use crate::transfer_manifest::TransferManifest;

mod draft;

use draft::Draft;

pub(crate) const LAYOUT_NAME: &str = "oci-layout";
pub(crate) const LAYOUT_JSON: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The empty config (image-spec, "Guidance for an Empty Descriptor").
pub(crate) const EMPTY_JSON: &[u8] = b"{}";
const PAD_NAME: &str = ".pad";

/// All that a head is made of.
#[derive(Debug, Clone, Copy)]
pub struct HeadInput<'a> {
    /// The transfer manifest.
    pub transfer: &'a TransferManifest,
    /// Every manifest and index, each once, in the order they are written.
    pub manifests: &'a [Manifest],
    /// Blobs whose content is in the head.
    pub small: &'a [Entry],
    /// What is in the data section and good. What was renamed to `.void` is not listed.
    pub data: &'a [Placed],
    /// Length of the data section in bytes, void entries included.
    pub data_len: u64,
}

/// Length in bytes of the head without a pad; known before any small blob is fetched.
///
/// # Errors
/// [`ErrorKind::PlanInvalid`] when the input contradicts itself, [`ErrorKind::LimitExceeded`] when a reader with
/// default [`Limits`](crate::Limits) would refuse the bundle.
pub fn head_len(input: &HeadInput<'_>) -> Result<u64, Error> {
    Ok(Draft::of(input)?.head_len)
}

/// The head. The same input gives the same bytes.
///
/// `content` gives the small blobs. `pad_to` is a length in bytes that the head shall have exactly: a multiple of
/// 512 that is the head's own length, or at least 512 more.
///
/// # Errors
/// [`ErrorKind::PlanInvalid`] when the input contradicts itself, a small blob is missing or has other bytes than
/// its digest says, or `pad_to` cannot be met; [`ErrorKind::LimitExceeded`] as for [`head_len`].
pub fn build_head(
    input: &HeadInput<'_>,
    content: &dyn Fn(&Digest) -> Option<Bytes>,
    pad_to: Option<u64>,
) -> Result<Bytes, Error> {
    let draft = Draft::of(input)?;
    let head_len = pad_to.unwrap_or(draft.head_len);
    let pad_size = pad_size(draft.head_len, head_len)?;
    let catalog = draft.catalog(input, head_len);
    let front = draft.front(input, &draft.geometry(input, head_len), Digest::sha256(&catalog))?;

    let mut out = Vec::with_capacity(usize::try_from(head_len).unwrap_or_default());
    put(&mut out, LAYOUT_NAME, LAYOUT_JSON);
    put(&mut out, index::NAME, &front.index);
    put_blob(&mut out, &Digest::sha256(&front.oci_manifest), &front.oci_manifest);
    for blob in &draft.blobs {
        match &blob.bytes {
            Some(bytes) => put_blob(&mut out, &blob.entry.digest, bytes),
            None => put_blob(&mut out, &blob.entry.digest, &fetched(&blob.entry, content)?),
        }
    }
    put_blob(&mut out, &Digest::sha256(&catalog), &catalog);
    if let Some(size) = pad_size {
        out.extend_from_slice(&write::file_header(PAD_NAME, size));
        out.resize(usize::try_from(head_len).unwrap_or(out.len()), 0);
    }
    if out.len() as u64 != head_len {
        let detail = format!("it came out {} bytes long instead of {head_len}", out.len());
        return Err(Error::new(ErrorKind::PlanInvalid, "head", detail));
    }
    Ok(Bytes::from(out))
}

/// What ends a bundle: [`TRAILER_LEN`] zeroes.
pub fn trailer() -> Bytes {
    Bytes::from_static(&[0; TRAILER_LEN as usize])
}

/// The size of the pad entry's content that brings a head to its length; `None` for no pad entry.
fn pad_size(bare_len: u64, head_len: u64) -> Result<Option<u64>, Error> {
    if head_len == bare_len {
        return Ok(None);
    }
    match head_len.checked_sub(bare_len + RECORD_BYTES) {
        Some(size) if size % RECORD_BYTES == 0 => Ok(Some(size)),
        _ => {
            let detail = format!("its {bare_len} bytes cannot be padded to {head_len}");
            Err(Error::new(ErrorKind::PlanInvalid, "head", detail))
        }
    }
}

fn put(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    out.extend_from_slice(&write::file_header(name, content.len() as u64));
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(RECORD_BYTES as usize), 0);
}

fn put_blob(out: &mut Vec<u8>, digest: &Digest, content: &[u8]) {
    put(out, &digest.layout_path(), content);
}

/// The content of a small blob, checked once more: what is in the head is never seen again before the commit.
fn fetched(entry: &Entry, content: &dyn Fn(&Digest) -> Option<Bytes>) -> Result<Bytes, Error> {
    let fail = |detail: &str| Error::new(ErrorKind::PlanInvalid, entry.digest, detail);
    let bytes = content(&entry.digest).ok_or_else(|| fail("its content is not at hand"))?;
    if bytes.len() as u64 != entry.size || Digest::of(entry.digest.algorithm(), &bytes) != entry.digest {
        return Err(fail("its content has another digest or size"));
    }
    Ok(bytes)
}
