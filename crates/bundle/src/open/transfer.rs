//! The way from the transfer manifest's descriptor to its JSON and its catalog, each checked against its digest.

use std::collections::BTreeMap;

use bytes::Bytes;
use transload_oci::{Descriptor, Digest, Manifest};

use super::contents::Contents;
use super::{Extent, is};
use crate::error::{Error, ErrorKind};
use crate::transfer_manifest::{CATALOG_MEDIA_TYPE, TRANSFER_MEDIA_TYPE};

/// The layers of the transfer manifest's OCI manifest.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) json: Descriptor,
    pub(super) catalog: Descriptor,
}

impl Layers {
    /// Finds them in the OCI manifest.
    pub(super) fn of(oci_manifest: Bytes) -> Result<Self, Error> {
        let damaged = |detail: String| Error::new(ErrorKind::Damaged, "transfer manifest", detail);
        let manifest = Manifest::parse(None, None, oci_manifest).map_err(|e| damaged(e.to_string()))?;
        let layer = |media_type: &str| {
            let mut blobs = manifest.view.children.blobs.iter();
            let found = blobs.find(|blob| blob.media_type == media_type).cloned();
            found.ok_or_else(|| damaged(format!("it has no layer of type {media_type}")))
        };
        Ok(Self { json: layer(TRANSFER_MEDIA_TYPE)?, catalog: layer(CATALOG_MEDIA_TYPE)? })
    }
}

/// The content that `descriptor` names, checked. `None` when it has to be read first.
pub(super) fn blob(
    contents: &mut dyn Contents,
    catalog: &BTreeMap<Digest, Extent>,
    descriptor: &Descriptor,
    bytes_max: u64,
) -> Result<Option<Bytes>, Error> {
    let fail = |kind, detail: String| Err(Error::new(kind, descriptor.digest, detail));
    let Some(extent) = catalog.get(&descriptor.digest) else {
        return fail(ErrorKind::Damaged, "this part of the transfer manifest is missing".to_owned());
    };
    if extent.len != descriptor.size {
        let (size, len) = (descriptor.size, extent.len);
        return fail(ErrorKind::Damaged, format!("its entry has {len} bytes, its descriptor says {size}"));
    }
    if extent.len > bytes_max {
        let detail = format!("its {} bytes are more than the {bytes_max} allowed", extent.len);
        return fail(ErrorKind::LimitExceeded, detail);
    }
    let Some(bytes) = contents.bytes(*extent)? else { return Ok(None) };
    if !is(&descriptor.digest, &bytes) {
        return fail(ErrorKind::Damaged, "its bytes have another digest".to_owned());
    }
    Ok(Some(bytes))
}
