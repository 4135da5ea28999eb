//! What bundles leave out because another has it, and which other that is.

use std::collections::HashMap;
use std::sync::Arc;

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
    /// By the bundles that should have it, in words.
    blobs: HashMap<Digest, Arc<str>>,
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
            let bases: Arc<str> = bases.into();
            absent.blobs.extend(gone.iter().map(|blob| (blob.digest, Arc::clone(&bases))));
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
        // no location in it: it is for whoever pulls, who need not know the disks of this machine
        match self.blobs.get(digest) {
            Some(bases) => {
                error(format!("it is left out of a delta because {bases} has it, which is not served here"))
                    .with_next(format!("serve {bases} too"))
            }
            None => error(
                "it was left behind when the bundle was made, as platforms and foreign layers may be"
                    .to_owned(),
            ),
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
