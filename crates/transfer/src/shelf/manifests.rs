//! Manifests of a shelf: read, checked, and the last of them kept.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use transload_oci::{Digest, Manifest};

use super::Inner;
use super::names::Named;
use super::reach::is_for_good;
use crate::code::Code;
use crate::error::Error;
use crate::open::{MANIFEST_BYTES_MAX, Opened};

/// Manifests that were asked for lately.
#[derive(Debug)]
pub(super) struct Kept {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    manifests: HashMap<Named, Arc<Manifest>>,
    /// The oldest first.
    order: VecDeque<Named>,
    bytes: u64,
}

impl Kept {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    fn get(&self, named: &Named) -> Option<Arc<Manifest>> {
        self.state.lock().manifests.get(named).cloned()
    }

    fn put(&self, named: &Named, manifest: &Arc<Manifest>) {
        let mut state = self.state.lock();
        if state.manifests.insert(named.clone(), Arc::clone(manifest)).is_none() {
            state.order.push_back(named.clone());
            state.bytes += manifest.size();
        }
        while state.bytes > self.bytes_max {
            let Some(oldest) = state.order.pop_front() else { return };
            let gone = state.manifests.remove(&oldest).map_or(0, |manifest| manifest.size());
            state.bytes -= gone;
        }
    }
}

impl Inner {
    /// A manifest, kept from last time or read.
    pub(super) async fn manifest(&self, named: &Named) -> Result<Arc<Manifest>, Error> {
        if let Some(manifest) = self.kept.get(named) {
            return Ok(manifest);
        }
        let manifest = Arc::new(self.load(named).await?);
        self.kept.put(named, &manifest);
        Ok(manifest)
    }

    /// Reads a manifest, from whichever bundle has it whole.
    pub(super) async fn load(&self, named: &Named) -> Result<Manifest, Error> {
        let mut failed = None;
        for (index, bundle) in self.bundles.iter().enumerate() {
            match self.engine.request(load_from(bundle, named)).await {
                Ok(None) => {}
                Ok(Some(manifest)) => {
                    self.readers.is_well(index);
                    return Ok(manifest);
                }
                Err(error) => {
                    self.readers.fails(&self.engine, index, &error);
                    failed = Some(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| {
            let detail = "no bundle here has this manifest";
            Error::new(Code::ManifestNotFound, named.digest.to_string(), detail)
        }))
    }

    /// Roots that nobody names and that are about another manifest, by that one. Found out once.
    pub(super) async fn floating(&self) -> Result<&HashMap<Digest, Vec<Named>>, Error> {
        let found = self.floating.get_or_try_init(|| async {
            let mut about: HashMap<Digest, Vec<Named>> = HashMap::new();
            for named in &self.names.floating {
                let manifest = match self.load(named).await {
                    Ok(manifest) => manifest,
                    Err(error) if is_for_good(error.code()) => continue,
                    Err(error) => return Err(error),
                };
                if let Some(subject) = &manifest.view.subject {
                    about.entry(subject.digest).or_default().push(named.clone());
                }
            }
            Ok(about)
        });
        found.await
    }
}

async fn load_from(bundle: &Opened, named: &Named) -> Result<Option<Manifest>, Error> {
    let Named { digest, media_type } = named;
    let Some(bytes) = bundle.content(digest, MANIFEST_BYTES_MAX).await? else { return Ok(None) };
    let said = Some(&**media_type).filter(|said| !said.is_empty());
    Manifest::parse(said, Some(digest), bytes).map(Some).map_err(|error| {
        let place = bundle.index.catalog.get(digest).map(|at| format!("{}: ", bundle.place(at)));
        let subject = format!("{}@{digest}", bundle.location);
        Error::new(Code::BundleDamaged, subject, format!("{}{error}", place.unwrap_or_default()))
    })
}
