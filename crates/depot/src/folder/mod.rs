//! A registry's contents in a folder: blobs and manifests as files, everything else as small files that point at
//! them.
//!
//! Every change is a file that appears under its name at once, in an order in which nothing ever points at what is not
//! there: the bytes, then the repository's word that it has them, then the tag. So a process that is killed leaves
//! nothing behind but files that nothing points at. One process has the folder at a time, which lets it keep
//! lists in memory.

mod blobs;
mod check;
mod durable;
mod gc;
mod lists;
mod manifests;
mod paths;
mod reading;
mod sweep;
mod uploads;
mod whole;
mod writer;

use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use quick_cache::sync::Cache;
use transload_oci::{Descriptor, Digest, Manifest};

use crate::contents::{Blob, Contents, Fault, FaultKind, Page, Reference};
use crate::error::Error;
use crate::limits::Limits;
pub use check::{CheckOptions, CheckProgress, CheckReport, Damaged, Missing};
use durable::Durable;
pub use gc::{GcOptions, GcReport};
use lists::Lists;
use manifests::Weight;
use paths::Paths;
use sweep::Sweep;
pub use whole::{RemovedRepository, RepositoryManifest};
pub(crate) use writer::{WriteError, Writer};

/// Locks that repositories share by their names' hashes.
const STRIPES: usize = 64;

/// A registry over a folder. Clones share it.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    paths: Paths,
    durable: Durable,
    manifests: Cache<Digest, Arc<Manifest>, Weight>,
    lists: Lists,
    sweep: Sweep,
    /// What the last collection of garbage counted.
    stored: Mutex<Option<Stored>>,
    /// Whoever adds manifests or tags to a repository shares its lock, and whoever takes out has it alone.
    stripes: Vec<RwLock<()>>,
    /// Held as long as the folder is.
    _lock: File,
    _temporary: Option<tempfile::TempDir>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Blobs and manifests.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Folder {
    /// Opens the registry in a folder, which is made (for its owner alone) when it is missing.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it, [`Error::Folder`].
    pub fn open(path: impl Into<PathBuf>, limits: &Limits) -> Result<Self, Error> {
        Self::make(path.into(), limits, Durable::Synced, None)
    }

    /// A registry in a new folder among the temporary ones, which goes with the last clone. Nothing is synced.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn temporary(limits: &Limits) -> Result<Self, Error> {
        let fail = |source| Error::Folder { path: std::env::temp_dir(), source };
        let folder = tempfile::Builder::new().prefix("transload-registry-").tempdir().map_err(fail)?;
        Self::make(folder.path().to_owned(), limits, Durable::Unsynced, Some(folder))
    }

    fn make(
        path: PathBuf,
        limits: &Limits,
        durable: Durable,
        temporary: Option<tempfile::TempDir>,
    ) -> Result<Self, Error> {
        let paths = Paths::new(path.clone());
        let fail = |source| Error::Folder { path: path.clone(), source };
        if !path.exists() {
            // what is pushed is nobody else's business on this machine
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(fail)?;
        }
        durable.make_folder(&paths.blobs()).map_err(fail)?;
        durable.make_folder(&paths.repositories()).map_err(fail)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(paths.lock()).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path }),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        Ok(Self(Arc::new(Inner {
            paths,
            durable,
            manifests: manifests::cache(limits.manifest_cache_bytes_max),
            lists: Lists::new(limits.listed_names_max),
            sweep: Sweep::default(),
            stored: Mutex::new(None),
            stripes: (0..STRIPES).map(|_| RwLock::default()).collect(),
            _lock: lock,
            _temporary: temporary,
        })))
    }

    /// The folder that was opened.
    pub fn path(&self) -> &Path {
        &self.0.paths.top
    }

    /// What the last collection of garbage counted; `None` when this process has made none yet.
    pub fn stored(&self) -> Option<Stored> {
        *self.0.stored.lock()
    }

    /// Does what blocks on a thread that may.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(Fault::new(FaultKind::Failed, error.to_string())))
    }
}

impl Inner {
    /// The right to add manifests and tags to a repository. Several may: what each writes is whole by itself.
    fn adding(&self, repository: &str) -> RwLockReadGuard<'_, ()> {
        self.stripe(repository).read()
    }

    /// The right to take manifests, tags and blobs out of a repository.
    fn change(&self, repository: &str) -> RwLockWriteGuard<'_, ()> {
        self.stripe(repository).write()
    }

    fn stripe(&self, repository: &str) -> &RwLock<()> {
        let mut hasher = DefaultHasher::new();
        repository.hash(&mut hasher);
        // the remainder is below the number of stripes
        &self.stripes[(hasher.finish() % self.stripes.len() as u64) as usize]
    }
}

/// What goes wrong with the disk. The path is for the log, not for whoever asked.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> Fault + '_ {
    move |error| {
        if writer::is_full(&error) {
            tracing::warn!(path = %path.display(), "the disk is full");
            return Fault::new(FaultKind::Full, "there is no room left on the registry's disk");
        }
        tracing::error!(path = %path.display(), %error, "the disk fails");
        Fault::new(FaultKind::Failed, format!("the registry's disk fails: {error}"))
    }
}

#[async_trait]
impl Contents for Folder {
    async fn repositories(&self, after: &str, most: usize) -> Result<Page, Fault> {
        let after = after.to_owned();
        self.run(move |inner| inner.repositories(&after, most)).await
    }

    async fn tags(&self, repository: &str, after: &str, most: usize) -> Result<Page, Fault> {
        let (repository, after) = (repository.to_owned(), after.to_owned());
        self.run(move |inner| inner.tags(&repository, &after, most)).await
    }

    async fn manifest(&self, repository: &str, reference: &Reference) -> Result<Arc<Manifest>, Fault> {
        let (repository, reference) = (repository.to_owned(), reference.clone());
        self.run(move |inner| inner.manifest(&repository, &reference)).await
    }

    async fn referrers(&self, repository: &str, subject: &Digest) -> Result<Vec<Descriptor>, Fault> {
        let (repository, subject) = (repository.to_owned(), *subject);
        self.run(move |inner| inner.referrers(&repository, &subject)).await
    }

    async fn blob(&self, repository: &str, digest: &Digest) -> Result<Box<dyn Blob>, Fault> {
        let (repository, digest) = (repository.to_owned(), *digest);
        let blob = self.run(move |inner| inner.blob(&repository, &digest)).await?;
        Ok(Box::new(blob))
    }
}
