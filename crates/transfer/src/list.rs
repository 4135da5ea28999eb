//! What lies in a container or folder: the bundles, and everything else.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use transload_blobstore::{BlobStat, BlobStore};
use transload_bundle::Artifact;
use transload_oci::Digest;

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::open::{self, Glance, Opened, Pieces};
use crate::report::Form;

/// Files whose fronts are read at the same time.
const FILES_AT_ONCE: usize = 8;

/// What lies in a container or folder.
#[derive(Debug, Clone, Serialize)]
pub struct Listing {
    /// Where, without secrets.
    pub location: String,
    /// The bundles, by name.
    pub bundles: Vec<ListedBundle>,
    /// What else there is, by name.
    pub others: Vec<Other>,
}

/// A bundle whose front was read.
#[derive(Debug, Clone, Serialize)]
pub struct ListedBundle {
    /// Its name there; empty when the place itself is one.
    pub name: String,
    /// Where it is, without secrets: what other commands take.
    pub location: String,
    /// Length in bytes, of all its files.
    pub bytes: u64,
    /// When it was last written, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// What it is and how it is wrapped.
    #[serde(flatten)]
    pub form: Form,
    /// The program that wrote it, where it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Names the plan it was written by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// What is in it, without what is there only because of something else (signatures, SBOMs).
    pub artifacts: Vec<ListedArtifact>,
    /// Artifacts that were asked for and are not in it.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing: usize,
}

/// An artifact of a bundle.
#[derive(Debug, Clone, Serialize)]
pub struct ListedArtifact {
    /// Its name, as an import would take it; its digest when it has none.
    pub name: String,
    /// Digest of its top manifest.
    pub digest: Digest,
}

/// Something that is no bundle, or not one yet.
#[derive(Debug, Clone, Serialize)]
pub struct Other {
    /// Its name there.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// When it was last written, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// Whether it is an export that did not finish, or has not yet.
    pub unfinished: bool,
    /// Why it is no bundle, in words.
    pub reason: String,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Lists what lies in a place under names that start with `prefix`; empty for everything. Only the fronts of files are
/// read, several at a time. What cannot be read is listed with the reason; the place itself must be readable.
pub async fn list(engine: &Engine, store: &Arc<dyn BlobStore>, prefix: &str) -> Result<Listing, Error> {
    engine.until_cancelled(look(engine, store, prefix)).await
}

async fn look(engine: &Engine, store: &Arc<dyn BlobStore>, prefix: &str) -> Result<Listing, Error> {
    let mut listing = Listing { location: store.describe(prefix), bundles: Vec::new(), others: Vec::new() };
    let names_max = engine.limits.listed_names_max;
    let all: Vec<BlobStat> = store.list(prefix).await?.take(names_max + 1).try_collect().await?;
    if all.len() > names_max {
        let detail = format!("there are more than {names_max} files in it");
        return Err(Error::new(Code::LimitExceeded, listing.location, detail)
            .with_next("name a folder in it, or a prefix"));
    }
    let mut looks = stream::iter(open::among(store, all))
        .map(|(name, pieces)| entry(engine, store, name, pieces))
        .buffered(FILES_AT_ONCE);
    while let Some(found) = looks.next().await {
        for found in found? {
            match found {
                Found::Bundle(bundle) => listing.bundles.push(*bundle),
                Found::Other(other) => listing.others.push(other),
            }
        }
    }
    for BlobStat { name, size, modified, .. } in store.unfinished(prefix).await? {
        let reason = "an export that has not finished; the same export again goes on with it".to_owned();
        listing.others.push(Other { name, bytes: size, modified, unfinished: true, reason });
    }
    if !prefix.is_empty() && listing.bundles.is_empty() && listing.others.is_empty() {
        let detail = "there is no folder of that name, and no file whose name begins so";
        return Err(Error::new(Code::BundleNotFound, listing.location, detail)
            .with_next("check the name, or list what is above it"));
    }
    listing.others.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(listing)
}

enum Found {
    Bundle(Box<ListedBundle>),
    Other(Other),
}

/// One file, folder or row of parts. Parts that make no bundle together are looked at one by one: each may be one.
async fn entry(
    engine: &Engine,
    store: &Arc<dyn BlobStore>,
    name: String,
    pieces: Pieces,
) -> Result<Vec<Found>, Error> {
    let apart = pieces.apart();
    let together = glance(engine, store, name, pieces).await?;
    if apart.is_empty() || matches!(together, Found::Bundle(_)) {
        return Ok(vec![together]);
    }
    let mut found = Vec::new();
    for (name, pieces) in apart {
        found.push(glance(engine, store, name, pieces).await?);
    }
    let none = !found.iter().any(|found| matches!(found, Found::Bundle(_)));
    Ok(if none { vec![together] } else { found })
}

async fn glance(
    engine: &Engine,
    store: &Arc<dyn BlobStore>,
    name: String,
    pieces: Pieces,
) -> Result<Found, Error> {
    let (location, bytes, modified) = (store.describe(&name), pieces.len(), pieces.modified());
    let other = |reason: String| {
        Ok(Found::Other(Other { name: name.clone(), bytes, modified, unfinished: false, reason }))
    };
    match open::glance(engine, pieces, location).await {
        Ok(Glance::Open(opened)) => Ok(Found::Bundle(Box::new(listed(&name, modified, &opened)))),
        Ok(Glance::Packed(compression, _)) => other(format!(
            "compressed with {}: `transload inspect` reads all of it to say what is in it",
            compression.as_str()
        )),
        // what is wrong with one file is told with it; what is wrong with the place ends it
        Err(error) => match error.code() {
            Code::NotABundle
            | Code::BundleDamaged
            | Code::BundleHostile
            | Code::BundleTooNew
            | Code::BundleChanged
            | Code::BundleNotFound
            | Code::PartMissing
            | Code::LimitExceeded
            | Code::StoreDenied
            | Code::StoreIo => other(error.detail().to_owned()),
            _ => Err(error),
        },
    }
}

fn listed(name: &str, modified: Option<i64>, opened: &Opened) -> ListedBundle {
    let transfer = opened.index.transfer.as_ref();
    let artifacts = opened.index.roots.iter().filter(|root| !root.referrer).map(|root| {
        let digest = root.descriptor.digest;
        let name = match (&root.repository, &root.tag) {
            (Some(repository), Some(tag)) => format!("{repository}:{tag}"),
            (Some(repository), None) => format!("{repository}@{digest}"),
            (None, Some(tag)) => tag.clone(),
            (None, None) => digest.to_string(),
        };
        ListedArtifact { name, digest }
    });
    ListedBundle {
        name: name.to_owned(),
        location: opened.location.clone(),
        bytes: opened.len(),
        modified,
        form: opened.form(),
        tool: transfer.map(|transfer| transfer.tool.clone()),
        plan_id: transfer.map(|transfer| transfer.plan_id.clone()),
        artifacts: artifacts.collect(),
        missing: transfer.map_or(0, |t| t.artifacts.iter().filter(|a: &&Artifact| !a.is_present()).count()),
    }
}
