//! Names for roots to which `index.json` gives none: `docker save` has them in `manifest.json` as well, and some tools
//! have them on the children of an index.

use std::collections::VecDeque;

use transload_oci::Manifest;

use super::archive::{self, Saved};
use super::contents::Contents;
use super::found::Found;
use crate::error::Error;
use crate::index::Root;
use crate::limits::Limits;

/// So many roots without a name are looked into.
const LOOKED_INTO_MAX: usize = 1_000;

/// The roots, while names are looked for.
#[derive(Debug)]
pub(super) struct Naming {
    todo: VecDeque<Root>,
    looked_into: usize,
    saved: Vec<Saved>,
    pub(super) roots: Vec<Root>,
}

impl Naming {
    pub(super) fn of(roots: Vec<Root>, found: &Found) -> Self {
        // beside an image layout manifest.json may be anything
        let saved = found.docker.as_deref().and_then(|json| archive::saved(json).ok()).unwrap_or_default();
        Self { todo: roots.into(), looked_into: 0, saved, roots: Vec::new() }
    }

    /// Goes as far as contents are there. `true` when every root was looked at.
    pub(super) fn advance(
        &mut self,
        found: &Found,
        contents: &mut dyn Contents,
        limits: &Limits,
    ) -> Result<bool, Error> {
        while let Some(root) = self.todo.front() {
            let place = found.catalog.get(&root.descriptor.digest);
            let place =
                place.filter(|at| at.len == root.descriptor.size && at.len <= limits.manifest_bytes_max);
            let mut named = Vec::new();
            if let Some(at) = place.filter(|_| !has_name(root) && self.looked_into < LOOKED_INTO_MAX) {
                let Some(bytes) = contents.bytes(*at)? else { return Ok(false) };
                let descriptor = &root.descriptor;
                // what is wrong with a manifest is told when it is read to be moved
                let parsed = Manifest::parse(Some(&descriptor.media_type), Some(&descriptor.digest), bytes);
                named = parsed.map(|manifest| self.names(root, &manifest)).unwrap_or_default();
                self.looked_into += 1;
            }
            let root = self.todo.pop_front();
            self.roots.extend(if named.is_empty() { root.into_iter().collect() } else { named });
        }
        Ok(true)
    }

    /// Roots with names that stand for this one; empty when none were found.
    fn names(&self, root: &Root, manifest: &Manifest) -> Vec<Root> {
        let children = &manifest.view.children;
        if manifest.is_index() {
            let (named, other): (Vec<Root>, Vec<Root>) =
                children.manifests.iter().cloned().map(Root::of).partition(has_name);
            let keep = !named.is_empty() && !other.is_empty();
            return keep.then(|| root.clone()).into_iter().chain(named).collect();
        }
        let config = children.blobs.first().map(|config| config.digest);
        let saved = self
            .saved
            .iter()
            .filter(|saved| archive::named_digest(&saved.config) == config && config.is_some());
        let tags = saved.flat_map(|saved| saved.repo_tags.as_deref().unwrap_or_default());
        tags.map(|tag| Root::named(root.descriptor.clone(), tag)).collect()
    }
}

fn has_name(root: &Root) -> bool {
    root.referrer || root.tag.is_some() || root.repository.is_some() || root.ref_name.is_some()
}
