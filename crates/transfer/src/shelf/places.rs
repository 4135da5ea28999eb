//! From places to open bundles, in the order in which they lie over one another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use transload_blobstore::{BlobStat, BlobStore};
use transload_bundle::{Compression, Delta};

use super::ShelfLimits;
use super::notes::Notes;
use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::open::{self, Glance, Opened, Pieces};

/// Where bundles are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The folder, container or bucket.
    pub store: Arc<dyn BlobStore>,
    /// The bundle in it. `None` means the place itself: an image layout, or every bundle that lies in it.
    pub name: Option<String>,
}

/// A name, and what is read under it.
type Candidate = (String, Pieces);

/// Opens everything that the places name. What comes later lies over what comes before: in the order given, within a
/// place the one that was written last on top, and a delta always over what it builds on.
pub(super) async fn open(
    engine: &Engine,
    places: &[Place],
    limits: &ShelfLimits,
    notes: &mut Notes,
) -> Result<Vec<Opened>, Error> {
    let mut opened = Vec::new();
    for place in places {
        opened.extend(match named(engine, place).await? {
            Some(pieces) => vec![one(engine, place, pieces).await?],
            None => all(engine, place, limits, notes).await?,
        });
    }
    Ok(over_their_bases(opened))
}

/// The one bundle that a place names; `None` when the bundles in it are meant.
async fn named(engine: &Engine, place: &Place) -> Result<Option<Candidate>, Error> {
    let Place { store, name } = place;
    if let Some(name) = name {
        return match open::find(engine, store, name).await {
            Ok(pieces) => Ok(Some((name.clone(), pieces))),
            // in a container a folder is a part of names
            Err(error) if error.code() == Code::BundleNotFound && has_folder(engine, store, name).await => {
                Ok(None)
            }
            Err(error) => Err(error),
        };
    }
    match engine.request(store.stat("oci-layout")).await? {
        Some(_) => Ok(Some((String::new(), open::find(engine, store, "").await?))),
        None => Ok(None),
    }
}

async fn has_folder(engine: &Engine, store: &Arc<dyn BlobStore>, name: &str) -> bool {
    match engine.request(store.list(&folder(Some(name)))).await {
        Ok(mut listed) => matches!(listed.next().await, Some(Ok(_))),
        Err(_) => false,
    }
}

fn folder(name: Option<&str>) -> String {
    name.map(|name| format!("{}/", name.trim_end_matches('/'))).unwrap_or_default()
}

async fn one(engine: &Engine, place: &Place, (name, pieces): Candidate) -> Result<Opened, Error> {
    let location = place.store.describe(&name);
    match open::glance(engine, pieces, location.clone()).await? {
        Glance::Open(opened) => Ok(opened),
        Glance::Packed(compression, _) => Err(compressed(&location, compression)),
    }
}

/// What is compressed as a whole can be read front to back only: each pull would read all of it.
fn compressed(location: &str, compression: Compression) -> Error {
    let outer = compression.as_str();
    let undo = match compression {
        Compression::Gzip => "gzip -dk",
        Compression::Zstd => "zstd -d",
    };
    let detail = format!("it is compressed with {outer} as a whole, so it cannot be read in any order");
    Error::new(Code::Usage, location, detail).with_next(format!(
        "decompress it first ({undo} {location}), or bring it into a registry: transload import {location} --to REGISTRY"
    ))
}

/// Every bundle of a place, the one that was written last at the end.
async fn all(
    engine: &Engine,
    place: &Place,
    limits: &ShelfLimits,
    notes: &mut Notes,
) -> Result<Vec<Opened>, Error> {
    let store = &place.store;
    let prefix = folder(place.name.as_deref());
    let listed = engine.request(store.list(&prefix)).await?;
    let found: Vec<BlobStat> = listed.take(limits.listed_names_max + 1).try_collect().await?;
    let location = store.describe(&prefix);
    if found.len() > limits.listed_names_max {
        let detail = format!("there are more than {} files in it", limits.listed_names_max);
        return Err(Error::new(Code::LimitExceeded, location, detail).with_next("name the bundles in it"));
    }
    let mut candidates = open::among(store, found);
    candidates.sort_by_cached_key(|(name, pieces)| (pieces.modified(), name.clone()));
    let mut looks = stream::iter(candidates)
        .map(|candidate| async { (candidate.0.clone(), one(engine, place, candidate).await) })
        .buffered(limits.opened_at_once);
    let mut opened = Vec::new();
    while let Some((name, look)) = looks.next().await {
        match look {
            Ok(bundle) => opened.push(bundle),
            Err(error) if is_of_the_file(error.code()) => {
                notes.passed_over(format!("{} is passed over: {}", store.describe(&name), error.detail()));
            }
            Err(error) => return Err(error),
        }
    }
    if opened.is_empty() {
        let place = if location.is_empty() { ".".to_owned() } else { location };
        return Err(Error::new(Code::BundleNotFound, place, "there is no bundle in it that can be served")
            .with_next("name a bundle, an image layout, or a folder that has some: transload list shows what is there"));
    }
    Ok(opened)
}

/// Whether it is about one file and not about the place.
fn is_of_the_file(code: Code) -> bool {
    use Code as C;
    matches!(
        code,
        C::NotABundle
            | C::BundleDamaged
            | C::BundleHostile
            | C::BundleTooNew
            | C::BundleChanged
            | C::BundleNotFound
            | C::PartMissing
            | C::LimitExceeded
            | C::Usage
    )
}

/// What a bundle leaves out, if it is a delta.
pub(super) fn delta(opened: &Opened) -> Option<&Delta> {
    opened.index.transfer.as_ref()?.delta.as_ref()
}

/// The same order, but for deltas that stand before what they build on.
fn over_their_bases(opened: Vec<Opened>) -> Vec<Opened> {
    let id = |opened: &Opened| opened.index.transfer.as_ref().map(|transfer| transfer.plan_id.clone());
    let by_id: HashMap<String, usize> =
        opened.iter().enumerate().filter_map(|(index, opened)| Some((id(opened)?, index))).collect();
    let (mut order, mut seen) = (Vec::new(), HashSet::new());
    for index in 0..opened.len() {
        let mut waiting = vec![(index, false)];
        // each is put behind its bases; a circle of them, which nobody makes, ends at what was seen
        while let Some((index, bases_done)) = waiting.pop() {
            if bases_done {
                order.push(index);
            } else if seen.insert(index) {
                waiting.push((index, true));
                let bases = delta(&opened[index]).map(|delta| delta.bases.as_slice()).unwrap_or_default();
                waiting.extend(bases.iter().rev().filter_map(|base| Some((*by_id.get(base)?, false))));
            }
        }
    }
    let mut opened: Vec<Option<Opened>> = opened.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| opened[index].take()).collect()
}
