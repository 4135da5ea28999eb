//! From what was found to an open bundle: names, the transfer manifest, and for a docker-archive its manifests.

use std::collections::BTreeMap;

use bytes::Bytes;
use transload_oci::Digest;

use super::archive::{Archive, Made};
use super::contents::Contents;
use super::found::{Found, Verdict};
use super::naming::Naming;
use super::own::Own;
use super::transfer::{self, Layers};
use super::{Format, OpenBundle};
use crate::error::Error;
use crate::index::{self, Roots};
use crate::limits::Limits;
use crate::outcome::StreamOutcome;
use crate::transfer_manifest::TransferManifest;

/// What is left to be read once every entry was seen.
#[derive(Debug)]
pub(super) struct Resolve {
    found: Found,
    own: Option<Own>,
    roots: Roots,
    transfer: Option<TransferManifest>,
    outcome: Option<StreamOutcome>,
    made: Option<Made>,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// Roots without a name are looked into.
    Naming(Naming),
    /// The OCI manifest of the transfer manifest is next, if there is one.
    Transfer,
    /// Its layers are next.
    Layers(Box<Layers>),
    /// It is a docker-archive: its images are made.
    Archive(Box<Archive>),
    Done,
}

impl Resolve {
    /// Judges what was found. `own` is what only a bundle of ours has.
    pub(super) fn of(mut found: Found, own: Option<Own>, limits: &Limits) -> Result<Self, Error> {
        let mut roots = Roots { roots: Vec::new(), transfer: None };
        let step = match found.verdict()? {
            Verdict::Layout(index) => {
                roots = Roots::of(index::parse(&index, limits)?)?;
                if roots.transfer.is_some() {
                    Step::Transfer
                } else {
                    Step::Naming(Naming::of(std::mem::take(&mut roots.roots), &found))
                }
            }
            Verdict::Archive(manifest) => Step::Archive(Box::new(Archive::of(&manifest, limits)?)),
        };
        Ok(Self { found, own, roots, transfer: None, outcome: None, made: None, step })
    }

    /// Goes as far as contents are there. `true` when nothing more is to be read.
    pub(super) fn advance(&mut self, contents: &mut dyn Contents, limits: &Limits) -> Result<bool, Error> {
        loop {
            match &mut self.step {
                Step::Naming(naming) => {
                    if !naming.advance(&self.found, contents, limits)? {
                        return Ok(false);
                    }
                    self.roots.roots = std::mem::take(&mut naming.roots);
                    self.step = Step::Transfer;
                }
                Step::Transfer => {
                    let Some(descriptor) = &self.roots.transfer else {
                        self.step = Step::Done;
                        continue;
                    };
                    let max = limits.manifest_bytes_max;
                    let blob = transfer::blob(contents, &self.found.catalog, descriptor, max)?;
                    let Some(bytes) = blob else { return Ok(false) };
                    self.step = Step::Layers(Box::new(Layers::of(bytes)?));
                }
                Step::Layers(layers) => {
                    let max = limits.transfer_bytes_max;
                    let blob = transfer::blob(contents, &self.found.catalog, &layers.json, max)?;
                    let Some(json) = blob else { return Ok(false) };
                    let transfer = TransferManifest::from_json(&json)?;
                    index::check(&self.roots.roots, &transfer)?;
                    if let Some(own) = &mut self.own {
                        own.check(layers, &self.roots, &self.found.catalog, contents, limits)?;
                    }
                    self.transfer = Some(transfer);
                    if let Some(json) = &self.found.outcome {
                        self.outcome = Some(StreamOutcome::parse(json)?);
                    }
                    self.step = Step::Done;
                }
                Step::Archive(archive) => {
                    if !archive.advance(&self.found, contents, limits)? {
                        return Ok(false);
                    }
                    self.made = Some(std::mem::take(&mut archive.made));
                    self.step = Step::Done;
                }
                Step::Done => return Ok(true),
            }
        }
    }

    /// What only a bundle of ours has.
    pub(super) fn own(&self) -> Option<&Own> {
        self.own.as_ref()
    }

    /// The open bundle. `kept` is the content that was read by now.
    pub(super) fn bundle(self, len: u64, kept: BTreeMap<Digest, Bytes>) -> OpenBundle {
        let transfer = self.transfer;
        let transfer_digest = self.roots.transfer.as_ref().map(|descriptor| descriptor.digest);
        let mut open = match (self.own, self.made) {
            (Some(own), _) => OpenBundle {
                len,
                kept,
                catalog: own.catalog,
                roots: self.roots.roots,
                transfer,
                transfer_digest,
                head_len: Some(own.geometry.head_bytes),
                format: Format::Bundle,
                outcome: None,
                made: BTreeMap::new(),
            },
            (None, Some(Made { catalog, roots, manifests })) => OpenBundle {
                len,
                kept,
                catalog,
                roots,
                transfer,
                transfer_digest,
                head_len: None,
                format: Format::DockerArchive,
                outcome: None,
                made: manifests,
            },
            (None, None) => OpenBundle {
                len,
                kept,
                catalog: self.found.catalog,
                roots: self.roots.roots,
                transfer,
                transfer_digest,
                head_len: None,
                format: Format::Layout,
                outcome: None,
                made: BTreeMap::new(),
            },
        };
        if let Some(outcome) = self.outcome {
            open.apply(outcome);
        }
        open
    }
}
