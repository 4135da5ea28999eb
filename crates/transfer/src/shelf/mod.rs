//! Bundles as one registry to read from: nothing is imported, everything is read where it lies.
//!
//! To open a shelf is to read the heads of its bundles. What a repository leads to is found out when something in it is
//! asked for the first time; layers are read from their places, whole ones through their digest.

mod absent;
mod limits;
mod manifests;
mod names;
mod notes;
mod places;
mod reach;
mod read;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::OnceCell;
use transload_oci::{Descriptor, Digest, Manifest, Rename};

pub use limits::ShelfLimits;
pub use places::Place;
pub use read::{ShelfBlob, ShelfStream};

use crate::code::Code;
use crate::engine::Engine;
use crate::error::Error;
use crate::open::Opened;
use absent::Absent;
use manifests::Kept;
use names::{Named, Names, Repository};
use notes::Notes;
use reach::Reach;
use read::Readers;

/// How bundles are put on a shelf.
#[derive(Debug, Clone, Default)]
pub struct ShelfOptions {
    /// Rules that give repositories other names; the first that fits counts.
    pub renames: Vec<Rename>,
    /// The repository of images to which no bundle gives one. Without it each has the name of its bundle's file.
    pub repository: Option<String>,
    /// Bounds.
    pub limits: ShelfLimits,
}

/// Bundles as one registry to read from. Clones share it.
#[derive(Debug, Clone)]
pub struct Shelf(Arc<Inner>);

/// Some names in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfPage {
    /// The names.
    pub names: Vec<String>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    bundles: Vec<Opened>,
    names: Names,
    notes: Vec<String>,
    absent: Absent,
    kept: Kept,
    readers: Readers,
    /// Roots without a name that are about another manifest, by that.
    floating: OnceCell<HashMap<Digest, Vec<Named>>>,
}

impl Shelf {
    /// Opens bundles and lays them over one another: of a tag that several have, the one of the last counts. The order is
    /// that of the places; in a place that has several bundles the one written last comes last; a delta always comes behind
    /// what it builds on. Reads heads only. Faults of later reads are warnings among the engine's events.
    ///
    /// # Errors
    /// Whatever keeps a named bundle from being opened; `Usage` for one that is compressed as a whole; `BundleNotFound`
    /// for a place without any.
    pub async fn open(engine: &Engine, places: &[Place], options: ShelfOptions) -> Result<Self, Error> {
        engine.until_cancelled(Self::opened(engine, places, options)).await
    }

    async fn opened(engine: &Engine, places: &[Place], options: ShelfOptions) -> Result<Self, Error> {
        let limits = options.limits;
        let mut notes = Notes::default();
        let bundles = places::open(engine, places, &limits, &mut notes).await?;
        for bundle in &bundles {
            bundle.conversion().into_iter().for_each(|note| notes.tell(note));
        }
        let names = Names::of(&bundles, &options, &mut notes);
        let absent = Absent::of(&bundles, &mut notes);
        let inner = Inner {
            engine: engine.clone(),
            readers: Readers::new(&limits),
            kept: Kept::new(limits.manifests_bytes_max),
            notes: notes.finish(limits.notes_max),
            floating: OnceCell::new(),
            bundles,
            names,
            absent,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// What whoever opened it should know: bases that are missing, tags that several bundles have, files passed over.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// Where its bundles are, the undermost first, without secrets.
    pub fn locations(&self) -> Vec<&str> {
        self.0.bundles.iter().map(|bundle| bundle.location.as_str()).collect()
    }

    /// How many repositories and tags there are.
    pub fn counts(&self) -> (usize, usize) {
        let repositories = &self.0.names.repositories;
        (repositories.len(), repositories.values().map(|repository| repository.tags.len()).sum())
    }

    /// At most `most` repositories behind `after`, in order.
    pub fn repositories(&self, after: &str, most: usize) -> ShelfPage {
        page(&self.0.names.repositories, after, most)
    }

    /// At most `most` tags behind `after`, in order.
    ///
    /// # Errors
    /// `RepositoryNotFound`.
    pub fn tags(&self, repository: &str, after: &str, most: usize) -> Result<ShelfPage, Error> {
        Ok(page(&self.0.repository(repository)?.tags, after, most))
    }

    /// The manifest of a tag.
    ///
    /// # Errors
    /// `RepositoryNotFound`, `TagNotFound`; `BundleDamaged`, `BundleChanged` or what the store says when it cannot be read.
    pub async fn tagged(&self, repository: &str, tag: &str) -> Result<Arc<Manifest>, Error> {
        let found = self.0.repository(repository)?.tags.get(tag);
        let named = found.ok_or_else(|| {
            Error::new(Code::TagNotFound, format!("{repository}:{tag}"), "no bundle here has this tag")
        })?;
        self.0.manifest(named).await
    }

    /// A manifest by its digest: one that is named in the repository, or that one of those leads to.
    ///
    /// # Errors
    /// `RepositoryNotFound`, `ManifestNotFound`; and as for [`tagged`](Self::tagged).
    pub async fn manifest(&self, repository: &str, digest: &Digest) -> Result<Arc<Manifest>, Error> {
        let there = self.0.repository(repository)?;
        // the manifest that a tag was just resolved to needs no walk
        let fresh = there.reach.get().is_none();
        if let Some(named) = there.tags.values().find(|named| fresh && named.digest == *digest) {
            return self.0.manifest(named).await;
        }
        let media_type = self.0.reach(there).await?.manifests.get(digest).cloned();
        match media_type {
            Some(media_type) => self.0.manifest(&Named { digest: *digest, media_type }).await,
            None => {
                let subject = format!("{repository}@{digest}");
                let detail = "no bundle here has this manifest in this repository";
                Err(Error::new(Code::ManifestNotFound, subject, detail))
            }
        }
    }

    /// The manifests whose subject is `subject`, in order of digest, with artifact types and annotations as the referrers
    /// API describes them (distribution-spec, "Listing Referrers").
    ///
    /// # Errors
    /// `RepositoryNotFound`; and as for [`tagged`](Self::tagged).
    pub async fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        let there = self.0.repository(repository)?;
        Ok(self.0.reach(there).await?.referrers(subject))
    }

    /// A blob that some manifest of the repository names.
    ///
    /// # Errors
    /// `RepositoryNotFound`; `BlobNotFound`, which says which base is missing where that is why; and as for
    /// [`tagged`](Self::tagged).
    pub async fn blob(&self, repository: &str, digest: &Digest) -> Result<ShelfBlob, Error> {
        let there = self.0.repository(repository)?;
        let named = self.0.reach(there).await?.blobs.contains(digest);
        match self.0.size_of(digest).filter(|_| named) {
            Some(len) => Ok(ShelfBlob::new(Arc::clone(&self.0), *digest, len)),
            None => Err(self.0.absent.error(repository, digest, named)),
        }
    }
}

impl Inner {
    fn repository(&self, name: &str) -> Result<&Repository, Error> {
        self.names.repositories.get(name).ok_or_else(|| {
            Error::new(Code::RepositoryNotFound, name, "no bundle here has a repository of this name")
        })
    }

    async fn reach(&self, repository: &Repository) -> Result<Arc<Reach>, Error> {
        let reach =
            repository.reach.get_or_try_init(|| async { Reach::of(self, repository).await.map(Arc::new) });
        reach.await.cloned()
    }

    fn has(&self, digest: &Digest) -> bool {
        self.size_of(digest).is_some()
    }

    fn size_of(&self, digest: &Digest) -> Option<u64> {
        self.bundles.iter().find_map(|bundle| bundle.index.size_of(digest))
    }
}

fn page<T>(all: &BTreeMap<String, T>, after: &str, most: usize) -> ShelfPage {
    // no name is empty, so an empty `after` is before the first
    let mut rest = all.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
    let names: Vec<String> = rest.by_ref().take(most).map(|(name, _)| name.clone()).collect();
    ShelfPage { more: !names.is_empty() && rest.next().is_some(), names }
}
