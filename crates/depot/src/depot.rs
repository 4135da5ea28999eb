//! The depot: its content and its bounds, shared by every request.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use parking_lot::Mutex;
use transload_oci::Digest;

use crate::access::{Anonymous, Gate, Open};
use crate::error::Error;
use crate::limits::Limits;
use crate::store::{Budget, Content, Index, WriteError, Writer};
use crate::upload::Uploads;

/// A registry's content, and the gate before it. Clones share both.
#[derive(Debug, Clone)]
pub struct Depot(Arc<Inner>, Arc<dyn Gate>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    folder: Option<PathBuf>,
    budget: Arc<Budget>,
    index: Mutex<Index>,
    uploads: Uploads,
}

impl Depot {
    /// An empty depot that keeps everything in memory, up to `memory_bytes_max` of the default limits.
    pub fn in_memory() -> Self {
        Self::in_memory_with(Limits::default())
    }

    /// An empty depot in memory with these bounds.
    pub fn in_memory_with(limits: Limits) -> Self {
        Self::new(None, limits)
    }

    /// An empty depot that keeps blobs as files in this folder (`blobs/<algorithm>/<hex>`, uploads in `uploads/`),
    /// which is made when it is missing. What lies there from an earlier run is not served, and is replaced when
    /// it is pushed again. Files are not synced: they live no longer than the depot knows of them.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::in_folder_with(folder, Limits::default())
    }

    /// As [`in_folder`](Self::in_folder), with these bounds.
    ///
    /// # Errors
    /// [`Error::Folder`].
    pub fn in_folder_with(folder: impl Into<PathBuf>, limits: Limits) -> Result<Self, Error> {
        let folder = folder.into();
        for part in ["uploads", "blobs/sha256", "blobs/sha512"] {
            std::fs::create_dir_all(folder.join(part))
                .map_err(|source| Error::Folder { path: folder.clone(), source })?;
        }
        Ok(Self::new(Some(folder), limits))
    }

    fn new(folder: Option<PathBuf>, limits: Limits) -> Self {
        let budget = Budget::new(limits.memory_bytes_max);
        let uploads = Uploads::new(limits.uploads_max);
        let inner = Inner { limits, folder, budget, index: Mutex::default(), uploads };
        Self(Arc::new(inner), Arc::new(Open(Anonymous::Everything)))
    }

    /// The same content behind a gate that says who may do what. Without one everybody may everything.
    #[must_use]
    pub fn behind(&self, gate: Arc<dyn Gate>) -> Self {
        Self(Arc::clone(&self.0), gate)
    }

    /// The HTTP interface, to be mounted at the root of a server of your own.
    pub fn router(&self) -> Router {
        crate::http::router(self.clone())
    }

    pub(crate) fn gate(&self) -> &dyn Gate {
        &*self.1
    }

    /// Its bounds.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn index(&self) -> &Mutex<Index> {
        &self.0.index
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.0.budget
    }

    pub(crate) fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// A place for a new upload. Blocks for the making of a file.
    pub(crate) fn writer(&self) -> Result<Writer, WriteError> {
        match &self.0.folder {
            None => Ok(Writer::to_memory(self.0.budget.nothing())),
            Some(folder) => Writer::to_file(&folder.join("uploads")),
        }
    }

    /// Puts a finished upload into a repository. Blocks for the renaming of a file.
    pub(crate) fn keep_blob(
        &self,
        repository: &str,
        digest: Digest,
        mut content: Content,
    ) -> Result<(), WriteError> {
        // under the lock: a deletion of the same content must not remove the file that is just being named
        let mut index = self.0.index.lock();
        if let Some(folder) = self.0.folder.as_deref().filter(|_| !index.has_content(&digest)) {
            content.keep_at(&blob_path(folder, &digest))?;
        }
        index.add_blob(repository, digest, Arc::new(content));
        Ok(())
    }
}

fn blob_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join(digest.layout_path())
}
