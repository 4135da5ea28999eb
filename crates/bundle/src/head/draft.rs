//! What a head consists of and how long each part is, from sizes alone.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;
use transload_oci::{Descriptor, Digest, media_type};

use super::{EMPTY_JSON, HeadInput, LAYOUT_JSON};
use crate::catalog;
use crate::error::{Error, ErrorKind};
use crate::index::{self, Geometry};
use crate::layout::{Entry, Placed};
use crate::limits::Limits;
use crate::open::Extent;
use crate::tar::{RECORD_BYTES, padded};
use crate::transfer_manifest::{CATALOG_MEDIA_TYPE, TRANSFER_ARTIFACT_TYPE, TRANSFER_MEDIA_TYPE};

/// Names the layers of the transfer manifest for tools that write them to files.
const TITLE: &str = "org.opencontainers.image.title";

/// A head without offsets and without what depends on them.
pub(super) struct Draft {
    /// `index.json` without the transfer manifest.
    roots: Vec<Descriptor>,
    /// The transfer manifest's JSON.
    json: Descriptor,
    /// What stands between the transfer manifest's OCI manifest and the catalog, in order.
    pub(super) blobs: Vec<HeadBlob>,
    catalog_len: u64,
    /// Where the first of `blobs` begins, and where the catalog does.
    blobs_offset: u64,
    catalog_offset: u64,
    /// Length in bytes without a pad.
    pub(super) head_len: u64,
}

pub(super) struct HeadBlob {
    pub(super) entry: Entry,
    /// The content, unless it has to be asked for.
    pub(super) bytes: Option<Bytes>,
    /// Whether an artifact needs it, so that the catalog lists it.
    listed: bool,
}

/// The two documents that hold offsets and digests of what follows them.
pub(super) struct Front {
    pub(super) index: Vec<u8>,
    pub(super) oci_manifest: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OciManifest {
    schema_version: u32,
    media_type: &'static str,
    artifact_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 2],
}

impl Draft {
    pub(super) fn of(input: &HeadInput<'_>) -> Result<Self, Error> {
        check_data(input)?;
        let json = input.transfer.to_json()?;
        let mut draft = Self {
            roots: index::roots(input.transfer),
            json: Descriptor::of(TRANSFER_MEDIA_TYPE, &json),
            blobs: blobs(input, &Bytes::from(json))?,
            catalog_len: 0,
            blobs_offset: 0,
            catalog_offset: 0,
            head_len: 0,
        };
        draft.check_roots(input)?;
        let listed = draft.listed().map(|blob| &blob.entry.digest);
        let data = input.data.iter().map(|placed| &placed.entry.digest);
        draft.catalog_len = catalog::len(listed.chain(data));
        draft.measure(input)?;
        draft.check_limits(input)?;
        Ok(draft)
    }

    /// Fills in the offsets, from documents that have the right lengths and anything for values.
    fn measure(&mut self, input: &HeadInput<'_>) -> Result<(), Error> {
        let any = Digest::sha256(b"");
        let front = self.front(input, &self.geometry(input, 0), any)?;
        let file_len = |len: usize| RECORD_BYTES + padded(len as u64);
        self.blobs_offset =
            file_len(LAYOUT_JSON.len()) + file_len(front.index.len()) + file_len(front.oci_manifest.len());
        let blobs_len = self.blobs.iter().fold(0_u64, |sum, blob| sum.saturating_add(blob.entry.entry_len()));
        self.catalog_offset = self.blobs_offset.saturating_add(blobs_len);
        self.head_len = self.catalog_offset.saturating_add(Entry::new(any, self.catalog_len).entry_len());
        let index_bytes_max = Limits::default().index_json_bytes_max;
        exceeded("index.json", front.index.len() as u64, index_bytes_max)
    }

    fn listed(&self) -> impl Iterator<Item = &HeadBlob> {
        self.blobs.iter().filter(|blob| blob.listed)
    }

    /// Where everything is in a head of `head_len` bytes.
    pub(super) fn geometry(&self, input: &HeadInput<'_>, head_len: u64) -> Geometry {
        Geometry {
            head_bytes: head_len,
            data_bytes: input.data_len,
            catalog_offset: self.catalog_offset.saturating_add(RECORD_BYTES),
            catalog_bytes: self.catalog_len,
        }
    }

    /// `index.json`, and the OCI manifest of the transfer manifest that it names.
    pub(super) fn front(
        &self,
        input: &HeadInput<'_>,
        geometry: &Geometry,
        catalog: Digest,
    ) -> Result<Front, Error> {
        let titled = |mut descriptor: Descriptor, title: &str| {
            descriptor.annotations.insert(TITLE.to_owned(), title.to_owned());
            descriptor
        };
        let catalog = Descriptor::new(CATALOG_MEDIA_TYPE, catalog, self.catalog_len);
        let oci_manifest = serde_json::to_vec(&OciManifest {
            schema_version: 2,
            media_type: media_type::OCI_MANIFEST,
            artifact_type: TRANSFER_ARTIFACT_TYPE,
            config: Descriptor::of(media_type::OCI_EMPTY, EMPTY_JSON),
            layers: [titled(self.json.clone(), "transfer.json"), titled(catalog, "catalog.txt")],
        })
        .map_err(|e| Error::new(ErrorKind::PlanInvalid, "transfer manifest", e.to_string()))?;

        let mut transfer = Descriptor::of(media_type::OCI_MANIFEST, &oci_manifest);
        transfer.artifact_type = Some(TRANSFER_ARTIFACT_TYPE.to_owned());
        transfer.annotations = geometry.annotations(&input.transfer.tool);
        let mut manifests = self.roots.clone();
        manifests.push(transfer);
        Ok(Front { index: index::render(manifests)?, oci_manifest })
    }

    /// The catalog of a bundle whose data section begins at `head_len`.
    pub(super) fn catalog(&self, input: &HeadInput<'_>, head_len: u64) -> Vec<u8> {
        let mut lines = Vec::new();
        let mut line = |entry: &Entry, header: u64| {
            let extent = Extent { offset: header.saturating_add(entry.header_len()), len: entry.size };
            lines.push((entry.digest, extent));
        };
        let mut offset = self.blobs_offset;
        for blob in &self.blobs {
            if blob.listed {
                line(&blob.entry, offset);
            }
            offset = offset.saturating_add(blob.entry.entry_len());
        }
        for placed in input.data {
            line(&placed.entry, head_len.saturating_add(placed.offset));
        }
        catalog::render(&lines)
    }

    /// Every root is a manifest that is there.
    fn check_roots(&self, input: &HeadInput<'_>) -> Result<(), Error> {
        let sizes: BTreeMap<&Digest, u64> = input.manifests.iter().map(|m| (&m.digest, m.size())).collect();
        for root in &self.roots {
            if sizes.get(&root.digest) != Some(&root.size) {
                let detail = "the transfer manifest names it, but no manifest of that size is in the bundle";
                return Err(Error::new(ErrorKind::PlanInvalid, root.digest, detail));
            }
        }
        Ok(())
    }

    /// What would be too much for a reader must not be written.
    fn check_limits(&self, input: &HeadInput<'_>) -> Result<(), Error> {
        let limits = Limits::default();
        exceeded("head", self.head_len, limits.head_bytes_max)?;
        exceeded("transfer manifest", self.json.size, limits.transfer_bytes_max)?;
        let entries = (self.blobs.len() + input.data.len()) as u64;
        exceeded("number of blobs", entries, limits.entries_max as u64)?;
        exceeded("number of roots", self.roots.len() as u64, limits.roots_max as u64)
    }
}

fn exceeded(what: &str, value: u64, max: u64) -> Result<(), Error> {
    if value <= max {
        return Ok(());
    }
    let detail = format!("{value} is more than the {max} that a bundle may have");
    Err(Error::new(ErrorKind::LimitExceeded, what, detail)
        .with_hint("export to several bundles instead of one"))
}

/// The empty config, the transfer manifest's JSON, the manifests, the small blobs; nothing twice.
fn blobs(input: &HeadInput<'_>, json: &Bytes) -> Result<Vec<HeadBlob>, Error> {
    let data: BTreeSet<Digest> = input.data.iter().map(|placed| placed.entry.digest).collect();
    let twice = |digest| Error::new(ErrorKind::PlanInvalid, digest, "it is to be in the bundle twice");
    if let Some(manifest) = input.manifests.iter().find(|m| data.contains(&m.digest)) {
        return Err(twice(manifest.digest));
    }
    if let Some(small) = input.small.iter().find(|entry| data.contains(&entry.digest)) {
        return Err(twice(small.digest));
    }
    let empty = Digest::sha256(EMPTY_JSON);
    let mut seen = BTreeSet::from([empty]);
    let mut blobs = Vec::new();
    let known = |bytes: Bytes, digest, listed| HeadBlob {
        entry: Entry::new(digest, bytes.len() as u64),
        bytes: Some(bytes),
        listed,
    };
    if !data.contains(&empty) {
        let listed = input.small.iter().any(|entry| entry.digest == empty);
        blobs.push(known(Bytes::from_static(EMPTY_JSON), empty, listed));
    }
    blobs.push(known(json.clone(), Digest::sha256(json), false));
    for manifest in input.manifests {
        if !seen.insert(manifest.digest) {
            return Err(twice(manifest.digest));
        }
        blobs.push(known(manifest.bytes.clone(), manifest.digest, true));
    }
    // a small blob may be a manifest at the same time: somebody's layer is somebody's manifest
    let small = input.small.iter().filter(|entry| seen.insert(entry.digest));
    blobs.extend(small.map(|entry| HeadBlob { entry: *entry, bytes: None, listed: true }));
    Ok(blobs)
}

/// The data section is in order: aligned, nothing overlaps, nothing behind its end, nothing twice.
fn check_data(input: &HeadInput<'_>) -> Result<(), Error> {
    let fail = |subject: &dyn std::fmt::Display, detail: &str| {
        Err(Error::new(ErrorKind::PlanInvalid, subject, detail))
    };
    if !input.data_len.is_multiple_of(RECORD_BYTES) {
        return fail(&"data section", "its length is not a multiple of 512");
    }
    let mut placed: Vec<&Placed> = input.data.iter().collect();
    placed.sort_by_key(|placed| placed.offset);
    let mut free = 0;
    for Placed { entry, offset } in placed {
        if *offset < free || offset % RECORD_BYTES != 0 {
            return fail(&entry.digest, "its place overlaps another's or is not a multiple of 512");
        }
        free = offset.saturating_add(entry.entry_len());
        if free > input.data_len {
            return fail(&entry.digest, "its place is behind the end of the data section");
        }
    }
    let mut seen = BTreeSet::new();
    match input.data.iter().find(|placed| !seen.insert(placed.entry.digest)) {
        Some(placed) => fail(&placed.entry.digest, "it is to be in the bundle twice"),
        None => Ok(()),
    }
}
