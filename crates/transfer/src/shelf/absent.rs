//! What bundles leave out because another has it, and which other that is.

use std::collections::HashMap;

use transload_bundle::{Delta, Status};
use transload_oci::Digest;

use super::notes::Notes;
use super::places::delta;
use crate::code::Code;
use crate::error::Error;
use crate::open::Opened;

/// What no bundle here has although one of them builds on it.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// The delta that leaves it out, by its place in `deltas`.
    blobs: HashMap<Digest, usize>,
    deltas: Vec<Lacking>,
}

/// A delta without all of its bases.
#[derive(Debug)]
struct Lacking {
    location: String,
    bases: String,
}

impl Absent {
    pub(super) fn of(opened: &[Opened], notes: &mut Notes) -> Self {
        let mut absent = Self::default();
        for bundle in opened {
            let Some(delta) = delta(bundle) else { continue };
            let is_here = |digest: &Digest| opened.iter().any(|other| other.index.size_of(digest).is_some());
            let gone: Vec<_> = delta.omitted.iter().filter(|blob| !is_here(&blob.digest)).collect();
            if gone.is_empty() {
                continue;
            }
            let bases = missing_bases(delta, opened);
            notes.tell(format!(
                "{} is a delta, and {} of the {} blobs it leaves out are in no bundle here: add {bases} with --bundle. Until \
                 then what needs them is not found",
                bundle.location,
                gone.len(),
                delta.omitted.len()
            ));
            absent.blobs.extend(gone.iter().map(|blob| (blob.digest, absent.deltas.len())));
            absent.deltas.push(Lacking { location: bundle.location.clone(), bases });
        }
        for bundle in opened {
            let artifacts = bundle.index.transfer.iter().flat_map(|transfer| &transfer.artifacts);
            let failed = artifacts.filter(|artifact| artifact.status == Status::Failed).count();
            if failed > 0 {
                notes.tell(format!(
                    "{}: {failed} of the artifacts asked for are not in it, because their export failed: transload inspect \
                     names them",
                    bundle.location
                ));
            }
        }
        absent
    }

    /// The error for a blob that no bundle has, or that nothing in the repository names.
    pub(super) fn error(&self, repository: &str, digest: &Digest, named: bool) -> Error {
        let error = |detail: String| Error::new(Code::BlobNotFound, format!("{repository}@{digest}"), detail);
        if !named {
            return error("nothing in this repository names this blob".to_owned());
        }
        match self.blobs.get(digest).and_then(|index| self.deltas.get(*index)) {
            Some(Lacking { location, bases }) => error(format!(
                "{location} is a delta and leaves it out; its base has it and is not served here"
            ))
            .with_next(format!("serve {bases} too")),
            None => {
                error("a manifest here names it, but it was left behind when the bundle was made".to_owned())
                    .with_next("platforms that were not exported and foreign layers are not in a bundle")
            }
        }
    }
}

/// The bases that are not here, in words.
fn missing_bases(delta: &Delta, opened: &[Opened]) -> String {
    let is_here = |id: &str| {
        opened
            .iter()
            .any(|other| other.index.transfer.as_ref().is_some_and(|transfer| transfer.plan_id == id))
    };
    let bases: Vec<&str> = delta.bases.iter().map(String::as_str).filter(|id| !is_here(id)).collect();
    match bases.as_slice() {
        [] => "the bundle that it builds on".to_owned(),
        [one] => format!("the bundle with the plan id {one}"),
        several => format!("the bundles with the plan ids {}", several.join(", ")),
    }
}
